"""Records that come, go and move while a client pages through them.

Changes are driven by the count of requests for pages and by nothing else, so a client that asks the
same way meets the same drift. Of several kinds all changes of one come before those of the next, in the
order of ``DRIFT_FAULTS``. After so many changes the records rest, so that another reading can find them all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from de_classes.simulators.faults import RunFault
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from de_classes.simulators.faults import FaultKind, FaultPlan
    from de_classes.simulators.records import RecordSource


def _fault(name: str, catalogue_id: str, summary: str) -> RunFault:
    return RunFault(name=name, catalogue_ids=(catalogue_id,), summary=summary, loopback_only=True)


RECORDS_INSERTED = _fault(
    "records-inserted", "F25", "records are inserted in front while pages are asked for"
)
RECORDS_DELETED = _fault("records-deleted", "F26", "records are deleted in front while pages are asked for")
RECORD_MOVED = _fault(
    "record-moves-to-end", "F66", "the first record is updated and moves to the end, again and again"
)
WINDOW_SLIDES = _fault(
    "window-slides", "F67", "the first record goes and one comes at the end, again and again"
)
RECORDS_REPLACED = _fault(
    "records-replaced", "F68", "the second record goes and one comes at the end, again and again"
)
RECORDS_SWAPPED = _fault("records-swapped", "F68", "the second record and the last but one change places")
FIRST_DRIFT_FAULTS = (RECORDS_INSERTED, RECORDS_DELETED)
LATER_DRIFT_FAULTS = (RECORD_MOVED, WINDOW_SLIDES, RECORDS_REPLACED, RECORDS_SWAPPED)
DRIFT_FAULTS = (*FIRST_DRIFT_FAULTS, *LATER_DRIFT_FAULTS)
_FEWEST_TO_SWAP = 4


class Span(Value):
    """Neighbours among all records.

    Args:
        start: The first of them, from 0.
        stop: The first after them.
        updated: Whether each has been updated.
    """

    start: int
    stop: int
    updated: bool = False

    def __len__(self) -> int:
        return self.stop - self.start


Spans = tuple[Span, ...]


class Present:
    """The records as they are at one moment.

    Args:
        source: All that ever were or will be.
        spans: Those that are there, in order.
    """

    def __init__(self, source: RecordSource, spans: Spans) -> None:
        self._source = source
        self.spans = spans

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(map(len, self.spans))

    def slice(self, start: int, stop: int) -> list[bytes]:
        """Those from ``start`` up to ``stop``, from 0."""
        found: list[bytes] = []
        for span in self.spans:
            first, last = min(start, len(span)), min(stop, len(span))
            records = self._source.slice(span.start + first, span.start + last) if first < last else []
            found += [_updated(each) for each in records] if span.updated else records
            start, stop = start - first, max(0, stop - len(span))
        return found


class Drift:
    """The records over time. Safe among threads.

    Args:
        source: All that ever were or will be; those that are yet to come are not there at the start.
        every: After how many requests the next change comes.
        inserted: How many are inserted in front.
        deleted: How many are deleted in front.
        moved: How often the first is updated and moves to the end.
        slid: How often the first goes and one comes at the end.
        replaced: How often the second goes and one comes at the end.
        swapped: Whether the second and the last but one change places.
    """

    def __init__(
        self,
        source: RecordSource,
        *,
        every: int,
        inserted: int = 0,
        deleted: int = 0,
        moved: int = 0,
        slid: int = 0,
        replaced: int = 0,
        swapped: bool = False,
    ) -> None:
        inserted = min(inserted, source.count)
        deleted = min(deleted, source.count - inserted)
        kept = source.count - inserted - deleted
        slid = min(slid, kept // 2)
        replaced = min(replaced, (kept - slid) // 2)
        stop = source.count - slid - replaced
        self._source = source
        self._every = every
        self._kinds: tuple[tuple[int, _Change], ...] = (
            (inserted, lambda spans, turn: (Span(inserted - turn - 1, inserted - turn), *spans)),
            (deleted, lambda spans, _: _without(spans, inserted)),
            (moved, lambda spans, _: (*_without(spans, 0), *_updated_spans(_at(spans, 0)))),
            (slid, lambda spans, turn: (*_without(spans, 0), Span(stop + turn, stop + turn + 1))),
            (
                replaced,
                lambda spans, turn: (*_without(spans, 1), Span(stop + slid + turn, stop + slid + turn + 1)),
            ),
            (int(swapped), lambda spans, _: _swapped(spans)),
        )
        self._first: Spans = (Span(inserted, stop),)
        self._now: Spans = self._first
        self._coming = self._states()
        self._requests = 0
        self._lock = threading.Lock()

    def next_request(self) -> Present:
        """What one more request for a page finds."""
        with self._lock:
            if self._requests and self._requests % self._every == 0:
                self._now = next(self._coming, self._now)
            self._requests += 1
            return Present(self._source, self._now)

    def now(self) -> Present:
        """What the last request found."""
        with self._lock:
            return Present(self._source, self._now)

    def throughout(self) -> Present:
        """What was there from the start and is to the end, once all changes have come; as it was then."""
        common = self._first
        for state in self._states():
            common = _common(common, state)
        return Present(self._source, common)

    def _states(self) -> Iterator[Spans]:
        """What there is after each change."""
        spans = self._first
        for count, change in self._kinds:
            for turn in range(count):
                spans = _joined(change(spans, turn))
                yield spans


_Change = Callable[[Spans, int], Spans]
"""What is there after one more change, given what was, and how many of its kind came before."""


def drift_faults(plan: FaultPlan) -> tuple[FaultKind, ...]:
    """The faults of a plan that make records drift."""
    return tuple(fault for fault in DRIFT_FAULTS if plan.has(fault))


def drift_of(plan: FaultPlan, source: RecordSource) -> Drift | None:
    """The drift that a plan asks for, or None."""
    active = drift_faults(plan)
    if not active:
        return None
    changes = {fault.name: plan.parameters.drift_changes for fault in active}
    return Drift(
        source,
        every=plan.parameters.drift_every,
        inserted=changes.get(RECORDS_INSERTED.name, 0),
        deleted=changes.get(RECORDS_DELETED.name, 0),
        moved=changes.get(RECORD_MOVED.name, 0),
        slid=changes.get(WINDOW_SLIDES.name, 0),
        replaced=changes.get(RECORDS_REPLACED.name, 0),
        swapped=RECORDS_SWAPPED in active,
    )


def _updated(record: bytes) -> bytes:
    body = record.rstrip()[:-1].rstrip()
    return body + (b"" if body == b"{" else b",") + b'"updated":true}'


def _cut(spans: Spans, start: int, stop: int) -> Spans:
    """Those of the records from ``start`` up to ``stop``, counted among those that are there."""
    found: list[Span] = []
    for span in spans:
        first, last = max(0, min(start, len(span))), max(0, min(stop, len(span)))
        if first < last:
            found.append(Span(span.start + first, span.start + last, span.updated))
        start, stop = start - len(span), stop - len(span)
    return tuple(found)


def _at(spans: Spans, place: int) -> Spans:
    return _cut(spans, place, place + 1)


def _without(spans: Spans, place: int) -> Spans:
    count = sum(map(len, spans))
    return (*_cut(spans, 0, place), *_cut(spans, place + 1, count))


def _updated_spans(spans: Spans) -> Spans:
    return tuple(Span(each.start, each.stop, updated=True) for each in spans)


def _swapped(spans: Spans) -> Spans:
    count = sum(map(len, spans))
    if count < _FEWEST_TO_SWAP:
        return spans
    between = _cut(spans, 2, count - 2)
    last = _at(spans, count - 1)
    return (*_at(spans, 0), *_at(spans, count - 2), *between, *_at(spans, 1), *last)


def _joined(spans: Sequence[Span]) -> Spans:
    """The same, with neighbours in one: else there were one more of them after every change."""
    starts = [0] + [
        place
        for place, (one, other) in enumerate(pairwise(spans), start=1)
        if one.stop != other.start or one.updated is not other.updated
    ]
    stops = [*starts[1:], len(spans)]
    return tuple(
        Span(spans[start].start, spans[stop - 1].stop, spans[start].updated)
        for start, stop in zip(starts, stops, strict=True)
        if start < stop
    )


def _common(spans: Spans, others: Spans) -> Spans:
    """The records of ``spans`` that are among the others too, in the order and the state of ``spans``."""
    by_start = sorted(others, key=lambda span: span.start)
    overlaps = (
        Span(max(span.start, other.start), min(span.stop, other.stop), span.updated)
        for span in spans
        for other in by_start
    )
    return _joined([each for each in overlaps if each.start < each.stop])
