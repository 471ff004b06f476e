"""One pass over a source's pages, which ends complete or with an error that names what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from de_classes.errors import (
    IncompleteRunError,
    PaginationLoopError,
    RetriesExhaustedError,
    SourceChangedError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from de_classes.api.evidence import Evidence
    from de_classes.api.ledger import RunLedger
    from de_classes.api.page import Page
    from de_classes.api.proof import Prover
    from de_classes.api.walk import PageWalk
    from de_classes.utils.clock import Clock
    from de_classes.utils.page_range import PageSet
    from de_classes.utils.run_records import PageEntry, RunPlace


class PagePass:
    """Pages in order, entered into a ledger as they are handed on. Iterate it once.

    After each page, ``entry``, ``place`` and ``gaps`` say what to write down, so that another process
    can go on behind that page; see ``RunState``.

    Args:
        pages: The pages, in order; to be iterated anew where they lead further after their end.
        walk: Where they come from.
        ledger: Where they are entered.
        prover: Proves, once all came, that they are all; None where others see to that.
        clock: What to measure with.
        deadline: Moment on the clock's monotonic time after which no other page is begun, or None.

    Attributes:
        ledger: What came until now, against what should.
    """

    def __init__(
        self,
        pages: Iterable[Page],
        walk: PageWalk,
        ledger: RunLedger,
        prover: Prover | None,
        clock: Clock,
        *,
        deadline: float | None = None,
    ) -> None:
        self._pages = pages
        self._walk = walk
        self._clock = clock
        self._deadline = deadline
        self._entry: PageEntry | None = None
        self._evidence: Evidence | None = None
        self._prover = prover
        self.ledger = ledger

    @property
    def entry(self) -> PageEntry:
        """What is to be written down of the page just handed on.

        Raises:
            LookupError: None was handed on yet.
        """
        if self._entry is None:
            raise LookupError("no page was handed on yet")
        return self._entry

    @property
    def evidence_if_still(self) -> Evidence | None:
        """What the run's being complete rests on; None if it is not, or the source changed under it."""
        return self._evidence

    def prove_end(self, *, has_keys: bool) -> Evidence | None:
        """What is known of the end of a run under which the source changed.

        Args:
            has_keys: Whether a record that came twice is kept once anyway.

        Raises:
            IncompleteRunError: Nothing proves the end, and something speaks against it.
            ProtocolError: The description does not fit the source: it says what to change.
        """
        return self._prover.conclude(looks=False, has_keys=has_keys) if self._prover else None

    @property
    def way_on(self) -> RunPlace | None:
        """The same as ``place``, without its ``tail``: it costs nothing to ask for after every page."""
        return self._walk.place

    @property
    def place(self) -> RunPlace | None:
        """Where to go on after the page just handed on; None if no other page is known of.

        Its ``tail`` is worked out anew each time it is read.
        """
        place = self._walk.place
        return None if place is None else structs.replace(place, tail=self.ledger.tail)

    @property
    def gaps(self) -> PageSet:
        """Pages that were skipped, in this process or before it, and have not come since."""
        return self.ledger.gaps

    def __iter__(self) -> Iterator[Page]:
        """Hand the pages on.

        Raises:
            IncompleteRunError: After the last page that came: pages are missing, and which.
            SourceChangedError: The same, and the pages that came do not fit together.
            FatalError: The API refuses, or cannot be trusted.
        """
        while self._evidence is None:
            yield from self._to_the_end()
            if self._prover is None:
                return
            self._prove(self._prover)

    def _to_the_end(self) -> Iterator[Page]:
        prover = self._prover
        try:
            if prover is not None:
                prover.begin()
            for page in self._pages:
                self._entry = self.ledger.observe(page, self._walk.way_here)
                if prover is not None:
                    prover.note(self._entry)
                yield page
                self._check_deadline()
        except RetriesExhaustedError as error:
            if prover is not None and not self.ledger.pages:
                prover.look_below_the_first(error)
            raise self.ledger.broken_off(str(error)) from error
        except (SourceChangedError, PaginationLoopError) as error:
            if prover is not None:
                prover.look_below_the_first(error)
            raise

    def _prove(self, prover: Prover) -> None:
        """Say what the run's being complete rests on, unless it leads further by now."""
        try:
            self.ledger.settle()
        except IncompleteRunError as error:
            prover.look_below_the_first(error)
            if isinstance(error, SourceChangedError):
                prover.refuse_dead_end()
            raise
        try:
            self._evidence = prover.conclude()
        except RetriesExhaustedError as error:
            raise IncompleteRunError(
                f"{self.ledger.records} records came, and whether they are all could not be proved: {error}"
            ) from error

    def _check_deadline(self) -> None:
        if self._deadline is None or (self.ledger.is_done() and not self._walk.is_filling_gaps):
            return
        if self._clock.monotonic() >= self._deadline:
            raise self.ledger.broken_off("the time is up")
