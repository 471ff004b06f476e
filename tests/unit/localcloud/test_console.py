from __future__ import annotations

import io

import pytest

from localcloud.console import Console


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """Seconds that pass only when asked for."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def __call__(self) -> float:
        self._seconds += 1.5
        return self._seconds


def test_a_step_says_what_it_does_and_how_long_it_took() -> None:
    out = io.StringIO()
    with Console(out, now=Clock()).step("building"):
        pass
    assert out.getvalue().split() == ["building", "1.5", "s"]


def test_a_note_closes_the_line() -> None:
    out = io.StringIO()
    with Console(out).step("building") as step:
        step.note("nothing changed")
    assert out.getvalue().endswith("(nothing changed)\n")


def test_a_failed_step_says_so() -> None:
    out = io.StringIO()
    with pytest.raises(ValueError, match="broken"), Console(out).step("building"):
        raise ValueError("broken")
    assert out.getvalue().endswith("failed\n")


def test_a_log_gets_no_redrawn_lines() -> None:
    out = io.StringIO()
    with Console(out).step("building"):
        pass
    assert "\r" not in out.getvalue()


def test_a_terminal_shows_the_line_once_more_without_the_seconds_that_passed() -> None:
    out = Terminal()
    with Console(out).step("building"):
        pass
    assert out.getvalue().count("\r") == 1


def test_a_heading_stands_apart() -> None:
    out = io.StringIO()
    Console(out).heading("Deployed")
    assert out.getvalue() == "\nDeployed\n"
