"""What runs note in the bucket beside their data: each its progress, and the ways on that were followed.

Nothing is ever changed in a run's journal. A part's document is named by its place in the order of sealing,
and written only if there is none: of two processes that carry out the same run, the first to seal decides,
and the other finds out by what it reads back. So every part was sealed in full knowledge of all those before
it: no page is in two of them, and whatever a process knows of a run is how that run began.

A part that was found broken is struck, by a document of its own that is never taken back: it counts no
more, and its pages are fetched again. What else lies in the folder, such as somebody's copy, is not read.
"""

from __future__ import annotations

import hashlib
import re
import threading
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from msgspec import Struct

from de_classes.errors import MalformedDataError, ObjectExistsError, ObjectNotFoundError
from de_classes.runs.plan import RunPlan, as_text, of_text
from de_classes.runs.progress import RunProgress, SealedPart
from de_classes.utils import layouts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.storage.clients.object_store import ObjectStore

T = TypeVar("T", bound=msgspec.Struct)

RUNS = "_runs"
WAYS_ON = "_ways-on"
_PART: Final = "part"
_STRUCK: Final = "struck"
_NUMBERED: Final = re.compile(rf"({_PART}|{_STRUCK})-(\d{{8,}})\.json")
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


class Invocation(Struct, frozen=True, tag_field="version", tag=layouts.JOURNAL):
    """One go of a run; when it began is told by the age of its document.

    Attributes:
        id: A name of its own.
    """

    id: str


class StruckPart(Struct, frozen=True, tag_field="version", tag=layouts.JOURNAL):
    """That a part counts no more.

    Attributes:
        sequence: Which, by its place in the order of sealing.
    """

    sequence: int


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

    Attributes:
        folder: What the keys of its records begin with.
    """

    def __init__(self, store: ObjectStore, bucket: str, prefix: str, run_id: str) -> None:
        self._store = store
        self._bucket = bucket
        self._documents = Documents(store, bucket)
        self.folder = f"{prefix}/{RUNS}/{run_id}/" if prefix else f"{RUNS}/{run_id}/"

    @property
    def plan_key(self) -> str:
        """Where the plan is."""
        return f"{self.folder}plan.json"

    def keys_key(self, sequence: int, hashes: bytes) -> str:
        """Where the keys of a part's records are: the same keys have the same place."""
        digest = hashlib.sha256(hashes).hexdigest()[:12]
        return f"{self.folder}keys-{sequence:08d}-{digest}.bin"

    def note_invocation(self, invocation: str) -> None:
        """Say that somebody is at it, or still is: what has young progress is not cleaned away."""
        self._documents.replace(f"{self.folder}invocation-{invocation}.json", Invocation(id=invocation))

    def last_written(self) -> float | None:
        """When anything was written down last, in seconds since the epoch; None if nothing was."""
        listed = self._store.list_objects(self._bucket, self.folder)
        return max((info.modified for info in listed if info.modified is not None), default=None)

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

    def seal(self, sealed: SealedPart) -> SealedPart:
        """Remember a part; what comes back is another's if somebody else was first.

        Raises:
            MalformedDataError: What lies there instead is no part of that place.
        """
        stored = self._documents.put_once(self._key(_PART, sealed.sequence), sealed)
        return self._checked(stored, sealed.sequence)

    def strike(self, parts: Iterable[SealedPart]) -> None:
        """Remember that parts are broken, for good: their pages are to be fetched again."""
        for part in parts:
            self._documents.put_once(self._key(_STRUCK, part.sequence), StruckPart(part.sequence))

    def progress(self) -> RunProgress:
        """How far the run is.

        Raises:
            MalformedDataError: A record of it is gone, or is none.
        """
        listed = self._listed()
        parts = [self._part(number) for number in range(1, max(listed[_PART], default=0) + 1)]
        return RunProgress(tuple(parts), frozenset(listed[_STRUCK]))

    def _listed(self) -> dict[str, set[int]]:
        """The numbers of the documents there are, by kind; a name that we would not give is none."""
        numbers: dict[str, set[int]] = {_PART: set(), _STRUCK: set()}
        for info in self._store.list_objects(self._bucket, self.folder):
            match = _NUMBERED.fullmatch(info.key.removeprefix(self.folder))
            if match and info.key == self._key(match[1], int(match[2])):
                numbers[match[1]].add(int(match[2]))
        return numbers

    def _part(self, number: int) -> SealedPart:
        """A part by its place, be it that the listing was there before it."""
        key = self._key(_PART, number)
        part = self._documents.find(key, SealedPart)
        if part is None:
            raise MalformedDataError(
                f"{key} is gone, on which the run counts: restore it, or begin another run"
            )
        return self._checked(part, number)

    def _checked(self, part: SealedPart, number: int) -> SealedPart:
        if part.sequence != number:
            raise MalformedDataError(
                f"{self._key(_PART, number)} says that it is record {part.sequence} of its run: restore the "
                "one that was there, or begin another run"
            )
        return part

    def _key(self, kind: str, number: int) -> str:
        return f"{self.folder}{kind}-{number:08d}.json"


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
