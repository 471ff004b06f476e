"""Records that are inserted and deleted while a client pages through them.

Changes are driven by the count of requests for pages and by nothing else, so a client that asks the
same way meets the same drift. First the insertions, at the front, then the deletions, near it: each moves
every later record by one place. After so many changes the records rest, so that a second pass can
find them all.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from de_classes.simulators.fault_kinds import RunFault
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from de_classes.simulators.fault_kinds import FaultKind
    from de_classes.simulators.faults import FaultPlan
    from de_classes.simulators.records import RecordSource

RECORDS_INSERTED = RunFault(
    name="records-inserted",
    catalogue_ids=("F25",),
    summary="records are inserted in front while pages are asked for",
    loopback_only=True,
)
RECORDS_DELETED = RunFault(
    name="records-deleted",
    catalogue_ids=("F26",),
    summary="records are deleted in front while pages are asked for",
    loopback_only=True,
)
DRIFT_FAULTS = (RECORDS_INSERTED, RECORDS_DELETED)


class Window(Value):
    """The records as they are at one moment: those from ``first`` on, without a gap near the front.

    Args:
        source: All that ever were or will be.
        first: The first that is there.
        gap_start: The first of those that were deleted.
        gap_stop: The first after them.
    """

    source: RecordSource
    first: int
    gap_start: int
    gap_stop: int

    @property
    def count(self) -> int:
        """How many there are."""
        return self._in_front + self.source.count - self.gap_stop

    def slice(self, start: int, stop: int) -> list[bytes]:
        """Those from ``start`` up to ``stop``, from 0."""
        front = self.source.slice(self.first + start, min(self.first + stop, self.gap_start))
        behind = self.gap_stop - self._in_front
        return front + self.source.slice(behind + max(start, self._in_front), behind + stop)

    @property
    def _in_front(self) -> int:
        return self.gap_start - self.first


class Drift:
    """The records over time. Safe among threads.

    Args:
        source: All that ever were or will be; the first ``inserted`` of them are not there at the start.
        inserted: How many are inserted.
        deleted: How many are deleted.
        every: After how many requests the next change comes.
    """

    def __init__(self, source: RecordSource, *, inserted: int, deleted: int, every: int) -> None:
        self._source = source
        self._inserted = min(inserted, source.count)
        self._deleted = min(deleted, source.count - self._inserted)
        self._every = every
        self._requests = 0
        self._lock = threading.Lock()

    def next_request(self) -> Window:
        """What one more request for a page finds."""
        with self._lock:
            self._requests += 1
            return self._window((self._requests - 1) // self._every)

    def now(self) -> Window:
        """What the last request found."""
        with self._lock:
            return self._window(max(0, self._requests - 1) // self._every)

    def throughout(self) -> Window:
        """What was there from the start and is to the end, once all changes have come."""
        return Window(self._source, self._inserted, self._inserted, self._inserted + self._deleted)

    def _window(self, changes: int) -> Window:
        inserted = min(changes, self._inserted)
        deleted = min(changes - inserted, self._deleted)
        return Window(self._source, self._inserted - inserted, self._inserted, self._inserted + deleted)


def drifting(plan: FaultPlan) -> tuple[FaultKind, ...]:
    """The faults of a plan that make records drift."""
    return tuple(fault for fault in DRIFT_FAULTS if plan.has(fault))


def drift_of(plan: FaultPlan, source: RecordSource) -> Drift | None:
    """The drift that a plan asks for, or None."""
    changes, every = plan.dials.drift_changes, plan.dials.drift_every
    active = drifting(plan)
    if not active:
        return None
    inserted = changes if RECORDS_INSERTED in active else 0
    deleted = changes if RECORDS_DELETED in active else 0
    return Drift(source, inserted=inserted, deleted=deleted, every=every)
