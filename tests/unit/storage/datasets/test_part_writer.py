from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

import pytest

from de_classes.errors import (
    InvalidInputError,
    StorageUnavailableError,
    UnsupportedFormatError,
    UnsupportedValueError,
)
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.datasets import PartWriter
from de_classes.storage.format import format_names, get_codec
from de_classes.storage.format.schema import Field, Kind, Schema, Widening
from de_classes.utils.clock import ManualClock
from tests.fakes.datasets import BUCKET, DATASET, seal
from tests.fakes.fake_s3 import FakeS3, client_error
from tests.fakes.format_samples import EARTHQUAKES, read, same_records

if TYPE_CHECKING:
    from pathlib import Path

BUSY = client_error("PutObject", "SlowDown", 503)


@pytest.fixture
def s3() -> FakeS3:
    fake = FakeS3()
    fake.create_bucket(Bucket=BUCKET)
    return fake


@pytest.fixture
def client(s3: FakeS3) -> BaseS3Client:
    return BaseS3Client(s3, logging.getLogger("tests.datasets"), clock=ManualClock())


def keys(client: BaseS3Client) -> list[str]:
    return [info.key for info in client.list_objects(BUCKET)]


@pytest.mark.parametrize("name", format_names())
def test_a_part_is_a_whole_document_and_told_as_it_is(client: BaseS3Client, name: str) -> None:
    with PartWriter(client, BUCKET, f"{DATASET}/", name) as writer:
        for quake in EARTHQUAKES:
            writer.write([quake])
        stored = writer.seal(1, 51, 53)
    assert stored is not None
    content = client.get_object(BUCKET, f"{DATASET}/{stored.part.key}")
    assert same_records(read(get_codec(name), content), EARTHQUAKES)
    digest = hashlib.sha256(content).hexdigest()
    assert stored.part.key == f"part-1-00000051-00000053-{digest[:12]}{get_codec(name).extension}"
    assert (stored.part.sha256, stored.part.size, stored.part.records) == (digest, len(content), 3)
    assert stored.schema.names == ("type", "properties", "geometry", "id")
    assert (
        client.head_object(BUCKET, f"{DATASET}/{stored.part.key}").content_type
        == get_codec(name).content_type
    )


def test_F43_two_runners_of_the_same_pages_make_one_part(client: BaseS3Client) -> None:
    parts = []
    for _ in range(2):
        with PartWriter(client, BUCKET, DATASET, "csv") as writer:
            writer.write([{"id": 1}])
            parts.append(writer.seal(1, 1, 1))
    assert parts[0] == parts[1]
    assert len(keys(client)) == 1


def test_F72_what_has_a_parts_name_and_not_its_content_is_damaged_and_written_again(
    client: BaseS3Client,
) -> None:
    (first,) = seal(client, [[{"id": 1}]])
    whole = client.get_object(BUCKET, f"{DATASET}/{first.part.key}")
    client.put_object(BUCKET, f"{DATASET}/{first.part.key}", whole[:-2])
    assert seal(client, [[{"id": 1}]]) == [first]
    assert client.get_object(BUCKET, f"{DATASET}/{first.part.key}") == whole


def test_pages_without_a_record_need_no_object(client: BaseS3Client) -> None:
    with PartWriter(client, BUCKET, DATASET, "json") as writer:
        writer.write([])
        assert writer.seal(1, 1, 9) is None
    assert keys(client) == []


def test_F45_what_is_not_sealed_is_forgotten(client: BaseS3Client) -> None:
    with PartWriter(client, BUCKET, DATASET, "csv") as writer:
        writer.write([{"id": 1}])
    assert keys(client) == []
    with pytest.raises(InvalidInputError, match="aborted"):
        writer.seal(1, 1, 1)


def test_F44_a_seal_that_failed_is_tried_again(s3: FakeS3, client: BaseS3Client) -> None:
    s3.fail("PutObject", BUSY)
    with PartWriter(client, BUCKET, DATASET, "csv") as writer:
        writer.write([{"id": 1}])
        with pytest.raises(StorageUnavailableError):
            writer.seal(1, 1, 1)
        assert writer.seal(1, 1, 1) is not None
    assert len(keys(client)) == 1


def test_F46_a_seal_whose_answer_was_lost_is_a_seal(s3: FakeS3, client: BaseS3Client) -> None:
    s3.fail("PutObject", BUSY, when="after")
    with PartWriter(client, BUCKET, DATASET, "csv") as writer:
        writer.write([{"id": 1}])
        assert writer.seal(1, 1, 1) is not None


def test_a_part_is_sealed_once_and_takes_nothing_after_that(client: BaseS3Client) -> None:
    with PartWriter(client, BUCKET, DATASET, "csv") as writer:
        writer.write([{"id": 1}])
        writer.seal(1, 1, 1)
        with pytest.raises(InvalidInputError, match="sealed already"):
            writer.seal(1, 2, 2)
        with pytest.raises(InvalidInputError, match="closed"):
            writer.write([{"id": 2}])


@pytest.mark.parametrize("pages", [(5, 4), (0, 4)])
def test_pages_that_run_backwards_are_refused(client: BaseS3Client, pages: tuple[int, int]) -> None:
    with (
        PartWriter(client, BUCKET, DATASET, "csv") as writer,
        pytest.raises(InvalidInputError, match="pages"),
    ):
        writer.seal(1, *pages)


@pytest.mark.parametrize("name", ["csv", "json", "jsonl"])
def test_the_size_grows_with_what_was_written(client: BaseS3Client, name: str) -> None:
    with PartWriter(client, BUCKET, DATASET, name) as writer:
        assert writer.size == 0
        writer.write([{"id": number, "text": str(number) * 20} for number in range(10_000)])
        during = writer.size
        stored = writer.seal(1, 1, 1)
    assert stored is not None
    assert stored.part.size * 0.9 < during <= stored.part.size
    assert writer.records == stored.part.records == 10_000


def test_the_size_of_parquet_grows_with_every_row_group(client: BaseS3Client) -> None:
    with PartWriter(client, BUCKET, DATASET, "parquet") as writer:
        writer.write([{"id": 1}] * 49_000)
        begun = writer.size
        writer.write([{"id": 2}] * 1_000)
        assert writer.size > begun


def test_a_declared_schema_comes_first_and_what_widened_it_is_told(client: BaseS3Client) -> None:
    declared = Schema((Field("b", Kind.STRING), Field("a", Kind.INT53)))
    with PartWriter(client, BUCKET, DATASET, "csv", schema=declared) as writer:
        writer.write([{"a": 1.5, "b": "x"}])
        stored = writer.seal(1, 1, 1)
    assert stored is not None
    assert stored.schema.describe() == {"b": "string", "a": "float64"}
    assert stored.widenings == (Widening("a", "int64", "float64"),)


def test_records_that_were_set_aside_lie_beside_the_data(client: BaseS3Client) -> None:
    with PartWriter(client, BUCKET, DATASET, "jsonl", is_quarantine=True) as writer:
        writer.write([{"id": 1}])
        stored = writer.seal(1, 1, 1)
    assert stored is not None
    assert keys(client) == [f"{DATASET}/{stored.part.key}"]
    assert stored.part.key.startswith("_quarantine-1-00000001-00000001-")


def test_F56_formulas_are_escaped_where_that_is_asked_for(client: BaseS3Client) -> None:
    with PartWriter(client, BUCKET, DATASET, "csv", escape_formulas=True) as writer:
        writer.write([{"a": "=1+1"}])
        stored = writer.seal(1, 1, 1)
    assert stored is not None
    assert b"'=1+1" in client.get_object(BUCKET, f"{DATASET}/{stored.part.key}")


def test_a_write_that_failed_leaves_nothing_to_seal(client: BaseS3Client, tmp_path: Path) -> None:
    with PartWriter(client, BUCKET, DATASET, "jsonl", spool_dir=tmp_path) as writer:
        with pytest.raises(UnsupportedValueError):
            writer.write([{"a": float("nan")}] * 1_000)
        with pytest.raises(InvalidInputError, match="aborted"):
            writer.seal(1, 1, 1)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_work_is_refused_before_any_record(client: BaseS3Client, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormatError):
        PartWriter(client, BUCKET, DATASET, "xml")
    with pytest.raises(InvalidInputError, match="part_size"):
        PartWriter(client, BUCKET, DATASET, "csv", part_size=1)
    with pytest.raises(InvalidInputError, match="spool_dir"):
        PartWriter(client, BUCKET, DATASET, "csv", spool_dir=tmp_path / "missing")


def test_a_writer_knows_the_columns_that_it_was_told_of_and_those_that_it_sealed(
    client: BaseS3Client,
) -> None:
    declared = Schema((Field("day", Kind.STRING),))
    with PartWriter(client, BUCKET, DATASET, "csv", schema=declared) as writer:
        assert writer.schema == declared
        writer.write([{"id": 1}])
        writer.seal(1, 1, 1)
        assert writer.schema.names == ("day", "id")


def test_a_part_that_is_sealed_leaves_no_file_behind(client: BaseS3Client, tmp_path: Path) -> None:
    with PartWriter(client, BUCKET, DATASET, "csv", spool_dir=tmp_path) as writer:
        writer.write([{"id": 1}])
        writer.seal(1, 1, 1)
        assert list(tmp_path.iterdir()) == []
