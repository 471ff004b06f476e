"""That a source stood still while it was read: some pages are asked for again, and must be what they were.

A source that lost or moved a record meanwhile shows it in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from de_classes.api.evidence import (
    LEAST_LOOKS,
    LEAST_LOOKS_BY_NUMBERS,
    PageSample,
    Still,
    most_requests,
)
from de_classes.api.numbered_walk import NumberedWalk
from de_classes.api.page import edges_of, still_stands
from de_classes.api.pagination.by_number import OffsetPagination
from de_classes.api.pagination.followed import LastRecordPagination
from de_classes.api.walk import ASKS_FOR_AN_EMPTY_PAGE
from de_classes.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.api.endpoint import Endpoint, LookBack
    from de_classes.api.evidence import EndBy, StillBy
    from de_classes.api.followed_walk import FollowedWalk
    from de_classes.api.ledger import RunLedger
    from de_classes.api.page import Page
    from de_classes.api.pagination.strategy import PageRequest
    from de_classes.api.walk import ProofRequests
    from de_classes.utils.page_range import PageRange
    from de_classes.utils.run_records import PageEntry

_MOST_EDGES: Final = 50_000
_MOST_REPEATED: Final = 20
_MOST_DOUBTED: Final = 20
_MOST_SEAMS: Final = 3


class Reading:
    """What is known of the pages that came, for those who prove that they are all and stood still.

    Args:
        endpoint: What was read.
        walk: How it was gone over.
        ledger: What came.
        proofs: Sends what is asked only to make sure.
        limit: Records a page that were asked for.
        pages: Which pages were.
        look_back: How many pages are asked for again at the end: some, all or none.

    Attributes:
        sample: The pages that may be looked at again.
        repeated: Pages by number that begin or end with a record of another.
        seams: Neighbours of which one ends with the record that the other begins with.
        alike: Neighbours of which the second begins or ends with a record of another page.
        by_edge: The pages by short hashes of their first and last records.
        pages_before: How many pages had come when this invocation began.
        has_grown: Whether the last page had more records when it was asked for again.
        warnings: What weakens the proof, a sentence each.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        walk: NumberedWalk | FollowedWalk,
        ledger: RunLedger,
        proofs: ProofRequests,
        *,
        limit: int,
        pages: PageRange,
        look_back: LookBack,
    ) -> None:
        self.endpoint = endpoint
        self.walk = walk
        self.ledger = ledger
        self.proofs = proofs
        self.limit = limit
        self.pages = pages
        self.look_back = look_back
        self.sample = PageSample(keeps_every=look_back == "all")
        self.by_edge: dict[str, PageEntry] = {}
        self.repeated: dict[int, PageEntry] = {}
        self.seams: list[tuple[PageEntry, PageEntry]] = []
        self.alike: list[tuple[PageEntry, PageEntry]] = []
        self.pages_before = 0
        self.has_grown = False
        self.warnings: list[str] = []
        self._doubted: dict[int, str] = {}
        self._previous: PageEntry | None = None

    def note(self, entry: PageEntry) -> None:
        """Take down a page that was taken, by this process or one before it."""
        self.sample.add(entry)
        if entry.doubt is not None and len(self._doubted) < _MOST_DOUBTED:
            self._doubted[entry.number] = entry.doubt
        before, self._previous = self._previous, entry
        is_behind = before is not None and before.number == entry.number - 1
        for edge in entry.edges if len(self.by_edge) < _MOST_EDGES else ():
            other = self.by_edge.setdefault(edge, entry)
            if other is not entry and len(self.repeated) < _MOST_REPEATED:
                self.repeated |= {other.number: other, entry.number: entry}
                if before is not None and is_behind:
                    self.alike = [*self.alike, (before, entry)][:_MOST_SEAMS]
        if before is not None and is_behind and entry.repeats:
            self.seams = [*self.seams, (before, entry)][:_MOST_SEAMS]

    def warn_anew(self) -> None:
        """Begin the warnings with what stood beside records, and what weakens the pagination's own proof."""
        self.warnings = [f"page {page} has beside its records {said}" for page, said in self._doubted.items()]
        self.warnings += self.endpoint.pagination.warnings

    def after(self, page: Page, request: PageRequest, size: int | None = None) -> PageRequest | None:
        """What a page leads to."""
        came_from = page.url or request.url or self.endpoint.shown_url
        return self.endpoint.pagination.request_after(page, size or self.limit, url=came_from, asked=request)


class StandstillProof:
    """Makes sure that a source stood still, once its pages came.

    Args:
        reading: What came.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._endpoint = reading.endpoint
        self._pagination = reading.endpoint.pagination
        self._walk = reading.walk
        self._ledger = reading.ledger
        self._proofs = reading.proofs
        self._limit = reading.limit
        self._pages = reading.pages
        self._sample = reading.sample
        self._look_back = reading.look_back
        self._is_end_counted = False

    def look_over_seams(self, *, is_first_time: bool, has_keys: bool) -> None:
        """Make sure that a record which ends one page and begins the next is there twice.

        Raises:
            ProtocolError: It is not, each time: records are counted from another number than described.
            SourceChangedError: It is not.
        """
        walk, offsets = self._walk, self._pagination
        if not isinstance(walk, NumberedWalk) or not isinstance(offsets, OffsetPagination):
            return
        for before, entry in self._reading.seams:
            request = walk.request_of(entry.number)
            is_all_again = set(self._reading.by_edge) == {*before.edges, *entry.edges} == {*before.edges}
            if request is None or (has_keys and not is_all_again):
                continue
            over = offsets.request_at(request.number, offsets.records_before(request) - 1, 2)
            page = self._proofs.ask(over)
            edges = () if page is None or len(page.records) == 1 else edges_of(page.records[:2])
            if edges == (*before.edges[-1:], *entry.edges[:1]):
                continue
            if not is_first_time and is_all_again and has_keys:
                raise ProtocolError(
                    f"page {entry.number} is the page before it again, each time: the offset does not go "
                    "where the source looks for it; change into"
                )
            if not is_first_time and entry.number == self._pages.start + 1 and offsets.first == 0:
                raise ProtocolError(
                    "the second page begins with the record that the first ends with, and it is there once: "
                    "records are counted from 1; say pagination.first = 1"
                )
            raise self._ledger.changed(
                f"page {entry.number} begins with a record of the page before it, and it is there once"
            )

    def known_by(self, end_by: EndBy, *, is_asked_last: bool) -> Still:
        """What pages that are asked for again show.

        Args:
            end_by: How the end is known.
            is_asked_last: Whether the place behind the last page will be asked for once more.

        Raises:
            SourceChangedError: A page is not what it was, or the last leads further.
        """
        pages, before = self._sample.pages, self._proofs.requests
        if self._look_back == "none":
            self._reading.warnings.append(
                "whether the source stood still is not known: it is not to be asked again"
            )
            return Still(by="unknown", of=pages)
        if self._goes_by_key():
            return Still(by="by key", of=pages)
        self._is_end_counted = end_by == "counted"
        looked: set[int] = set()
        for entry, request in self._looks(end_by, is_asked_last=is_asked_last):
            is_late = bool(looked) and self._look_back == "some" and self._proofs.is_late()
            if (
                is_late and self._sample.pages == self._reading.pages_before
            ):  # nor has the next invocation more
                self._reading.warnings.append(
                    f"the time was up when {len(looked)} of the pages had been looked at again"
                )
                break
            self._check(entry, request)
            looked |= {entry.number, entry.number + (entry is self._before_an_empty_end)}
        self._look_from_before()
        if looked and self._walk.came_twice is not None:
            looked.add(self._walk.came_twice)
        by: StillBy = "read twice" if len(looked) == pages and self._look_back == "all" else "sampled"
        if not looked and pages:
            self._reading.warnings.append(
                "whether the source stood still is not known: no page can be had again"
            )
            by = "unknown"
        return Still(by=by, pages=len(looked), of=pages, requests=self._proofs.requests - before)

    def _picked(self, end_by: EndBy, *, is_asked_last: bool) -> dict[int, PageEntry]:
        """The pages that are looked at again: as many as the proof of the end left requests for.

        The last page is not looked at once more where it came twice on the way, or the place behind it was
        asked for, or will be, unless there is room for all.
        """
        most, last = self._sample.pages, self._sample.last
        is_seen = False
        if self._look_back != "all" and last is not None:
            is_probed = end_by == "probed" and isinstance(self._walk, NumberedWalk)
            counts_records = self._pagination.counts_records
            left = most_requests(most) - self._proofs.requests - is_asked_last - self._asks_for_the_empty_end
            is_seen = left < most and last.number != self._pages.start and self._before_an_empty_end is None
            came_twice = self._walk.came_twice == last.number
            is_seen = is_seen and (is_asked_last or came_twice or (is_probed and counts_records))
            is_untold = is_probed and not counts_records and last.total_pages is None
            least = LEAST_LOOKS_BY_NUMBERS if is_untold else LEAST_LOOKS
            most = min(most, max(left + is_seen, least))
        picked = {entry.number: entry for entry in self._sample.pick(most)}
        if is_seen and last is not None:
            picked.pop(last.number, None)
        return picked

    def _looks(self, end_by: EndBy, *, is_asked_last: bool) -> Iterator[tuple[PageEntry, PageRequest]]:
        picked = self._picked(end_by, is_asked_last=is_asked_last)
        filled = self._before_an_empty_end
        if filled is not None and picked.pop(filled.number + 1, None) is not None:
            picked[filled.number] = filled  # and to the empty page it leads
        # A record at the edge of two pages has moved, or the data is so: then they stand as they stood.
        for entry in {**picked, **self._reading.repeated}.values():
            walk = self._walk
            request = (
                walk.request_of(entry.number) if isinstance(walk, NumberedWalk) else walk.request_of(entry)
            )
            if request is not None:
                yield entry, request

    def _look_from_before(self) -> None:
        """Make sure that a page with a record of another is still what the page before it leads to.

        A place that was forgotten may be answered with another one, each time.

        Raises:
            SourceChangedError: It is not.
        """
        walk = self._walk
        if isinstance(walk, NumberedWalk):
            return
        for before, entry in self._reading.alike:
            request = walk.request_of(before)
            page = None if request is None else self._proofs.ask(request)
            if page is None or request is None:
                continue
            following = self._reading.after(page, request)
            now = None if following is None else self._proofs.ask(following)
            if now is None or not self._stands(entry, now):
                raise self._ledger.changed(
                    f"page {before.number} does not lead to page {entry.number} any more"
                )

    def _goes_by_key(self) -> bool:
        """Whether each page begins behind the last record's unique key, so that no change can move a row."""
        return isinstance(self._pagination.each, LastRecordPagination) and not self._endpoint.may_tie

    def _check(self, entry: PageEntry, request: PageRequest) -> None:
        """Look at a page again, and at the empty one behind it if that is the end.

        Raises:
            SourceChangedError: It is not what it was, or leads further.
        """
        ask = self._proofs.look if entry.records else self._proofs.ask
        page = ask(request)
        # A lapse brings less than came before, and passes; what brings more shows what had been left out.
        for _ in range(ASKS_FOR_AN_EMPTY_PAGE - 1):
            if page is not None and len(page.records) >= entry.records:
                break
            page = ask(request)
        is_same = page is not None and (page.digest == entry.sha256 or self._stands(entry, page))
        if page is not None and is_same:
            self._reading.has_grown |= entry is self._sample.last and len(page.records) > entry.records
            if self._leads_on_now(entry, request, page):
                raise self._ledger.led_further(entry.number)
            return
        raise self._ledger.changed(f"page {entry.number} is not what it was when it was read")

    def _leads_on_now(self, entry: PageEntry, request: PageRequest, page: Page) -> bool:
        """Whether what was the last page says by now that another follows, or leads to one.

        Where an empty page was the last, the place behind it may have been forgotten: then the last page with
        records must lead to an empty one again.
        """
        last = self._sample.last
        if entry is last and self._pages.stop is None:
            if isinstance(self._walk, NumberedWalk):
                # a marker may only say whether the page is full: then it says the same as it did
                said = self._walk.last_page
                is_alike = request.size == self._limit and said is not None and self._pagination.ends(said)
                has_total = self._ledger.agreed_total is not None
                return bool(is_alike) and not has_total and self._pagination.ends(page) is False
            return self._reading.after(page, request) is not None
        following = self._reading.after(page, request) if entry is self._before_an_empty_end else None
        if following is None or not self._asks_for_the_empty_end:
            return False
        behind = self._proofs.ask(following)
        return behind is not None and (
            bool(behind.records) or self._reading.after(behind, following) is not None
        )

    @property
    def _before_an_empty_end(self) -> PageEntry | None:
        """The last page that has records, if the one behind it is empty and the end of a followed walk."""
        filled, last = self._sample.last_filled, self._sample.last
        if filled is None or last is None or isinstance(self._walk, NumberedWalk):
            return None
        return filled if last.number == filled.number + 1 else None

    @property
    def _asks_for_the_empty_end(self) -> bool:
        """Whether what the last filled page leads to is asked for again: not where a count proves it."""
        return self._before_an_empty_end is not None and not self._is_end_counted

    def _stands(self, entry: PageEntry, page: Page) -> bool:
        last = self._sample.last
        is_telling = entry.mark is not None and page.mark is not None and len(page.records) == entry.records
        if self._look_back == "all" and is_telling:
            return page.mark == entry.mark  # reading twice sees records that are exchanged within a page too
        may_have_grown = self._pagination.counts_records or (
            last is not None and entry.number == last.number and self._ledger.agreed_total is not None
        )
        is_as_long = len(page.records) == entry.records
        return still_stands(page, entry) and (is_as_long or (may_have_grown and entry.records > 0))
