from __future__ import annotations

import io
import logging

import pytest
from botocore.exceptions import EndpointConnectionError
from urllib3.exceptions import ProtocolError

from de_classes.errors import (
    BucketNotFoundError,
    ConfigurationError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    PermissionDeniedError,
    StorageError,
    StorageUnavailableError,
)
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.clients.botocore_errors import errors_from_botocore
from de_classes.storage.clients.object_store import MIN_PART_SIZE
from de_classes.utils.clock import ManualClock
from tests.fakes.fake_s3 import FakeS3, client_error, sha256_base64

TWO_PARTS = bytes(MIN_PART_SIZE) + b"the rest"
UNREACHABLE = EndpointConnectionError(endpoint_url="http://fake.invalid")
DENIED = client_error("AnyOperation", "AccessDenied", 403)


@pytest.fixture
def s3() -> FakeS3:
    fake = FakeS3(page_size=2)
    fake.create_bucket(Bucket="bucket")
    return fake


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def client(s3: FakeS3, clock: ManualClock) -> BaseS3Client:
    return BaseS3Client(s3, logging.getLogger("tests.s3"), clock=clock)


def upload(client: BaseS3Client, content: bytes, *, if_none_match: bool = False) -> str | None:
    stream = io.BytesIO(content)
    options = {"part_size": MIN_PART_SIZE, "if_none_match": if_none_match}
    return client.upload_stream(stream, "bucket", "key", **options).checksum


def test_every_write_carries_its_checksum_for_the_store_to_verify(client: BaseS3Client, s3: FakeS3) -> None:
    client.put_object("bucket", "key", b"content")
    sent = s3.buckets["bucket"]["key"].headers
    assert sent["ChecksumSHA256"] == sha256_base64(b"content")
    assert sent["ChecksumAlgorithm"] == "SHA256"


def test_the_checksum_of_the_whole_is_kept_in_the_metadata_of_parts(client: BaseS3Client, s3: FakeS3) -> None:
    checksum = upload(client, TWO_PARTS)
    assert s3.buckets["bucket"]["key"].headers["Metadata"] == {"sha256": checksum}
    assert s3.calls["UploadPart"] == 2


def test_what_fits_into_one_part_is_sent_in_one_request(client: BaseS3Client, s3: FakeS3) -> None:
    upload(client, bytes(MIN_PART_SIZE))
    assert s3.calls == {"PutObject": 1}


def test_metadata_of_the_caller_is_kept_beside_it(client: BaseS3Client, s3: FakeS3) -> None:
    client.put_object("bucket", "key", b"content", metadata={"run": "7"})
    assert s3.buckets["bucket"]["key"].headers["Metadata"].keys() == {"run", "sha256"}


def test_a_listing_goes_on_to_the_last_page(client: BaseS3Client, s3: FakeS3) -> None:
    for number in range(5):
        client.put_object("bucket", f"key-{number}", b"")
    assert [info.key for info in client.list_objects("bucket")] == [f"key-{number}" for number in range(5)]
    assert s3.calls["ListObjectsV2 page"] == 3


@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload"])
@pytest.mark.parametrize("error", [UNREACHABLE, KeyboardInterrupt(), DENIED], ids=lambda e: type(e).__name__)
def test_F45_an_upload_that_fails_is_aborted(
    client: BaseS3Client, s3: FakeS3, operation: str, error: BaseException
) -> None:
    s3.fail(operation, error)
    with pytest.raises((StorageUnavailableError, KeyboardInterrupt, PermissionDeniedError)):
        upload(client, TWO_PARTS)
    assert s3.uploads == {}
    assert s3.buckets["bucket"] == {}


def test_F45_an_abort_that_fails_too_does_not_hide_why(
    client: BaseS3Client, s3: FakeS3, caplog: pytest.LogCaptureFixture
) -> None:
    s3.fail("UploadPart", DENIED)
    s3.fail("AbortMultipartUpload", UNREACHABLE)
    with pytest.raises(PermissionDeniedError):
        upload(client, TWO_PARTS)
    assert "lifecycle rule" in caplog.text


def test_F45_a_part_that_fails_is_not_taken_for_success_by_what_was_there(
    client: BaseS3Client, s3: FakeS3
) -> None:
    client.put_object("bucket", "key", bytes(MIN_PART_SIZE))
    s3.fail("UploadPart", client_error("UploadPart", "SlowDown", 503), when="after")
    with pytest.raises(StorageUnavailableError):
        upload(client, bytes(MIN_PART_SIZE) * 2)


@pytest.mark.parametrize("if_none_match", [True, False])
def test_F46_a_put_that_landed_without_an_answer_is_a_success(
    client: BaseS3Client, s3: FakeS3, *, if_none_match: bool
) -> None:
    s3.fail("PutObject", UNREACHABLE, when="after")
    assert upload(client, b"content", if_none_match=if_none_match) is not None
    assert s3.buckets["bucket"]["key"].body == b"content"


@pytest.mark.parametrize("if_none_match", [True, False])
def test_F46_parts_completed_without_an_answer_are_a_success(
    client: BaseS3Client, s3: FakeS3, *, if_none_match: bool
) -> None:
    s3.fail("CompleteMultipartUpload", UNREACHABLE, when="after")
    assert upload(client, TWO_PARTS, if_none_match=if_none_match) is not None
    assert s3.buckets["bucket"]["key"].body == TWO_PARTS


def test_F46_a_completion_repeated_by_boto3_is_recognised(client: BaseS3Client, s3: FakeS3) -> None:
    repeated = client_error("CompleteMultipartUpload", "NoSuchUpload", 404)
    s3.fail("CompleteMultipartUpload", repeated, when="after")
    assert upload(client, TWO_PARTS, if_none_match=True) is not None


def test_F46_an_upload_that_vanished_before_its_completion_is_a_failure(
    client: BaseS3Client, s3: FakeS3
) -> None:
    s3.fail("CompleteMultipartUpload", client_error("CompleteMultipartUpload", "NoSuchUpload", 404))
    with pytest.raises(StorageUnavailableError):
        upload(client, TWO_PARTS, if_none_match=True)


@pytest.mark.parametrize("keeps_metadata", [True, False])
def test_F46_content_is_compared_even_where_the_store_keeps_no_checksum(*, keeps_metadata: bool) -> None:
    s3 = FakeS3(keeps_checksums=False)
    s3.create_bucket(Bucket="bucket")
    client = BaseS3Client(s3, logging.getLogger("tests.s3"), clock=ManualClock())
    client.put_object("bucket", "key", b"content")
    if not keeps_metadata:
        s3.buckets["bucket"]["key"].headers["Metadata"] = {}
    assert upload(client, b"content", if_none_match=True) is not None
    with pytest.raises(ObjectExistsError):
        upload(client, b"CONTENT", if_none_match=True)


def test_F46_a_taken_key_that_may_not_be_read_counts_as_anothers(client: BaseS3Client, s3: FakeS3) -> None:
    client.put_object("bucket", "key", b"content")
    s3.fail("HeadObject", DENIED)
    with pytest.raises(ObjectExistsError):
        upload(client, b"content", if_none_match=True)


def test_F48_a_write_that_meets_another_waits_and_tries_again(
    client: BaseS3Client, s3: FakeS3, clock: ManualClock
) -> None:
    conflict = client_error("PutObject", "ConditionalRequestConflict", 409)
    s3.fail("PutObject", conflict, conflict)
    upload(client, b"content", if_none_match=True)
    assert s3.buckets["bucket"]["key"].body == b"content"
    assert clock.sleeps == [0.1, 0.2]


def test_F48_a_conflict_that_never_ends_is_not_waited_for_for_ever(client: BaseS3Client, s3: FakeS3) -> None:
    s3.fail("PutObject", *[client_error("PutObject", "ConditionalRequestConflict", 409)] * 6)
    with pytest.raises(StorageUnavailableError, match="another write"):
        upload(client, b"content", if_none_match=True)
    assert s3.calls["PutObject"] == 6


def test_F48_a_conflict_lost_to_other_content_says_so(client: BaseS3Client, s3: FakeS3) -> None:
    client.put_object("bucket", "key", b"other")
    s3.fail(
        "CompleteMultipartUpload", client_error("CompleteMultipartUpload", "ConditionalRequestConflict", 409)
    )
    with pytest.raises(ObjectExistsError):
        upload(client, TWO_PARTS, if_none_match=True)
    assert s3.uploads == {}


def test_F47_a_writer_that_may_not_write_is_told_before_any_work(client: BaseS3Client, s3: FakeS3) -> None:
    s3.fail("CreateMultipartUpload", DENIED)
    with pytest.raises(PermissionDeniedError, match="s3://bucket/key"):
        client.check_writable("bucket", "key")


def test_F47_a_writer_that_may_not_list_can_still_be_checked(client: BaseS3Client, s3: FakeS3) -> None:
    s3.fail("HeadBucket", client_error("HeadBucket", "403", 403))
    client.check_writable("bucket", "key")
    with pytest.raises(PermissionDeniedError):
        client.check_bucket("bucket")


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("NoSuchBucket", 404, BucketNotFoundError),
        ("NoSuchKey", 404, ObjectNotFoundError),
        ("AccessDenied", 403, PermissionDeniedError),
        ("InvalidAccessKeyId", 403, PermissionDeniedError),
        ("SignatureDoesNotMatch", 403, PermissionDeniedError),
        ("ExpiredToken", 400, PermissionDeniedError),
        ("SlowDown", 503, StorageUnavailableError),
        ("InternalError", 500, StorageUnavailableError),
        ("", 502, StorageUnavailableError),
        ("PermanentRedirect", 301, ConfigurationError),
        ("MethodNotAllowed", 405, StorageError),
    ],
)
def test_answers_are_told_by_what_the_caller_does_about_them(
    client: BaseS3Client, s3: FakeS3, code: str, status: int, expected: type[Exception]
) -> None:
    error = client_error("GetObject", code, status)
    s3.fail("GetObject", error)
    with pytest.raises(expected, match="s3://bucket/key") as caught:
        client.get_object("bucket", "key")
    assert type(caught.value) is expected
    assert caught.value.__cause__ is error


def test_a_body_that_breaks_off_is_a_typed_error(client: BaseS3Client, s3: FakeS3) -> None:
    client.put_object("bucket", "key", b"content")
    stored = s3.buckets["bucket"]["key"]
    stored.promised_size = 100
    with pytest.raises(StorageUnavailableError):
        client.get_object("bucket", "key")


def test_F48_a_store_that_ignores_the_condition_of_an_upload_in_parts_is_looked_at_first() -> None:
    s3 = FakeS3(completes_like_ceph=True)
    s3.create_bucket(Bucket="bucket")
    client = BaseS3Client(s3, logging.getLogger("tests.s3"))
    client.put_object("bucket", "key", b"first")
    with pytest.raises(ObjectExistsError):
        upload(client, TWO_PARTS, if_none_match=True)
    assert client.get_object("bucket", "key") == b"first"
    assert s3.uploads == {}


def test_an_etag_that_the_completion_left_out_is_asked_for() -> None:
    s3 = FakeS3(completes_like_ceph=True)
    s3.create_bucket(Bucket="bucket")
    client = BaseS3Client(s3, logging.getLogger("tests.s3"))
    stored = client.upload_stream(io.BytesIO(TWO_PARTS), "bucket", "key", part_size=MIN_PART_SIZE)
    assert stored.etag == client.head_object("bucket", "key").etag


def test_an_error_without_a_message_is_typed_all_the_same(client: BaseS3Client, s3: FakeS3) -> None:
    wordless = client_error("GetObject", "NoSuchKey", 404)
    wordless.response["Error"]["Message"] = None  # as botocore reads an error document without one
    s3.fail("GetObject", wordless)
    with pytest.raises(ObjectNotFoundError, match="check the key"):
        client.get_object("bucket", "key")


def test_an_answer_that_breaks_off_where_botocore_does_not_look_is_a_typed_error() -> None:
    """Of a GET that is refused, whose reason is read as a stream."""
    broken = ProtocolError("Connection broken", ConnectionResetError(104, "reset"))
    said = "s3://lake/a: the answer broke off, try again"
    with pytest.raises(StorageUnavailableError, match=said) as told, errors_from_botocore("lake", "a"):
        raise broken
    assert told.value.__cause__ is broken


def test_F46_a_conditional_delete_that_had_landed_already_counts_as_done() -> None:
    """A lost answer, asked for again by boto3: a server may say that the condition does not hold."""
    s3 = FakeS3()
    s3.create_bucket(Bucket="bucket")
    client = BaseS3Client(s3, logging.getLogger("tests.storage"), clock=ManualClock())
    client.put_object("bucket", "a", b"1")
    client.put_object("bucket", "b", b"2")
    listed = {info.key: info for info in client.list_objects("bucket")}
    s3.fail("DeleteObject", client_error("DeleteObject", "PreconditionFailed", 412), when="after")
    client.delete_object("bucket", "a", if_unchanged=listed["a"])
    assert [info.key for info in client.list_objects("bucket")] == ["b"]
    s3.fail("DeleteObject", client_error("DeleteObject", "PreconditionFailed", 412))
    with pytest.raises(ObjectChangedError):
        client.delete_object("bucket", "b", if_unchanged=listed["b"])
