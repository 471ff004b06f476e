"""Parts sent at once: no more of them than are meant to be, and nothing left of them after a failure."""

from __future__ import annotations

import io
import itertools
import logging
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.errors import StorageUnavailableError
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.clients.multipart import PARTS_AT_ONCE, MultipartUpload
from de_classes.storage.clients.object_store import MIN_PART_SIZE, ObjectWrite
from tests.fakes.fake_s3 import FakeS3, client_error, sha256_base64

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGER = logging.getLogger("tests.multipart")
BUSY = client_error("UploadPart", "SlowDown", 503)
PATIENCE = 60  # seconds, before a test that hangs fails


class MeetingS3(FakeS3):
    """Parts wait for each other before they are sent, and the first waits for all that are sent with it."""

    def __init__(self, together: int) -> None:
        super().__init__()
        self.create_bucket(Bucket="bucket")
        self._meeting = threading.Barrier(together)
        self._sent = threading.Semaphore(0)
        self.under_way = self.read = self.most_held = 0
        self._counting = threading.Lock()
        self._together = together

    def upload_part(self, **arguments: Any) -> dict[str, Any]:
        self._meeting.wait(PATIENCE)
        if arguments["PartNumber"] % self._together == 1:
            for _ in range(self._together - 1):
                assert self._sent.acquire(timeout=PATIENCE)
        try:
            return super().upload_part(**arguments)
        finally:
            with self._counting:
                self.under_way -= 1
            self._sent.release()

    def parts(self, count: int) -> Iterator[bytes]:
        """Parts that are counted when they are read."""
        for number in range(count):
            with self._counting:
                self.under_way += 1
                self.most_held = max(self.most_held, self.under_way)
            yield b"%d" % number


def begun(s3: FakeS3) -> MultipartUpload:
    return MultipartUpload(s3, ObjectWrite("bucket", "key"), {}, LOGGER)


def test_parts_are_sent_at_once_and_put_together_in_their_order() -> None:
    s3 = MeetingS3(PARTS_AT_ONCE)
    with begun(s3) as upload:
        upload.add_all(s3.parts(2 * PARTS_AT_ONCE))
        upload.complete()
    assert s3.buckets["bucket"]["key"].body == b"012345"
    assert s3.most_held == PARTS_AT_ONCE


def test_after_a_failure_nothing_is_sent_any_more_when_the_upload_is_aborted() -> None:
    s3 = MeetingS3(PARTS_AT_ONCE)
    s3.fail("UploadPart", BUSY)
    with pytest.raises(StorageUnavailableError), begun(s3) as upload:
        upload.add_all(s3.parts(PARTS_AT_ONCE))
    assert (s3.calls["UploadPart"], s3.under_way) == (PARTS_AT_ONCE, 0)
    assert (s3.calls["AbortMultipartUpload"], s3.uploads) == (1, {})


def test_a_part_that_cannot_be_read_ends_the_upload() -> None:
    def cut() -> Iterator[bytes]:
        yield from (b"first", b"second")
        raise OSError("read failed")

    s3 = FakeS3()
    s3.create_bucket(Bucket="bucket")
    with pytest.raises(OSError, match="read failed"), begun(s3) as upload:
        upload.add_all(cut())
    assert (s3.calls["AbortMultipartUpload"], s3.uploads) == (1, {})


def test_after_a_failure_no_more_is_read_than_was_under_way() -> None:
    s3 = FakeS3()
    s3.create_bucket(Bucket="bucket")
    s3.fail("UploadPart", *[BUSY] * PARTS_AT_ONCE)
    parts = itertools.count()
    with pytest.raises(StorageUnavailableError), begun(s3) as upload:
        upload.add_all(b"%d" % number for number in parts)
    assert next(parts) == PARTS_AT_ONCE


class ForgetfulS3(FakeS3):
    """Takes parts, and keeps none."""

    def upload_part(self, **arguments: Any) -> dict[str, Any]:
        return super().upload_part(**{**arguments, "Body": b"", "ChecksumSHA256": sha256_base64(b"")})


class Zeros(io.RawIOBase):
    """As many as said, that are nowhere in memory."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._left = size

    def read(self, size: int = -1, /) -> bytes:
        given = min(size, self._left)
        self._left -= given
        return bytes(given)


def test_no_more_parts_are_in_memory_than_are_sent_at_once() -> None:
    s3 = ForgetfulS3()
    s3.create_bucket(Bucket="bucket")
    tracemalloc.start()
    info = BaseS3Client(s3, LOGGER).upload_stream(
        Zeros(10 * MIN_PART_SIZE), "bucket", "key", part_size=MIN_PART_SIZE
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert info.size == 10 * MIN_PART_SIZE
    assert peak < (PARTS_AT_ONCE + 1.5) * MIN_PART_SIZE
