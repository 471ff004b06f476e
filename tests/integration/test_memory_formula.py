"""Peak memory of the real command, held from both sides to the formula by which runs foretell it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks.cases import Case
from benchmarks.contestants import CONTESTANTS, OURS
from benchmarks.kinds import PLAIN, write
from benchmarks.measure import Bench
from benchmarks.records import RECORD_BYTES
from de_classes.runs.forecast import MEBIBYTE, FirstPage, LambdaTerms, base_megabytes, memory_megabytes

if TYPE_CHECKING:
    from benchmarks.figures import Run

FEW, MANY = 200_000, 2_000_000
PAGES = {"22 kB": 100, "219 kB": 1_000, "1 MB": 4_700}
"""What an answer weighs, to how many records are on it."""

FLAT = 1.15  # the most of ten times as many moments is more: 96 MB and 99 to 107
# A formula that says more than that says nothing. It holds for records of any shape: those that are narrow
# and written as text are let go of page by page: sixteen pages of 1 MB take 68 MB of its 237. Of Parquet it
# counts numpy, which a program of one's own may have loaded and the command does not: 116 MB of 309.
IN_SIGHT = {"parquet": 3.0, "jsonl": 4.0}
LAMBDA_MEGABYTES = 512.0
(COMMAND,) = [each for each in CONTESTANTS if each.name == OURS]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("memory")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("memory")
    write(folder / "records", PLAIN, MANY)
    return Bench(folder / "records", folder)


def ingested(place: Bench, case: Case) -> Run:
    """One run of the command, in a process of its own, each of its rows compared with what was served."""
    run = place.run(COMMAND, case, 1)
    assert (run.rows, run.wrong) == (case.records, "")
    return run


def foretold(limit: int, workers: int, written: str) -> float:
    """Megabytes at the most."""
    first = FirstPage(latency=0.1, size=limit * (RECORD_BYTES + 1), records=limit, pages=10)
    base = base_megabytes(written, is_local=True)
    return memory_megabytes(first, LambdaTerms(concurrency=workers, base_megabytes=base))


@pytest.mark.parametrize("written", ["parquet", "jsonl"])
@pytest.mark.parametrize("workers", [1, 4, 16])
@pytest.mark.parametrize("limit", PAGES.values(), ids=PAGES)
def test_a_run_takes_no_more_memory_than_foretold_and_not_much_less(
    place: Bench, limit: int, workers: int, written: str
) -> None:
    run = ingested(place, Case("memory", "", FEW, limit, workers, format=written))
    most = IN_SIGHT[written] * run.peak / MEBIBYTE
    assert run.peak / MEBIBYTE <= foretold(limit, workers, written) <= most


@pytest.mark.parametrize("written", ["parquet", "jsonl", "csv"])
def test_ten_times_the_pages_take_no_more_memory(place: Bench, written: str) -> None:
    few = Case("memory", "", FEW, format=written)
    peaks = [ingested(place, case).peak for case in (few, replace(few, records=MANY))]
    assert peaks[1] <= FLAT * peaks[0]


def test_a_function_of_512_megabytes_is_enough_for_sixteen_pages_of_a_megabyte_at_once(place: Bench) -> None:
    limit = PAGES["1 MB"]
    case = Case("memory", "", FEW, limit, 16)
    run = ingested(place, case)
    assert max(run.peak / MEBIBYTE, foretold(limit, 16, case.format)) < LAMBDA_MEGABYTES
