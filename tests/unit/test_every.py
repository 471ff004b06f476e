"""Cases of one test: all are tried, and those that fail are told."""

from __future__ import annotations

import inspect

import pytest

from tests.fakes.every import every


def test_every_case_is_tried_and_those_that_fail_are_named() -> None:
    tried = []

    @every("b", [1, 2, 3])
    @every("a, c", [("x", "y"), ("z", "y")])
    def test(a: str, b: int, c: str, other: str) -> None:
        tried.append((a, b, c, other))
        if (a, b) == ("z", 2):
            pytest.fail("a refusal of pytest's own")
        assert (a, b) not in {("x", 2), ("x", 3)}

    assert list(inspect.signature(test).parameters) == ["other"]
    with pytest.RaisesGroup(
        pytest.RaisesGroup(
            AssertionError, pytest.fail.Exception, match="2 of 2 cases failed: a='x', c='y'; a='z'"
        ),
        pytest.RaisesGroup(AssertionError),
        match="2 of 3 cases failed: b=2; b=3",
    ):
        test(other="fixture")
    assert tried == [(a, b, "y", "fixture") for b in (1, 2, 3) for a in ("x", "z")]


def test_no_case_is_a_mistake_and_not_a_test_that_passes() -> None:
    with pytest.raises(ValueError, match="there is no case of a"):
        every("a", [])
