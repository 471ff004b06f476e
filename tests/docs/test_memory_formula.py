"""The formula of peak memory in docs/runs.md: that of ``runs.forecast``, with its constants."""

from __future__ import annotations

import re

from de_classes.runs.forecast import MEBIBYTE, FirstPage, LambdaTerms, base_megabytes, memory_megabytes
from tests.fakes.sources import ROOT

TEXT = " ".join((ROOT / "docs" / "runs.md").read_text(encoding="utf-8").split())
FORMULA = re.compile(
    r"`megabytes = base \+ (\d+) \* \(pages at once \* megabytes a page \+ megabytes in hand\)`"
)
BASE = re.compile(r"base is (\d+) for Parquet and (\d+) for the other formats, and (\d+) more where")
EXAMPLE = re.compile(r"16 pages of 1 MB at once take (\d+) MB")


def foretold(workers: int, format_name: str = "parquet", *, is_local: bool = False) -> float:
    first = FirstPage(latency=0.1, size=MEBIBYTE, records=1_000, pages=10)
    base = base_megabytes(format_name, is_local=is_local)
    return memory_megabytes(first, LambdaTerms(concurrency=workers, base_megabytes=base))


def test_the_document_states_the_constants_of_the_formula() -> None:
    (copies,) = map(int, FORMULA.findall(TEXT))
    ((parquet, text, sdk),) = (map(int, found) for found in BASE.findall(TEXT))
    for format_name, base in (("parquet", parquet), ("csv", text), ("json", text), ("jsonl", text)):
        for workers in (1, 16):
            local = base + copies * (workers + 1)
            assert foretold(workers, format_name, is_local=True) == local
            assert foretold(workers, format_name) == local + sdk


def test_a_thousand_records_are_in_hand_where_those_are_more_than_a_page() -> None:
    (copies,) = map(int, FORMULA.findall(TEXT))
    assert "In hand is a page, or a thousand records where those are more" in TEXT
    wide = FirstPage(latency=0.1, size=MEBIBYTE, records=10, pages=1_000)
    terms = LambdaTerms(concurrency=1, base_megabytes=0.0)
    assert memory_megabytes(wide, terms) == copies * (1 + 100) + 0.7


def test_more_pages_at_once_than_the_window_holds_take_no_more() -> None:
    assert foretold(64) == foretold(32) > foretold(16)


def test_the_document_says_what_a_function_needs() -> None:
    assert EXAMPLE.findall(TEXT) == [f"{foretold(16):.0f}"]
    assert foretold(16) < 512
