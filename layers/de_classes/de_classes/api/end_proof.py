"""How the end of a reading is known: nothing is the end because it looks like one.

What was seen on the way may prove it: a total that adds up, a field that said "more" and then "no more".
Where it does not, a request or two are sent that bring nothing: for the place behind the last record, or for
a single page with one record less, which must lead on to it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from de_classes.api.evidence import (
    LEAST_REQUESTS,
)
from de_classes.api.numbered_walk import NumberedWalk
from de_classes.api.pagination.by_number import PageNumberPagination
from de_classes.api.pagination.followed import LastRecordPagination, next_links
from de_classes.errors import IncompleteRunError, ProtocolError, SourceChangedError
from de_classes.utils.paths import MISSING, finder, standing_there

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from de_classes.api.evidence import EndBy
    from de_classes.api.followed_walk import FollowedWalk
    from de_classes.api.page import Page
    from de_classes.api.pagination.strategy import PageRequest
    from de_classes.api.standstill_proof import Reading
    from de_classes.errors import DeClassesError

_OWN_MARKER: Final = "the last page says that it is the last"
_MOST_LOOKS_BEHIND: Final = 3
_ROUND: Final = frozenset({1_000, 10_000, 50_000, 100_000})
_USUAL_SIZES: Final = frozenset({10, 20, 25, 30, 50, 100})
_WAYS_ON: Final = re.compile(r"next|cursor|more|continu|token|after\b|scroll|offset|bookmark", re.IGNORECASE)
_HEADERS_ON: Final = re.compile(r"next|cursor|continuation|scroll|bookmark")
_COUNTS: Final = re.compile(r"total|count", re.IGNORECASE)


class EndProof:
    """Proves that the pages which came are all.

    Args:
        reading: What came.
        seen_before: The run that followed what leads on, by the same description; None if none did.
        learn: Told of the pagination by which another reading is to begin, where pages are counted from
            another number than described.

    Attributes:
        is_growing: Whether there were more records behind the last each time.
    """

    def __init__(
        self, reading: Reading, *, seen_before: str | None, learn: Callable[[PageNumberPagination], None]
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
        self._covers_all = reading.pages.start == 1 and reading.pages.stop is None
        self._seen_before = seen_before
        self._learn = learn
        self._counted: int | None = None
        self._led_on = 0
        self.is_growing = False

    def begin(self) -> None:
        """Have the source count before the first page is asked for, where a request of its own does."""
        self._counted = self._proofs.count()

    def known_by(self) -> tuple[EndBy, str]:
        """What proves the end, and what was seen.

        Raises:
            IncompleteRunError: Nothing does, and something speaks against it.
            SourceChangedError: The source changed while it was read.
            ProtocolError: The description does not fit the source: it says what to change.
        """
        ledger, walk = self._ledger, self._walk
        if self._pages.stop is not None and ledger.last_seen >= self._pages.stop:
            return "declared", f"pages {self._pages} were asked for"
        if self._pagination.declared_end is not None:
            absent = None if ledger.records or walk.last_page is None else self._absent(walk.last_page)
            if absent is not None:
                self._reading.warnings.append(absent)
            return "declared", self._pagination.declared_end
        if self._covers_all and self._is_counted():
            return "counted", f"{ledger.records} records"
        if not ledger.records and ledger.agreed_total is None and walk.last_page is not None:
            absent = self._absent(walk.last_page)
            if absent is not None:
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

    def _is_counted(self) -> bool:
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
        # Records that came twice, at the edges of pages, may have filled the total before the end.
        is_counted = total is not None and not self._reading.repeated
        if is_counted and (not is_single or self._ledger.records <= 1 or self._is_empty_behind(walk)):
            return "total", f"{total} records"
        if total is None and self._ledger.records == 1 and walk.ends_with_itself:
            return self._unproven(None, "the same record came for the first page and for the second")
        ends = None if page is None else self._pagination.ends(page)
        is_marked = ends and not is_single
        if is_marked or self._is_empty_behind(walk):
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

    def _is_empty_behind(self, walk: NumberedWalk) -> bool:
        """Whether nothing is where the next record would be: it was asked for on the way, or it is now."""
        if walk.is_empty_behind or not self._ledger.records:
            return True
        return not self._has_records_behind(walk)

    def _has_records_behind(self, walk: NumberedWalk) -> bool:
        request = walk.request_behind(self._ledger.records)
        behind = self._proofs.ask(request)
        was_empty = walk.is_empty_behind and not walk.ends_with_itself
        is_other = behind is not None and bool(behind.records) and was_empty and walk.is_known(behind)
        if (behind is None and self._reading.has_grown) or is_other:
            behind = self._proofs.ask(request)
        return behind is not None and bool(behind.records) and not walk.is_known(behind)

    @property
    def is_last_page_full(self) -> bool:
        """Whether nothing but the empty place behind it says that a page by number is the last."""
        last = self._sample.last_filled
        return (
            isinstance(self._walk, NumberedWalk) and last is not None and last.records >= self._walk.largest
        )

    def leads_further(self) -> bool:
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
            self.is_growing = True
            return False
        self._led_on += 1
        self._reading.has_grown = False
        walk.go_on()
        return True

    def _end_by_following(self, walk: FollowedWalk) -> tuple[EndBy, str]:
        page, request = walk.last_page, walk.asked
        if page is None or request is None:
            page, request = self._asked_again(walk)
        total, rows = self._ledger.agreed_total, self._ledger.records
        is_single = self._ledger.pages == 1 and rows > 1
        if total is not None and not is_single:
            return "total", f"{total} records"
        if page is None or request is None:
            return self._unproven(None, "the run went on where it had ended, and its last page is not known")
        if self._pagination.ends(page) and not is_single:
            return "marker", self._pagination.marker or _OWN_MARKER
        if self._ledger.pages == 1:
            return self._end_of_only(page, request)
        each = self._pagination.each
        if each.random_access or isinstance(each, LastRecordPagination):
            last = f"record {rows}" if each is self._pagination else "what came of each parent"
            return "probed", f"nothing behind {last}"
        way_on = f"no {each.way_on}" if each.way_on else "no way on"
        return "marker", f"{way_on} on page {page.number}, twice"

    def _end_of_only(self, page: Page, request: PageRequest) -> tuple[EndBy, str]:
        """The end of a collection of one page, which leads nowhere."""
        if self._seen_before is not None:
            self._make_sure_of(page, request)
            return "seen before", f"run {self._seen_before} followed {self._pagination.each.way_on}"
        if self._ledger.records > 1:
            return self._end_of_single(page, request)
        return self._end_of_tiny(page, request)

    def _end_of_tiny(self, page: Page, request: PageRequest) -> tuple[EndBy, str]:
        """The end of a collection of one record or none, which nothing counts or marks."""
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

    def _asked_again(self, walk: FollowedWalk) -> tuple[Page | None, PageRequest | None]:
        """The last page of a run that another process had brought to its end."""
        last = self._sample.last
        request = None if last is None else walk.request_of(last)
        page = None if request is None else self._proofs.ask(request)
        return page, request

    def warn_of_round_total(self) -> None:
        """Warn of a total that may be where the source stops counting, or that is less than what came."""
        if self._ledger.agreed_total in _ROUND and self._endpoint.window is None:
            self._reading.warnings.append(
                f"the total is exactly {self._ledger.agreed_total}, as where a source counts no further: if "
                "so, say it (window, total_is), and read it in slices"
            )
        beyond = self._ledger.records_beyond_total
        if beyond:
            self._reading.warnings.append(
                f"the source says it has {self._ledger.total_records} records, and {beyond} more came: its "
                "total proves nothing"
            )

    def refuse_dead_end(self) -> None:
        """Tell a first page whose way on is elsewhere from a source that changed.

        Raises:
            IncompleteRunError: Fewer records came than there are, and nothing leads on, twice.
        """
        walk = self._walk
        if isinstance(walk, NumberedWalk) or self._ledger.pages != 1 or not self._ledger.falls_short:
            return
        page, request = walk.last_page, walk.asked
        if page is None or request is None:
            page, request = self._asked_again(walk)
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
