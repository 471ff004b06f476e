from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from de_classes.errors import ConfigurationError
from de_classes.simulators.record_files import open_records
from de_classes.simulators.records import JsonLinesRecords, SyntheticRecords
from localcloud.console import Console
from localcloud.demo import (
    FORMATS,
    Options,
    Run,
    conclude,
    demonstrate,
    page_limit,
    parameters,
    record_source,
)
from localcloud.stack import Answer, Traffic
from localcloud.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path


def test_the_rate_is_shared_out_among_the_failures() -> None:
    rates = {
        name: float(value) for name, value in parameters(Options(rate=0.2)).items() if name.startswith("Rate")
    }
    assert sum(rates.values()) == pytest.approx(0.2)
    assert all(rate > 0 for rate in rates.values())


def test_no_rate_means_no_failures() -> None:
    assert [parameters(Options(rate=0))[name] for name in ("Rate500", "Rate503", "Rate429")] == [
        "0",
        "0",
        "0",
    ]


def test_the_users_records_reach_the_simulator_through_the_bucket(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}\n')
    options = Options(records=path)
    assert record_source(options).count == 2
    assert parameters(options)["RecordsKey"].startswith("simulator/")
    assert "TotalRecords" not in parameters(options)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", "a;b\n1;x\n2;y\n"), ("a.json", '[{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]')],
)
def test_what_goes_into_the_bucket_is_read_there_as_it_is_here(
    tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    here = record_source(Options(records=tmp_path / name))
    assert isinstance(here, JsonLinesRecords)
    there = tmp_path / "records.jsonl"  # as its key has it
    there.write_bytes(here.path.read_bytes())
    assert open_records(there).slice(0, 9) == here.slice(0, 9)
    assert here.count == 2


@pytest.mark.parametrize(
    ("count", "asked", "limit"),
    [(1000, None, 50), (7, None, 1), (0, None, 1), (19_999, None, 1000), (10**6, None, 1000), (1000, 10, 10)],
)
def test_a_run_fits_into_the_gateways_time_by_the_size_of_its_pages(
    count: int, asked: int | None, limit: int
) -> None:
    assert page_limit(Options(limit=asked), SyntheticRecords(1, count)) == limit


def test_unreadable_records_are_told_before_anything_is_started(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, tmp_path / "data")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        demonstrate(workspace, Options(records=tmp_path / "absent.jsonl"), Console(io.StringIO()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "runs",
    [
        [Run({}, []), Run({}, ["record 1, a: served 1, stored 2"])],
        [Run({}, []), None],
        [None],
    ],
    ids=["unequal", "refused", "all refused"],
)
def test_it_ends_well_only_if_every_object_is_equal(runs: list[Run | None]) -> None:
    out = io.StringIO()
    assert conclude([Run({}, [])] * len(FORMATS), Console(io.StringIO())) == 0
    assert conclude(runs, Console(out)) == 1
    assert "NOT what was served" in out.getvalue()


def test_requests_are_counted_by_what_came_of_them() -> None:
    traffic = Traffic.of(
        [
            {"message": "request", "route": "/login", "status": 200},
            {"message": "request", "route": "/data", "status": 200},
            {"message": "request", "route": "/data", "status": 429, "fault": "rate-limit-429"},
            {"message": "request", "route": "/data", "status": 200, "fault": "empty-page"},
            {"message": "request", "route": "/data", "status": 401},
            {"message": "request", "route": "/health", "status": 200},
            {"message": "something else", "status": 500},
        ]
    )
    assert (traffic.logins, traffic.served, traffic.requests) == (1, 1, 5)
    assert traffic.failures == {"rate-limit-429": 1, "empty-page": 1, "401": 1}


@pytest.mark.parametrize(
    ("body", "goes_on"),
    [
        ({"status": "incomplete", "run_id": "monday"}, True),
        ({"status": "incomplete", "run_id": None}, False),
        ({"status": "failed"}, False),
        ({"status": "complete", "run_id": "monday"}, False),
        ({"message": "Endpoint request timed out"}, False),
    ],
)
def test_only_a_run_that_was_stopped_is_asked_for_again(body: dict[str, object], *, goes_on: bool) -> None:
    assert Answer(502, body).is_resumable is goes_on
