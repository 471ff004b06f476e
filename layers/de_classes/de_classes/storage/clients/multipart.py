"""What is said to S3 and what its answers mean; and objects sent in parts, which appear whole or never."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Self

from de_classes.errors import DeClassesError
from de_classes.storage.clients.botocore_errors import errors_from_botocore, tolerated
from de_classes.storage.clients.object_store import (
    METADATA_KEY,
    Content,
    ContentMeter,
    ObjectInfo,
    base64_from_hex,
    check_declared,
    hex_from_base64,
    metadata_for,
)

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future
    from contextlib import AbstractContextManager
    from types import TracebackType

    from mypy_boto3_s3 import S3Client as Boto3S3Client
    from mypy_boto3_s3.type_defs import (
        CompletedPartTypeDef,
        CompleteMultipartUploadOutputTypeDef,
        HeadObjectOutputTypeDef,
        ObjectTypeDef,
    )

    from de_classes.storage.clients.object_store import ObjectWrite


def put_arguments(write: ObjectWrite, body: bytes, content: Content) -> dict[str, Any]:
    """boto3's arguments for storing bytes, with the checksum that the store is to verify."""
    return {
        "Bucket": write.bucket,
        "Key": write.key,
        "Body": body,
        "Metadata": metadata_for(content.sha256, write.metadata),
        "ChecksumAlgorithm": "SHA256",
        "ChecksumSHA256": base64_from_hex(content.sha256),
        **content_type_argument(write),
        **condition_argument(write),
    }


def content_type_argument(write: ObjectWrite) -> dict[str, Any]:
    """The media type, if there is one: boto3 takes no None."""
    return {"ContentType": write.content_type} if write.content_type else {}


def condition_argument(write: ObjectWrite) -> dict[str, Any]:
    """The condition that the key is free, if it was asked for."""
    return {"IfNoneMatch": "*"} if write.if_none_match else {}


def info_from_write(write: ObjectWrite, content: Content, etag: str, version_id: str | None) -> ObjectInfo:
    """What is known of an object that was just written."""
    return ObjectInfo(
        bucket=write.bucket,
        key=write.key,
        uri=s3_uri(write.bucket, write.key),
        size=content.size,
        etag=_unquoted(etag),
        content_type=write.content_type,
        checksum=content.sha256,
        version_id=_real_version(version_id),
    )


def info_from_head(bucket: str, key: str, answer: HeadObjectOutputTypeDef) -> ObjectInfo:
    """What a HEAD says; the checksum is S3's own, else the one that the writer put into the metadata."""
    return ObjectInfo(
        bucket=bucket,
        key=key,
        uri=s3_uri(bucket, key),
        size=answer["ContentLength"],
        etag=_unquoted(answer["ETag"]),
        content_type=answer.get("ContentType"),
        checksum=_checksum_of_the_whole(answer) or answer.get("Metadata", {}).get(METADATA_KEY),
        version_id=_real_version(answer.get("VersionId")),
        modified=answer["LastModified"].timestamp() if "LastModified" in answer else None,
    )


def info_from_listing(bucket: str, entry: ObjectTypeDef) -> ObjectInfo:
    """What a listing says, which is the time of writing, but neither media type nor checksum."""
    key = entry["Key"]
    return ObjectInfo(
        bucket=bucket,
        key=key,
        uri=s3_uri(bucket, key),
        size=entry["Size"],
        etag=_unquoted(entry["ETag"]),
        modified=entry["LastModified"].timestamp(),
    )


def s3_uri(bucket: str, key: str) -> str:
    """The address as the AWS tools write it."""
    return f"s3://{bucket}/{key}"


def _unquoted(etag: str) -> str:
    return etag.strip('"')


def _checksum_of_the_whole(answer: HeadObjectOutputTypeDef) -> str | None:
    """S3's SHA-256, unless it may be one of the parts' checksums, as it is after an upload in parts."""
    is_whole = answer.get("ChecksumType") == "FULL_OBJECT"
    return hex_from_base64(answer.get("ChecksumSHA256")) if is_whole else None


def _real_version(version_id: str | None) -> str | None:
    """S3 calls the only version of an unversioned object "null"."""
    return None if version_id == "null" else version_id


PARTS_AT_ONCE: Final = 3
"""One connection to S3 carries less than a function's network does; each part more is so much more memory."""


class MultipartUpload:
    """One upload in parts, as a context manager: what is not completed inside it is aborted.

    Args:
        client: The boto3 client.
        write: Where to, and how.
        metadata: What to keep beside the object.
        logger: Told when an abort fails, which must not hide the error that led to it.

    Raises:
        StorageError: Or another ``FatalError``, on entering: the upload could not be begun.
    """

    def __init__(
        self,
        client: Boto3S3Client,
        write: ObjectWrite,
        metadata: dict[str, str],
        logger: logging.Logger,
    ) -> None:
        self._client = client
        self._write = write
        self._metadata = metadata
        self._logger = logger
        self._upload_id = ""
        self._parts: list[CompletedPartTypeDef] = []
        self._meter = ContentMeter()
        self.is_sent = False
        """Whether the store was asked to make the object visible, so that it may be so."""

    def __enter__(self) -> Self:
        with self._errors():
            answer = self._client.create_multipart_upload(
                Bucket=self._write.bucket,
                Key=self._write.key,
                ChecksumAlgorithm="SHA256",
                Metadata=self._metadata,
                **content_type_argument(self._write),
            )
        self._upload_id = answer["UploadId"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._abort_after_failure()

    @property
    def content(self) -> Content:
        """What was sent until now."""
        return self._meter.content()

    def add_all(self, parts: Iterable[bytes]) -> None:
        """Send the parts, three at once and no more than these in memory; the store verifies each by itself.

        If one fails, those under way are waited for: an abort would not throw away what comes after it.
        """
        with ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
            for sent in _in_turn(pool.submit(self._send, *part) for part in self._measured(parts)):
                self._parts.append(sent)

    def complete(self) -> CompleteMultipartUploadOutputTypeDef:
        """Make the object visible, under the condition that the write asks for.

        Raises:
            InvalidInputError: The parts are not the content that was declared.
            ObjectExistsError: The condition does not hold.
        """
        check_declared(self.content.sha256, self._metadata)
        self.is_sent = True
        with self._errors():
            return self._client.complete_multipart_upload(
                Bucket=self._write.bucket,
                Key=self._write.key,
                UploadId=self._upload_id,
                MultipartUpload={"Parts": self._parts},
                **condition_argument(self._write),
            )

    def abort(self) -> None:
        """Throw away every part sent; an upload that is gone already counts as aborted."""
        with self._errors(), tolerated("NoSuchUpload"):
            self._client.abort_multipart_upload(
                Bucket=self._write.bucket,
                Key=self._write.key,
                UploadId=self._upload_id,
            )

    def _measured(self, parts: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
        for number, part in enumerate(parts, 1):
            self._meter.add(part)
            yield number, part

    def _send(self, number: int, part: bytes) -> CompletedPartTypeDef:
        checksum = base64_from_hex(Content.of(part).sha256)
        with self._errors():
            answer = self._client.upload_part(
                Bucket=self._write.bucket,
                Key=self._write.key,
                UploadId=self._upload_id,
                PartNumber=number,
                Body=part,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=checksum,
            )
        return {"ETag": answer["ETag"], "PartNumber": number, "ChecksumSHA256": checksum}

    def _abort_after_failure(self) -> None:
        try:
            self.abort()
        except DeClassesError as error:
            self._logger.warning("An upload could not be aborted; a lifecycle rule must clean up: %s", error)

    def _errors(self) -> AbstractContextManager[None]:
        return errors_from_botocore(self._write.bucket, self._write.key)


def _in_turn(running: Iterable[Future[CompletedPartTypeDef]]) -> Iterator[CompletedPartTypeDef]:
    """What was begun, in its order; the next is begun when there are fewer than may be under way."""
    window: deque[Future[CompletedPartTypeDef]] = deque()
    for future in running:
        window.append(future)
        if len(window) == PARTS_AT_ONCE:
            yield window.popleft().result()
    while window:
        yield window.popleft().result()
