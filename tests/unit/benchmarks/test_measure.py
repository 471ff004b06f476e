from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pytest

from benchmarks.__main__ import main
from benchmarks.bounds import BOUNDS, broken
from benchmarks.cases import Case
from benchmarks.clients.ours import dataset
from benchmarks.contestants import CONTESTANTS, DESCRIBED, OURS, ROOT, SLICES
from benchmarks.figures import load
from benchmarks.kinds import PLAIN, write
from benchmarks.measure import Bench, inferred, last_words
from benchmarks.records import COLUMNS
from benchmarks.records_file import RecordsFile
from de_classes.api.evidence import LEAST_REQUESTS
from de_classes.api.source import Source
from de_classes.errors import ConfigurationError
from de_classes.runs.forecast import proof_requests
from de_classes.storage.format.pinned import PinnedSchema

if TYPE_CHECKING:
    from benchmarks.contestants import Contestant

CASE = Case("small", "", records=100, limit=10, workers=2, format="jsonl")


@pytest.fixture
def place(tmp_path: Path) -> Bench:
    write(tmp_path / "records", PLAIN, CASE.records)
    return Bench(tmp_path / "records", tmp_path)


def contestant(name: str) -> Contestant:
    """A client in the tests' own environment, which has what it needs."""
    (found,) = [each for each in CONTESTANTS if each.name == name]
    return replace(found, environment=".venv")


def test_a_run_is_counted_timed_and_read_back(place: Bench) -> None:
    run = place.run(contestant(SLICES), CASE, 1)
    assert (run.requests, run.least, run.rows, run.wrong) == (10, 10, 100, "")
    assert run.wall > 0 < run.cpu
    assert 5 << 20 < run.peak < 100 << 20


def test_a_described_source_is_read_by_its_name_and_held_to_the_same_records(place: Bench) -> None:
    described = replace(CASE, format="parquet", mimic="crossref")
    run = place.run(contestant(DESCRIBED), described, 1)
    assert (run.least, run.rows, run.wrong) == (10, 100, "")
    pages = 10 + 1  # an empty one is how this source says that there is no more
    crossref = Source.shipped()["crossref.works"].client().endpoint
    assert LEAST_REQUESTS <= run.requests - pages <= proof_requests(crossref, pages, is_counted=True)


def test_records_of_a_shape_are_served_asked_for_and_compared_as_the_case_says(place: Bench) -> None:
    shaped = replace(CASE, kind="mixed", key="id", part_pages=4)
    run = place.run(contestant(OURS), shaped, 1)
    assert (run.rows, run.wrong) == (100, "")
    assert run.foretold > 20_000_000  # as its receipt says


def test_columns_are_stated_where_a_case_pins_them(place: Bench, tmp_path: Path) -> None:
    task = place.task(contestant(OURS), replace(CASE, is_pinned=True), "http://127.0.0.1:9", str(tmp_path))
    words = dataset(task)
    stated = json.loads(Path(words[words.index("--columns") + 1]).read_text())
    assert [*PinnedSchema.parse(stated).describe()] == [*COLUMNS]
    assert "--columns" not in dataset(replace(task, columns=""))


def test_who_is_told_the_schema_is_told_what_the_records_are_with_moments_as_texts(place: Bench) -> None:
    path = place.records(replace(CASE, kind="nested"))
    schema = inferred(RecordsFile(path))
    assert schema.field("placed_at").type == pa.string()
    assert schema.field("lines").type.value_type.field("quantity").type == pa.int64()
    assert [*schema.names] == [*COLUMNS, "customer", "lines"]


@pytest.mark.parametrize("count", [1, 2])
def test_a_client_runs_on_as_many_cores_as_its_case_has(count: int, place: Bench) -> None:
    cores = tuple(sorted(os.sched_getaffinity(0)))
    said = "import os, sys; sys.exit(str(sorted(os.sched_getaffinity(0))))"
    shows = replace(contestant(SLICES), arguments=lambda _: ["-c", said])
    run = replace(place, cores=cores).run(shows, replace(CASE, cores=count), 1)
    assert run.wrong == f"exit status 1: {[*cores[:count]]}"


def test_requests_are_held_against_the_fewest_that_would_have_done(place: Bench) -> None:
    run = place.run(contestant("floor"), replace(CASE, failing=0.2), 1)
    assert run.requests == run.least >= 16
    assert (run.rows, run.wrong) == (-1, "")


def test_who_fails_is_quoted_and_has_no_rows(place: Bench) -> None:
    run = place.run(replace(contestant(SLICES), module="nobody"), CASE, 1)
    assert run.wrong.startswith("exit status 1: ")
    assert "No module named benchmarks.clients.nobody" in run.wrong
    assert run.rows == 0


def test_a_package_that_the_environment_does_not_have_has_no_version() -> None:
    asked = replace(contestant(SLICES), packages=("pyarrow", "nobody-at-all"))
    assert [*asked.versions] == ["pyarrow"]


def test_last_words_are_a_line_without_the_places_of_this_machine() -> None:
    said = f"first\nError: {ROOT}/benchmarks/x.py is not there\n\n"
    assert last_words(said) == "Error: benchmarks/x.py is not there"
    assert last_words("") == ""


def test_an_output_that_cannot_be_read_is_wrong(place: Bench) -> None:
    # What it writes are lines of JSON, whatever the name says.
    run = place.run(contestant(SLICES), replace(CASE, format="parquet"), 1)
    assert run.wrong.startswith("its output cannot be read: ")


def test_a_client_without_its_environment_says_how_to_get_it(place: Bench) -> None:
    with pytest.raises(ConfigurationError, match="make env-bench"):
        place.run(replace(contestant(SLICES), environment=".venvs/nowhere"), CASE, 1)


@pytest.mark.parametrize("options", [["--clients", "curl"], ["--cases", "2M"]])
def test_a_mistake_in_the_command_is_said(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(options) == 2
    assert capsys.readouterr().err.startswith("benchmark: '")


@pytest.mark.slow
def test_the_short_form_compares_this_library_with_its_reference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["--short", "--records", "5000", "--rounds", "1", "--docs", str(tmp_path)])
    figures = load(tmp_path / "benchmark.json")
    assert status == bool(broken(figures))
    assert {(run.case, run.rows, run.wrong) for run in figures.runs} == {(case, 5000, "") for case in BOUNDS}
    assert len({(run.case, run.client) for run in figures.runs}) == 2 * len(BOUNDS)
    assert len({*figures.cores}) == len(figures.cores) != 1
    assert all(line.wall_ratio > 0 for case in BOUNDS for line in figures.lines(case))
    assert OURS in capsys.readouterr().out
    assert (tmp_path / "benchmark.svg").exists()


@pytest.mark.slow
def test_every_client_brings_every_row_in_every_case(tmp_path: Path) -> None:
    # "failing" is left out: the others wait for minutes before they ask for a page the sixth time.
    cases = "1M,50ms-4,csv,jsonl,s3,described-github,keyed,nested,60k-csv-mixed,60k-parquet-pinned,parts-10"
    assert main(["--cases", cases, "--records", "2000", "--rounds", "1", "--docs", str(tmp_path)]) == 0
    figures = load(tmp_path / "benchmark.json")
    assert [run for run in figures.runs if run.wrong] == []
    assert {run.client for run in figures.runs} == {each.name for each in CONTESTANTS}
