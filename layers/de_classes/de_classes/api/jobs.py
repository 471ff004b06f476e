"""Jobs: a source that gives much makes it first. A job is created, looked at until it is done, downloaded.

Salesforce's Bulk API and Shopify's bulk operations are such. What a run knows of its job is noted in its
journal: a run that goes on asks for the same job, and never makes a second one, unless nobody can tell
whether the first was made at all.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Protocol, TypeAlias

import msgspec
from msgspec import Meta

from de_classes.api.increments import moment_of
from de_classes.api.templates import Path, as_text, names_in
from de_classes.errors import (
    AuthenticationError,
    FatalError,
    IncompleteRunError,
    InvalidInputError,
    JobFailedError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitedError,
    RequestRejectedError,
    RetriesExhaustedError,
    RetryableError,
)
from de_classes.utils import layouts
from de_classes.utils.digests import digest
from de_classes.utils.paths import MISSING, find, standing_there
from de_classes.utils.values import Described, Value

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from de_classes.api.auth.scheme import AuthScheme

LONGEST: Final = 60.0
"""Seconds between two looks at a job that names no time itself."""

_SHARE: Final = 0.25
"""Of the time that a job has taken until now, which is waited before the next look."""

_CLOCKS_DIFFER: Final = 60.0
"""Seconds by which the source's clock may be behind ours where a job is looked for by its time."""

_MOST_UNANSWERED: Final = 5
_BEFORE_ANOTHER: Final = 10.0  # seconds: what is down for a moment is to be up again by then

_GONE: Final = frozenset({404, 410})
_TOKEN: Final = "job.token"  # noqa: S105 - a name that texts fill

_REFUSED: Final = (AuthenticationError, PermissionDeniedError, RequestRejectedError, RetriesExhaustedError)

Text = Annotated[str, Meta(min_length=1)]
JSON = Any


class JobRequest(Described, kw_only=True):
    """A request to make a job, or to look at one.

    Attributes:
        method: Of the request.
        path: Below ``base_url``; it may name ``${job.id}``.
        params: Of its query.
        headers: Of the request.
        json: Its body. Where a source takes one, ``${job.token}`` is a text that is the same however often
            the run asks for the same job, so that asking twice makes one.
    """

    method: Literal["GET", "POST"] = "GET"
    path: Text
    params: dict[str, str | int | float | bool] = msgspec.field(default_factory=dict)
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    json: JSON = None


class FindJob(JobRequest, kw_only=True):
    """A request for the jobs that there are, to find one whose creation was not answered.

    Attributes:
        records_path: Where they are: a list, or one object.
        id_path: Where each says how it is called.
        created_path: Where it says when it was made.
        where: What is true of those that ask for the same, such as ``object == 'Account'``.
    """

    records_path: Path
    id_path: Path = "id"
    created_path: Path
    where: Path | None = None


class Job(Described, kw_only=True):
    """How a resource's records are made, before its pages can be asked for.

    Its pages name ``${job.id}``, or one of ``fields``.

    Attributes:
        create: Makes the job.
        poll: Looks at it, by ``${job.id}``.
        find: Looks for one whose creation was not answered.
        id_path: Where the answer to ``create`` says how the job is called.
        state_path: Where the answer to ``poll`` says how far it is.
        pending: The states in which it is not done yet.
        done: Those in which it is.
        failed: Those in which nothing comes of it any more.
        expired: Those in which what came of it is gone: another is made.
        message: Where a failed one says why.
        fields: What else the answer to ``poll`` holds once it is done: names to paths.
        total_path: Where that says how many records there are.
        wait: Seconds between the first looks; later ones wait a quarter of the time that the job has taken, a
            minute at the most, or what ``Retry-After`` says.
        hosts: Hosts beyond the source's own where the records lie. No token goes there, so the resource has
            an ``auth`` of its own.
    """

    create: JobRequest
    poll: JobRequest
    find: FindJob | None = None
    id_path: Path = "id"
    state_path: Path
    pending: Annotated[tuple[Text, ...], Meta(min_length=1)]
    done: Annotated[tuple[Text, ...], Meta(min_length=1)]
    failed: tuple[Text, ...] = ()
    expired: tuple[Text, ...] = ()
    message: Path | None = None
    fields: dict[str, Path] = msgspec.field(default_factory=dict)
    total_path: Path | None = None
    wait: Annotated[float, Meta(gt=0, le=3600)] = 2.0
    hosts: tuple[Text, ...] = ()

    def requests(self) -> list[JobRequest]:
        """All of its requests."""
        return [self.create, self.poll, *([self.find] if self.find else [])]

    def problems(self) -> Iterator[str]:
        """What cannot be, although each field by itself can."""
        states = [*self.pending, *self.done, *self.failed, *self.expired]
        for state in sorted({state for state in states if states.count(state) > 1}):
            yield f"{state!r} is said twice of what a job can be"
        if "id" in self.fields or "token" in self.fields:
            yield "fields cannot be called id or token, which every job has"
        if "job.id" in names_in(msgspec.to_builtins(self.create)):
            yield "create names ${job.id}, which is not known before"


class BoundJob(Value):
    """A job with what its own requests need, which is not always what its pages need.

    Attributes:
        described: The job, its paths being whole addresses.
        auth: Signs its requests.
        origins: Where they may go.
    """

    described: Job
    auth: AuthScheme
    origins: frozenset[tuple[str, str, int | None]]


class JobNote(msgspec.Struct, frozen=True, kw_only=True, tag_field="version", tag=layouts.JOURNAL):
    """What is noted of a job.

    Attributes:
        number: Which of the run's jobs, from 1.
        at: When, in seconds since the epoch, by our clock.
        id: What the source calls it; None where that is not known.
        why: Why it counts no more, or what is doubtful of it.
    """

    number: int
    at: float
    id: str | int | None = None
    why: str | None = None


NoteKind: TypeAlias = Literal["asked", "job", "over"]
"""That a job is about to be made, that it was, and that it counts no more."""


class JobNotes(Protocol):
    """Where a run notes its jobs; a journal does."""

    def job_note(self, kind: NoteKind, number: int) -> JobNote | None:
        """What is noted, if anything is."""
        ...

    def note_job(self, kind: NoteKind, note: JobNote) -> JobNote:
        """Note it, unless it is noted; what is noted then."""
        ...


class NotesInMemory(JobNotes):
    """Notes of a run that cannot be gone on with."""

    def __init__(self) -> None:
        self._notes: dict[tuple[str, int], JobNote] = {}

    def job_note(self, kind: NoteKind, number: int) -> JobNote | None:
        """See ``JobNotes``."""
        return self._notes.get((kind, number))

    def note_job(self, kind: NoteKind, note: JobNote) -> JobNote:
        """See ``JobNotes``."""
        return self._notes.setdefault((kind, note.number), note)


class JobCalls(Protocol):
    """What a job needs of its client."""

    @property
    def logger(self) -> logging.Logger:
        """Told of jobs."""
        ...

    @property
    def longest_wait(self) -> float | None:
        """Seconds that may be waited for a job here; without end if None."""
        ...

    def ask(self, request: JobRequest, values: Mapping[str, Any]) -> tuple[Any, float | None]:
        """One request: the answer as a JSON value, and the seconds that it asks to be left alone for.

        Args:
            request: What is asked.
            values: What names such as ``job.id`` stand for.

        Raises:
            RetryableError: It is worth another try.
            FatalError: It is not.
        """
        ...

    def patiently(self, operation: Callable[[], Any], what: str) -> Any:  # noqa: ANN401 - whatever it gives
        """Try until it works, or a ceiling is met."""
        ...

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def has_time_for(self, seconds: float) -> bool:
        """Whether the time is not up by then."""
        ...

    def wait(self, seconds: float) -> None:
        """Wait."""
        ...


class SourceJob:
    """The job of a client's runs: made once, and waited for. Safe among threads.

    Args:
        described: How it is made.

    Attributes:
        notes: Where it is noted.
        number: Which of the run's jobs its pages are of, from 1; 0 before it is done.
        total: How many records it says that it has, once it is done; None if it does not say.
        values: What the pages' names stand for, by whole names such as ``job.id``.
        doubts: What may be left behind at the source, a sentence each.
    """

    def __init__(self, described: Job) -> None:
        self._described = described
        self._lock = threading.Lock()
        self.notes: JobNotes = NotesInMemory()
        self.number = 0
        self.total: int | None = None
        self.values: Mapping[str, Any] = {}
        self.doubts: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it says that there is nothing, and nowhere where it would lie."""
        return self.total == 0 and None in self.values.values()

    def make_ready(self, calls: JobCalls) -> None:
        """Make the job, unless it was, and wait until it is done.

        Args:
            calls: Speaks to the source.

        Raises:
            IncompleteRunError: It is not done yet, and there is no time to wait here: see ``retry_after``.
            JobFailedError: The source has failed at it.
            ProtocolError: What the source says is not as described.
            RetriesExhaustedError: It does not answer.
        """
        with self._lock:
            if self.number:
                return
            try:
                self._make_one(calls)
            except _ExpiredError as error:
                calls.logger.warning("%s: another job is made", error)
                try:
                    self._make_one(calls)
                except _ExpiredError as again:
                    raise JobFailedError(f"{again}, and so was the one before it") from again

    def _make_one(self, calls: JobCalls) -> None:
        number = 1
        while self.notes.job_note("over", number) is not None:
            number += 1
        note = self.notes.job_note("job", number) or self._made(number, calls)
        self._doubt(note.why)
        try:
            answer = self._done(note, calls)
        except (JobFailedError, _ExpiredError) as error:
            self.notes.note_job("over", JobNote(number=number, at=calls.now(), id=note.id, why=str(error)))
            raise
        self.values = {"job.id": note.id, **self._fields(answer)}
        self.number = number

    def _made(self, number: int, calls: JobCalls) -> JobNote:
        """Make a job; one whose creation may have been taken is looked for before that."""
        before = self.notes.job_note("asked", number)
        asked = before or self.notes.note_job("asked", JobNote(number=number, at=calls.now()))
        token = digest([asked.at, number, msgspec.to_builtins(self._described)], 16).hex()
        unanswered = [] if before is None else ["the run was stopped meanwhile"]
        is_safe = _TOKEN in names_in(msgspec.to_builtins(self._described.create))

        def make() -> JobNote:
            found = None if not unanswered or is_safe else self._found(asked.at, calls)
            if found is not None:
                return JobNote(number=number, at=asked.at, id=found)
            doubt = _doubt_of(unanswered) if unanswered and not is_safe else None
            answer = self._asked_for(token, unanswered, calls, is_safe=is_safe)
            return JobNote(number=number, at=calls.now(), id=self._id_in(answer), why=doubt)

        try:
            made: JobNote = calls.patiently(make, "the request that makes a job")
        except _REFUSED as error:
            if not unanswered:  # every answer said that it was not made
                self.notes.note_job("over", JobNote(number=number, at=calls.now(), why=str(error)))
            raise
        noted = self.notes.note_job("job", made)
        if noted.id != made.id:
            self._doubt(
                f"job {made.id} was made beside {noted.id} by another go at this run, and is left behind"
            )
        calls.logger.info("job %s of the source", noted.id)
        return noted

    def _asked_for(self, token: str, unanswered: list[str], calls: JobCalls, *, is_safe: bool) -> Any:  # noqa: ANN401 - a JSON value
        """The answer to one request for a job; that there is none is noted, for a job may have been made."""
        try:
            answer, _ = calls.ask(self._described.create, {_TOKEN: token})
        except RateLimitedError:  # it was refused, and so not made
            raise
        except RetryableError as error:
            unanswered.append(str(error))
            if is_safe:
                raise
            if len(unanswered) >= _MOST_UNANSWERED:
                raise IncompleteRunError(f"{_doubt_of(unanswered)}; ask again later") from error
            error.retry_after = max(error.retry_after or 0.0, _BEFORE_ANOTHER)
            raise
        return answer

    def _id_in(self, answer: Any) -> str | int:  # noqa: ANN401 - a JSON value
        path = self._described.id_path
        found = find(answer, path)
        if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
            raise ProtocolError(
                f"the answer to the request that makes a job has no id at {path!r}: it has "
                f"{standing_there(answer)}"
            )
        return found

    def _found(self, asked_at: float, calls: JobCalls) -> str | int | None:
        """The job that was made since it was asked for, if there is one alone."""
        look = self._described.find
        if look is None:
            return None
        answer, _ = calls.ask(look, {})
        there = find(answer, look.records_path)
        jobs: Sequence[Any] = there if isinstance(there, list) else [there]
        found = [
            find(job, look.id_path)
            for job in jobs
            if isinstance(job, dict)
            and (look.where is None or find(job, look.where) is True)
            and _since(find(job, look.created_path), asked_at - _CLOCKS_DIFFER)
        ]
        alone = found[0] if len(found) == 1 else None
        return alone if isinstance(alone, str | int) else None

    def _done(self, note: JobNote, calls: JobCalls) -> Any:  # noqa: ANN401 - a JSON value
        """Wait until it is done; what it says then."""
        described = self._described
        while True:
            answer, asked = self._look(note, calls)
            state = as_text(find(answer, described.state_path))
            if state in described.done:
                return answer
            if state in described.failed:
                said = "" if described.message is None else find(answer, described.message)
                why = f": {said}" if isinstance(said, str) and said else ""
                raise JobFailedError(
                    f"job {note.id} is {state} at the source{why}; the run makes another when it goes on"
                )
            if state in described.expired:
                raise _ExpiredError(f"job {note.id} is {state} at the source")
            if state not in described.pending:
                raise ProtocolError(
                    f"job {note.id} is {state[:40]!r} at the source, which is none of the states that are "
                    "described: say in job whether that is pending, done, failed or expired; the answer has "
                    f"{standing_there(answer)}"
                )
            took = max(0.0, calls.now() - note.at)
            seconds = min(max(described.wait, _SHARE * took), LONGEST) if asked is None else asked
            longest = calls.longest_wait
            if (longest is not None and seconds > longest) or not calls.has_time_for(seconds):
                raise IncompleteRunError(
                    f"job {note.id} is {state} at the source: ask again in {seconds:.0f} s",
                    retry_after=seconds,
                )
            calls.wait(seconds)

    def _look(self, note: JobNote, calls: JobCalls) -> tuple[Any, float | None]:
        def look() -> tuple[Any, float | None]:
            return calls.ask(self._described.poll, {"job.id": note.id})

        try:
            told: tuple[Any, float | None] = calls.patiently(look, f"the look at job {note.id}")
        except RequestRejectedError as error:
            if error.status in _GONE:
                raise _ExpiredError(f"job {note.id} is not known at the source any more") from error
            raise
        return told

    def _fields(self, answer: Any) -> dict[str, Any]:  # noqa: ANN401 - a JSON value
        """What the pages' names stand for; the total is taken down."""
        described = self._described
        self.total = None if described.total_path is None else _count(find(answer, described.total_path))
        if self.total is None and described.total_path is not None:
            raise ProtocolError(
                f"a job that is done says no number of records at {described.total_path!r}: it has "
                f"{standing_there(answer)}"
            )
        fields = {name: find(answer, path) for name, path in described.fields.items()}
        for name, value in fields.items():
            if value is MISSING or (value is None and self.total != 0):
                raise ProtocolError(
                    f"a job that is done has nothing at {described.fields[name]!r}: it has "
                    f"{standing_there(answer)}"
                )
        return {f"job.{name}": value for name, value in fields.items()}

    def _doubt(self, why: str | None) -> None:
        if why is not None:
            self.doubts = (*self.doubts, why)


def _doubt_of(unanswered: Sequence[str]) -> str:
    """What may be left behind where requests for a job were not answered."""
    times = "once" if len(unanswered) == 1 else f"{len(unanswered)} times"
    return (
        f"a job was asked for, and {times} it is not known whether it was made ({unanswered[-1]}): as many "
        "may be left behind at the source"
    )


class _ExpiredError(FatalError):
    """What came of a job is gone."""


def _since(said: Any, moment: float) -> bool:  # noqa: ANN401 - a JSON value
    try:
        return moment_of(said) >= moment
    except (ValueError, OverflowError, TypeError, InvalidInputError):
        return False


def _count(found: Any) -> int | None:  # noqa: ANN401 - a JSON value
    """A number of records, be it text, as GraphQL has large ones."""
    if isinstance(found, str) and found.isdecimal():
        return int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None
