"""Every error this library raises, named by what the caller does about it.

    DeClassesError
    |-- RetryableError                 do the same again, later
    |   |-- NetworkError               nothing usable came back: refused, reset, cut short, timed out
    |   |-- TransientStatusError       the API says "not now": 408, 425, 500, 502, 503, 504 and their like
    |   |   `-- RateLimitedError       the API says "slower": 429 and its like, 403 with a time to wait
    |   `-- CorruptResponseError       an answer came, but it is not the promised one
    |       `-- UnlikeDescribedError   it is sound, and not as described: not asked for often
    `-- FatalError                     doing the same again cannot help
        |-- ConfigurationError         fix the settings
        |   `-- InvalidInputError      fix the request, the record or the argument
        |       `-- RunNotFoundError   fix the run's id, or the place: no such run was begun there
        |-- AuthenticationError        fix the credentials (401)
        |   `-- InvalidTokenResponseError  fix the login endpoint: its answer holds no usable token
        |-- PermissionDeniedError      ask for access (403, or S3 AccessDenied)
        |-- RequestRejectedError       fix the request: 400, 404, 422 and other client errors
        |-- ProtocolError              fix the source's configuration: it breaks its own contract
        |   |-- PaginationLoopError    it hands out the same page for ever
        |   `-- ForeignOriginError     it points at another host, where no token may go
        |-- JobFailedError             mend the query: the source has failed at the job that was to make them
        |-- RetriesExhaustedError      raise the ceiling or try later; the last cause is attached
        |   `-- PageGivenUpError       this page kept failing; others may still come
        |-- RunCancelledError          nothing, or say that it is to go on: somebody cancelled the run
        |-- IncompleteRunError         resume or replay: the missing pages are named
        |   |-- SourceChangedError     run again from the start: the pages slid under the run
        |   `-- ShrunkDatasetError     look at the source; if it has become that small, accept it
        |-- DataFormatError            fix the data or pick another format
        |   |-- UnsupportedFormatError     no codec of that name
        |   |-- UnsupportedValueError      this format cannot hold that value without losing something
        |   |   `-- NothingToShowError     no column has a value yet: there is no table before there is one
        |   |-- MalformedDataError         the bytes are not what their format promises
        |   |-- TransformError             mend the run's transforms, or let them pass such records
        |   `-- SchemaViolationError       mend the source, pin a wider type, or quarantine such records
        |-- NewerLayoutError           update de-classes: a newer one wrote what is stored there
        `-- StorageError               fix the destination
            |-- BucketNotFoundError    create the bucket, or name another
            |-- ObjectNotFoundError    check the key
            |-- ObjectExistsError      the key is taken, and overwriting was not asked for
            |-- ObjectChangedError     the key has another object by now, which was not to be deleted
            |-- InvalidKeyError        no object can have that key
            `-- StorageUnavailableError    the store did not answer; nothing was committed

A ``RetryableError`` that outlives every retry is never shown as such: it becomes the ``__cause__``
of a ``RetriesExhaustedError``. No message ever holds a token, a password or a URL's query values, nor a
character that a terminal would act on: what a server, a store or a file wrote is quoted on one line, escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.redaction import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

BODY_EXCERPT_CHARS = 200


class DeClassesError(Exception):
    """Anything this library raises on purpose.

    Args:
        message: What happened; registered secrets are masked in it, and controls escaped.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))


class RetryableError(DeClassesError):
    """The same call may succeed later.

    Args:
        message: What happened, without secrets.
        retry_after: Seconds the API asked to be left alone for, or None if it did not say.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NetworkError(RetryableError):
    """No usable answer: refused, reset, cut short or timed out."""


class TransientStatusError(RetryableError):
    """The API answered 408, 500, 502, 503, 504, or another status that passes."""

    def __init__(self, message: str, *, status: int, retry_after: float | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.status = status


class RateLimitedError(TransientStatusError):
    """The API answered 429, or another status that means "slow down"."""


class CorruptResponseError(RetryableError):
    """An answer of status 200 that is not what the API promises: HTML, an error, cut or empty."""


class UnlikeDescribedError(CorruptResponseError):
    """A sound answer that is not as described: records elsewhere, another kind of answer, a form to log in.

    It is asked for once more. If it is the same then, before any page was read, it is a ``ProtocolError``.
    """


class FatalError(DeClassesError):
    """Doing the same again cannot help."""


class ConfigurationError(FatalError):
    """The settings are wrong.

    Args:
        message: What is wrong and how to mend it.
        problems: Every problem found, one sentence each, so that all are mended in one go.
    """

    def __init__(self, message: str, *, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(map(printable, problems)) or (str(self),)


class InvalidInputError(ConfigurationError):
    """A request, an argument or a record is wrong; nothing was done yet."""


class RunNotFoundError(InvalidInputError):
    """No run of that id was begun there, or its progress was cleaned away since."""


class AuthenticationError(FatalError):
    """The credentials, or the token just issued, were refused."""


class InvalidTokenResponseError(AuthenticationError):
    """The login endpoint answered, but without a usable token."""


class PermissionDeniedError(FatalError):
    """The caller is known and may not do this."""


class RequestRejectedError(FatalError):
    """The API refuses this request as it stands.

    Args:
        message: What was refused; ``body`` is quoted by the caller if it helps.
        status: The HTTP status.
        body: The first characters of the answer.
    """

    def __init__(self, message: str, *, status: int, body: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body = printable(body)[:BODY_EXCERPT_CHARS]


class ProtocolError(FatalError):
    """The source breaks its own contract, so what it says cannot be trusted."""


class PaginationLoopError(ProtocolError):
    """The source hands out the same page or cursor for ever."""


class ForeignOriginError(ProtocolError):
    """The source redirects or links to another origin; the token is not sent there."""


class JobFailedError(FatalError):
    """The source has failed at a job that was to make the records."""


class RetriesExhaustedError(FatalError):
    """A call kept failing until a ceiling was met; ``__cause__`` is the last failure.

    Args:
        message: What was tried.
        attempts: How many calls were made.
        retry_after: Seconds for which the source asks to be left alone, if that is why.
    """

    def __init__(self, message: str, *, attempts: int, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.attempts = attempts
        self.retry_after = retry_after


class PageGivenUpError(RetriesExhaustedError):
    """One page kept failing while the source was not known to be down: a run may skip it and go on."""


class RunCancelledError(FatalError):
    """Somebody cancelled the run: what came is kept, and it goes on once that is asked for.

    Args:
        message: Which, and what to do for it to go on.
        run_id: What the run is called by.
    """

    def __init__(self, message: str, *, run_id: str | None = None) -> None:
        super().__init__(message)
        self.run_id = run_id


class IncompleteRunError(FatalError):
    """Not every page arrived: ask for the same again, by its run id, or later.

    Example:
        >>> one_try = ClientLimits(retry_policy=RetryPolicy(max_attempts=1))
        >>> try:
        ...     ApiDataService(UnstableAPIClient("http://127.0.0.1:1", limits=one_try)).fetch_all_to_df()
        ... except IncompleteRunError as error:
        ...     print(list(error.missing_pages))
        [1]

    Args:
        message: What is missing and why.
        missing_pages: The page numbers that are known to be missing, ascending.
        run_id: What to call the run by so that it goes on where it stopped; None if it starts afresh.
        retry_after: Seconds after which it can go on, where it only waits for a job of the source; else None.
    """

    def __init__(
        self,
        message: str,
        *,
        missing_pages: Sequence[int] = (),
        run_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.run_id = run_id
        self.retry_after = retry_after
        self.missing_pages = missing_pages  # kept as it is: a range may hold a million million


class SourceChangedError(IncompleteRunError):
    """Records were added or removed while the run went over them: its pages do not fit together.

    Or the source has forgotten the place where the run is to go on.

    Fetching the missing pages cannot mend that. A whole pass more can, where records have a key.
    """


class EndMovedError(SourceChangedError):
    """What was the end of a collection leads further by now: it may never have been the end."""


class ShrunkDatasetError(IncompleteRunError):
    """A commit would make a dataset much smaller: it waits for somebody to say that this is right."""


class DataFormatError(FatalError):
    """Data and format do not fit each other."""


class UnsupportedFormatError(DataFormatError):
    """No codec is registered under that name."""


class UnsupportedValueError(DataFormatError):
    """The format cannot hold this value without losing something."""


class NothingToShowError(UnsupportedValueError):
    """A dataset has no column with a value yet, and a table has one at least."""


class MalformedDataError(DataFormatError):
    """The bytes are not what their format promises."""


class SchemaViolationError(DataFormatError):
    """A record does not fit the schema that was pinned."""


class TransformError(DataFormatError):
    """A transform of the run cannot be applied to a record that came."""


class MissingKeyError(DataFormatError):
    """A record has no value in a field of its key, so it cannot be told from the others."""


class AmbiguousKeyError(DataFormatError):
    """Records that are not the same have the same key, so it does not tell them apart."""


class NewerLayoutError(FatalError):
    """A newer version of this library has written there, in a layout that this one cannot read."""


class StorageError(FatalError):
    """The destination does not do what was asked."""


class BucketNotFoundError(StorageError):
    """There is no such bucket, or none that these credentials may see."""


class ObjectNotFoundError(StorageError):
    """There is no such object."""


class ObjectExistsError(StorageError):
    """The key is taken, and overwriting was not asked for."""


class ObjectChangedError(StorageError):
    """The key has another object than the one that was looked at; it was left as it is."""


class InvalidKeyError(StorageError):
    """No object can have that key."""


class StorageUnavailableError(StorageError):
    """The store did not answer within its retries; nothing was committed."""
