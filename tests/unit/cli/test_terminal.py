from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest

from de_classes.api.page import Page
from de_classes.cli.terminal import Progress, escaped, fitted, width
from de_classes.utils.page_range import parse_pages

if TYPE_CHECKING:
    from de_classes.utils.page_range import PageRange


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, ü, 漢字", "plain, ü, 漢字"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b2J", "\\x9b2J"),
        ("a\u202eb", "a\\u202eb"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, expected: str) -> None:
    assert escaped(text) == expected
    assert escaped(text).isprintable()


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("", 0)])
def test_width_is_in_columns(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("abc", 5, "abc  "),
        ("abcdef", 4, "abc…"),
        ("漢字漢字", 4, "漢… "),
        ("漢字", 4, "漢字"),
        ("ab", 1, "…"),
    ],
)
def test_text_is_made_as_wide_as_its_column(text: str, columns: int, expected: str) -> None:
    assert fitted(text, columns) == expected
    assert width(fitted(text, columns)) == columns


def test_numbers_stand_at_the_right() -> None:
    assert fitted("12", 4, right=True) == "  12"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def draw(stream: io.StringIO, *, pages: str = "1-", total: int | None = 3, enabled: bool = True) -> list[str]:
    """What stood in the bar, one entry for each time it was drawn."""
    wanted: PageRange = parse_pages(pages)
    with Progress(stream, enabled=enabled, pages=wanted, interval=0) as progress:
        for number in range(wanted.start, wanted.start + 3):
            progress.page(Page(number, [{"id": 1}] * 10, {}, total, 30))
    return re.findall(r"(\d+(?:/\d+)?)(?: pages)? \[.*?(?:, (\d+ records))?\]", stream.getvalue())


@pytest.mark.parametrize(
    ("pages", "total", "shown"),
    [
        ("1-", 3, ["1/3", "2/3", "3/3"]),
        ("3-7", 20, ["1/5", "2/5", "3/5"]),
        ("3-7", 5, ["1/3", "2/3", "3/3"]),
        ("18-", 20, ["1/3", "2/3", "3/3"]),
        ("3-7", None, ["1/5", "2/5", "3/5"]),
        ("1-", None, ["1", "2", "3"]),
    ],
)
def test_the_bar_counts_the_pages_that_are_fetched(pages: str, total: int | None, shown: list[str]) -> None:
    drawn = draw(Terminal(), pages=pages, total=total)[1:]
    assert [each[0] for each in drawn] == shown
    assert [each[1] for each in drawn] == ["10 records", "20 records", "30 records"]


def test_where_nobody_watches_there_is_none() -> None:
    assert draw(io.StringIO()) == []
    assert draw(Terminal(), enabled=False) == []
