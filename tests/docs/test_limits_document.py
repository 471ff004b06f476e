"""What docs/limits.md says is reckoned from the template, the forecast and what was measured."""

from __future__ import annotations

import itertools

import pytest

from de_classes.runs.forecast import LambdaTerms
from tools.limits_document import (
    PAGE,
    RANGES_AT_ONCE,
    commit_megabytes,
    commit_seconds,
    limits,
    measured,
    reckoned,
    spoken,
    terms,
    updated,
)

TO_MEND = "run `python -m tools.limits_document`, with layers/de_classes on PYTHONPATH"


def test_the_page_is_what_is_reckoned() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert updated(page) == page, TO_MEND


def test_a_million_pages_were_carried_out_and_not_a_sample() -> None:
    known = measured()
    assert (known.pages, known.ranges) == (1_000_000, 100)
    assert known.parts >= known.ranges
    assert known.megabytes["commit"] > known.start_megabytes


def test_with_more_ranges_a_run_takes_less_time_at_the_same_cost_but_for_starts_and_transitions() -> None:
    runs = [reckoned(ranges) for ranges in RANGES_AT_ONCE]
    assert [run.ranges for run in runs] == [1, 10, 100, 1_000]
    for fewer, more in itertools.pairwise(runs):
        assert more.seconds < fewer.seconds
        assert more.dollars["Lambda"] == pytest.approx(fewer.dollars["Lambda"], rel=0.01)
        assert more.transitions > fewer.transitions


def test_a_shorter_time_of_the_worker_takes_more_goes() -> None:
    long, short = (reckoned(1, LambdaTerms(seconds_per_invocation=each)) for each in (890.0, 290.0))
    assert (short.hops, short.invocations) == (short.hops, short.hops + 2)
    assert short.hops > 3 * long.hops - 3


def test_the_limit_that_is_met_first_stands_first() -> None:
    shares = [limit.share for limit in limits(reckoned(1_000))]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 1  # a new account's concurrency


def test_the_commit_grows_with_pages_and_with_parts() -> None:
    assert commit_megabytes(2_000_000) - commit_megabytes(1_000_000) == pytest.approx(
        commit_megabytes(1_000_000) - terms().base_megabytes
    )
    assert commit_seconds(1_000_000, 2_000) > commit_seconds(1_000_000, 1_000) > commit_seconds(0, 1_000)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(90, "90 s"), (150, "2.5 minutes"), (7_200, "2.0 hours"), (250_000, "2.9 days")],
)
def test_a_time_is_said_as_one_says_it(seconds: float, said: str) -> None:
    assert spoken(seconds) == said
