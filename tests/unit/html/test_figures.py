from __future__ import annotations

import pytest

from de_classes.html.figures import count, duration, share, size


@pytest.mark.parametrize(
    ("number", "words", "shown"),
    [
        (0, ("page",), "0 pages"),
        (1, ("page",), "1 page"),
        (1204, ("entry", "entries"), "1,204 entries"),
        (5, (), "5"),
    ],
)
def test_what_is_counted_is_named_as_many_as_there_are(
    number: int, words: tuple[str, ...], shown: str
) -> None:
    assert count(number, *words) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (2_584_616, "2.6 MB"),
        (7 * 10**9, "7.0 GB"),
        (10**15, "1,000.0 TB"),
    ],
)
def test_sizes_are_shown_in_the_unit_that_fits(number: int, shown: str) -> None:
    assert size(number) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0.0 s"), (0.125, "0.125 s"), (1.94, "1.9 s"), (252, "4 min 12 s"), (12_000, "3 h 20 min")],
)
def test_durations_are_shown_as_people_say_them(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_share_of_nothing_is_none() -> None:
    assert (share(1, 8), share(0, 0)) == ("12.5 %", "0.0 %")
