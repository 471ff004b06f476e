"""botocore's errors, translated once into the library's own, also while an object is read."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from botocore import exceptions as botocore
from urllib3.exceptions import HTTPError

from de_classes.errors import (
    BucketNotFoundError,
    ConfigurationError,
    InvalidInputError,
    InvalidKeyError,
    ObjectExistsError,
    ObjectNotFoundError,
    PermissionDeniedError,
    StorageError,
    StorageUnavailableError,
)
from de_classes.redaction import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed import WriteableBuffer
    from botocore.response import StreamingBody

    from de_classes.errors import FatalError

PageT = TypeVar("PageT")

SERVER_ERROR = 500
MESSAGE_EXCERPT_CHARS = 300

_UNAVAILABLE = "the store did not serve it within the retries; try again later"
_WRONG_REGION = "set the region that the bucket is in"
_DAMAGED = "it was damaged on its way and not stored; try again"

_ErrorAndAdvice = tuple[type["FatalError"], str]

_BY_CODE: Final[dict[str, _ErrorAndAdvice]] = {
    "NoSuchBucket": (BucketNotFoundError, "create the bucket, or name another"),
    "NoSuchKey": (ObjectNotFoundError, "check the key"),
    "NoSuchVersion": (ObjectNotFoundError, "check the key"),
    "InvalidAccessKeyId": (PermissionDeniedError, "the access key is unknown to this store"),
    "SignatureDoesNotMatch": (PermissionDeniedError, "the secret key does not belong to the access key"),
    "ExpiredToken": (PermissionDeniedError, "the session token has expired; get new credentials"),
    "InvalidToken": (PermissionDeniedError, "the session token is not valid; get new credentials"),
    "RequestTimeTooSkewed": (PermissionDeniedError, "set this machine's clock"),
    "KeyTooLongError": (InvalidKeyError, "shorten the key"),
    "InvalidBucketName": (InvalidInputError, "name the bucket as S3 allows"),
    "BucketAlreadyExists": (StorageError, "somebody else has a bucket of that name; choose another"),
    "BucketNotEmpty": (StorageError, "empty the bucket first, or use force"),
    "ConditionalRequestConflict": (StorageUnavailableError, "another write was going on; try again"),
    "OperationAborted": (StorageUnavailableError, "another write was going on; try again"),
    "NoSuchUpload": (StorageUnavailableError, "the upload was completed or aborted before; try again"),
    "PermanentRedirect": (ConfigurationError, _WRONG_REGION),
    "AuthorizationHeaderMalformed": (ConfigurationError, _WRONG_REGION),
    "IllegalLocationConstraintException": (ConfigurationError, _WRONG_REGION),
    "BadDigest": (StorageUnavailableError, _DAMAGED),
    "InvalidDigest": (StorageUnavailableError, _DAMAGED),
    "XAmzContentChecksumMismatch": (StorageUnavailableError, _DAMAGED),
    "XAmzContentSHA256Mismatch": (StorageUnavailableError, _DAMAGED),
    "RequestTimeout": (StorageUnavailableError, _UNAVAILABLE),
    "SlowDown": (StorageUnavailableError, _UNAVAILABLE),
}

_BY_STATUS: Final[dict[int, _ErrorAndAdvice]] = {
    301: (ConfigurationError, _WRONG_REGION),
    403: (PermissionDeniedError, "ask for access, or use other credentials"),
    412: (ObjectExistsError, "the key is taken, and overwriting was not asked for"),
    429: (StorageUnavailableError, _UNAVAILABLE),
}

_BY_TYPE: Final[tuple[tuple[tuple[type[Exception], ...], type[FatalError], str], ...]] = (
    (
        (botocore.NoCredentialsError, botocore.PartialCredentialsError, botocore.CredentialRetrievalError),
        ConfigurationError,
        "no usable AWS credentials: give access_key and secret_key, a profile, or set up the default chain",
    ),
    (
        (botocore.NoRegionError, botocore.InvalidRegionError, botocore.UnknownEndpointError),
        ConfigurationError,
        "set a region that exists",
    ),
    (
        (botocore.TokenRetrievalError, botocore.SSOError, botocore.InvalidConfigError),
        ConfigurationError,
        "the AWS configuration gives no credentials: sign in again, or mend it",
    ),
    (
        (botocore.ParamValidationError,),
        InvalidInputError,
        "boto3 refuses an argument: the metadata must be ASCII, the names strings",
    ),
    (
        (botocore.FlexibleChecksumError,),
        StorageError,
        "what was read is not what its checksum promises; read it again, or restore the object",
    ),
    (
        (
            botocore.ConnectionError,
            botocore.HTTPClientError,
            botocore.IncompleteReadError,
            botocore.ResponseStreamingError,
        ),
        StorageUnavailableError,
        "no answer from the store: check the endpoint and the network, then try again",
    ),
)


@contextmanager
def errors_from_botocore(bucket: str = "", key: str | None = None) -> Iterator[None]:
    """Let only the library's errors out of a block that calls boto3.

    Args:
        bucket: What the call is about, for the message; empty for the store as a whole.
        key: The object it is about; without one, a 404 speaks of the bucket.

    Raises:
        StorageError: Or another ``FatalError``, as the tables above say; botocore's is the cause.
    """
    try:
        yield
    except botocore.ClientError as error:
        raise _from_answer(error, bucket, key) from error
    except botocore.BotoCoreError as error:
        raise error_of_library(error, _subject(bucket, key)) from error
    except HTTPError as error:  # within an answer that is no object: botocore lets it pass
        raise StorageUnavailableError(
            f"{_subject(bucket, key)}: the answer broke off, try again ({type(error).__name__})"
        ) from error


def pages_from_botocore(pages: Iterable[PageT], bucket: str) -> Iterator[PageT]:
    """A boto3 paginator's pages, its errors translated; those of whoever consumes them are not touched."""
    iterator = iter(pages)
    while True:
        with errors_from_botocore(bucket):
            page = next(iterator, None)
        if page is None:
            return
        yield page


@contextmanager
def tolerated(code: str) -> Iterator[None]:
    """Let an answer of that code pass for success."""
    try:
        yield
    except botocore.ClientError as error:
        if error_code(error) != code:
            raise


def error_code(error: botocore.ClientError) -> str:
    """S3's own name of what went wrong; a HEAD has no body, so there it is the status."""
    return error.response.get("Error", {}).get("Code", "")


def _from_answer(error: botocore.ClientError, bucket: str, key: str | None) -> FatalError:
    code = error_code(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    kind, advice = _BY_CODE.get(code) or _by_status(status, key)
    told = error.response.get("Error", {}).get("Message") or ""  # Ceph leaves it out
    said = excerpt(told, MESSAGE_EXCERPT_CHARS)
    return kind(f"{_subject(bucket, key)}: {advice} ({error.operation_name}: {code} {said})".rstrip())


def _by_status(status: int, key: str | None) -> _ErrorAndAdvice:
    not_found = _BY_CODE["NoSuchBucket" if key is None else "NoSuchKey"]
    if status >= SERVER_ERROR:
        return StorageUnavailableError, _UNAVAILABLE
    return {**_BY_STATUS, 404: not_found}.get(status, (StorageError, "the store refuses this"))


def error_of_library(error: botocore.BotoCoreError, subject: str) -> FatalError:
    """Ours for what boto3 itself gave up with, before a service answered.

    Args:
        error: botocore's.
        subject: What the call was about, which begins the message.
    """
    for types, kind, advice in _BY_TYPE:
        if isinstance(error, types):
            return kind(f"{subject}: {advice} ({type(error).__name__})")
    return StorageError(f"{subject}: boto3 gave up with {type(error).__name__}")


def _subject(bucket: str, key: str | None) -> str:
    return "S3" if not bucket else f"s3://{bucket}" if key is None else f"s3://{bucket}/{key}"


class S3ObjectReader(io.RawIOBase):
    """Reads an answer's body; a connection that breaks on the way raises ``StorageUnavailableError``.

    Args:
        body: What boto3's ``get_object`` gave; closed with this reader.
        bucket: For the messages.
        key: For the messages.
    """

    def __init__(self, body: StreamingBody, bucket: str, key: str) -> None:
        super().__init__()
        self._body = body
        self._bucket = bucket
        self._key = key

    def readable(self) -> bool:
        """Always; seeking is not possible."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer as far as the body goes; 0 is the end."""
        view = memoryview(buffer).cast("B")
        with errors_from_botocore(self._bucket, self._key):
            piece = self._body.read(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Give the connection back."""
        if not self.closed:
            self._body.close()
        super().close()
