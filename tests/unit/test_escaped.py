from __future__ import annotations

import json
import sys
import unicodedata
from functools import cache

import pytest

from de_classes.redaction import escaped, escaped_json, escaped_lines

DRAWN = set(map(chr, [*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD]))


@cache
def unseen() -> set[str]:
    return {
        char
        for char in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and char not in DRAWN
    }


def test_F96_whatever_a_terminal_would_act_on_is_escaped() -> None:
    left = [
        char for char in unseen() if not escaped(f"a{char}b").isascii() or not escaped(char).isprintable()
    ]
    assert (left, len(unseen()) > 2_000) == ([], True)


def test_F96_letters_marks_signs_and_spaces_of_every_script_stay() -> None:
    seen = [
        char
        for char in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(char)[0] in "LMNPS" and char not in unseen()
    ]
    text = "".join([*seen, *DRAWN, "\u00a0\u3000"])
    assert len(seen) > 100_000
    assert escaped(text) == escaped_lines(text) == escaped_json(text) == text


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("\x9b31m red", "\\x9b31m red"),
        ("one\r\nERROR demo: forged", "one\\r\\nERROR demo: forged"),
        ("a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c\\x85d"),
        ("user\u202egnp.exe", "user\\u202egnp.exe"),
        (
            "\u2066a\u2069 \u200e\u200f\u061c \u200b\ufeff",
            "\\u2066a\\u2069 \\u200e\\u200f\\u061c \\u200b\\ufeff",
        ),
        ("\ud83d \U000e0041", "\\ud83d \\U000e0041"),
        (
            "C:\\new \u00e5 \u6f22 \u0645\u0631\u062d\u0628\u0627",
            "C:\\new \u00e5 \u6f22 \u0645\u0631\u062d\u0628\u0627",
        ),
    ],
)
def test_F96_foreign_text_is_spelled_on_one_line(foreign: str, shown: str) -> None:
    assert escaped(foreign) == shown
    assert escaped(shown) == shown


def test_F96_lines_stay_lines_where_they_are_meant() -> None:
    assert escaped_lines("a\n\tb\r\x1b\u2028") == "a\n\tb\\r\\x1b\\u2028"


def test_F96_json_says_the_same_and_holds_no_control() -> None:
    value = {"\u202ekey\x7f": ["\x9b\u2028", "\U000e0041", "\u00e5"]}
    text = escaped_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(text) == value
    assert not unseen().intersection(text)
