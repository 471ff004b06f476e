"""No run over an invented source says that it is complete and is not.

A hundred seeds in ``make test``, two thousand in ``make test-slow``. What failed once stands in
``kept.jsonl``, each as small as it can be, and is tried every time: a failure's message has its line.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.fakes.effort import ALL
from tests.fakes.every import every
from tests.fakes.inventing import shrunk
from tests.fakes.mutations import SEEDS
from tests.invented.examples import Example
from tests.invented.runs import run_example
from tests.invented.shrinking import smaller

if TYPE_CHECKING:
    from tests.invented.runs import Outcome

EXAMPLES = settings(
    max_examples=2000 if ALL else 100, phases=[Phase.explicit, Phase.generate], derandomize=True
)
"""The same each time: others are tried by hand, with ``python -m tests.invented --seed``."""
IN_RANGES = settings(
    max_examples=500 if ALL else 15, phases=[Phase.explicit, Phase.generate], derandomize=True
)


class Kept(msgspec.Struct, frozen=True):
    """What failed once."""

    why: str
    example: Example


KEPT = [
    msgspec.json.decode(line, type=Kept)
    for line in Path(__file__).with_name("kept.jsonl").read_text().splitlines()
]


@cache
def told(seed: int, family: str | None = None) -> str:
    """What to do about a seed that failed."""
    outcome = run_example(seed, family=family)
    least = shrunk(outcome.example, smaller, lambda each: run_example(each).end == outcome.end)
    kept = msgspec.json.encode({"why": "F.. ...", "example": least}).decode()
    return f"seed {seed} is {described(run_example(least))}\nkeep it in tests/invented/kept.jsonl:\n{kept}"


def described(outcome: Outcome) -> str:
    return "\n".join([f"{outcome.end}: {outcome.why}", *outcome.log])


@EXAMPLES
@given(SEEDS)
def test_a_run_over_an_invented_source_is_right_or_says_that_it_is_not(seed: int) -> None:
    assert not run_example(seed).is_failure, told(seed)


@IN_RANGES
@given(SEEDS, st.integers(2, 4))
def test_a_run_in_ranges_is_right_or_says_that_it_is_not(seed: int, ranges: int) -> None:
    for kind in ("page", "offset"):  # what can be cut
        outcome = run_example(seed, ranges=ranges, kind=kind)
        is_wrong = outcome.is_failure and not fails_alone(outcome.example)
        assert not is_wrong, f"seed {seed} in {ranges} ranges by {kind} is {described(outcome)}"


def fails_alone(example: Example) -> bool:
    """Whether one worker fails by it as well, if it is stopped somewhere and things happen then or there."""
    alone = replace(example, ranges=0)
    tried = (
        replace(
            alone,
            stops=stops,
            events=tuple(replace(each, at=max(1, each.at + later)) for each in alone.events),
        )
        for stops in ((), *((number,) for number in range(1, 24)))
        for later in range(-3, 4)
    )
    return any(run_example(each).is_failure for each in tried)


@IN_RANGES
@given(SEEDS, st.integers(2, 4))
def test_a_run_in_ranges_over_a_calm_source_ends_as_by_one_worker(seed: int, ranges: int) -> None:
    for kind in ("page", "offset"):
        outcome = run_example(seed, ranges=ranges, kind=kind, family="calm")
        alone = run_example(seed, kind=kind, family="calm")
        assert (outcome.end, outcome.rows) == (alone.end, alone.rows), described(outcome)


@EXAMPLES
@given(SEEDS)
def test_a_run_over_a_right_description_of_a_calm_source_is_complete_and_exact(seed: int) -> None:
    assert run_example(seed, family="calm").end == "right", told(seed, "calm")


@every("kept", KEPT)
def test_what_failed_once_does_not_fail_again(kept: Kept) -> None:
    outcome = run_example(kept.example)
    is_as_it_must_be = outcome.end == "right" if kept.example.family == "calm" else not outcome.is_failure
    assert is_as_it_must_be, described(outcome)


def test_a_seed_is_always_the_same_example_and_can_be_looked_at() -> None:
    shown: list[Any] = []
    first, second = run_example(4, show=shown.append), run_example(4)
    assert (first.example, first.end, first.log) == (second.example, second.end, second.log)
    assert msgspec.json.decode(shown[0], type=Example) == first.example
    assert len(shown) >= first.requests + 2
