"""No run over an invented store commits what is not so, loses what was committed, or sticks without a reason.

Some seeds in ``make test``, three hundred in ``make test-slow``. What failed once stands in ``kept.jsonl``,
each as small as it can be, and is tried every time: a failure's message has its line.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import Phase, given, settings

from tests.fakes.effort import ALL
from tests.fakes.faulty_s3 import AT_REST, DEATHS, PASSING
from tests.fakes.inventing import shrunk
from tests.fakes.mutations import SEEDS
from tests.invented_store.examples import FAMILIES, Example, drawn
from tests.invented_store.runs import run_example
from tests.invented_store.shrinking import smaller

if TYPE_CHECKING:
    from tests.invented_store.runs import Outcome

EXAMPLES = settings(max_examples=300 if ALL else 5, phases=[Phase.explicit, Phase.generate], derandomize=True)
"""The same each time: others are tried by hand, with ``python -m tests.invented_store --seed``."""


class Kept(msgspec.Struct, frozen=True):
    """What failed once, with the library as it is or without a cure."""

    why: str
    example: Example


KEPT = [
    msgspec.json.decode(line, type=Kept)
    for line in Path(__file__).with_name("kept.jsonl").read_text().splitlines()
]


@cache
def told(seed: int) -> str:
    """What to do about a seed that failed."""
    outcome = run_example(seed)
    least = shrunk(outcome.example, smaller, lambda each: run_example(each).end == outcome.end)
    kept = msgspec.json.encode({"why": "F.. ...", "example": least}).decode()
    return (
        f"seed {seed} is {described(run_example(least))}\nkeep it in tests/invented_store/kept.jsonl:\n{kept}"
    )


def described(outcome: Outcome) -> str:
    return "\n".join([f"{outcome.end}: {outcome.why}", *outcome.log, *outcome.goes])


@EXAMPLES
@given(SEEDS)
def test_runs_over_an_invented_store_commit_what_is_so_or_say_why_they_cannot(seed: int) -> None:
    assert not run_example(seed).is_failure, told(seed)


@pytest.mark.parametrize("kept", KEPT, ids=lambda each: each.why)
def test_what_failed_once_does_not_fail_again(kept: Kept) -> None:
    outcome = run_example(kept.example)
    assert not outcome.is_failure, described(outcome)


def test_a_seed_is_always_the_same_example_and_can_be_looked_at() -> None:
    shown: list[Any] = []
    first, second = run_example(20, show=shown.append), run_example(20)
    assert (first.example, first.end) == (second.example, second.end)
    assert list(map(_nameless, first.log)) == list(map(_nameless, second.log))
    assert msgspec.json.decode(shown[0], type=Example) == first.example
    assert len(shown) >= first.moments + 2


def test_every_family_and_every_trouble_is_drawn() -> None:
    examples = [drawn(seed) for seed in range(300)]
    assert {example.family for example in examples} == set(FAMILIES)
    troubles = {trouble.what for example in examples for trouble in example.troubles}
    assert troubles == {*PASSING, *DEATHS, *AT_REST}


def _nameless(line: str) -> str:
    """Without the names that are drawn anew each time: of a go, and of an upload."""
    return re.sub(r"invocation-[0-9a-f]+|uploadId=\S+", "", line)
