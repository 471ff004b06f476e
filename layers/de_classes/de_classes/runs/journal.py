"""What runs note in the bucket beside their data: each its progress, and the ways on that were followed.

Nothing is ever changed in a run's journal. A part's document is named by its place in the order of sealing,
and written only if there is none: of two processes that carry out the same run, the first to seal decides,
and the other finds out by what it reads back. So every part was sealed in full knowledge of all those before
it: no page is in two of them, and whatever a process knows of a run is how that run began.

A part that was found broken is struck, by a document of its own that is never taken back: it counts no
more, and its pages are fetched again. What else lies in the folder, such as somebody's copy, is not read.

A run that several workers carry out has a folder for each range of pages below its own, see ``ranges``. Each
is written as a run's folder is, by whoever carries that range out. The run's journal reads all of them:
whoever reads it knows what all the ranges brought, and seals in the run's own folder.
"""

from __future__ import annotations

import hashlib
import re
import threading
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Struct, structs

from de_classes.api.jobs import JobNote
from de_classes.errors import MalformedDataError, ObjectExistsError, ObjectNotFoundError
from de_classes.runs.forecast import RunCounts
from de_classes.runs.plan import RunPlan, as_text, of_text
from de_classes.runs.progress import FOLDER, RunProgress, SealedPart
from de_classes.runs.ranges import PageRangeOfRun, joined, within
from de_classes.utils import layouts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.api.jobs import NoteKind
    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.storage.clients.object_store import ObjectStore

T = TypeVar("T", bound=msgspec.Struct)

RUNS = "_runs"
WAYS_ON = "_ways-on"
_PART: Final = "part"
_STRUCK: Final = "struck"
_RANGES: Final = "ranges.jsonl"
_OWN: Final = 0
_CHANGED: Final = "changed"
_NAMED: Final = re.compile(rf"(?:range-(\d{{8}})/)?({_PART}|{_STRUCK}|{_CHANGED})-(\d{{8,}})\.json")
_JSON: Final = "application/json"
_LOCK = threading.Lock()
_DECODERS: dict[type[msgspec.Struct], msgspec.json.Decoder[Any]] = {}


class Documents:
    """Small JSON documents in a bucket: written once, by whoever comes first, and read back by type.

    Args:
        store: Holds them.
        bucket: Where.
    """

    def __init__(self, store: ObjectStore, bucket: str) -> None:
        self._store = store
        self._bucket = bucket

    def put_once(self, key: str, document: T) -> T:
        """Write a document unless there is one; the one that is there then, ours or another's.

        Raises:
            StorageError: The store refuses, or does not answer.
        """
        body = msgspec.json.encode(document, enc_hook=as_text)
        try:
            self._store.put_object(self._bucket, key, body, content_type=_JSON, if_none_match=True)
        except ObjectExistsError:
            return self.get(key, type(document))
        return document

    def replace(self, key: str, document: msgspec.Struct) -> None:
        """Write a document, whatever was there."""
        self._store.put_object(self._bucket, key, msgspec.json.encode(document), content_type=_JSON)

    def get(self, key: str, kind: type[T]) -> T:
        """Read a document.

        Raises:
            ObjectNotFoundError: There is none.
            MalformedDataError: It is not what its key promises.
            NewerLayoutError: It is of a layout that came after this code.
        """
        body = self._store.get_object(self._bucket, key)
        layouts.check_layout(body, key, _newest(kind))
        try:
            return _decoder(kind).decode(body)
        except msgspec.MsgspecError as error:
            raise MalformedDataError(
                f"{key} is no {kind.__name__} that this version can read: {error}"
            ) from error

    def find(self, key: str, kind: type[T]) -> T | None:
        """Read a document that need not be there."""
        try:
            return self.get(key, kind)
        except ObjectNotFoundError:
            return None


Outcome = Literal["done", "incomplete", "cancelled", "stopped"]
"""How an invocation ended that did not leave its run complete; ``done`` says that others go on."""


class Unsealed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an invocation has done since it sealed a part, or since it began.

    Attributes:
        pages: Pages that came.
        records: Records on them.
        counts: What was spent.
    """

    pages: int = 0
    records: int = 0
    counts: RunCounts = RunCounts()


class Invocation(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="version", tag=layouts.JOURNAL
):
    """One go of a run; when it was last at it is told by the age of its document.

    Attributes:
        id: A name of its own.
        unsealed: What it had done by then that no part tells.
        outcome: How it ended; None as long as it is at it, if it was killed, and if the run is complete.
        error: What kind of error ended it.
        message: What that said.
    """

    id: str
    unsealed: Unsealed = Unsealed()
    outcome: Outcome | None = None
    error: str | None = None
    message: str | None = None


class StruckPart(Struct, frozen=True, tag_field="version", tag=layouts.JOURNAL):
    """That a part counts no more.

    Attributes:
        sequence: Which, by its place in the order of sealing.
    """

    sequence: int


class SourceChange(Struct, frozen=True, tag_field="version", tag=layouts.JOURNAL):
    """That the source changed under a range, so that another pass has to go over it.

    Attributes:
        sequence: On which pass.
        reason: How, for people.
    """

    sequence: int
    reason: str


def run_folder(prefix: str, run_id: str) -> str:
    """What the keys of all that is written down of a run begin with.

    Args:
        prefix: What all keys begin with, without a slash at the end; may be empty.
        run_id: Which run.
    """
    return f"{prefix}/{RUNS}/{run_id}/" if prefix else f"{RUNS}/{run_id}/"


class RunJournal:
    """What one run has done until now, kept in the bucket; ``RunService`` writes it, and goes on by it.

    Example:
        >>> RunJournal(store, "lake", "", "monday").plan_key
        '_runs/monday/plan.json'

    Args:
        store: Holds it.
        bucket: Where.
        prefix: What all keys begin with, without a slash at the end; may be empty.
        run_id: Which run.
        of: The range that is carried out, whose folder is written; None for the run itself.

    Attributes:
        folder: What the keys of its records begin with.
    """

    def __init__(
        self, store: ObjectStore, bucket: str, prefix: str, run_id: str, *, of: PageRangeOfRun | None = None
    ) -> None:
        self._store = store
        self._bucket = bucket
        self._documents = Documents(store, bucket)
        self._of = of
        self._writes = _OWN if of is None else of.range
        self._run = run_folder(prefix, run_id)
        self.folder = self._folder(self._writes)
        self._read: dict[tuple[int, int], SealedPart] = {}  # no part is ever changed

    @property
    def plan_key(self) -> str:
        """Where the plan is."""
        return f"{self._run}plan.json"

    @property
    def ranges_key(self) -> str:
        """Where the ranges are, a JSON object a line, if there are any."""
        return f"{self._run}{_RANGES}"

    @property
    def hold_key(self) -> str:
        """Where whoever carries out a range tells the others to leave the source alone for a while."""
        return f"{self._run}hold.json"

    def keys_key(self, sequence: int, hashes: bytes) -> str:
        """Where the keys of a part's records are: the same keys have the same place."""
        digest = hashlib.sha256(hashes).hexdigest()[:12]
        folder, number = _place(sequence)
        return f"{self._folder(folder)}keys-{number:08d}-{digest}.bin"

    def note_invocation(self, invocation: str, **said: Any) -> None:  # noqa: ANN401 - the fields of Invocation
        """Say that somebody is at it, or still is: what has young progress is not cleaned away.

        Args:
            invocation: Its name.
            **said: What else an ``Invocation`` says of it.
        """
        key = f"{self.folder}invocation-{invocation}.json"
        self._documents.replace(key, Invocation(id=invocation, **said))

    def plan(self) -> RunPlan | None:
        """What the run is; None if it was never begun."""
        return self._documents.find(self.plan_key, RunPlan)

    def begin(self, plan: RunPlan) -> RunPlan:
        """Write down what the run is, or find that it was begun before.

        Raises:
            InvalidInputError: It was begun before, with another request.
        """
        stored = self._documents.put_once(self.plan_key, plan.as_written())
        stored.check_same(plan)
        return stored

    def ranges(self) -> tuple[PageRangeOfRun, ...]:
        """The ranges that the run was cut into; none if it was not.

        Raises:
            MalformedDataError: What lies there are no ranges.
        """
        try:
            body = self._store.get_object(self._bucket, self.ranges_key)
        except ObjectNotFoundError:
            return ()
        try:
            return tuple(msgspec.json.Decoder(PageRangeOfRun).decode_lines(body))
        except msgspec.MsgspecError as error:
            raise MalformedDataError(
                f"{self.ranges_key} holds no ranges that this version can read: {error}"
            ) from error

    def cut(self, ranges: Iterable[PageRangeOfRun]) -> tuple[PageRangeOfRun, ...]:
        """Write down what a run is cut into, once; another's comes back if somebody else was first."""
        body = msgspec.json.Encoder().encode_lines(ranges)
        with suppress(ObjectExistsError):
            self._store.put_object(
                self._bucket, self.ranges_key, body, content_type="application/x-ndjson", if_none_match=True
            )
        return self.ranges()

    def opening(self) -> SealedPart | None:
        """The part with the first page of the pass that is under way, where ranges bring those behind it."""
        numbers = sorted(
            int(match[3])
            for info in self._store.list_objects(self._bucket, f"{self._run}{_PART}-")
            if (match := _NAMED.fullmatch(info.key.removeprefix(self._run)))
        )
        parts = (self._part(_OWN, number) for number in reversed(numbers))
        return next((part for part in parts if part.begins_pass), None)

    def note_change(self, pass_: int, reason: str) -> None:
        """Remember that the source changed under the range that is carried out."""
        key = self._key(_CHANGED, self._writes, pass_)
        self._documents.put_once(key, SourceChange(pass_, reason))

    def sequence_behind(self, progress: RunProgress) -> int:
        """The place of the part that would be sealed next.

        Args:
            progress: What is known of the run.
        """
        there = [number for folder, number in map(_place, progress.sequences) if folder == self._writes]
        return _sequence(self._writes, max(there, default=0) + 1)

    def seal(self, sealed: SealedPart) -> SealedPart:
        """Remember a part; what comes back is another's if somebody else was first.

        Raises:
            MalformedDataError: What lies there instead is no part of that place.
        """
        folder, number = _place(sealed.sequence)
        stored = self._documents.put_once(
            self._key(_PART, folder, number), structs.replace(sealed, sequence=number)
        )
        return self._checked(stored, folder, number)

    def strike(self, parts: Iterable[SealedPart]) -> None:
        """Remember that parts are broken, for good: their pages are to be fetched again."""
        for part in parts:
            folder, number = _place(part.sequence)
            self._documents.put_once(self._key(_STRUCK, folder, number), StruckPart(number))

    def job_note(self, kind: NoteKind, number: int) -> JobNote | None:
        """See ``JobNotes``."""
        return self._documents.find(self._key(kind, _OWN, number), JobNote)

    def note_job(self, kind: NoteKind, note: JobNote) -> JobNote:
        """See ``JobNotes``."""
        return self._documents.put_once(self._key(kind, _OWN, note.number), note)

    def progress(self) -> RunProgress:
        """How far the run is, or the range that is carried out; one without an end knows what came before it.

        Pages of a range that whoever committed has fetched count as the range's: it asks for them no more.

        Raises:
            MalformedDataError: A record of it is gone, or is none.
        """
        is_range = self._of is not None and self._of.last is not None
        own = (f"{self._run}{_PART}-", f"{self._run}{_STRUCK}-")
        furthest, struck, changed = self._listed(*((self.folder, *own) if is_range else (self._run,)))
        parts = [
            self._part(folder, number)
            for folder in sorted(furthest)
            for number in range(1, furthest[folder] + 1)
        ]
        changes = (self._documents.get(key, SourceChange) for key in changed)
        progress = RunProgress(
            tuple(parts),
            frozenset(_sequence(*each) for each in struck),
            changed={change.sequence: change.reason for change in changes},
        )
        progress = progress if furthest.keys() <= {self._writes} else joined(progress)
        return within(progress, self._of) if self._of is not None and is_range else progress

    def _listed(self, *prefixes: str) -> tuple[dict[int, int], set[tuple[int, int]], list[str]]:
        """Of each folder the last of its parts, the parts that were struck, and where changes are told.

        A name that we would not give is none.
        """
        furthest: dict[int, int] = {}
        struck: set[tuple[int, int]] = set()
        changed: list[str] = []
        for info in chain.from_iterable(self._store.list_objects(self._bucket, each) for each in prefixes):
            match = _NAMED.fullmatch(info.key.removeprefix(self._run))
            if match is None:
                continue
            folder, number = int(match[1] or _OWN), int(match[3])
            if info.key != self._key(match[2], folder, number):
                continue
            if match[2] == _PART:
                furthest[folder] = max(furthest.get(folder, 0), number)
            elif match[2] == _STRUCK:
                struck.add((folder, number))
            else:
                changed.append(info.key)
        return furthest, struck, changed

    def _part(self, folder: int, number: int) -> SealedPart:
        """A part by its place, be it that the listing was there before it."""
        if (folder, number) not in self._read:
            key = self._key(_PART, folder, number)
            part = self._documents.find(key, SealedPart)
            if part is None:
                raise MalformedDataError(
                    f"{key} is gone, on which the run counts: restore it, or begin another run"
                )
            self._read[folder, number] = self._checked(part, folder, number)
        return self._read[folder, number]

    def _checked(self, part: SealedPart, folder: int, number: int) -> SealedPart:
        if part.sequence != number:
            raise MalformedDataError(
                f"{self._key(_PART, folder, number)} says that it is record {part.sequence} of its run: "
                "restore the one that was there, or begin another run"
            )
        return structs.replace(part, sequence=_sequence(folder, number)) if folder else part

    def _key(self, kind: str, folder: int, number: int) -> str:
        return f"{self._folder(folder)}{kind}-{number:08d}.json"

    def _folder(self, folder: int) -> str:
        return self._run if folder == _OWN else f"{self._run}range-{folder:08d}/"


def _sequence(folder: int, number: int) -> int:
    """A part's place among those of all folders."""
    return folder * FOLDER + number


def _place(sequence: int) -> tuple[int, int]:
    """The folder of a part, and its place in there."""
    return divmod(sequence, FOLDER)


class WayOn(Struct, frozen=True, kw_only=True, tag_field="version", tag=layouts.WAY_ON):
    """That what leads on, as it is described, led on.

    Attributes:
        run_id: The run that followed it.
        way_on: Where it stood.
        pages: How many pages the run had.
    """

    run_id: str
    way_on: str
    pages: int


class WaysOn:
    """The ways on that were followed, by a hash of what describes them, below a prefix.

    A collection of one page says nothing of what would lead on from it. An earlier run by the same
    description may have seen that: then a page without it is the last.

    Args:
        store: Holds them.
        bucket: Where.
        prefix: That of the datasets.
        client: Knows how its source is described.
    """

    def __init__(self, store: ObjectStore, bucket: str, prefix: str, client: UnstableAPIClient) -> None:
        self._documents = Documents(store, bucket)
        self._way_on = client.way_on
        below = f"{prefix}/" if prefix else ""
        self._key = f"{below}{WAYS_ON}/{client.pagination_hash}.json"

    def followed_by(self) -> str | None:
        """The run that followed this source's way on; None if none did, or there is none to follow."""
        found = self._documents.find(self._key, WayOn) if self._way_on else None
        return found.run_id if found else None

    def note(self, run_id: str, pages: int) -> None:
        """Keep that a run followed it, unless one did before.

        Args:
            run_id: The run.
            pages: How many pages it had.
        """
        if self._way_on and pages > 1:
            self._documents.put_once(self._key, WayOn(run_id=run_id, way_on=self._way_on, pages=pages))


def _newest(kind: type[msgspec.Struct]) -> int:
    """The newest layout of a kind of document; but for plans it is its tag, see ``utils.layouts``."""
    if kind is RunPlan:
        return layouts.PLAN
    tag = kind.__struct_config__.tag
    return tag if isinstance(tag, int) else 1


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """What reads a kind of document: made by one thread, since msgspec crashes where several do at once."""
    with _LOCK:
        if kind not in _DECODERS:
            _DECODERS[kind] = msgspec.json.Decoder(kind, dec_hook=of_text)
        return _DECODERS[kind]
