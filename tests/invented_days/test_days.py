"""Of an evening the dataset is what the source is, whatever died and whatever was late: thirty days a seed.

A few seeds in ``make test``, sixty in ``make test-store``.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.fakes.effort import ALL
from tests.invented_days.days import DATASET, DAYS, Month, run_example
from tests.invented_days.oracle import complaints
from tests.invented_days.source import FORMS, drawn

if TYPE_CHECKING:
    from tests.invented_days.days import Outcome

SEEDS = range(1, 61 if ALL else 4)


@cache
def outcome(seed: int) -> Outcome:
    return run_example(seed)


@pytest.mark.examples
@pytest.mark.parametrize("seed", SEEDS)
def test_every_evening_the_dataset_is_what_the_source_is(seed: int) -> None:
    found = outcome(seed)
    assert found.wrong == [], "\n".join([str(found.example), *found.log[-20:]])
    assert found.runs >= DAYS


@pytest.mark.examples
def test_the_months_that_are_tried_hold_deaths_and_runs_that_were_too_late() -> None:
    found = [outcome(seed) for seed in SEEDS]
    assert sum(each.deaths for each in found) > 10 * len(found)
    assert sum(each.told for each in found) > 0


@pytest.mark.slow
def test_some_of_the_sources_that_the_proof_tries_give_no_more_than_a_window_of_any_query() -> None:
    assert sum(outcome(seed).slices for seed in range(1, 61)) > 20


@pytest.mark.slow
def test_every_form_is_among_those_that_the_proof_tries() -> None:
    assert {drawn(seed).form for seed in range(1, 61)} == set(FORMS)


def test_a_month_is_the_same_whenever_it_is_tried() -> None:
    first = outcome(1)
    second = Month(drawn(1)).outcome()
    assert [line.split(":")[0] for line in first.log] == [line.split(":")[0] for line in second.log]


def test_the_oracle_sees_what_is_lost_doubled_stale_or_should_be_gone() -> None:
    lines = b'{"id": 1, "v": 1}\n{"id": 1, "v": 1}\n{"id": 2, "v": 1}\n{"id": 4, "v": 1}\n{"id": 5, "v": 1}\n'
    bucket = {
        f"{DATASET}/_manifest-00000001.json": json.dumps(
            {"format": "jsonl", "records": 5, "parts": [{"key": "p", "records": 5}]}
        ).encode(),
        f"{DATASET}/p": lines,
    }
    rows = [{"id": 1, "v": 1}, {"id": 2, "v": 2}, {"id": 3, "v": 1}]
    assert list(complaints(bucket, DATASET, rows, may_stay={5})) == [
        "1 rows are there twice",
        "{'id': 2, 'v': 2} is {'id': 2, 'v': 1}",
        "{'id': 3, 'v': 1} is None",
        "{'id': 4, 'v': 1} is there, and gone from the source",
    ]
