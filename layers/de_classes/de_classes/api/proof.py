"""What a receipt's ``end`` and ``still`` rest on, from top to bottom.

While pages come, a ``Reading`` takes down what is needed of them. When the last one came and none is missing
(``RunLedger.settle``), ``Prover.conclude`` goes through this file:

1. The end, ``end.by``, by the first of these that holds; nothing is the end because it looks like one:

   - ``total``, of a job: it says itself how many it has made
   - ``declared``: nothing follows by what was asked for, or by the description
   - ``counted``: a request that counts the records gives as many as came
   - ``total``, of pages with numbers (``_end_by_number``): the same in every answer, and as many came
   - ``marker``, of the same: a field said "more" of pages that lead on, and "no more" of the last
   - ``probed``, of the same: the place behind the last record was asked for, and nothing is there
   - by what leads on (``_end_by_following``) these three by the last page, which led nowhere twice; of a
     single page (``_end_of_single``), a smaller one is asked for, which must lead to the rest
   - ``unproven``: nothing tells: an error where something looks as if more followed, else a warning

2. The seams: a record that ends one page and begins the next is asked for together with its neighbour.
3. Stillness, ``still.by``: pages are asked for again, and must be what they were, ``_still``.
4. The place behind the last page once more, where nothing else tells: the last request of a run. If there is
   something by then, the run goes on.

What was asked for on the way is not asked for again: a walk says by ``is_empty_behind``, ``ends_with_itself``
and ``came_twice`` what it saw. Each request that brings nothing is counted by ``ProofRequests``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from de_classes.api.evidence import (
    LEAST_LOOKS,
    LEAST_LOOKS_BY_NUMBERS,
    LEAST_REQUESTS,
    End,
    Evidence,
    Still,
    most_requests,
)
from de_classes.api.numbered_walk import NumberedWalk
from de_classes.api.page import edges_of, still_stands
from de_classes.api.pagination.by_number import PageNumberPagination
from de_classes.api.pagination.followed import next_links
from de_classes.api.walk import ASKS_FOR_AN_EMPTY_PAGE
from de_classes.errors import IncompleteRunError, ProtocolError, SourceChangedError
from de_classes.utils.paths import MISSING, finder, standing_there

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from de_classes.api.endpoint import Endpoint, LookBack
    from de_classes.api.evidence import EndBy, ProofRequests, StillBy
    from de_classes.api.followed_walk import FollowedWalk
    from de_classes.api.ledger import RunLedger
    from de_classes.api.page import Page
    from de_classes.api.pagination.strategy import PageRequest
    from de_classes.errors import DeClassesError
    from de_classes.utils.page_range import PageRange
    from de_classes.utils.run_records import PageEntry

_MOST_SAMPLED: Final = 2048
_MOST_EDGES: Final = 50_000
_MOST_REPEATED: Final = 20
_MOST_DOUBTED: Final = 20
_MOST_SEAMS: Final = 3
_MOST_LOOKS_BEHIND: Final = 3
_OWN_MARKER: Final = "the last page says that it is the last"
_ROUND: Final = frozenset({1_000, 10_000, 50_000, 100_000})
_USUAL_SIZES: Final = frozenset({10, 20, 25, 30, 50, 100})
_WAYS_ON: Final = re.compile(r"next|cursor|more|continu|token|after\b|scroll|offset|bookmark", re.IGNORECASE)
_HEADERS_ON: Final = re.compile(r"next|cursor|continuation|scroll|bookmark")
_COUNTS: Final = re.compile(r"total|count", re.IGNORECASE)


class Reading:
    """What is known of the pages that came, taken down one by one.

    Args:
        endpoint: What was read.
        walk: How it was gone over.
        ledger: What came.
        proofs: Sends what is asked only to make sure.
        limit: Records a page that were asked for.
        pages: Which pages were.
        strict: Whether only proof counts: every page is asked for again, and what stays unproven or unknown
            is incomplete.

    Attributes:
        look_back: How many pages are asked for again at the end: some, all or none.
        sample: The pages that may be looked at again.
        repeated: Pages by number that begin or end with a record of another.
        seams: Neighbours of which one ends with the record that the other begins with.
        alike: Neighbours of which the second begins or ends with a record of another page.
        by_edge: The pages by short hashes of their first and last records.
        doubted: What stood beside the records, by page.
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
        strict: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self.walk = walk
        self.ledger = ledger
        self.proofs = proofs
        self.limit = limit
        self.pages = pages
        self.strict = strict
        asked_for = endpoint.look_back
        self.look_back: LookBack = "all" if strict and asked_for == "some" else asked_for
        self.sample = PageSample(keeps_every=self.look_back == "all")
        self.by_edge: dict[str, PageEntry] = {}
        self.repeated: dict[int, PageEntry] = {}
        self.seams: list[tuple[PageEntry, PageEntry]] = []
        self.alike: list[tuple[PageEntry, PageEntry]] = []
        self.pages_before = 0
        self.has_grown = False
        self.warnings: list[str] = []
        self.doubted: dict[int, str] = {}
        self._previous: PageEntry | None = None

    def note(self, entry: PageEntry) -> None:
        """Take down a page that was taken, by this process or one before it."""
        self.sample.add(entry)
        if entry.doubt is not None and len(self.doubted) < _MOST_DOUBTED:
            self.doubted[entry.number] = entry.doubt
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

    def after(self, page: Page, request: PageRequest, size: int | None = None) -> PageRequest | None:
        """What a page leads to."""
        came_from = page.url or request.url or self.endpoint.shown_url
        return self.endpoint.pagination.request_after(page, size or self.limit, url=came_from, asked=request)


class Prover:
    """Proves one reading, once its pages came: that its end is one, and that the source stood still.

    Args:
        reading: What came.
        seen_before: The run that followed what leads on, by the same description; None if none did.
        learn: Told of the pagination by which another reading is to begin, where pages are counted from
            another number than described.
    """

    def __init__(
        self,
        reading: Reading,
        *,
        seen_before: str | None = None,
        learn: Callable[[PageNumberPagination], None] = lambda _: None,
    ) -> None:
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
        self._covers_all = reading.pages.start == 1 and reading.pages.stop is None
        self._seen_before = seen_before
        self._learn = learn
        self._counted: int | None = None
        self._is_end_counted = False
        self._led_on = 0
        self._is_growing = False
        self.note = reading.note

    def begin(self) -> None:
        """Take down how far the run has come, and have the source count, if it can, before the first page."""
        self._reading.pages_before = self._sample.pages
        if not self._sample.pages:
            self._counted = self._proofs.count()

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
        if self._endpoint.window is not None and self._ledger.most_records >= self._endpoint.window:
            raise IncompleteRunError(
                f"{self._ledger.most_records} records came, which is all that the source gives of any query: "
                "that is its window, not its end; ask for less at once, in slices"
            )
        self._warn_of_what_came()
        by, saw = self._end()
        self._look_over_seams(is_first_time=looks, has_keys=has_keys)
        last = self._sample.last_filled
        is_full = (
            isinstance(self._walk, NumberedWalk) and last is not None and last.records >= self._walk.largest
        )
        is_asked_last = looks and by == "probed" and is_full  # nothing else says that this page is the last
        still = (
            self._still(by, is_asked_last=is_asked_last)
            if looks
            else Still(by="unknown", of=self._sample.pages)
        )
        if (is_asked_last or (reading.has_grown and by != "total")) and self._leads_further():
            return None
        if self._is_growing:
            by, saw = "unproven", "there were more records behind the last each time"
        end = End(by=by, saw=saw, requests=self._proofs.requests - still.requests)
        evidence = Evidence(end, still, tuple(reading.warnings))
        if reading.strict and looks and evidence.weak:
            raise IncompleteRunError(f"{', '.join(evidence.weak)}: that is no proof, as strict asks for")
        return evidence

    def _warn_of_what_came(self) -> None:
        """Begin the warnings: what stood beside records, what weakens the pagination's own proof, totals."""
        reading, ledger = self._reading, self._ledger
        doubted = [f"page {page} has beside its records {said}" for page, said in reading.doubted.items()]
        warnings = reading.warnings = [*doubted, *self._pagination.warnings]
        if ledger.agreed_total in _ROUND and self._endpoint.window is None:
            warnings.append(
                f"the total is exactly {ledger.agreed_total}, as where a source counts no further: if "
                "so, say it (window, total_is), and read it in slices"
            )
        if ledger.records_beyond_total:
            warnings.append(
                f"the source says it has {ledger.total_records} records, and {ledger.records_beyond_total} "
                "more came: its total proves nothing"
            )

    # The end

    def _end(self) -> tuple[EndBy, str]:
        """What proves the end, and what was seen; for the errors see ``conclude``."""
        job, total = self._endpoint.job, self._ledger.agreed_total
        if job is not None and job.described.total_path is not None and total is not None:
            return "total", f"{total} records, as the job counts them"
        return self._end_of_pages()

    def _end_of_pages(self) -> tuple[EndBy, str]:
        ledger, walk = self._ledger, self._walk
        if self._pages.stop is not None and ledger.last_seen >= self._pages.stop:
            return "declared", f"pages {self._pages} were asked for"
        absent = None if ledger.records or walk.last_page is None else self._absent(walk.last_page)
        if self._pagination.declared_end is not None:
            if absent is not None:
                self._reading.warnings.append(absent)
            return "declared", self._pagination.declared_end
        if self._covers_all and self._counts_as_many():
            self._is_end_counted = True
            return "counted", f"{ledger.records} records"
        if absent is not None and ledger.agreed_total is None:
            self._reading.warnings.append(absent)
            return "unproven", absent
        if isinstance(walk, NumberedWalk):
            return self._end_by_number(walk)
        return self._end_by_following(walk)

    def _absent(self, page: Page) -> str | None:
        """What an XML answer has in place of records: an empty list has no elements, and so no name."""
        reader = self._endpoint.reader
        if reader.kind != "xml" or finder(reader.records_field)(page.answer) is not MISSING:
            return None
        there = standing_there(page.answer)
        return (
            f"no record came, the answer has no {reader.records_field!r}, it has {there}: are the records "
            "there? change records_path and xml_record"
        )

    def _counts_as_many(self) -> bool:
        """Whether the source counts as many records as came, by a request of its own, before and after.

        Raises:
            SourceChangedError: It counted others before.
            IncompleteRunError: It counts more.
        """
        records, counted = self._ledger.records, self._proofs.count()
        if counted is None:
            return False
        if self._counted is not None and self._counted != counted:
            raise self._ledger.changed(
                f"the source counted {self._counted} records before, and {counted} after"
            )
        if counted > records:
            raise IncompleteRunError(f"{records} records came, but the source counts {counted}")
        if counted < records:
            self._reading.warnings.append(
                f"the source counts {counted} records, and {records} came: its count proves nothing; "
                "leave out count"
            )
        return counted == records

    def _end_by_number(self, walk: NumberedWalk) -> tuple[EndBy, str]:
        total = self._ledger.agreed_total
        page = walk.last_page
        is_single = self._ledger.pages == 1
        is_empty_behind = walk.is_empty_behind or not self._ledger.records  # as it was asked for on the way
        # Records that came twice, at the edges of pages, may have filled the total before the end.
        is_counted = total is not None and not self._reading.repeated
        if is_counted and is_single and self._ledger.records > 1 and not is_empty_behind:
            is_counted = is_empty_behind = not self._has_records_behind(walk)
        if is_counted:
            return "total", f"{total} records"
        if total is None and self._ledger.records == 1 and walk.ends_with_itself:
            return self._unproven(None, "the same record came for the first page and for the second")
        ends = None if page is None else self._pagination.ends(page)
        is_marked = ends and not is_single
        if is_marked or is_empty_behind or not self._has_records_behind(walk):
            self._look_before_the_first(walk)
            if is_marked:
                return "marker", self._pagination.marker or _OWN_MARKER
            return "probed", f"nothing behind record {self._ledger.records}"
        raise ProtocolError(
            f"{self._ledger.records} records came, and there are more behind them, although the source says "
            "that these are all: what the description names as a total or a marker is not one; leave it out"
        )

    def _look_before_the_first(self, walk: NumberedWalk) -> None:
        """Make sure that pages or records are not counted from a number below the first that was asked for.

        Raises:
            ProtocolError: They are: there is a record before the first.
        """
        first = self._sample.first
        request = walk.request_before()
        if request is None or first is None:
            return
        before = self._proofs.ask_once(request)
        if before is None or not before.records or before.edges[:1] == first.edges[:1]:
            return
        again = walk.request_of(1)
        now = None if again is None else self._proofs.ask(again)
        if now is not None and now.edges[:1] == before.edges[:1]:
            return  # it takes a number below its first for the first, and that page has changed
        raise ProtocolError(
            "there are records before the first that was asked for: pages or records are counted from a "
            "lower number; say pagination.first = 0, or --pages 0- of an address"
        )

    def _has_records_behind(self, walk: NumberedWalk) -> bool:
        request = walk.request_behind(self._ledger.records)
        behind = self._proofs.ask(request)
        was_empty = walk.is_empty_behind and not walk.ends_with_itself
        is_other = behind is not None and bool(behind.records) and was_empty and walk.is_known(behind)
        if (behind is None and self._reading.has_grown) or is_other:
            behind = self._proofs.ask(request)
        return behind is not None and bool(behind.records) and not walk.is_known(behind)

    def _end_by_following(self, walk: FollowedWalk) -> tuple[EndBy, str]:
        page, request = self._last_of(walk)
        total, rows = self._ledger.agreed_total, self._ledger.records
        is_single = self._ledger.pages == 1 and rows > 1
        if total is not None and not is_single:
            return "total", f"{total} records"
        if page is None or request is None:
            return self._unproven(None, "the run went on where it had ended, and its last page is not known")
        if self._pagination.ends(page) and (not is_single or self._pagination.each.ends_surely):
            return "marker", self._pagination.marker or _OWN_MARKER
        if self._ledger.pages == 1:
            return self._end_of_only(page, request)
        each = self._pagination.each
        if each.random_access or each.tied_by is not None:
            last = f"record {rows}" if each is self._pagination else "what came of each parent"
            return "probed", f"nothing behind {last}"
        way_on = f"no {each.way_on}" if each.way_on else "no way on"
        return "marker", f"{way_on} on page {page.number}, twice"

    def _end_of_only(self, page: Page, request: PageRequest) -> tuple[EndBy, str]:
        """The end of a collection of one page, which leads nowhere, and which nothing counts or marks."""
        if self._seen_before is not None:
            self._make_sure_of(page, request)
            return "seen before", f"run {self._seen_before} followed {self._pagination.each.way_on}"
        if self._ledger.records > 1:
            return self._end_of_single(page, request)
        if page.records:
            return self._unproven(page, f"1 came of up to {self._limit}", request)
        again = self._proofs.ask(request)
        if _way_on(page, 0, self._pagination.each.way_on) is None and again is not None and not again.records:
            return "probed", "no record, twice"
        return self._unproven(page, "no record came", request)

    def _end_of_single(self, page: Page, request: PageRequest) -> tuple[EndBy, str]:
        """The end of a collection of several records, whose only page says that nothing follows."""
        rows, total, ends = len(page.records), self._ledger.agreed_total, self._pagination.ends(page)
        size = self._endpoint.largest_below(rows)
        smaller = None if size is None else self._proofs.ask(replace(request, size=size))
        if smaller is None or size is None or len(smaller.records) + len(smaller.left) != size:
            if total is not None and (ends or rows < self._limit):
                return "total", f"{total} records"
            return self._unproven(page, f"{rows} came of up to {self._limit}", request)
        if total is not None and smaller.total_records == total:
            return "total", f"{total} records, also when {size} are asked for"
        if ends is not None and not self._pagination.ends(smaller):
            return "marker", f"{self._pagination.marker or _OWN_MARKER}, and not when {size} are asked for"
        return self._rest_follows(page, smaller, request, size)

    def _rest_follows(self, page: Page, smaller: Page, request: PageRequest, size: int) -> tuple[EndBy, str]:
        """Follow a smaller page to the end: exactly the rest must come."""
        rows, came, answer = len(page.records), len(smaller.records), smaller
        asked = replace(request, size=size)
        for _ in range(LEAST_REQUESTS - 1):
            following = self._reading.after(answer, asked, size)
            if following is None and came < rows:  # it may have lost its way on once
                again = self._proofs.ask(asked)
                following = None if again is None else self._reading.after(again, asked, size)
            behind = None if following is None else self._proofs.ask(following)
            if following is None or behind is None:
                break
            came += len(behind.records)
            is_last = not behind.edges or behind.edges[-1] == page.edges[-1]
            if came >= rows and not is_last and behind.edges == answer.edges:
                raise ProtocolError(
                    f"what {self._pagination.each.way_on} leads to has the same records again: what is sent "
                    "on does not go where the source looks for it; change into"
                )
            answer, asked = behind, following
            if came > rows or not answer.records:
                break
        if came > rows:
            raise SourceChangedError("the first page had lost what leads on", missing_pages=(2,))
        if came == rows:
            return "probed", f"the last of {rows} records followed when {size} were asked for"
        raise ProtocolError(
            f"{rows} records came at once, but {came} when {size} were asked for, and then nothing leads on "
            f"by {self._pagination.each.way_on}: the answer has {standing_there(smaller.answer)}; name what "
            "leads to the next page"
        )

    def _make_sure_of(self, page: Page, request: PageRequest) -> None:
        """A page that seems to be all there is comes alike when it is asked for again."""
        again = self._proofs.ask(request)
        is_alike = again is not None and len(again.records) == len(page.records)
        if again is None or not is_alike or self._reading.after(again, request) is not None:
            raise SourceChangedError(
                "the only page came otherwise when it was asked for again", missing_pages=(2,)
            )

    def _unproven(self, page: Page | None, saw: str, request: PageRequest | None = None) -> tuple[EndBy, str]:
        """Nothing tells whether more follows: complete, with a warning, only where nothing looks like it."""
        rows = self._ledger.records
        if page is not None and request is not None:
            self._make_sure_of(page, request)
        hint = None if page is None else _way_on(page, rows, self._pagination.each.way_on)
        is_said = (
            page is not None and self._pagination.each.way_on is not None and self._pagination.stands_in(page)
        )
        if hint is None and self._endpoint.page_size is not None and rows >= self._limit and not is_said:
            hint = f"the page is full, {rows} records"
        if hint is None and rows in _USUAL_SIZES:
            hint = f"{rows} records are a usual size of a page"
        if hint is not None:
            raise IncompleteRunError(
                f"{rows} records came, and nothing proves that they are all; {hint}. Name what leads to the "
                "next page, a total or a marker, or say that there is no next page: pagination = "
                '{ type = "none" }'
            )
        self._reading.warnings.append(
            f"the end is not proved: {saw}, and no way on was ever seen. Name a total or a marker, or say "
            'that there is no next page: pagination = { type = "none" }'
        )
        return "unproven", saw

    def _last_of(self, walk: FollowedWalk) -> tuple[Page | None, PageRequest | None]:
        """The last page and its request; asked for again where another process brought the run to its end."""
        page, request, last = walk.last_page, walk.asked, self._sample.last
        if page is None or request is None:
            request = None if last is None else walk.request_of(last)
            page = None if request is None else self._proofs.ask(request)
        return page, request

    # The seams

    def _look_over_seams(self, *, is_first_time: bool, has_keys: bool) -> None:
        """Make sure that a record which ends one page and begins the next is there twice.

        Raises:
            ProtocolError: It is not, each time: records are counted from another number than described.
            SourceChangedError: It is not.
        """
        walk = self._walk
        if not isinstance(walk, NumberedWalk):
            return
        for before, entry in self._reading.seams:
            request = walk.request_of(entry.number)
            over = None if request is None else self._pagination.request_across(request)
            is_all_again = set(self._reading.by_edge) == {*before.edges, *entry.edges} == {*before.edges}
            if over is None or (has_keys and not is_all_again):
                continue
            page = self._proofs.ask(over)
            edges = () if page is None or len(page.records) == 1 else edges_of(page.records[:2])
            if edges == (*before.edges[-1:], *entry.edges[:1]):
                continue
            if not is_first_time and is_all_again and has_keys:
                raise ProtocolError(
                    f"page {entry.number} is the page before it again, each time: the offset does not go "
                    "where the source looks for it; change into"
                )
            is_from_0 = self._pagination.request_before(self._limit) is None
            if not is_first_time and entry.number == self._pages.start + 1 and is_from_0:
                raise ProtocolError(
                    "the second page begins with the record that the first ends with, and it is there once: "
                    "records are counted from 1; say pagination.first = 1"
                )
            raise self._ledger.changed(
                f"page {entry.number} begins with a record of the page before it, and it is there once"
            )

    # Stillness

    def _still(self, end_by: EndBy, *, is_asked_last: bool) -> Still:
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
        if self._endpoint.goes_by_key:
            return Still(by="by key", of=pages)  # no change can move a record past the reader
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
        self._look_from_the_page_before()
        if looked and self._walk.came_twice is not None:
            looked.add(self._walk.came_twice)
        by: StillBy = "read twice" if len(looked) == pages and self._look_back == "all" else "sampled"
        if not looked and pages:
            self._reading.warnings.append(
                "whether the source stood still is not known: no page can be had again"
            )
            by = "unknown"
        return Still(by=by, pages=len(looked), of=pages, requests=self._proofs.requests - before)

    def _looks(self, end_by: EndBy, *, is_asked_last: bool) -> Iterator[tuple[PageEntry, PageRequest]]:
        """The pages that are looked at again: as many as the proof of the end left requests for.

        The last page is not looked at once more where it came twice on the way, or the place behind it was
        asked for, or will be, unless there is room for all.
        """
        walk, last, filled = self._walk, self._sample.last, self._before_an_empty_end
        most, is_seen = self._sample.pages, False
        if self._look_back != "all" and last is not None:
            is_probed = end_by == "probed" and isinstance(walk, NumberedWalk)
            counts_records = self._pagination.counts_records
            left = most_requests(most) - self._proofs.requests - is_asked_last - self._asks_for_the_empty_end
            is_seen = left < most and last.number != self._pages.start and filled is None
            came_twice = walk.came_twice == last.number
            is_seen = is_seen and (is_asked_last or came_twice or (is_probed and counts_records))
            is_untold = is_probed and not counts_records and last.total_pages is None
            least = LEAST_LOOKS_BY_NUMBERS if is_untold else LEAST_LOOKS
            most = min(most, max(left + is_seen, least))
        picked = {entry.number: entry for entry in self._sample.pick(most)}
        if is_seen and last is not None:
            picked.pop(last.number, None)
        if filled is not None and picked.pop(filled.number + 1, None) is not None:
            picked[filled.number] = filled  # and to the empty page it leads
        # A record at the edge of two pages has moved, or the data is so: then they stand as they stood.
        for entry in {**picked, **self._reading.repeated}.values():
            request = (
                walk.request_of(entry.number) if isinstance(walk, NumberedWalk) else walk.request_of(entry)
            )
            if request is not None:
                yield entry, request

    def _look_from_the_page_before(self) -> None:
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

    # Once more behind the last page

    def _leads_further(self) -> bool:
        """Whether there is something by now where nothing was, so that the run goes on.

        It is the last request of a run: a place that was empty for a while shows it then. A source to which
        records are added all the time is not followed for ever.
        """
        walk = self._walk
        if not isinstance(walk, NumberedWalk) or not self._ledger.records:
            return False
        if not self._has_records_behind(walk):
            return False
        if self._led_on == _MOST_LOOKS_BEHIND:
            self._reading.warnings.append(
                "records were added as long as it was read: the last of them did not come"
            )
            self._is_growing = True
            return False
        self._led_on += 1
        self._reading.has_grown = False
        walk.go_on()
        return True

    # Where the pages themselves do not add up

    def refuse_dead_end(self) -> None:
        """Tell a first page whose way on is elsewhere from a source that changed.

        Raises:
            IncompleteRunError: Fewer records came than there are, and nothing leads on, twice.
        """
        walk = self._walk
        if isinstance(walk, NumberedWalk) or self._ledger.pages != 1 or not self._ledger.falls_short:
            return
        page, request = self._last_of(walk)
        again = None if page is None or request is None else self._proofs.ask(request)
        if page is None or request is None or again is None:
            return
        if len(again.records) != len(page.records) or self._reading.after(again, request):
            return
        raise IncompleteRunError(
            f"{len(page.records)} records came, but the source says it has {page.total_records}, and nothing "
            f"leads on by {self._pagination.each.way_on}: the answer has {standing_there(page.answer)}; name "
            "what leads to the next page, or leave out a total that is not one"
        )

    def look_below_the_first(self, because: DeClassesError) -> None:
        """Tell a source that counts its pages from a lower number from one that lacks its last page.

        By its totals it has as much more as came: a page that begins and ends as none of those that came do,
        and holds all the records that are missing. Without totals it is not known whether what comes by a
        lower number is a page of its own.

        Args:
            because: What is missing, or refused.

        Raises:
            SourceChangedError: It does; another reading begins there.
        """
        walk, pagination, ledger = self._walk, self._pagination, self._ledger
        if not isinstance(walk, NumberedWalk) or not isinstance(pagination, PageNumberPagination):
            return
        request, sizes = walk.request_before(), self._sizes_of_a_missing_page(walk)
        if request is None or not sizes or not self._covers_all or self._proofs.is_late():
            return
        below = self._proofs.ask_once(request)
        if below is None or len(below.records) not in sizes or self._reading.by_edge.keys() & {*below.edges}:
            return
        first = pagination.first - 1
        self._learn(replace(pagination, first=first))
        raise SourceChangedError(
            f"{because}; and page {first} has {len(below.records)} records: pages are counted from {first}, "
            f"say pagination.first = {first}, or of an address --pages {first}-",
            missing_pages=ledger.missing_pages,
        ) from because

    def _sizes_of_a_missing_page(self, walk: NumberedWalk) -> range:
        """How many records the one page may have that a run lacks by the totals; none if it lacks another."""
        ledger, most = self._ledger, max(walk.largest, self._limit)
        last, lacks = (str(ledger.expected_pages),), (ledger.expected_records or 0) - ledger.records
        if ledger.expected_records is None:
            return (
                range(max(walk.largest, 1), most + 1) if ledger.missing_pages.ranges() == last else range(0)
            )
        is_one_page = 0 < lacks <= most and ledger.gaps.ranges() in ((), last)
        return range(lacks, lacks + 1) if is_one_page else range(0)


def _way_on(page: Page, rows: int, described: str | None) -> str | None:
    """What in an answer looks as if more followed, apart from what is described; None if nothing does."""
    if next_links(page.headers.get("link") or ""):
        return 'a Link header with rel="next" came'
    for name, text in page.headers.items():
        if _HEADERS_ON.search(name) and text not in {"", "0", "false"} and f"header {name!r}" != described:
            return f"header {name!r} came and is not used"
        if "total" in name and text.isascii() and text.isdigit() and int(text) > rows:
            return f"header {name!r} says {text}"
    for path, value in _outside(page.answer, ""):
        name = path.rpartition(".")[2]
        if _WAYS_ON.search(path) and value not in (None, False, "", 0) and not _is_within(path, described):
            return f"{path!r} stands in the answer and is not used"
        if _COUNTS.search(name) and isinstance(value, int) and not isinstance(value, bool) and value > rows:
            return f"{path!r} says {value}"
    return None


def _is_within(path: str, described: str | None) -> bool:
    """Whether a path is what leads on by the description, or a part of it."""
    return described is not None and f"{repr(path)[:-1]}.".startswith(f"{described[:-1]}.")


def _outside(value: Any, path: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - a JSON value
    """What stands in an answer outside of lists, which hold the records, with its path."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _outside(each, f"{path}.{name}" if path else str(name))
    elif not isinstance(value, list):
        yield path, value


class PageSample:
    """Entries of pages as they come, thinned out so that memory does not grow with their number.

    Args:
        keeps_every: Whether none is thinned out.
    """

    def __init__(self, *, keeps_every: bool = False) -> None:
        self._keeps_all = keeps_every
        self._kept: list[PageEntry] = []
        self._stride = 1
        self._first: PageEntry | None = None
        self._last: PageEntry | None = None
        self._last_filled: PageEntry | None = None
        self.pages = 0

    def add(self, entry: PageEntry) -> None:
        """Take a page's entry, in whatever order pages come."""
        self._first = entry if self._first is None or entry.number < self._first.number else self._first
        self._last = entry if self._last is None or entry.number > self._last.number else self._last
        if entry.records and (self._last_filled is None or entry.number > self._last_filled.number):
            self._last_filled = entry
        if self.pages % self._stride == 0:
            self._kept.append(entry)
        self.pages += 1
        if len(self._kept) > _MOST_SAMPLED and not self._keeps_all:
            self._kept = self._kept[::2]
            self._stride *= 2

    @property
    def first(self) -> PageEntry | None:
        """The first page."""
        return self._first

    @property
    def last(self) -> PageEntry | None:
        """The furthest page."""
        return self._last

    @property
    def last_filled(self) -> PageEntry | None:
        """The furthest page that holds records."""
        return self._last_filled

    def pick(self, count: int) -> list[PageEntry]:
        """So many pages, evenly spread; the first and the last among them.

        Args:
            count: How many at the most.
        """
        if self._first is None or self._last is None or count < 1:
            return []
        by_number = {entry.number: entry for entry in (*self._kept, self._first, self._last)}
        pages = [by_number[number] for number in sorted(by_number)]
        if count >= len(pages):
            return pages
        if count == 1:
            return [self._last]
        places = {round(step * (len(pages) - 1) / (count - 1)) for step in range(count)}
        return [pages[place] for place in sorted(places)]
