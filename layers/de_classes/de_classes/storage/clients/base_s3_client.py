"""What AWS S3 and every S3-compatible server have in common."""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Unpack

from de_classes.errors import (
    BucketNotFoundError,
    ObjectExistsError,
    ObjectNotFoundError,
    PermissionDeniedError,
    StorageError,
    StorageUnavailableError,
)
from de_classes.storage.clients.botocore_errors import (
    S3ObjectReader,
    errors_from_botocore,
    pages_from_botocore,
    tolerated,
)
from de_classes.storage.clients.multipart import (
    MultipartUpload,
    info_from_head,
    info_from_listing,
    info_from_write,
    put_arguments,
    s3_uri,
)
from de_classes.storage.clients.object_store import (
    DEFAULT_PART_SIZE,
    Content,
    ObjectWrite,
    changed,
    check_part_size,
    iterate_parts,
    metadata_ahead,
    sha256_of_stream,
    validate_bucket,
    validate_key,
)
from de_classes.utils.clock import SystemClock

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator

    from mypy_boto3_s3 import S3Client as Boto3S3Client
    from mypy_boto3_s3.type_defs import PutObjectOutputTypeDef

    from de_classes.errors import FatalError
    from de_classes.storage.clients.object_store import (
        ObjectInfo,
        WriteOptions,
    )
    from de_classes.utils.clock import Clock

CONFLICT_WAITS: Final = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between tries of a conditional write that met another one under way (409)."""


class BaseS3Client:
    """Every call of the ``ObjectStore`` contract, over a boto3 client.

    Each write carries its SHA-256, so that the store itself verifies what arrived, and keeps it in the
    object's metadata. boto3 retries SlowDown, 5xx and broken connections; what outlives that is raised
    as ``StorageUnavailableError``.

    On AWS a writer needs ``s3:PutObject``, ``s3:AbortMultipartUpload`` and, to tell its own content from
    another's when a conditional write is refused, ``s3:GetObject``. Without ``s3:ListBucket`` AWS answers
    403 instead of 404 for a missing object, and that is what the caller then sees.

    Example:
        >>> import boto3
        >>> BaseS3Client(boto3.client("s3"), logger).put_object("lake", "hello.txt", b"hello").uri
        's3://lake/hello.txt'

    Args:
        client: A boto3 S3 client, or anything that behaves like one.
        logger: Told of every write and of conditional writes found done already.
        clock: Waits between tries of a conflicting write.
    """

    def __init__(self, client: Boto3S3Client, logger: logging.Logger, *, clock: Clock | None = None) -> None:
        self._s3 = client
        self._logger = logger
        self._clock = clock or SystemClock()

    def __repr__(self) -> str:
        meta = self._s3.meta
        return f"{type(self).__name__}(endpoint={meta.endpoint_url!r}, region={meta.region_name!r})"

    def validate_key(self, key: str) -> None:
        """Refuse keys that do not come back exactly; see ``key_problem``."""
        validate_key(key)

    def uri(self, bucket: str, key: str) -> str:
        """The address as the AWS tools write it."""
        self.validate_key(key)
        return s3_uri(bucket, key)

    def check_bucket(self, bucket: str) -> None:
        """Ask for the bucket's head, which needs ``s3:ListBucket``.

        A writer that may not list, as a Lambda function should be, uses ``check_writable``.

        Raises:
            BucketNotFoundError: There is no such bucket.
            PermissionDeniedError: It is another's, or ``s3:ListBucket`` is missing.
        """
        validate_bucket(bucket)
        with errors_from_botocore(bucket):
            self._s3.head_bucket(Bucket=bucket)

    def check_writable(self, bucket: str, key: str) -> None:
        """Begin an upload in parts at that key and abort it: the same permissions as writing, no trace.

        Raises:
            BucketNotFoundError: There is no such bucket.
            PermissionDeniedError: These credentials may not write at that key.
            InvalidKeyError: No object can have that key.
        """
        with MultipartUpload(self._s3, self._checked(bucket, key), {}, self._logger) as upload:
            upload.abort()

    def put_object(self, bucket: str, key: str, body: bytes, **options: Unpack[WriteOptions]) -> ObjectInfo:
        """Store bytes in one request.

        Raises:
            ObjectExistsError: ``if_none_match`` was asked for and other content has the key.
        """
        write = self._checked(bucket, key, **options)
        content = Content.of(body)
        arguments = put_arguments(write, body, content)
        try:
            with errors_from_botocore(bucket, key):
                answer = self._put(arguments)
        except (ObjectExistsError, StorageUnavailableError) as error:
            return self._settle(write, content, error)
        return self._written(write, content, answer["ETag"], answer.get("VersionId"))

    def upload_stream(
        self,
        stream: BinaryIO,
        bucket: str,
        key: str,
        *,
        part_size: int = DEFAULT_PART_SIZE,
        **options: Unpack[WriteOptions],
    ) -> ObjectInfo:
        """Store a stream: in one request if it fits into one part, else in parts, three at once.

        A stream that can seek is read twice, for its checksum goes into the metadata, unless the caller
        declares it there. One that cannot seek and needs several parts gets no checksum in its metadata.
        S3 takes 10,000 parts, so ``part_size`` limits the length to 78 GiB at its default.

        Raises:
            ObjectExistsError: ``if_none_match`` was asked for and other content has the key.
            InvalidInputError: ``part_size`` is out of S3's bounds, or the content is not the declared one.
        """
        write = self._checked(bucket, key, **options)
        check_part_size(part_size)
        metadata = metadata_ahead(stream, write.metadata)
        parts = iterate_parts(stream, part_size)
        first, second = next(parts), next(parts, None)
        if second is None:
            return self.put_object(bucket, key, first, **options)
        upload = MultipartUpload(self._s3, write, metadata, self._logger)
        every = chain(iter([first, second]), parts)  # an iterator lets go of its list, a chain does not
        del first, second
        return self._send_parts(write, upload, every)

    def get_object(self, bucket: str, key: str) -> bytes:
        """Read a whole object into memory; boto3 compares it with the store's checksum.

        Raises:
            ObjectNotFoundError: There is none at that key.
        """
        with self.open_object(bucket, key) as stream:
            return stream.read()

    def open_object(self, bucket: str, key: str) -> BinaryIO:
        """Open an object for reading as a stream; the caller closes it.

        Raises:
            ObjectNotFoundError: There is none at that key.
            StorageUnavailableError: Also later, by a read: the connection broke.
        """
        self._checked(bucket, key)
        with errors_from_botocore(bucket, key):
            answer = self._s3.get_object(Bucket=bucket, Key=key)
        return io.BufferedReader(S3ObjectReader(answer["Body"], bucket, key))

    def head_object(self, bucket: str, key: str) -> ObjectInfo:
        """What is known of an object, its checksum included if it was written by this library.

        Raises:
            ObjectNotFoundError: There is none at that key, or no such bucket: a HEAD does not tell.
        """
        self._checked(bucket, key)
        with errors_from_botocore(bucket, key):
            answer = self._s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        return info_from_head(bucket, key, answer)

    def object_exists(self, bucket: str, key: str) -> bool:
        """Whether there is an object at that key; on AWS this needs ``s3:ListBucket`` to say no."""
        try:
            self.head_object(bucket, key)
        except (ObjectNotFoundError, BucketNotFoundError):
            return False
        return True

    def list_objects(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        """Every object whose key starts with the prefix, 1,000 a request. Needs ``s3:ListBucket``.

        Raises:
            BucketNotFoundError: There is no such bucket.
        """
        validate_bucket(bucket)
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages_from_botocore(pages, bucket):
            yield from (info_from_listing(bucket, entry) for entry in page.get("Contents", ()))

    def list_folder(
        self, bucket: str, prefix: str = "", *, start_after: str = ""
    ) -> Iterator[ObjectInfo | str]:
        """What a folder holds itself, 1,000 objects and folders a request. Needs ``s3:ListBucket``.

        Raises:
            BucketNotFoundError: There is no such bucket.
        """
        validate_bucket(bucket)
        behind: dict[str, Any] = {"StartAfter": start_after} if start_after else {}
        listing = self._s3.get_paginator("list_objects_v2")
        pages = listing.paginate(Bucket=bucket, Prefix=prefix, Delimiter="/", **behind)
        for page in pages_from_botocore(pages, bucket):
            found: dict[str, ObjectInfo | str] = {
                entry["Key"]: info_from_listing(bucket, entry) for entry in page.get("Contents", ())
            }
            found.update((entry["Prefix"], entry["Prefix"]) for entry in page.get("CommonPrefixes", ()))
            yield from (found[name] for name in sorted(found, key=str.encode))

    def delete_object(self, bucket: str, key: str, *, if_unchanged: ObjectInfo | None = None) -> None:
        """Remove an object; in a versioned bucket it is only hidden by a delete marker.

        With ``if_unchanged`` the object is looked at first, and the ETag goes with the delete as a condition.
        AWS keeps it, and wants ``s3:GetObject`` for both; servers that do not know it ignore it. The look
        tells by the time of writing, too, what a condition cannot: the same content, written again.

        Raises:
            ObjectChangedError: The key has another object than ``if_unchanged`` says.
        """
        self._checked(bucket, key)
        if if_unchanged is None:
            with errors_from_botocore(bucket, key):
                self._s3.delete_object(Bucket=bucket, Key=key)
            return
        with suppress(ObjectNotFoundError):  # gone meanwhile: what was to be
            if not _is_same(self.head_object(bucket, key), if_unchanged):
                raise changed(if_unchanged)
            self._delete_matching(bucket, key, if_unchanged)

    def _checked(self, bucket: str, key: str, **options: Unpack[WriteOptions]) -> ObjectWrite:
        validate_bucket(bucket)
        self.validate_key(key)
        return ObjectWrite(bucket, key, **options)

    def _delete_matching(self, bucket: str, key: str, meant: ObjectInfo) -> None:
        try:
            with errors_from_botocore(bucket, key):
                self._s3.delete_object(Bucket=bucket, Key=key, IfMatch=f'"{meant.etag}"')
        except ObjectExistsError as error:  # 412, which a conditional write is answered, too
            if self.object_exists(bucket, key):  # if not, this delete was done before, unheard
                raise changed(meant) from error

    def _put(self, arguments: dict[str, Any]) -> PutObjectOutputTypeDef:
        for wait in CONFLICT_WAITS:
            with tolerated("ConditionalRequestConflict"):
                return self._s3.put_object(**arguments)
            self._clock.sleep(wait)
        return self._s3.put_object(**arguments)

    def _send_parts(self, write: ObjectWrite, upload: MultipartUpload, parts: Iterable[bytes]) -> ObjectInfo:
        try:
            with upload:
                upload.add_all(parts)
                self._refuse_if_taken(write)
                answer = upload.complete()
        except (ObjectExistsError, StorageUnavailableError) as error:
            if isinstance(error, StorageUnavailableError) and not upload.is_sent:
                raise
            return self._settle(write, upload.content, error)
        etag = answer["ETag"] or self.head_object(write.bucket, write.key).etag or ""  # Ceph 16 says it later
        return self._written(write, upload.content, etag, answer.get("VersionId"))

    def _refuse_if_taken(self, write: ObjectWrite) -> None:
        """Look before an upload is completed: Ceph 16 ignores the condition there, and would overwrite."""
        if write.if_none_match and self._stored(write) is not None:
            raise ObjectExistsError(f"s3://{write.bucket}/{write.key}: the key is taken")

    def _written(self, write: ObjectWrite, content: Content, etag: str, version_id: str | None) -> ObjectInfo:
        info = info_from_write(write, content, etag, version_id)
        self._logger.info("Stored %s (%d bytes)", info.uri, info.size)
        return info

    def _settle(self, write: ObjectWrite, content: Content, error: FatalError) -> ObjectInfo:
        """A write was refused or not answered: it is done all the same if its content is what is stored."""
        stored = self._stored(write)
        if stored and stored.size == content.size and self._checksum_of(stored) == content.sha256:
            self._logger.info("%s held this very content already: an earlier try had landed", stored.uri)
            return replace(stored, checksum=content.sha256)
        if stored is not None and write.if_none_match and not isinstance(error, ObjectExistsError):
            raise ObjectExistsError(f"{stored.uri}: another write came first") from error
        raise error

    def _stored(self, write: ObjectWrite) -> ObjectInfo | None:
        try:
            return self.head_object(write.bucket, write.key)
        except (StorageError, PermissionDeniedError):
            return None

    def _checksum_of(self, stored: ObjectInfo) -> str:
        if stored.checksum is not None:
            return stored.checksum
        with self.open_object(stored.bucket, stored.key) as stream:
            return sha256_of_stream(stream)


def _is_same(found: ObjectInfo, meant: ObjectInfo) -> bool:
    """Whether two answers are about one object; a HEAD tells the time in whole seconds alone."""
    times = [info.modified for info in (found, meant)]
    is_later = None not in times and int(times[0] or 0) != int(times[1] or 0)
    return found.etag == meant.etag and not is_later
