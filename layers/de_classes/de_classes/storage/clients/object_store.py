"""What every object store does, whatever is behind it: S3, MinIO or a directory.

Besides its contract: which names and keys it takes, media types, checksums, and streams cut into parts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self, TypedDict, Unpack

from de_classes.errors import InvalidInputError, InvalidKeyError, ObjectChangedError
from de_classes.utils.formats import FORMATS, find_format
from de_classes.utils.limits import key_problem
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHOWN_CHARS = 60

_PLAIN_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}")
_ACCESS_POINT = re.compile(r"arn:[a-z-]+:s3[a-z-]*:[A-Za-z0-9:/._-]+")


def validate_key(key: str) -> None:
    """Refuse keys that S3, a proxy or a file system would change or misread; see ``key_problem``.

    Raises:
        InvalidKeyError: The key is odd; the message says how.
    """
    problem = key_problem(key)
    if problem is not None:
        raise invalid_key(key, problem)


def invalid_key(key: str, problem: str) -> InvalidKeyError:
    """The error for a key, quoted so that it can be printed anywhere."""
    shown = key if len(key) <= SHOWN_CHARS else f"{key[:SHOWN_CHARS]}..."
    return InvalidKeyError(f"{shown!a} cannot be an object's key: {problem}")


def validate_bucket(bucket: str) -> None:
    """Refuse what S3 cannot take for a bucket or an access point.

    Raises:
        InvalidInputError: The name is impossible.
    """
    if not (_PLAIN_BUCKET.fullmatch(bucket) or _ACCESS_POINT.fullmatch(bucket)):
        raise invalid_bucket(bucket, "use 3 to 63 lower-case letters, digits, dots and hyphens")


def invalid_bucket(bucket: str, advice: str) -> InvalidInputError:
    """The error for a bucket's name, quoted so that it can be printed anywhere."""
    return InvalidInputError(f"{bucket[:SHOWN_CHARS]!a} cannot be a bucket's name: {advice}")


def media_type_of(key: str) -> str | None:
    """The media type of what is stored at a key, or None where the extension tells none."""
    name = find_format(PurePosixPath(key).suffix.removeprefix("."))
    return None if name is None else FORMATS[name].media_type


PIECE_BYTES = 1024 * 1024

METADATA_KEY = "sha256"
"""The metadata entry that carries the checksum in hex, for stores that keep none of their own."""


class Content(Value):
    """What some bytes are: their number, and their SHA-256 in hex."""

    size: int
    sha256: str

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Measure bytes that are at hand."""
        return cls(len(data), hashlib.sha256(data).hexdigest())


class ContentMeter:
    """Measures content that passes by in pieces.

    Attributes:
        size: Bytes until now.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.size = 0

    def add(self, piece: bytes | bytearray | memoryview) -> None:
        """Count the next piece."""
        self._digest.update(piece)
        self.size += memoryview(piece).nbytes

    def content(self) -> Content:
        """What has passed by until now."""
        return Content(self.size, self._digest.hexdigest())


def sha256_of_stream(stream: BinaryIO) -> str:
    """SHA-256 in hex of everything from the stream's position to its end."""
    meter = ContentMeter()
    while piece := stream.read(PIECE_BYTES):
        meter.add(piece)
    return meter.content().sha256


def base64_from_hex(digest: str) -> str:
    """A checksum as S3's headers carry it."""
    return base64.b64encode(bytes.fromhex(digest)).decode("ascii")


def hex_from_base64(value: str | None) -> str | None:
    """A checksum from S3's headers, or None if there is none or it is not one."""
    try:
        return base64.b64decode(value, validate=True).hex() if value else None
    except binascii.Error:
        return None


def metadata_for(sha256: str, metadata: Mapping[str, str] | None) -> dict[str, str]:
    """The metadata to store: the caller's, and the content's checksum.

    Raises:
        InvalidInputError: The caller declared another checksum.
    """
    check_declared(sha256, metadata)
    return {**(metadata or {}), METADATA_KEY: sha256}


def check_declared(sha256: str, metadata: Mapping[str, str] | None) -> None:
    """Compare the content with the checksum that the caller declared, if any.

    Raises:
        InvalidInputError: They differ.
    """
    declared = (metadata or {}).get(METADATA_KEY, sha256)
    if declared != sha256:
        raise InvalidInputError(
            f"the content's SHA-256 is {sha256}, but {declared!r} was declared: it changed while it was read",
        )


def read_up_to(stream: BinaryIO, size: int) -> bytes:
    """What follows in the stream, ``size`` bytes unless the stream ends before.

    A raw stream or a socket may give less than it is asked for, so it is asked again.
    """
    pieces = []
    missing = size
    while missing > 0 and (piece := stream.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def iterate_parts(stream: BinaryIO, part_size: int) -> Iterator[bytes]:
    """Yield parts, one at a time in memory; an empty stream is one empty part, and no other part is empty."""
    part = read_up_to(stream, part_size)
    yield part
    while len(part) == part_size and (part := read_up_to(stream, part_size)):
        yield part


def metadata_ahead(stream: BinaryIO, metadata: Mapping[str, str] | None) -> dict[str, str]:
    """The metadata to send before the stream: with its checksum, if declared or if it can be rewound."""
    declared = dict(metadata or {})
    if METADATA_KEY in declared or not stream.seekable():
        return declared
    start = stream.tell()
    digest = sha256_of_stream(stream)
    stream.seek(start)
    return {**declared, METADATA_KEY: digest}


MIN_PART_SIZE = 5 * 1024 * 1024
"""Bytes: S3 refuses a smaller part, except as the last one."""

MAX_PART_SIZE = 5 * 1024 * 1024 * 1024
"""Bytes: S3 refuses a larger part."""

DEFAULT_PART_SIZE = 8 * 1024 * 1024
"""Bytes in a part of a stream that is uploaded; a few of them are in memory at a time."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of a stored object.

    Example:
        >>> info = store.put_object("lake", "hello.txt", b"hello")
        >>> info.key, info.size
        ('hello.txt', 5)

    Attributes:
        bucket: The bucket's name.
        key: The object's key, as it was given.
        uri: Where it is: ``s3://bucket/key`` or ``file:///...``.
        size: Bytes.
        etag: The store's own mark of this content, without quotes. Only good for equality.
        content_type: The media type; None where the store does not say (a listing does not).
        checksum: SHA-256 of the content in hex; None where it is not known.
        version_id: The version in a versioned bucket, else None.
        modified: When it was written, in seconds since the epoch, or in whole ones; not told by writes.
            Two answers about one object are equal whether or not they tell it.
    """

    bucket: str
    key: str
    uri: str
    size: int
    etag: str | None = None
    content_type: str | None = None
    checksum: str | None = None
    version_id: str | None = None
    modified: float | None = field(default=None, compare=False)


class WriteOptions(TypedDict, total=False):
    """How an object is written. All may be left out.

    Attributes:
        content_type: The media type.
        metadata: Names and values kept beside the object, ASCII. ``sha256`` is added by the client;
            a caller who gives it declares the content, and any other content is refused.
        if_none_match: Write only if the key is free. A key that is taken by the very same content
            counts as success: then it was this write, or its twin, whose answer got lost.
    """

    content_type: str | None
    metadata: Mapping[str, str] | None
    if_none_match: bool


class ObjectWrite(Value):
    """One object to be written: where to, and the ``WriteOptions``."""

    bucket: str
    key: str
    content_type: str | None = None
    metadata: Mapping[str, str] | None = None
    if_none_match: bool = False


class ObjectStore(Protocol):
    """The contract that the suite in ``tests/contracts/test_object_stores.py`` holds every store to.

    Every method but ``validate_key`` raises the ``StorageError`` family, ``PermissionDeniedError`` and
    ``ConfigurationError`` (no credentials, wrong region, impossible bucket name), and nothing else.

    Example:
        >>> anywhere: ObjectStore = store  # a LocalClient, S3Client, MinioClient, or one of your own
        >>> _ = anywhere.put_object("lake", "hello.txt", b"hello")
        >>> anywhere.get_object("lake", "hello.txt")
        b'hello'
    """

    def validate_key(self, key: str) -> None:
        """Say no to a key that this store cannot hold exactly.

        Raises:
            InvalidKeyError: The key is odd; the message says how.
        """
        ...

    def uri(self, bucket: str, key: str) -> str:
        """How people write where an object is, or would be: ``s3://bucket/key`` or ``file:///...``.

        Raises:
            InvalidKeyError: No object can have that key.
            BucketNotFoundError: There is no such bucket, where that shows without asking a server.
        """
        ...

    def check_bucket(self, bucket: str) -> None:
        """Find out now whether the bucket is there and may be looked at.

        Raises:
            BucketNotFoundError: It is not there.
            PermissionDeniedError: These credentials may not look.
        """
        ...

    def check_writable(self, bucket: str, key: str) -> None:
        """Find out now whether an object may be written at that key, leaving nothing behind.

        Raises:
            BucketNotFoundError: There is no such bucket.
            PermissionDeniedError: These credentials may not write there.
            InvalidKeyError: No object can have that key.
        """
        ...

    def put_object(self, bucket: str, key: str, body: bytes, **options: Unpack[WriteOptions]) -> ObjectInfo:
        """Store bytes, whole or not at all.

        Raises:
            ObjectExistsError: ``if_none_match`` was asked for and other content has the key.
        """
        ...

    def upload_stream(
        self,
        stream: BinaryIO,
        bucket: str,
        key: str,
        *,
        part_size: int = DEFAULT_PART_SIZE,
        **options: Unpack[WriteOptions],
    ) -> ObjectInfo:
        """Store what a stream holds from its position on, whole or not at all.

        Memory is bounded by a small multiple of ``part_size`` (bytes), whatever the stream's length.

        Raises:
            ObjectExistsError: ``if_none_match`` was asked for and other content has the key.
            InvalidInputError: ``part_size`` is out of S3's bounds, or the content is not the declared one.
        """
        ...

    def get_object(self, bucket: str, key: str) -> bytes:
        """Read a whole object into memory.

        Raises:
            ObjectNotFoundError: There is none at that key.
        """
        ...

    def open_object(self, bucket: str, key: str) -> BinaryIO:
        """Open an object for reading as a stream; the caller closes it.

        Raises:
            ObjectNotFoundError: There is none at that key.
        """
        ...

    def head_object(self, bucket: str, key: str) -> ObjectInfo:
        """What is known of an object, without its content.

        Raises:
            ObjectNotFoundError: There is none at that key (S3 gives no reason, so perhaps no bucket).
        """
        ...

    def object_exists(self, bucket: str, key: str) -> bool:
        """Whether there is an object at that key."""
        ...

    def list_objects(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        """Every object whose key starts with the prefix, in UTF-8 order of the keys.

        Raises:
            BucketNotFoundError: There is no such bucket.
        """
        ...

    def list_folder(
        self, bucket: str, prefix: str = "", *, start_after: str = ""
    ) -> Iterator[ObjectInfo | str]:
        """What a folder holds itself, in UTF-8 order, and not what the folders in it hold.

        A look at ten folders costs ten requests, not one for every thousand objects below them; who has
        seen enough of one stops asking, or begins again behind what is of no interest.

        Args:
            bucket: The bucket.
            prefix: What the keys begin with: a folder with its slash, or the bucket as a whole.
            start_after: Only what comes behind this, a key or not.

        Yields:
            An object that lies there, or the prefix of a folder, with its slash. In a directory on disk one
            may be empty.

        Raises:
            BucketNotFoundError: There is no such bucket.
        """
        ...

    def delete_object(self, bucket: str, key: str, *, if_unchanged: ObjectInfo | None = None) -> None:
        """Remove an object; one that is not there counts as removed.

        Args:
            bucket: Where it is.
            key: Its key.
            if_unchanged: What a listing said of the object that is meant. Any other that has the key by now
                stays, also one of the same content, where the store tells them apart.

        Raises:
            ObjectChangedError: Another has it.
        """
        ...


class BucketStore(ObjectStore, Protocol):
    """An object store whose buckets can be managed too.

    Example:
        >>> owned: BucketStore = store  # a LocalClient, or a MinioClient
        >>> owned.create_bucket("raw")
        >>> owned.list_buckets()
        ['lake', 'raw']
    """

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket; one that is there already is left as it is."""
        ...

    def list_buckets(self) -> list[str]:
        """The names of all buckets, sorted."""
        ...

    def remove_bucket(self, bucket: str, *, force: bool = False) -> None:
        """Remove a bucket, with ``force`` together with everything in it.

        Raises:
            StorageError: It is not empty, and ``force`` was not asked for.
        """
        ...


def changed(info: ObjectInfo) -> ObjectChangedError:
    """The error for a delete that is not carried out."""
    return ObjectChangedError(f"{info.uri}: another object has the key since it was looked at, and stays")


def check_part_size(part_size: int) -> None:
    """Refuse a part size that S3 would refuse, before anything is sent.

    Raises:
        InvalidInputError: It is out of bounds.
    """
    if not MIN_PART_SIZE <= part_size <= MAX_PART_SIZE:
        raise InvalidInputError(
            f"part_size is {part_size}; S3 takes parts from {MIN_PART_SIZE} to {MAX_PART_SIZE} bytes",
        )
