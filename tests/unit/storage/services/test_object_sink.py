from __future__ import annotations

import hashlib
import logging
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from de_classes.errors import (
    BucketNotFoundError,
    InvalidInputError,
    InvalidKeyError,
    ObjectExistsError,
    PermissionDeniedError,
    StorageUnavailableError,
    UnsupportedFormatError,
    UnsupportedValueError,
)
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.clients.object_store import MIN_PART_SIZE
from de_classes.storage.format import DataFormatService
from de_classes.storage.format.codec import format_names
from de_classes.storage.services import ObjectSink
from de_classes.utils.clock import ManualClock
from tests.fakes.fake_s3 import FakeS3, client_error

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [[{"id": 1, "name": "Zürich"}], [], [{"id": 2, "name": None}, {"id": 3, "name": "a,b"}]]
BUSY = client_error("PutObject", "SlowDown", 503)


@pytest.fixture
def s3() -> FakeS3:
    fake = FakeS3()
    fake.create_bucket(Bucket="bucket")
    return fake


@pytest.fixture
def client(s3: FakeS3) -> BaseS3Client:
    return BaseS3Client(s3, logging.getLogger("tests.sink"), clock=ManualClock())


@pytest.fixture
def spool_dir(tmp_path: Path) -> Path:
    directory = tmp_path / "spool"
    directory.mkdir()
    return directory


def fill(sink: ObjectSink) -> None:
    for page in PAGES:
        sink.write(page)


@pytest.mark.parametrize("name", format_names())
def test_pages_become_one_object_in_every_format(client: BaseS3Client, spool_dir: Path, name: str) -> None:
    with ObjectSink(client, "bucket", "a/data", format=name, spool_dir=spool_dir) as sink:
        fill(sink)
        stored = sink.commit()
    content = client.get_object("bucket", "a/data")
    df = DataFormatService().from_bytes(content, name)
    assert df["id"].tolist() == [1, 2, 3]
    assert df["name"].fillna("null").tolist() == ["Zürich", "null", "a,b"]
    assert (stored.bucket, stored.key, stored.uri) == ("bucket", "a/data", "s3://bucket/a/data")
    assert (stored.records, stored.size) == (3, len(content))
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert stored.content_type == client.head_object("bucket", "a/data").content_type
    assert stored.content_type == DataFormatService().content_type(name)


def test_what_was_stored_is_told_with_its_schema_and_widenings(client: BaseS3Client) -> None:
    with ObjectSink(client, "bucket", "a.csv") as sink:
        sink.write([{"n": 1}] * 1000)
        sink.write([{"n": 1.5, "late": True}])
        stored = sink.commit()
    assert [field.name for field in stored.schema.fields] == ["n", "late"]
    assert len(stored.widenings) == 2
    with pytest.raises(AttributeError, match="immutable"):
        stored.records = 0


def test_nothing_is_visible_without_a_commit(client: BaseS3Client, s3: FakeS3) -> None:
    with ObjectSink(client, "bucket", "a.csv") as sink:
        fill(sink)
    assert s3.buckets["bucket"] == {}
    assert s3.uploads == {}


@pytest.mark.parametrize("error", [RuntimeError("page 3"), KeyboardInterrupt()], ids=repr)
def test_nothing_is_visible_after_a_failure(client: BaseS3Client, s3: FakeS3, error: BaseException) -> None:
    sink = ObjectSink(client, "bucket", "a.csv")
    sink.write(PAGES[0])
    with pytest.raises(type(error)), sink:
        raise error
    assert s3.buckets["bucket"] == {}


def test_an_abort_is_final(client: BaseS3Client, s3: FakeS3) -> None:
    sink = ObjectSink(client, "bucket", "a.csv")
    fill(sink)
    sink.abort()
    sink.abort()
    with pytest.raises(InvalidInputError, match="aborted"):
        sink.commit()
    with pytest.raises(InvalidInputError, match="closed"):
        sink.write(PAGES[0])
    assert s3.buckets["bucket"] == {}


def test_a_commit_is_told_again_and_outlives_an_abort(client: BaseS3Client, s3: FakeS3) -> None:
    with ObjectSink(client, "bucket", "a.csv") as sink:
        fill(sink)
        stored = sink.commit()
        sink.abort()
        assert sink.commit() is stored
    with pytest.raises(InvalidInputError, match="closed"):
        sink.write(PAGES[0])
    assert s3.calls["PutObject"] == 1


def test_a_commit_that_failed_can_be_tried_again(client: BaseS3Client, s3: FakeS3) -> None:
    s3.fail("PutObject", BUSY)
    with ObjectSink(client, "bucket", "a.json") as sink:
        fill(sink)
        with pytest.raises(StorageUnavailableError):
            sink.commit()
        assert s3.buckets["bucket"] == {}
        assert sink.commit().records == 3
    assert s3.buckets["bucket"]["a.json"].body.startswith(b"[")


def test_a_page_that_cannot_be_written_dooms_the_whole(client: BaseS3Client, s3: FakeS3) -> None:
    with ObjectSink(client, "bucket", "a.csv") as sink:
        with pytest.raises(UnsupportedValueError):
            sink.write([{"text": "\ud800"}] * 1000)
        with pytest.raises(InvalidInputError, match="aborted"):
            sink.commit()
    assert s3.buckets["bucket"] == {}


def test_a_last_page_that_cannot_be_written_dooms_the_whole(client: BaseS3Client, s3: FakeS3) -> None:
    with ObjectSink(client, "bucket", "a.csv") as sink:
        sink.write([{"text": "\ud800"}])
        for _ in range(2):
            with pytest.raises((UnsupportedValueError, InvalidInputError)):
                sink.commit()
    assert s3.buckets["bucket"] == {}


def test_F47_an_absent_bucket_is_found_when_the_sink_is_made(client: BaseS3Client) -> None:
    with pytest.raises(BucketNotFoundError):
        ObjectSink(client, "no-such-bucket", "a.csv")


def test_F47_missing_permission_is_found_when_the_sink_is_made(client: BaseS3Client, s3: FakeS3) -> None:
    s3.fail("CreateMultipartUpload", client_error("CreateMultipartUpload", "AccessDenied", 403))
    with pytest.raises(PermissionDeniedError):
        ObjectSink(client, "bucket", "a.csv")


def test_F47_a_missing_spool_directory_is_found_at_once(client: BaseS3Client, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="spool"):
        ObjectSink(client, "bucket", "a.csv", spool_dir=tmp_path / "absent")


def test_F49_an_odd_key_is_found_when_the_sink_is_made(client: BaseS3Client, s3: FakeS3) -> None:
    with pytest.raises(InvalidKeyError):
        ObjectSink(client, "bucket", "../a.csv")
    assert s3.calls == {}


def test_an_unknown_format_is_found_when_the_sink_is_made(client: BaseS3Client, s3: FakeS3) -> None:
    with pytest.raises(UnsupportedFormatError):
        ObjectSink(client, "bucket", "a.xlsx")
    assert s3.calls == {}


def test_F48_a_key_that_must_be_free_and_is_not_is_left_alone(client: BaseS3Client) -> None:
    client.put_object("bucket", "a.csv", b"other")
    with ObjectSink(client, "bucket", "a.csv", overwrite=False) as sink:
        fill(sink)
        with pytest.raises(ObjectExistsError):
            sink.commit()
    assert client.get_object("bucket", "a.csv") == b"other"


def test_F43_the_same_run_twice_is_one_object_and_no_error(client: BaseS3Client, s3: FakeS3) -> None:
    digests = set()
    for _ in range(2):
        with ObjectSink(client, "bucket", "a.jsonl", overwrite=False) as sink:
            fill(sink)
            digests.add(sink.commit().sha256)
    assert len(digests) == 1
    assert list(s3.buckets["bucket"]) == ["a.jsonl"]


def test_metadata_and_media_type_of_the_caller_are_kept(client: BaseS3Client, s3: FakeS3) -> None:
    options = {"content_type": "text/plain", "metadata": {"run": "7"}}
    with ObjectSink(client, "bucket", "a.csv", **options) as sink:
        fill(sink)
        stored = sink.commit()
    headers = s3.buckets["bucket"]["a.csv"].headers
    assert headers["ContentType"] == stored.content_type == "text/plain"
    assert headers["Metadata"] == {"run": "7", "sha256": stored.sha256}


def test_no_records_are_an_object_too(client: BaseS3Client) -> None:
    with ObjectSink(client, "bucket", "a.json") as sink:
        assert sink.commit().records == 0
    assert DataFormatService().from_bytes(client.get_object("bucket", "a.json"), "json").empty


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_no_temporary_file_outlives_the_sink(client: BaseS3Client, spool_dir: Path, name: str) -> None:
    with ObjectSink(client, "bucket", "a", format=name, spool_dir=spool_dir) as sink:
        fill(sink)
        assert list(spool_dir.iterdir()) == []
    assert list(spool_dir.iterdir()) == []


def test_memory_does_not_grow_with_the_records(client: BaseS3Client, s3: FakeS3) -> None:
    page = [{"id": number, "text": "x" * 1000} for number in range(1000)]
    with ObjectSink(client, "bucket", "a.jsonl", part_size=MIN_PART_SIZE) as sink:
        tracemalloc.start()
        for _ in range(20):
            sink.write(page)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        size = sink.commit().size
    assert size > 20_000_000
    assert peak < size / 4
    assert s3.calls["UploadPart"] == -(-size // MIN_PART_SIZE)
