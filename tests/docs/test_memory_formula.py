"""The formula of peak memory in docs/runs.md: that of ``runs.forecast``, with its constants."""

from __future__ import annotations

import re

from de_classes.runs.forecast import MEBIBYTE, FirstPage, LambdaTerms, memory_megabytes
from tests.fakes.sources import ROOT

TEXT = (ROOT / "docs" / "runs.md").read_text(encoding="utf-8")
FORMULA = re.compile(r"`megabytes = (\d+) \+ (\d+) \* pages at once \* megabytes a page`")
EXAMPLE = re.compile(r"16 pages of 1 MB at once take (\d+) MB")


def foretold(workers: int) -> float:
    first = FirstPage(latency=0.1, size=MEBIBYTE, records=1_000, pages=10)
    return memory_megabytes(first, LambdaTerms(concurrency=workers))


def test_the_document_states_the_constants_of_the_formula() -> None:
    ((base, copies),) = FORMULA.findall(TEXT)
    assert [int(base) + int(copies) * workers for workers in (1, 16)] == [foretold(1), foretold(16)]


def test_the_document_says_what_a_function_needs() -> None:
    assert EXAMPLE.findall(" ".join(TEXT.split())) == [f"{foretold(16):.0f}"]
