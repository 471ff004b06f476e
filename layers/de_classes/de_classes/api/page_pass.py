"""One pass over a source's pages, which ends complete or with an error that names what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from de_classes.api.end_proof import EndProof
from de_classes.api.evidence import End, Evidence, Still
from de_classes.api.standstill_proof import StandstillProof
from de_classes.errors import (
    IncompleteRunError,
    PaginationLoopError,
    RetriesExhaustedError,
    SourceChangedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from de_classes.api.ledger import RunLedger
    from de_classes.api.page import Page
    from de_classes.api.pagination import PageNumberPagination
    from de_classes.api.standstill_proof import Reading
    from de_classes.api.walk import PageWalk
    from de_classes.utils.clock import Clock
    from de_classes.utils.page_range import PageSet
    from de_classes.utils.run_records import PageEntry, RunPlace


class Prover:
    """Proves one reading, once its pages came: that its end is one, and that the source stood still.

    Args:
        reading: What came.
        strict: Whether only proof counts: what stays unproven or unknown is incomplete.
        seen_before: The run that followed what leads on, by the same description; None if none did.
        learn: See ``EndProof``.
    """

    def __init__(
        self,
        reading: Reading,
        *,
        strict: bool = False,
        seen_before: str | None = None,
        learn: Callable[[PageNumberPagination], None] = lambda _: None,
    ) -> None:
        self._reading = reading
        self._strict = strict
        self._end = EndProof(reading, seen_before=seen_before, learn=learn)
        self._standstill = StandstillProof(reading)
        self.note = reading.note
        self.refuse_dead_end = self._end.refuse_dead_end
        self.look_below_the_first = self._end.look_below_the_first

    def begin(self) -> None:
        """Take down how far the run has come, before the first page of this invocation is asked for."""
        self._reading.pages_before = self._reading.sample.pages
        if not self._reading.sample.pages:
            self._end.begin()

    def conclude(self, *, looks: bool = True, has_keys: bool = False) -> Evidence | None:
        """What the run's being complete rests on; None where it leads further by now, and is to go on.

        Args:
            looks: Whether pages are asked for again; not where it is known that the source changed.
            has_keys: Whether a record that came twice is kept once anyway.

        Raises:
            IncompleteRunError: Nothing proves the end, and something speaks against it.
            SourceChangedError: The source changed while it was read.
            ProtocolError: The description does not fit the source: it says what to change.
        """
        reading = self._reading
        reading.warn_anew()
        self._end.warn_of_round_total()
        by, saw = self._end.known_by()
        self._standstill.look_over_seams(is_first_time=looks, has_keys=has_keys)
        is_asked_last = looks and by == "probed" and self._end.is_last_page_full
        still = (
            self._standstill.known_by(by, is_asked_last=is_asked_last)
            if looks
            else Still(by="unknown", of=reading.sample.pages)
        )
        if (is_asked_last or (reading.has_grown and by != "total")) and self._end.leads_further():
            return None
        if self._end.is_growing:
            by, saw = "unproven", "there were more records behind the last each time"
        end = End(by=by, saw=saw, requests=reading.proofs.requests - still.requests)
        evidence = Evidence(end, still, tuple(reading.warnings))
        if self._strict and looks and evidence.weak:
            raise IncompleteRunError(f"{', '.join(evidence.weak)}: that is no proof, as strict asks for")
        return evidence


class PagePass:
    """Pages in order, entered into a ledger as they are handed on. Iterate it once.

    After each page, ``entry``, ``place`` and ``gaps`` say what to write down, so that another process
    can go on behind that page; see ``RunState``.

    Args:
        pages: The pages, in order; to be iterated anew where they lead further after their end.
        walk: Where they come from.
        ledger: Where they are entered.
        prover: Proves, once all came, that they are all.
        clock: What to measure with.
        deadline: Moment on the clock's monotonic time after which no other page is begun, or None.
        window: The most records that the source gives at all, or None.

    Attributes:
        ledger: What came until now, against what should.
    """

    def __init__(
        self,
        pages: Iterable[Page],
        walk: PageWalk,
        ledger: RunLedger,
        prover: Prover,
        clock: Clock,
        *,
        deadline: float | None = None,
        window: int | None = None,
    ) -> None:
        self._window = window
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
        return self._prover.conclude(looks=False, has_keys=has_keys)

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
            self._prove()

    def _to_the_end(self) -> Iterator[Page]:
        try:
            self._prover.begin()
            for page in self._pages:
                self._entry = self.ledger.observe(page, self._walk.way_here)
                self._prover.note(self._entry)
                yield page
                self._check_deadline()
        except RetriesExhaustedError as error:
            if not self.ledger.pages:
                self._prover.look_below_the_first(error)
            raise self.ledger.broken_off(str(error)) from error
        except (SourceChangedError, PaginationLoopError) as error:
            self._prover.look_below_the_first(error)
            raise

    def _prove(self) -> None:
        """Say what the run's being complete rests on, unless it leads further by now."""
        try:
            self.ledger.settle()
        except IncompleteRunError as error:
            self._prover.look_below_the_first(error)
            if isinstance(error, SourceChangedError):
                self._prover.refuse_dead_end()
            raise
        if self._window is not None and self.ledger.most_records >= self._window:
            raise IncompleteRunError(
                f"{self.ledger.most_records} records came, which is all that the source gives of any query: "
                "that is its window, not its end; ask for less at once, in slices"
            )
        try:
            self._evidence = self._prover.conclude()
        except RetriesExhaustedError as error:
            raise IncompleteRunError(
                f"{self.ledger.records} records came, and whether they are all could not be proved: {error}"
            ) from error

    def _check_deadline(self) -> None:
        if self._deadline is None or (self.ledger.is_done() and not self._walk.is_filling_gaps):
            return
        if self._clock.monotonic() >= self._deadline:
            raise self.ledger.broken_off("the time is up")
