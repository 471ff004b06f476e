"""A run's progress, kept in the bucket beside its data: what it is, and a document for each sealed part.

Nothing is ever changed here. A part's document is named by its place in the order of sealing, and
written only if there is none: of two processes that carry out the same run, the first to seal decides,
and the other finds out by what it reads back. So every part was sealed in full knowledge of all those
before it: no page is in two of them, and whatever a process knows of a run is how that run began.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec import Struct

from de_classes.runs.documents import Documents
from de_classes.runs.plan import RunPlan
from de_classes.runs.progress import RunProgress
from de_classes.runs.sealed_part import SealedPart
from de_classes.utils import layouts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.storage.clients.object_store import ObjectStore

RUNS = "_runs"


class Invocation(Struct, frozen=True, tag_field="version", tag=layouts.JOURNAL):
    """One go of a run; when it began is told by the age of its document.

    Attributes:
        id: A name of its own.
    """

    id: str


class RunJournal:
    """The journal of one run.

    Args:
        store: Holds it.
        bucket: Where.
        prefix: What all keys begin with, without a slash at the end; may be empty.
        run_id: Which run.
    """

    def __init__(self, store: ObjectStore, bucket: str, prefix: str, run_id: str) -> None:
        self._documents = Documents(store, bucket)
        self._folder = f"{prefix}/{RUNS}/{run_id}/" if prefix else f"{RUNS}/{run_id}/"

    @property
    def plan_key(self) -> str:
        """Where the plan is."""
        return f"{self._folder}plan.json"

    def keys_key(self, sequence: int, hashes: bytes) -> str:
        """Where the keys of a part's records are: the same keys have the same place."""
        digest = hashlib.sha256(hashes).hexdigest()[:12]
        return f"{self._folder}keys-{sequence:08d}-{digest}.bin"

    def note_invocation(self, invocation: str) -> None:
        """Say that somebody is at it: what has young progress is not cleaned away."""
        self._documents.put_once(f"{self._folder}invocation-{invocation}.json", Invocation(id=invocation))

    def plan(self) -> RunPlan | None:
        """What the run is; None if it was never begun."""
        return self._documents.find(self.plan_key, RunPlan)

    def begin(self, plan: RunPlan) -> RunPlan:
        """Write down what the run is, or find that it was begun before.

        Raises:
            InvalidInputError: It was begun before, with another request.
        """
        stored = self._documents.put_once(self.plan_key, plan)
        stored.check_same(plan)
        return stored

    def seal(self, sealed: SealedPart) -> SealedPart:
        """Remember a part; what comes back is another's if somebody else was first."""
        key = f"{self._folder}part-{sealed.sequence:08d}.json"
        return self._documents.put_once(key, sealed)

    def progress(self) -> RunProgress:
        """How far the run is."""
        return RunProgress.of(self._sealed())

    def _sealed(self) -> Iterator[SealedPart]:
        return self._documents.below(f"{self._folder}part-", SealedPart)
