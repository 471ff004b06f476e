from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.evidence import Still
from de_classes.api.messages import HttpResponse
from de_classes.bootstrap import build_ingestion
from de_classes.configs.ingest import IngestRequest
from de_classes.configs.settings import validate
from de_classes.errors import AuthenticationError, ConfigurationError, IncompleteRunError, InvalidInputError
from de_classes.storage.datasets.reader import DatasetReader
from de_classes.utils.clock import ManualClock
from de_classes.utils.page_range import PageRange
from de_classes.worker.ingestion import partition
from tests.fakes.runs import given_again
from tests.fakes.sources import ROOT
from tests.fakes.transports import FakePagedApi, FakeTransport, json_response
from tests.fakes.worker import ENVIRONMENT, LOGGER, FakeSecrets, FakeSource, lake, secrets

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.api.messages import HttpRequest
    from de_classes.api.receipt import IngestReceipt
    from de_classes.worker.ingestion import Ingestion

NOVEMBER = 1_795_392_000.0  # 2026-11-23 00:00 UTC


def ingestion(root: Path, source: FakeSource, clock: ManualClock | None = None, **environ: str) -> Ingestion:
    return build_ingestion(
        {**ENVIRONMENT, **environ},
        store=lambda _: lake(root),
        secrets=secrets,
        transport=source,
        clock=clock or ManualClock(now=NOVEMBER),
        logger=LOGGER,
    )


def rows(root: Path, receipt: IngestReceipt) -> int:
    reader = DatasetReader(lake(root), receipt.bucket, receipt.key)
    return sum(len(batch) for batch in reader.records())


def keys(root: Path) -> list[str]:
    return [info.key for info in lake(root).list_objects("lake")]


def test_what_a_request_leaves_out_comes_from_the_settings(tmp_path: Path) -> None:
    receipt = ingestion(tmp_path, FakeSource(total=25)).run(IngestRequest(), run_id="run-1")
    assert receipt.key == "raw/unstable/ingest_date=2026-11-23/run-1/_manifest-00000001.json"
    assert (receipt.format, receipt.pages, receipt.records) == ("jsonl", 3, 25)
    assert rows(tmp_path, receipt) == 25


def test_a_request_may_say_it_all(tmp_path: Path) -> None:
    request = IngestRequest(format="csv", key="mine/a.csv", limit=5, pages=PageRange(2, 3), source="unstable")
    receipt = ingestion(tmp_path, FakeSource(total=25)).run(request, run_id="run-1")
    assert (receipt.key, receipt.format, receipt.pages, receipt.records) == ("raw/mine/a.csv", "csv", 2, 10)


@pytest.mark.parametrize(
    ("prefix", "key", "expected"),
    [
        ("raw", "a.jsonl", "raw/a.jsonl"),
        ("raw", "raw/a.jsonl", "raw/a.jsonl"),
        ("raw", "rawest/a.jsonl", "raw/rawest/a.jsonl"),
        ("a/b", "c.jsonl", "a/b/c.jsonl"),
    ],
)
def test_a_key_is_always_below_the_prefix(tmp_path: Path, prefix: str, key: str, expected: str) -> None:
    receipt = ingestion(tmp_path, FakeSource(total=5), KEY_PREFIX=prefix).run(
        IngestRequest(key=key), run_id="run-1"
    )
    assert receipt.key == expected


CHANGES = """
version = 1
[sources.shop]
base_url = "https://api.example"
[sources.shop.resources.orders]
path = "/data"
params = { since = "${incremental.from}" }
records_path = "data"
total_path = "total_records"
page_size = { into = "query.limit" }
pagination = { type = "page" }
primary_key = ["id"]
write = "upsert"
incremental = { field = "id", format = "integer", start = 0, lag = 2 }
"""


class Numbered(FakePagedApi):
    """Records from a number on."""

    def _page(self, request: HttpRequest) -> HttpResponse:
        first, number, limit = (int(request.params[name]) for name in ("since", "page", "limit"))
        found = [{"id": n, "of": self.total} for n in range(first, self.total)]
        page = found[(number - 1) * limit : number * limit]
        return json_response({"data": page, "total_records": len(found)})


def test_a_resource_that_is_incremental_has_one_dataset_for_all_runs_and_goes_on_in_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "shop.toml").write_text(CHANGES)
    source = Numbered(25)
    worker = ingestion(tmp_path, source, SOURCES_PATH=str(tmp_path / "sources"))  # type: ignore[arg-type]
    first = worker.run(IngestRequest(source="shop.orders"), run_id="run-1")
    assert (first.key, first.records) == ("raw/shop/orders/_manifest-00000001.json", 25)
    source.total = 30
    second = worker.run(IngestRequest(source="shop.orders"), run_id="run-2")
    assert (second.key, second.records) == ("raw/shop/orders/_manifest-00000002.json", 8)
    assert second.incremental is not None
    assert (second.incremental.from_, second.incremental.to) == (22, 29)
    assert rows(tmp_path, second) == 30
    asked = len(source.requests)
    assert worker.run(IngestRequest(source="shop.orders"), run_id="run-1") == given_again(first)
    assert len(source.requests) == asked
    again = worker.run(validated({"source": "shop.orders", "from": "3", "until": "9"}), run_id="run-3")
    assert again.incremental is not None
    assert (again.parameters["incremental"]["from"], again.incremental.to) == (3, 29)
    with pytest.raises(InvalidInputError, match=r"unstable\.data is not"):
        ingestion(tmp_path, FakeSource(5)).run(
            validated({"source": "unstable.data", "from": "3"}), run_id="run-4"
        )


def validated(request: dict[str, Any]) -> IngestRequest:
    return validate(IngestRequest, request)


def test_a_request_may_say_where_its_dataset_is_but_not_where_runs_write(tmp_path: Path) -> None:
    worker = ingestion(tmp_path, FakeSource(total=5))
    receipt = worker.run(validated({"dataset": "shop/orders"}), run_id="run-1")
    assert receipt.key == "raw/shop/orders/ingest_date=2026-11-23/run-1/_manifest-00000001.json"
    for dataset in ("_runs", "_schedules/unstable.data", "lake/_runs"):
        with pytest.raises(InvalidInputError, match="is where runs write: choose another"):
            worker.run(validated({"dataset": dataset}), run_id="run-2")
    for request in ({"dataset": "a", "key": "a.csv"}, {"dataset": "../a"}, {"dataset": ""}):
        with pytest.raises(InvalidInputError, match="dataset"):
            validated(request)


def test_F43_the_same_event_a_second_time_is_the_same_run(tmp_path: Path) -> None:
    source = FakeSource(total=25)
    twice = [ingestion(tmp_path, source).run(IngestRequest(), run_id="run-1") for _ in range(2)]
    assert twice[1] == given_again(twice[0])
    assert len(source.requests) == 3 + 3  # each page, and once more to see that it stood still
    assert [key for key in keys(tmp_path) if "/part-" in key and key.endswith(".jsonl")] == [
        part.key for part in twice[0].parts
    ]


def test_F43_a_run_that_is_asked_for_again_after_midnight_keeps_its_place(tmp_path: Path) -> None:
    runs = [
        ingestion(tmp_path, FakeSource(total=25), ManualClock(now=NOVEMBER + day * 86_400))
        for day in range(2)
    ]
    assert len({each.run(IngestRequest(), run_id="run-1").key for each in runs}) == 1


def test_a_run_id_alone_goes_on_with_what_the_run_was_asked_for(tmp_path: Path) -> None:
    first = IngestRequest(format="csv", limit=5, pages=PageRange(2, 4), run_id="monday")
    with pytest.raises(IncompleteRunError) as caught:
        ingestion(tmp_path, FakeSource(total=25, faults={3: [HttpResponse(503)] * 99}), MAX_ATTEMPTS="2").run(
            first, run_id="of-the-invocation"
        )
    assert (caught.value.run_id, list(caught.value.missing_pages)) == ("monday", [3])
    source = FakeSource(total=25)
    receipt = ingestion(tmp_path, source).run(IngestRequest(run_id="monday"), run_id="of-the-next")
    asked = [request.params["page"] for request in source.requests]
    assert asked == ["4", "3", *"234"]  # a look back, the gap, and each page once more as a proof
    assert (receipt.format, receipt.pages, receipt.records, receipt.invocations) == ("csv", 3, 15, 2)


def limited(folder: Path, requests_per_second: float) -> str:
    """A folder with the description of the simulators, and a limit in it."""
    said = (ROOT / "sources" / "unstable.toml").read_text()
    limit = f"[sources.unstable]\nrate_limit = {{ per_second = {requests_per_second} }}\n"
    (folder / "sources").mkdir(exist_ok=True)
    (folder / "sources" / "unstable.toml").write_text(said.replace("[sources.unstable]\n", limit))
    return str(folder / "sources")


def test_a_source_with_a_limit_on_requests_is_asked_no_faster(tmp_path: Path) -> None:
    clock, source = ManualClock(now=NOVEMBER), FakeSource(total=250)
    receipt = ingestion(tmp_path, source, clock, SOURCES_PATH=limited(tmp_path, 4.0)).run(
        IngestRequest(), run_id="run-1"
    )
    assert clock.monotonic() >= (len(source.requests) - 1) / 4
    assert receipt.forecast is not None
    assert receipt.forecast.seconds >= 24 / 4
    assert receipt.forecast.best_concurrency == 1


def test_the_limit_on_requests_is_no_part_of_what_a_run_is(tmp_path: Path) -> None:
    broken = FakeSource(total=25, faults={3: [HttpResponse(503)] * 99})
    with pytest.raises(IncompleteRunError):
        ingestion(tmp_path, broken, MAX_ATTEMPTS="2", SOURCES_PATH=limited(tmp_path, 1.0)).run(
            IngestRequest(), run_id="monday"
        )
    receipt = ingestion(tmp_path, FakeSource(total=25)).run(IngestRequest(), run_id="monday")
    assert (receipt.records, receipt.invocations) == (25, 2)


def test_a_run_that_goes_on_is_not_made_another(tmp_path: Path) -> None:
    ingestion(tmp_path, FakeSource(total=25)).run(IngestRequest(run_id="monday"), run_id="x")
    with pytest.raises(InvalidInputError, match="limit is 5, but the run was begun with 10"):
        ingestion(tmp_path, FakeSource(total=25)).run(IngestRequest(run_id="monday", limit=5), run_id="x")


def test_a_partial_run_is_committed_where_that_is_allowed_and_mended_by_asking_again(tmp_path: Path) -> None:
    request = IngestRequest(run_id="monday", allow_partial=True)
    broken = FakeSource(total=45, faults={3: [HttpResponse(503)] * 99})
    partial = ingestion(tmp_path, broken, MAX_ATTEMPTS="2").run(request, run_id="x")
    assert (partial.status, partial.missing_pages, partial.records) == ("partial", ["3"], 35)
    mended = ingestion(tmp_path, FakeSource(total=45)).run(request, run_id="x")
    assert (mended.status, mended.missing_pages, mended.records) == ("complete", [], 45)
    assert rows(tmp_path, mended) == 45
    assert rows(tmp_path, partial) == 35  # an earlier commit can still be read


@pytest.mark.parametrize(
    "event",
    [
        {"transforms": [{"type": "select", "columns": ["id"]}]},
        {"transforms": [{"type": "function", "name": "os:remove"}]},
        {"key": "a.jsonl", "transforms": []},
        {"run_id": "begun", "transforms": []},
    ],
)
def test_an_event_that_names_transforms_is_refused_before_anything_is_sent(
    tmp_path: Path, event: dict[str, Any]
) -> None:
    source = FakeSource(total=5)
    with pytest.raises(InvalidInputError) as caught:
        ingestion(tmp_path, source).read(event)
    assert "transforms are the description's to say, never the request's" in caught.value.problems
    assert source.requests == source.logins == []


def test_a_run_goes_on_by_the_transforms_of_its_description_and_never_by_those_of_a_stored_plan(
    tmp_path: Path,
) -> None:
    """Whoever may write into the bucket says nothing of the code that the worker runs."""
    worker = ingestion(tmp_path, FakeSource(total=25))
    worker.run(IngestRequest(), run_id="x")
    key = next(key for key in keys(tmp_path) if key.endswith("/plan.json"))
    stored = json.loads(lake(tmp_path).get_object("lake", key))
    stored["transforms"] = [{"type": "function", "name": "tests.fakes.no_such_module:f"}]
    lake(tmp_path).put_object("lake", key, json.dumps(stored).encode())
    with pytest.raises(InvalidInputError, match=r"^transforms is \[\], but the run was begun with \["):
        worker.run(IngestRequest(run_id="x"), run_id="y")


def test_an_unknown_source_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    source = FakeSource(total=5)
    with pytest.raises(InvalidInputError, match="unstable"):
        ingestion(tmp_path, source).run(IngestRequest(source="https://evil.example"), run_id="run-1")
    assert source.requests == source.logins == []


def test_sam_local_without_a_cloud_is_told_what_to_run_before_anything_is_stored(
    tmp_path: Path,
) -> None:
    source = FakeSource(total=5)
    local = '{"endpoint_url": "http://127.0.0.1:9", "access_key_id": "a", "secret_access_key": "b"}'
    worker = ingestion(tmp_path, source, SAM_LOCAL=local, AWS_SAM_LOCAL="true")
    with pytest.raises(ConfigurationError, match="run `make containers` in another shell first"):
        worker.run(IngestRequest(), run_id="run-1")
    assert keys(tmp_path) == source.requests == source.logins == []


def test_runs_of_one_process_share_a_login_but_no_counters(tmp_path: Path) -> None:
    source = FakeSource(total=25)
    worker = ingestion(tmp_path, source)
    receipts = [worker.run(IngestRequest(), run_id=f"run-{n}") for n in range(3)]
    assert len(source.logins) == 1
    assert [receipt.requests for receipt in receipts] == [3 + 3] * 3  # each page, and once more as a proof


def test_F41_a_run_stops_at_the_reserve_before_its_process_does(tmp_path: Path) -> None:
    clock = ManualClock(now=NOVEMBER)

    class Slow(FakeSource):
        def send(self, request: Any, *, timeout: float) -> Any:
            clock.advance(10)
            return super().send(request, timeout=timeout)

    with pytest.raises(IncompleteRunError) as caught:
        ingestion(tmp_path, Slow(total=100), clock, CONCURRENCY="1", RESERVE_SECONDS="20").run(
            IngestRequest(), run_id="run-1", seconds_left=60
        )
    assert clock.monotonic() <= 60 - 20 + 10
    assert caught.value.missing_pages == tuple(range(caught.value.missing_pages[0], 11))
    assert [key for key in keys(tmp_path) if "_manifest" in key] == []
    assert caught.value.run_id == "run-1"


def test_F41_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    clock = ManualClock(now=NOVEMBER)

    class Slow(FakeSource):
        def send(self, request: Any, *, timeout: float) -> Any:
            clock.advance(10)
            return super().send(request, timeout=timeout)

    source = Slow(total=100)
    worker = ingestion(tmp_path, source, clock, CONCURRENCY="1", RESERVE_SECONDS="20")
    for _ in range(9):
        try:
            receipt = worker.run(IngestRequest(), run_id="run-1", seconds_left=60)
            break
        except IncompleteRunError:
            continue
    assert receipt.invocations > 1
    assert (receipt.records, receipt.pages) == (100, 10)
    # Forty seconds are four requests, also of a go that does nothing but prove.
    assert receipt.still == Still(by="sampled", pages=4, of=10, requests=4)
    assert receipt.warnings == ["the time was up when 4 of the pages had been looked at again"]
    assert {int(request.params["page"]) for request in source.requests} == {*range(1, 11)}


@pytest.mark.parametrize(("setting", "written"), [("true", b"'=1+1"), ("false", b"=1+1")])
def test_F56_csv_is_written_for_spreadsheets_where_the_settings_say_so(
    tmp_path: Path, setting: str, written: bytes
) -> None:
    source = FakeSource(total=1)
    source.faults_for(1, [source.page(1, 10, data=[{"a": "=1+1"}])] * 2)  # once more, as a proof
    ingestion(tmp_path, source, ESCAPE_FORMULAS=setting).run(
        IngestRequest(format="csv", key="a.csv"), run_id="run-1"
    )
    assert lake(tmp_path).get_object("lake", "raw/a.csv").splitlines()[1] == b'"' + written + b'"'


def test_bad_settings_are_all_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ingestion(tmp_path, FakeSource(total=5), PAGE_LIMIT="1001", DEFAULT_FORMAT="xml", CONCURRENCY="many")
    text = " ".join(caught.value.problems)
    assert all(name in text for name in ("PAGE_LIMIT", "DEFAULT_FORMAT", "CONCURRENCY"))


def test_the_partition_is_the_day_in_utc() -> None:
    assert partition(NOVEMBER - 1) == "ingest_date=2026-11-22"
    assert partition(NOVEMBER) == "ingest_date=2026-11-23"


def test_a_password_that_was_rotated_is_read_anew_by_the_next_run(tmp_path: Path) -> None:
    passwords = iter(["old", "new"])
    refusing = FakeSource(total=25)

    def read(_: str) -> FakeSecrets:
        return FakeSecrets(username="ada", password=next(passwords))

    def answer(request: HttpRequest) -> HttpResponse:
        is_refused = request.url.endswith("/login") and b'"old"' in (request.body or b"")
        return HttpResponse(401) if is_refused else refusing.send(request, timeout=1.0)

    worker = build_ingestion(
        ENVIRONMENT,
        store=lambda _: lake(tmp_path),
        secrets=read,
        transport=FakeTransport(answer),
        clock=ManualClock(now=NOVEMBER),
        logger=LOGGER,
    )
    with pytest.raises(AuthenticationError):
        worker.run(IngestRequest(), run_id="run-1")
    assert worker.run(IngestRequest(), run_id="run-2").records == 25


def test_a_source_that_is_not_packaged_is_named_with_the_other_problems(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        ingestion(tmp_path, FakeSource(total=5)).read({"source": "ustable.data", "format": "xml"})
    assert [problem.partition(" ")[0] for problem in caught.value.problems] == ["format", "source"]
    assert "did you mean unstable?" in caught.value.problems[1]


def test_what_stands_in_an_address_is_the_deployments_to_say(tmp_path: Path) -> None:
    worker = ingestion(tmp_path, FakeSource(total=5))
    evil = {"source": "unstable.data", "parameters": {"address": "https://evil.example"}}
    shop = {"source": "shopify.orders", "parameters": {"shop": "evil"}}
    for request, name in ((evil, "address"), (shop, "shop")):
        with pytest.raises(InvalidInputError, match=f"parameters.{name} is the deployment's to say"):
            worker.read(request)


def test_a_resource_that_comes_with_the_package_is_ingested_with_its_parameters(tmp_path: Path) -> None:
    issues = json.dumps([{"id": number} for number in range(3)]).encode()
    asked: list[HttpRequest] = []

    def answer(request: HttpRequest) -> HttpResponse:
        asked.append(request)
        return HttpResponse(200, {}, issues)

    worker = build_ingestion(
        ENVIRONMENT,
        store=lambda _: lake(tmp_path),
        secrets=lambda source: FakeSecrets(token=f"token of {source}"),
        transport=FakeTransport(answer),
        clock=ManualClock(now=NOVEMBER),
        logger=LOGGER,
    )
    request = worker.read(
        {"source": "github.issues", "parameters": {"owner": "acme", "repo": "a/b"}, "format": "csv"}
    )
    receipt = worker.run(request, run_id="run-1")
    assert (receipt.records, receipt.key.startswith("raw/github/issues/ingest_date=2026-11-23/run-1/")) == (
        3,
        True,
    )
    assert {request.url for request in asked} == {"https://api.github.com/repos/acme/a%2Fb/issues"}
    assert asked[0].headers["Authorization"] == "Bearer token of github"
