import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from de_classes.errors import (
    BucketNotFoundError,
    InvalidInputError,
    ObjectNotFoundError,
    RetriesExhaustedError,
    StorageUnavailableError,
)
from de_classes.pipelines import (
    Cast,
    EltPipeline,
    EtlPipeline,
    Filter,
    FrameLoader,
    Loader,
    ObjectExtractor,
    ObjectLoader,
    Pipeline,
    RecordsExtractor,
    Rename,
    Select,
    Status,
)
from de_classes.pipelines.collecting import LoadReceipt
from de_classes.pipelines.recording import Recording
from de_classes.storage.clients import LocalClient
from de_classes.storage.format import DataFormatService
from de_classes.storage.services import StorageDataService
from de_classes.utils.clock import ManualClock

RECORDS = [{"id": number, "name": f"n{number}", "rate": "0.5"} for number in range(5)]


class SlowRecords(RecordsExtractor):
    """Takes two seconds a batch, and may fail after the second; knows whether it was closed."""

    def __init__(self, clock: ManualClock, *, fails: bool = False) -> None:
        super().__init__(RECORDS, batch_rows=2)
        self.clock = clock
        self.fails = fails
        self.begun = False
        self.closed = False

    def extract(self) -> Iterator[list[dict[str, Any]]]:
        self.begun = True
        try:
            for number, batch in enumerate(super().extract()):
                self.clock.advance(2)
                if self.fails and number == 2:
                    raise RetriesExhaustedError("page 3 kept failing", attempts=5)
                yield batch
        finally:
            self.closed = True


class MemoryLoader(Loader):
    """A store in memory, whose writes take a second and which may fail on command."""

    def __init__(self, clock: ManualClock, *, fails_to: str = "") -> None:
        self.clock = clock
        self.fails_to = fails_to
        self.pending: list[dict[str, Any]] = []
        self.visible: list[dict[str, Any]] = []
        self.aborts = 0

    def open(self) -> Self:
        self._maybe_fail("open")
        self.pending = []
        return self

    def write(self, records: Sequence[dict[str, Any]]) -> None:
        self.clock.advance(1)
        self._maybe_fail("write")
        self.pending.extend(records)

    def commit(self) -> LoadReceipt:
        self._maybe_fail("commit")
        self.visible = list(self.pending)
        return LoadReceipt("memory://visible", len(self.visible))

    def abort(self) -> None:
        self.aborts += 1
        self.pending = []

    def _maybe_fail(self, what: str) -> None:
        if self.fails_to == what:
            raise StorageUnavailableError(f"cannot {what}")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(tmp_path: Path) -> LocalClient:
    (tmp_path / "lake").mkdir()
    return LocalClient(tmp_path, logging.getLogger("test"))


def keys(store: LocalClient) -> list[str]:
    return [each.key for each in store.list_objects("lake")]


def read(store: LocalClient, key: str) -> list[dict[str, Any]]:
    return [record for batch in ObjectExtractor(store, "lake", key).extract() for record in batch]


def test_etl_changes_records_on_their_way_and_stores_them_once(
    store: LocalClient, clock: ManualClock
) -> None:
    def shout(batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**record, "name": record["name"].upper()} for record in batch]

    pipeline = EtlPipeline(
        RecordsExtractor(RECORDS, batch_rows=2),
        Filter(lambda record: record["id"] > 0),
        Cast({"rate": "float"}),
        shout,
        load=ObjectLoader(store, "lake", "curated/x.jsonl"),
        clock=clock,
    )
    report = pipeline.run()
    assert keys(store) == ["curated/x.jsonl"]
    assert read(store, "curated/x.jsonl")[0] == {"id": 1, "name": "N1", "rate": 0.5}
    assert [(step.name, step.kind, step.rows_in, step.rows_out) for step in report.steps] == [
        ("RecordsExtractor", "extract", 0, 5),
        ("Filter(<lambda>)", "transform", 5, 4),
        ("Cast", "transform", 4, 4),
        ("shout", "transform", 4, 4),
        ("ObjectLoader", "load", 4, 4),
    ]
    assert report.status is Status.SUCCEEDED
    assert report.uris == (read_uri(store, "curated/x.jsonl"),)
    assert pipeline.last_report is report


def read_uri(store: LocalClient, key: str) -> str:
    return store.head_object("lake", key).uri


def test_elt_stores_raw_first_and_changes_what_it_reads_back(store: LocalClient) -> None:
    pipeline = EltPipeline(
        RecordsExtractor(RECORDS),
        ObjectLoader(store, "lake", "raw/x.jsonl"),
        Select("id", "name"),
        Rename({"name": "label"}),
        curated=ObjectLoader(store, "lake", "curated/x.csv"),
    )
    report = pipeline.run()
    assert read(store, "raw/x.jsonl") == RECORDS
    assert read(store, "curated/x.csv") == [{"id": r["id"], "label": r["name"]} for r in RECORDS]
    assert [step.name for step in report.steps] == [
        *("RecordsExtractor", "ObjectLoader", "read back", "Select", "Rename", "ObjectLoader 2"),
    ]
    assert len(report.uris) == 2


def test_elt_leaves_the_raw_copy_whole_when_a_transform_fails(store: LocalClient) -> None:
    pipeline = EltPipeline(
        RecordsExtractor(RECORDS),
        ObjectLoader(store, "lake", "raw/x.jsonl"),
        Cast({"name": "int"}),
        curated=ObjectLoader(store, "lake", "curated/x.jsonl"),
    )
    with pytest.raises(InvalidInputError, match="Cast, record 1: column 'name'"):
        pipeline.run()
    assert keys(store) == ["raw/x.jsonl"]
    assert read(store, "raw/x.jsonl") == RECORDS
    assert pipeline.last_report is not None
    assert pipeline.last_report.failed_step == pipeline.last_report.step("Cast")
    assert pipeline.last_report.step("ObjectLoader").status is Status.SUCCEEDED


def test_elt_needs_a_loader_that_reads_back(store: LocalClient, clock: ManualClock) -> None:
    with pytest.raises(InvalidInputError, match="MemoryLoader cannot read back"):
        EltPipeline(RecordsExtractor([]), MemoryLoader(clock), curated=ObjectLoader(store, "lake", "x.csv"))


def test_a_loader_of_frames_ends_a_pipeline_too(store: LocalClient) -> None:
    storage = StorageDataService(store, DataFormatService(), logging.getLogger("test"))
    EtlPipeline(RecordsExtractor(RECORDS), load=FrameLoader(storage, "lake", "x.parquet")).run()
    assert storage.download_df("lake", "x.parquet")["id"].tolist() == [0, 1, 2, 3, 4]


def test_an_empty_run_commits_an_empty_object(store: LocalClient) -> None:
    report = EtlPipeline(RecordsExtractor([]), Select("a"), load=ObjectLoader(store, "lake", "x.json")).run()
    assert store.get_object("lake", "x.json").strip() == b"[]"
    assert (report.rows_in, report.rows_out, report.status) == (0, 0, Status.SUCCEEDED)


def test_each_step_is_timed_without_the_steps_it_waits_for(clock: ManualClock) -> None:
    report = EtlPipeline(
        SlowRecords(clock), Select("id"), load=MemoryLoader(clock), clock=clock, name="orders"
    ).run()
    assert [step.seconds for step in report.steps] == [6.0, 0.0, 3.0]
    assert report.seconds == 9.0
    assert report.started_at == 1_700_000_000.0
    assert report.pipeline == "orders"


@pytest.mark.parametrize("fails_to", ["write", "commit"])
def test_a_load_that_fails_is_aborted_and_blamed(clock: ManualClock, fails_to: str) -> None:
    extract, load = SlowRecords(clock), MemoryLoader(clock, fails_to=fails_to)
    pipeline = EtlPipeline(extract, load=load, clock=clock)
    with pytest.raises(StorageUnavailableError, match=f"cannot {fails_to}") as caught:
        pipeline.run()
    assert (load.visible, load.pending, load.aborts) == ([], [], 1)
    assert extract.closed
    assert caught.value.__notes__ == ["in step 'MemoryLoader' of pipeline 'EtlPipeline'"]
    assert pipeline.last_report is not None
    assert pipeline.last_report.status is Status.FAILED
    failed = pipeline.last_report.failed_step
    assert failed is not None
    assert (failed.name, failed.error_type, failed.rows_out) == ("MemoryLoader", "StorageUnavailableError", 0)


def test_an_extraction_that_fails_midway_commits_nothing(clock: ManualClock) -> None:
    load = MemoryLoader(clock)
    pipeline = EtlPipeline(SlowRecords(clock, fails=True), Select("id"), load=load, clock=clock)
    with pytest.raises(RetriesExhaustedError):
        pipeline.run()
    assert (load.visible, load.aborts) == ([], 1)
    assert pipeline.last_report is not None
    assert [(step.name, step.status, step.rows_out) for step in pipeline.last_report.steps] == [
        ("SlowRecords", Status.FAILED, 4),
        ("Select", Status.STOPPED, 4),
        ("MemoryLoader", Status.STOPPED, 0),
    ]


def test_the_destination_is_checked_before_the_first_record_is_fetched(
    store: LocalClient, clock: ManualClock
) -> None:
    extract = SlowRecords(clock)
    pipeline = EtlPipeline(extract, load=ObjectLoader(store, "nowhere", "x.csv"), clock=clock)
    with pytest.raises(BucketNotFoundError):
        pipeline.run()
    assert not extract.begun
    assert pipeline.last_report is not None
    assert pipeline.last_report.step("SlowRecords").status is Status.SKIPPED


def test_a_failing_transform_leaves_no_object(store: LocalClient) -> None:
    pipeline = EtlPipeline(
        RecordsExtractor(RECORDS, batch_rows=1),
        Filter(lambda record: record["id"] / (3 - record["id"]) >= 0),
        load=ObjectLoader(store, "lake", "x.csv"),
    )
    with pytest.raises(InvalidInputError, match="record 4: ZeroDivisionError"):
        pipeline.run()
    assert keys(store) == []


def test_an_interrupt_aborts_and_goes_through(clock: ManualClock) -> None:
    def interrupted(_: list[dict[str, Any]]) -> list[dict[str, Any]]:
        raise KeyboardInterrupt

    load = MemoryLoader(clock)
    pipeline = EtlPipeline(RecordsExtractor(RECORDS), interrupted, load=load)
    with pytest.raises(KeyboardInterrupt):
        pipeline.run()
    assert load.aborts == 1
    assert pipeline.last_report is not None
    assert pipeline.last_report.step("interrupted").error_type == "KeyboardInterrupt"


def test_a_pipeline_can_be_run_again(clock: ManualClock) -> None:
    load = MemoryLoader(clock)
    pipeline = EtlPipeline(RecordsExtractor(RECORDS), Select("id"), load=load, clock=clock)
    assert pipeline.run().steps == pipeline.run().steps
    assert len(load.visible) == 5


def test_a_loader_that_asks_for_no_more_leaves_the_rest_stopped(clock: ManualClock) -> None:
    class First(MemoryLoader):
        def load(self, batches: Any) -> LoadReceipt:
            self.open().write(next(batches))
            return self.commit()

    extract = SlowRecords(clock)
    report = EtlPipeline(extract, load=First(clock), clock=clock).run()
    assert extract.closed
    assert [step.status for step in report.steps] == [Status.STOPPED, Status.SUCCEEDED]
    assert report.status is Status.FAILED


def test_the_report_is_plain_json(clock: ManualClock) -> None:
    report = EtlPipeline(SlowRecords(clock), load=MemoryLoader(clock), clock=clock).run()
    plain = json.loads(report.to_json())
    assert plain == report.as_dict()
    assert plain["status"] == "succeeded"
    assert plain["steps"][1] == {
        "name": "MemoryLoader",
        "kind": "load",
        "status": "succeeded",
        "rows_in": 5,
        "rows_out": 5,
        "seconds": 3.0,
        "error_type": None,
        "uri": "memory://visible",
    }
    with pytest.raises(KeyError):
        report.step("nothing")


@pytest.mark.parametrize("wrong", ["extract", "transform", "load"])
def test_what_does_not_fit_is_refused_when_put_together(clock: ManualClock, wrong: str) -> None:
    parts: dict[str, Any] = {
        "extract": RecordsExtractor([]),
        "transform": Select("id"),
        "load": MemoryLoader(clock),
        wrong: 5,
    }
    with pytest.raises(InvalidInputError, match=f"int is no {wrong}"):
        EtlPipeline(parts["extract"], parts["transform"], load=parts["load"])


def test_a_pipeline_of_ones_own_says_its_plan_and_flow(clock: ManualClock) -> None:
    load = MemoryLoader(clock)

    class Copy(Pipeline):
        def plan(self) -> Sequence[tuple[str, str]]:
            return [("extract", "in"), ("load", "out")]

        def flow(self, run: Recording) -> None:
            run.load(load, run.extract(RecordsExtractor(RECORDS)))

    assert Copy(clock=clock).run().step("out").rows_out == 5


def test_every_step_is_logged_below_the_logger_that_was_given(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pipeline = EtlPipeline(
        SlowRecords(clock, fails=True),
        load=MemoryLoader(clock),
        clock=clock,
        logger=logging.getLogger("demo"),
        name="orders",
    )
    with pytest.raises(RetriesExhaustedError):
        pipeline.run()
    assert {record.name for record in caplog.records} == {"demo.EtlPipeline"}
    assert caplog.messages == [
        "orders started",
        "orders: SlowRecords failed: 0 rows in, 4 rows out, 6.000 s of its own",
        "orders: MemoryLoader stopped: 4 rows in, 0 rows out, 2.000 s of its own",
        "orders failed after 8.000 s: 4 rows in, 0 rows out: RetriesExhaustedError: page 3 kept failing",
    ]


def test_reading_back_what_vanished_is_a_typed_error(store: LocalClient) -> None:
    class Vanishing(ObjectLoader):
        def read_back(self, receipt: Any) -> ObjectExtractor:
            store.delete_object("lake", "raw.jsonl")
            return super().read_back(receipt)

    pipeline = EltPipeline(
        RecordsExtractor(RECORDS),
        Vanishing(store, "lake", "raw.jsonl"),
        curated=ObjectLoader(store, "lake", "x.jsonl"),
    )
    with pytest.raises(ObjectNotFoundError):
        pipeline.run()
    assert keys(store) == []
