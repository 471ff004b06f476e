"""What an invocation does beside its work: it says that it is at it, and looks whether the run is cancelled.

A run is cancelled by a small document beside its journal, which whoever may write there can leave. Nobody is
killed: an invocation looks for it when it begins, whenever it has sealed a part, every few seconds between
two pages and while one is waited for, and before it commits; then it seals what came and ends. The document
is never deleted, since a worker may not: it says by itself that it holds no more.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from de_classes.errors import (
    DeClassesError,
    IncompleteRunError,
    RunCancelledError,
    StorageError,
    StorageUnavailableError,
)
from de_classes.redaction import shared_filter
from de_classes.runs.journal import Documents, Unsealed, run_folder
from de_classes.utils import layouts

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.runs.journal import Outcome, RunJournal
    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.utils.clock import Clock

LOOK_SECONDS: Final = 5.0
"""Between two looks whether the run is cancelled, where no part is sealed: one small read each."""

NOTE_SECONDS: Final = 60.0
"""Between two signs of life: one small write each."""


class Cancellation(Struct, frozen=True, omit_defaults=True, tag_field="version", tag=layouts.JOURNAL):
    """That a run is to stop.

    Attributes:
        lifted: Whether it was said since that the run is to go on.
    """

    lifted: bool = False


class RunCancellation:
    """Whether a run is cancelled, for all that carry out a share of it.

    Example:
        >>> cancellation = RunCancellation(store, "lake", "", "monday")
        >>> cancellation.ask()
        >>> cancellation.is_asked
        True

    Args:
        store: Holds it.
        bucket: Where.
        prefix: What all keys begin with, without a slash at the end; may be empty.
        run_id: Which run.
    """

    def __init__(self, store: ObjectStore, bucket: str, prefix: str, run_id: str) -> None:
        self._documents = Documents(store, bucket)
        self._run_id = run_id
        self.key = f"{run_folder(prefix, run_id)}cancelled.json"

    @property
    def is_asked(self) -> bool:
        """Whether it is, by a look at the store."""
        found = self._documents.find(self.key, Cancellation)
        return found is not None and not found.lifted

    def ask(self) -> None:
        """Have the run stopped by whoever is at it, and refused to all that would go on with it."""
        self._documents.replace(self.key, Cancellation())

    def lift(self) -> None:
        """Let the run go on again, if it was cancelled."""
        if self.is_asked:
            self._documents.replace(self.key, Cancellation(lifted=True))

    def check(self) -> None:
        """Go no further with a run that is cancelled.

        Raises:
            RunCancelledError: It is.
        """
        if self.is_asked:
            raise RunCancelledError(
                f"run {self._run_id!r} was cancelled, and what came is kept: it goes on by the same request "
                'with --resume, of the worker with "resume": true',
                run_id=self._run_id,
            )


class Liveness:
    """The signs of life of one invocation, and its looks at the cancellation: none of them costs a page.

    Args:
        journal: Keeps the signs.
        cancellation: Of the run.
        invocation: Its name.
        clock: Tells when the next is due.
    """

    def __init__(
        self, journal: RunJournal, cancellation: RunCancellation, invocation: str, clock: Clock
    ) -> None:
        self._journal = journal
        self._cancellation = cancellation
        self._invocation = invocation
        self._clock = clock
        self._is_begun = False
        self._look_at = self._note_at = 0.0
        self._lock = threading.Lock()  # threads that wait look, too

    def note(self, unsealed: Unsealed | None = None) -> None:
        """Say that it is at it."""
        self._journal.note_invocation(self._invocation, unsealed=unsealed or Unsealed())
        self._is_begun, self._note_at = True, self._clock.monotonic() + NOTE_SECONDS

    def look(self) -> None:
        """Look whether the run is cancelled.

        Raises:
            RunCancelledError: It is.
        """
        self._cancellation.check()
        self._look_at = self._clock.monotonic() + LOOK_SECONDS

    def between_pages(self, unsealed: Callable[[], Unsealed], *, is_sealed: bool = False) -> None:
        """Do what is due: between two pages, and while one is waited for.

        Args:
            unsealed: Tells what was done since a part was sealed.
            is_sealed: Whether one was just now.

        Raises:
            RunCancelledError: The run is cancelled.
        """
        looks, notes = self._due(is_sealed=is_sealed)
        with suppress(StorageError):  # what has to be written will tell, or the store is back by then
            if looks:
                self.look()
            if notes:
                self.note(unsealed())

    def _due(self, *, is_sealed: bool) -> tuple[bool, bool]:
        """Whether to look, and to note, which nobody else does then."""
        with self._lock:
            now = self._clock.monotonic()
            looks, notes = is_sealed or now >= self._look_at, now >= self._note_at
            self._look_at = now + LOOK_SECONDS if looks else self._look_at
            self._note_at = now + NOTE_SECONDS if notes else self._note_at
            return looks, notes

    def end(self, unsealed: Unsealed, error: BaseException | None = None) -> None:
        """Say how it ended, if it ever said that it began; a store that refuses is not heard about it.

        Args:
            unsealed: What it had done that no part tells.
            error: What ended it; None if it has done its share.
        """
        if not self._is_begun or isinstance(error, StorageUnavailableError):  # nor would it be there for this
            return
        told = {} if error is None else how_it_failed(error)
        with suppress(StorageError):
            self._journal.note_invocation(
                self._invocation, unsealed=unsealed, outcome=_outcome(error), **told
            )


def how_it_failed(error: BaseException) -> dict[str, str]:
    """An error as a journal tells it: by its kind, and masked; what nobody foresaw by its kind alone."""
    kind = {"error": type(error).__name__}
    if not isinstance(error, DeClassesError):
        return kind
    return {**kind, "message": shared_filter().text(str(error))}


def _outcome(error: BaseException | None) -> Outcome:
    if error is None:
        return "done"
    if isinstance(error, RunCancelledError):
        return "cancelled"
    waits = isinstance(error, IncompleteRunError) and error.retry_after is not None
    return "incomplete" if isinstance(error, Exception) and not waits else "stopped"
