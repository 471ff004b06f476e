"""What a pipeline refuses, so that no mistake in its making becomes an object without records."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from de_classes.errors import InvalidInputError
from de_classes.pipelines import (
    EltPipeline,
    EtlPipeline,
    FrameLoader,
    ObjectLoader,
    RecordsExtractor,
    RecordTransform,
)
from de_classes.storage.clients import LocalClient
from de_classes.storage.format import DataFormatService
from de_classes.storage.services import StorageDataService

LOGGER = logging.getLogger("test")
RECORDS = [{"a": 1}, {"a": 2}]


@pytest.fixture
def store(tmp_path: Path) -> LocalClient:
    (tmp_path / "lake").mkdir()
    return LocalClient(tmp_path, LOGGER)


def frames(store: LocalClient) -> StorageDataService:
    return StorageDataService(store, DataFormatService(), LOGGER)


@pytest.mark.parametrize("once", [(record for record in RECORDS), iter(RECORDS), map(dict, RECORDS)])
def test_records_that_a_second_run_would_find_used_up_are_refused(once: Iterator[Any]) -> None:
    with pytest.raises(InvalidInputError, match="only once: give a list"):
        RecordsExtractor(once)


def test_a_pipeline_of_records_stores_the_same_twice(store: LocalClient) -> None:
    pipeline = EtlPipeline(RecordsExtractor(RECORDS), load=ObjectLoader(store, "lake", "x.jsonl"))
    assert [pipeline.run().rows_out for _ in range(2)] == [2, 2]
    assert store.get_object("lake", "x.jsonl") == b'{"a":1}\n{"a":2}\n'


def test_elt_does_not_store_the_curated_records_over_the_raw_ones(store: LocalClient, tmp_path: Path) -> None:
    raw = ObjectLoader(store, "lake", "x.jsonl")
    again = LocalClient(tmp_path, LOGGER)
    for curated in (
        raw,
        ObjectLoader(store, "lake", "x.jsonl"),
        ObjectLoader(again, "lake", "x.jsonl"),
        FrameLoader(frames(store), "lake", "x.jsonl"),
    ):
        with pytest.raises(InvalidInputError, match="the raw copy would be overwritten"):
            EltPipeline(RecordsExtractor(RECORDS), raw, curated=curated)


def test_elt_may_use_other_keys_buckets_and_stores(store: LocalClient, tmp_path: Path) -> None:
    other = LocalClient(tmp_path / "other", LOGGER)
    for client in (store, other):
        client.create_bucket("curated")
    for client, bucket, key in (
        (store, "lake", "y.jsonl"),
        (store, "curated", "x.jsonl"),
        (other, "curated", "x.jsonl"),
    ):
        EltPipeline(
            RecordsExtractor(RECORDS),
            ObjectLoader(store, "lake", "x.jsonl"),
            curated=ObjectLoader(client, bucket, key),
        ).run()
        assert client.get_object(bucket, key) == store.get_object("lake", "x.jsonl")


class ToText(RecordTransform):
    def convert(self, record: Any) -> Any:
        return str(record)


class Whole:
    """A transform that hands on something else than batches."""

    def apply(self, batches: Any) -> Iterator[Any]:
        yield 7


def one_record(batch: Any) -> Any:
    return batch[0]


def rows(batch: Any) -> Any:
    return [tuple(record.values()) for record in batch]


def nothing(batch: Any) -> Any:
    return batch.clear()


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        (one_record, "one_record gave str where a record, a dict, belongs"),
        (rows, "rows gave tuple where a record"),
        (nothing, "nothing, records 1 to 2: TypeError"),
        (ToText(), "ToText gave str where a record"),
        (Whole(), "Whole gave int where a list of records belongs"),
    ],
)
@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_a_step_that_gives_back_no_records_is_named(
    store: LocalClient, step: Any, complaint: str, name: str
) -> None:
    load = ObjectLoader(store, "lake", f"x.{name}")
    with pytest.raises(InvalidInputError, match=complaint):
        EtlPipeline(RecordsExtractor(RECORDS), step, load=load).run()
    assert not store.object_exists("lake", f"x.{name}")
