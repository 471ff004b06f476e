from __future__ import annotations

import pytest

from de_classes.cli.terminal import escaped, fitted, width


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
