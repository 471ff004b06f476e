"""How a run is proved, for every way from page to page: of right descriptions, wrong ones, spoilt sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from de_classes.api.answers import PageReader
from de_classes.api.evidence import most_requests
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination import OnePagePagination
from de_classes.api.runtime import ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import (
    IncompleteRunError,
    PaginationLoopError,
    ProtocolError,
    RequestRejectedError,
    SourceChangedError,
)
from de_classes.runs.api_data_service import ApiDataService
from de_classes.utils.clock import ManualClock
from de_classes.utils.page_range import PageRange
from tests.fakes.every import every
from tests.fakes.provable_api import (
    COUNT,
    LIMIT,
    RECKONED,
    TOLD,
    WAYS,
    ProvableApi,
    Reading,
    counting,
    endpoint,
    read,
)
from tests.fakes.transports import FakeTransport

if TYPE_CHECKING:
    from collections.abc import Callable

COUNTS = (0, 1, 2, LIMIT - 1, LIMIT, LIMIT + 1, 2 * LIMIT, 3 * LIMIT)
FEW = (2, LIMIT - 1, LIMIT)
SEVERAL = (LIMIT + 1, 2 * LIMIT + 1, 3 * LIMIT)
FOLLOWED = (*TOLD, "last_record")


def ids(count: int) -> list[int]:
    return list(range(1, count + 1))


def proof(way: str, count: int, tells: str) -> str:
    """How the end of a right description is known, by the rules."""
    if tells == "total":
        return "total"
    if way in RECKONED:
        return "marker" if tells and count > LIMIT else "probed"
    if tells:
        return "marker"
    if way == "last_record":
        return "probed"
    return "marker" if count > LIMIT else "unproven" if count == 1 else "probed"


@every("count", COUNTS)
@every("tells", ["", "total", "marker"])
@every("way", WAYS)
def test_a_right_description_is_complete_and_proved_by_a_few_requests(
    way: str, tells: str, count: int
) -> None:
    told = [tells] if tells else []
    api = ProvableApi(way, count, tells=told)
    reading = read(way, api, told)
    assert (reading.error, reading.ids) == (None, ids(count))
    end, still = reading.evidence.end, reading.evidence.still
    assert end.by == proof(way, count, tells)
    of = len(reading.entries)
    assert (still.by, still.of) == ("sampled", of)
    assert still.requests <= still.pages <= of
    assert reading.evidence.requests == len(api.requests) - of <= most_requests(of) + (way == "page")
    assert len(reading.evidence.warnings) == (end.by == "unproven")


@every("count", [2 * LIMIT, 3 * LIMIT])
@every("way", FOLLOWED)
def test_an_explicit_marker_on_several_full_pages_costs_nothing(way: str, count: int) -> None:
    reading = read(way, ProvableApi(way, count, tells=["marker"]), ["marker"])
    assert reading.evidence.end.requests == (way == "last_record")  # it has a way on beside its end
    assert reading.evidence.end.saw == "meta.has_more false"


# Wrong descriptions.

WRONG: dict[str, dict[str, dict[str, str]]] = {
    "misnamed": {way: {"rel": "following"} if way == "link" else {"path": "meta.further"} for way in TOLD},
    "nested": {way: {"path": "next"} for way in TOLD if way != "link"},
}


@every("count", COUNTS)
@every("tells", ["", "total", "marker"])
@every("wrong, way", [(wrong, way) for wrong, ways in WRONG.items() for way in ways])
def test_a_way_on_that_is_not_where_it_is_said_is_never_silently_short(
    wrong: str, way: str, tells: str, count: int
) -> None:
    told = [tells] if tells else []
    reading = read(way, ProvableApi(way, count, tells=told), told, pagination=WRONG[wrong][way])
    assert reading.ids == ids(min(count, LIMIT))
    if reading.error is None:
        assert count <= LIMIT
    else:
        assert type(reading.error) is (IncompleteRunError if tells == "total" else ProtocolError)
        assert "the answer has items (a list), meta {" in str(reading.error)
    if not tells:
        assert (reading.error is None) == (count < 2)


@every("count", COUNTS)
@every("way", FOLLOWED)
def test_an_inverted_marker_is_an_error_that_names_what_stands_there(way: str, count: int) -> None:
    inverted = {"done": "meta.has_more"}
    reading = read(way, ProvableApi(way, count, tells=["marker"]), pagination=inverted)
    assert isinstance(reading.error, ProtocolError)
    said = str(reading.error)
    assert "says that another follows" in said or "says of page 2 that none follows, and one does" in said
    assert "meta {has_more" in str(reading.error)


@every("count", SEVERAL)
@every("way", RECKONED)
def test_an_inverted_marker_of_pages_by_number_leaves_nothing_unseen(way: str, count: int) -> None:
    inverted = {"done": "meta.has_more"}
    reading = read(way, ProvableApi(way, count, tells=["marker"]), pagination=inverted)
    assert isinstance(reading.error, ProtocolError)
    assert "there are more behind them" in str(reading.error)
    assert reading.ids == ids(LIMIT)


@every("count", [0, *FEW])
@every("way", RECKONED)
def test_an_inverted_marker_of_a_single_page_by_number_is_not_used(way: str, count: int) -> None:
    inverted = {"done": "meta.has_more"}
    reading = read(way, ProvableApi(way, count, tells=["marker"]), pagination=inverted)
    assert (reading.ids, reading.evidence.end.by) == (ids(count), "probed")


@every("count", SEVERAL)
@every("way", ["cursor", "last_record", "next_params"])
def test_F27_a_way_on_that_goes_where_the_source_does_not_look_is_a_loop(way: str, count: int) -> None:
    into = {"into": "form" if way == "next_params" else "query.elsewhere"}
    reading = read(way, ProvableApi(way, count), pagination=into)
    assert isinstance(reading.error, PaginationLoopError)


@every("count", [LIMIT - 1, LIMIT])
@every("way", ["cursor", "next_params"])
def test_F27_of_a_single_page_too_it_is_found_out(way: str, count: int) -> None:
    into = {"into": "form" if way == "next_params" else "query.elsewhere"}
    reading = read(way, ProvableApi(way, count), pagination=into)
    assert isinstance(reading.error, ProtocolError)
    assert "has the same records again" in str(reading.error)
    assert "change into" in str(reading.error)


def test_a_marker_that_is_not_there_is_an_error_that_names_what_is() -> None:
    reading = read("cursor", ProvableApi("cursor", 9), ["marker"])
    assert isinstance(reading.error, ProtocolError)
    assert "more = 'meta.has_more' is not in the answer of page 1: it has items (a list), meta {next}" in str(
        reading.error
    )


@every("count", SEVERAL)
@every("tells", ["", "total", "marker"])
@every("way", WAYS)
def test_a_cap_on_the_size_of_pages_loses_nothing(way: str, tells: str, count: int) -> None:
    told = [tells] if tells else []
    reading = read(way, ProvableApi(way, count, tells=told, cap=3), told)
    assert (reading.error, reading.ids) == (None, ids(count))
    assert reading.evidence.end.by == proof(way, count, tells)


@every("count", [1, 3, LIMIT, 9])
@every("way", RECKONED)
def test_a_first_number_that_is_one_too_high_is_an_error_however_few_records_there_are(
    way: str, count: int
) -> None:
    """So an API that counts its pages from 0 is found out, though its only page is not asked for."""
    reading = read(way, ProvableApi(way, count), pagination={"first": {"page": 2, "offset": 1}[way]})
    assert isinstance(reading.error, ProtocolError)
    assert "there are records before the first that was asked for" in str(reading.error)
    assert "pagination.first = 0" in str(reading.error)


def one_too_high(count: int, api: ProvableApi | None = None) -> UnstableAPIClient:
    """A client of an API that counts its records, and whose first page is below the one that is described."""
    described = endpoint("page", ["total"], pagination={"first": 2})
    api = api or ProvableApi("page", count, tells=["total"])
    return UnstableAPIClient(described, runtime=ClientRuntime(transport=api, clock=ManualClock()))


@every("count", [1, LIMIT - 1, LIMIT, LIMIT + 1, 2 * LIMIT, 3 * LIMIT + 1])
def test_F61_a_page_below_the_first_that_holds_what_the_total_lacks_is_where_the_next_reading_begins(
    count: int,
) -> None:
    client = one_too_high(count)
    with pytest.raises(SourceChangedError, match=r"pages are counted from 1, say pagination\.first = 1"):
        list(client.iterate_all_pages(LIMIT))
    assert [record["id"] for _, page in client.iterate_all_pages(LIMIT) for record in page.records] == ids(
        count
    )
    assert ApiDataService(one_too_high(count)).fetch_all_to_df(LIMIT)["id"].tolist() == ids(count)


@pytest.mark.parametrize(
    "below",
    [
        pytest.param(ids(LIMIT - 1), id="fewer-than-lack"),
        pytest.param(ids(LIMIT + 1), id="more-than-lack"),
        pytest.param([*range(1, LIMIT), 3 * LIMIT], id="the-last-record-again"),
        pytest.param([], id="nothing"),
    ],
)
def test_F61_a_page_below_the_first_that_does_not_fit_what_is_missing_is_not_taken(below: list[int]) -> None:
    class Otherwise(ProvableApi):
        def _page_at(self, start: int, size: int, spoil: dict[str, Any]) -> HttpResponse:
            return super()._page_at(start, size, {**spoil, **({} if start else {"ids": below})})

    client = one_too_high(12, Otherwise("page", 12, tells=["total"]))
    with pytest.raises(IncompleteRunError) as caught:
        list(client.iterate_all_pages(LIMIT))
    assert "pagination.first" not in str(caught.value)


def test_F61_a_run_that_lacks_more_than_one_page_asks_for_none_below_the_first() -> None:
    api = ProvableApi("page", 3 * LIMIT, tells=["total"], always={"total": 99})
    assert isinstance(read("page", api, ["total"]).error, SourceChangedError)
    assert "0" not in {page for page, _ in api.asked}


class Clamping(ProvableApi):
    """Takes a page below its first for the first."""

    def _start(self, query: dict[str, str], size: int) -> int:
        return max(super()._start(query, size), 0)


@every("count", COUNTS)
def test_a_page_below_the_first_that_is_the_first_again_is_no_page_before_it(count: int) -> None:
    reading = read("page", Clamping("page", count))
    assert (reading.error, reading.ids) == (None, ids(count))


def test_F25_a_row_put_in_front_is_a_change_and_no_page_before_the_first() -> None:
    api = Clamping("page", 11, before=change(5, lambda rows: rows.insert(0, 99)))
    reading = read("page", api)
    assert isinstance(reading.error, SourceChangedError)
    assert reading.ids == ids(11)


# A single followed page.


@every("count", [10, 20, 25, 30, 50, 100])
def test_as_many_records_as_a_usual_page_holds_are_incomplete_where_nothing_tells(count: int) -> None:
    reading = read("cursor", ProvableApi("cursor", count), limit=200, page_size=None)
    assert isinstance(reading.error, IncompleteRunError)
    assert f"{count} records are a usual size of a page" in str(reading.error)


def test_a_single_page_whose_size_cannot_be_said_is_complete_with_a_warning() -> None:
    reading = read("cursor", ProvableApi("cursor", 7), limit=200, page_size=None)
    assert (reading.ids, reading.evidence.end.by) == (ids(7), "unproven")
    [warning] = reading.evidence.warnings
    assert "Name a total or a marker" in warning


@every(
    "said, hint",
    [
        ({"next_token": "abc"}, "'meta.next_token' stands in the answer and is not used"),
        ({"more": True}, "'meta.more' stands in the answer and is not used"),
        ({"total": 7}, "'meta.total' says 7"),
        ({"link": '</items?cursor=1>; rel="next"'}, 'a Link header with rel="next" came'),
    ],
)
def test_one_record_beside_something_that_looks_like_a_way_on_is_incomplete(
    said: dict[str, object], hint: str
) -> None:
    reading = read("cursor", ProvableApi("cursor", 1, always=said))
    assert isinstance(reading.error, IncompleteRunError)
    assert f"1 records came, and nothing proves that they are all; {hint}" in str(reading.error)


@every("way", TOLD)
@every("count", [2, 3])
def test_equal_records_by_nature_are_no_sign_of_a_way_that_leads_back(way: str, count: int) -> None:
    reading = read(way, ProvableApi(way, [7] * count))
    assert (reading.error, reading.ids, reading.evidence.end.by) == (None, [7] * count, "probed")


def test_a_page_that_is_said_to_be_all_needs_no_proof() -> None:
    single = structs.replace(endpoint("cursor"), pagination=OnePagePagination())
    reading = Reading(ProvableApi("none", 2), single)
    assert (reading.ids, reading.evidence.end.by, reading.evidence.end.requests) == (ids(2), "declared", 0)


def test_pages_that_were_asked_for_are_all_that_is_proved() -> None:
    client = UnstableAPIClient(
        endpoint("page"),
        pages=PageRange(1, 2),
        runtime=ClientRuntime(transport=ProvableApi("page", 12), clock=ManualClock()),
    )
    run = client.start_pass(LIMIT)
    assert [page.number for page in run] == [1, 2]
    assert run.evidence_if_still is not None
    assert run.evidence_if_still.end.by == "declared"


# Totals.


@every("count", SEVERAL)
def test_a_total_that_is_the_pages_own_count_hides_nothing_of_offsets(count: int) -> None:
    reading = read("offset", ProvableApi("offset", count, tells=["page total"]), ["page total"])
    assert isinstance(reading.error, ProtocolError)
    assert "what the description names as a total or a marker is not one" in str(reading.error)


@every("way", ["page", *FOLLOWED])
@every("count", SEVERAL)
def test_a_total_that_is_every_pages_own_count_is_no_change_and_noted(way: str, count: int) -> None:
    reading = read(way, ProvableApi(way, count, tells=["page total"]), ["page total"])
    assert (reading.error, reading.ids) == (None, ids(count))
    assert reading.evidence.end.by in {"probed", "marker"}
    [warning] = reading.evidence.warnings
    assert "its total proves nothing" in warning


@every("way", TOLD)
def test_a_first_way_on_that_is_lost_once_is_a_change_where_a_total_counts_the_rest(way: str) -> None:
    reading = read(way, ProvableApi(way, 9, tells=["total"], spoils={1: lost(way)}), ["total"])
    assert isinstance(reading.error, SourceChangedError)


@every("way", TOLD)
@every("count", FEW)
def test_a_total_that_is_a_single_pages_own_count_is_found_out(way: str, count: int) -> None:
    reading = read(way, ProvableApi(way, count, tells=["page total"]), ["page total"])
    assert (reading.ids, reading.evidence.end.by) == (ids(count), "probed")


@every("way", WAYS)
def test_a_total_below_the_records_is_not_used_and_noted(way: str) -> None:
    reading = read(way, ProvableApi(way, 9, tells=["total"], always={"total": 5}), ["total"])
    assert reading.ids == ids(9)
    assert reading.evidence.end.by in {"probed", "marker"}
    [warning] = reading.evidence.warnings
    assert warning == "the source says it has 5 records, and 4 more came: its total proves nothing"


@every("way", WAYS)
def test_a_total_above_the_records_is_incomplete(way: str) -> None:
    reading = read(way, ProvableApi(way, 9, tells=["total"], always={"total": 11}), ["total"])
    assert isinstance(reading.error, IncompleteRunError)
    assert "9 records came, but the source says it has 11" in str(reading.error)


def test_a_total_that_is_round_is_doubted() -> None:
    api = ProvableApi("offset", 1000, tells=["total"])
    reading = read("offset", api, ["total"], limit=500)
    [warning] = reading.evidence.warnings
    assert "the total is exactly 1000" in warning


@every("count", [LIMIT, LIMIT + 1, 2 * LIMIT])
@every("status", [400, 404, 410, 416, 422])
@every("way", RECKONED)
def test_F59_a_refusal_behind_the_last_page_is_the_end_where_another_cut_ends_there(
    way: str, status: int, count: int
) -> None:
    reading = read(way, ProvableApi(way, count, beyond=status))
    assert (reading.error, reading.ids) == (None, ids(count))
    assert reading.evidence.end.by == "probed"


@every("status", [400, 422])
@every("way", RECKONED)
def test_F98_a_refusal_where_no_other_cut_is_given_is_no_end(way: str, status: int) -> None:
    def refuses(asked: int, api: ProvableApi) -> None:
        if asked > 2:
            api.ids = []

    reading = read(way, ProvableApi(way, 2 * LIMIT, beyond=status, before=refuses))
    assert isinstance(reading.error, RequestRejectedError)


# A request that counts.


@every("count", COUNTS)
@every("way", WAYS)
def test_a_request_that_counts_proves_the_end(way: str, count: int) -> None:
    api = ProvableApi(way, count)
    reading = read(way, api, count=counting())
    assert (reading.error, reading.ids) == (None, ids(count))
    end = reading.evidence.end
    assert (end.by, end.saw) == ("counted", f"{count} records")
    assert sum(request.url == COUNT for request in api.requests) == 2
    assert api.requests[0].url == COUNT


@every("way", WAYS)
def test_a_count_above_the_records_is_incomplete(way: str) -> None:
    reading = read(way, ProvableApi(way, 5, counts=[6, 6]), count=counting())
    assert isinstance(reading.error, IncompleteRunError)
    assert str(reading.error) == "5 records came, but the source counts 6"


@every("way", WAYS)
def test_a_count_that_changes_tells_that_the_source_does(way: str) -> None:
    reading = read(way, ProvableApi(way, 5, counts=[6, 5]), count=counting())
    assert isinstance(reading.error, SourceChangedError)
    assert "the source counted 6 records before, and 5 after" in str(reading.error)


@every("way", WAYS)
def test_a_count_below_the_records_proves_nothing(way: str) -> None:
    reading = read(way, ProvableApi(way, 5, counts=[4, 4]), count=counting())
    assert (reading.error, reading.ids) == (None, ids(5))
    assert reading.evidence.end.by in {"probed", "marker"}
    [warning] = reading.evidence.warnings
    assert warning.startswith("the source counts 4 records, and 5 came: its count proves nothing")


def test_a_run_that_goes_on_counts_at_its_end_alone() -> None:
    api = ProvableApi("cursor", 9)
    first = Reading(api, endpoint("cursor", count=counting()), after=1)
    reading = Reading(api, first.endpoint, state=first.written)
    assert reading.evidence.end.by == "counted"
    assert sum(request.url == COUNT for request in api.requests) == 2


# What an earlier run has seen.


@every("count", [0, 1, *FEW])
@every("way", TOLD)
def test_a_way_on_that_an_earlier_run_followed_makes_a_page_without_it_the_last(way: str, count: int) -> None:
    api = ProvableApi(way, count)
    reading = Reading(api, endpoint(way), seen_before="yesterday")
    assert reading.ids == ids(count)
    assert reading.evidence.end.by == "seen before"
    assert reading.evidence.end.saw.startswith("run yesterday followed ")
    assert reading.evidence.end.requests == (1 if count > 1 else 2)
    assert (reading.evidence.warnings, reading.evidence.weak) == ((), ["still: sampled"])


@every("way", TOLD)
def test_F60_a_first_page_that_lost_its_way_on_once_is_not_the_last_whatever_was_seen_before(
    way: str,
) -> None:
    api = ProvableApi(way, 9, spoils={1: lost(way)})
    reading = Reading(api, endpoint(way), seen_before="yesterday")
    assert isinstance(reading.error, SourceChangedError)


# XML, where an empty list has no elements.


@every("way", ["cursor", "offset"])
@every(
    "feed, is_warned",
    [
        ("<feed><title>Items</title></feed>", True),
        ("<feed><title>Items</title><item><id>1</id></item></feed>", True),
        ("<feed><total>0</total></feed>", False),
    ],
)
def test_no_element_of_the_name_is_an_empty_list_and_warned_of_unless_a_total_says_so(
    way: str, feed: str, *, is_warned: bool
) -> None:
    api = FakeTransport(lambda _: HttpResponse(200, {"content-type": "application/xml"}, feed.encode()))
    total = "total" if "total" in feed else None
    reader = PageReader("entry", None, total, kind="xml", xml_record="entry")
    run = UnstableAPIClient(
        endpoint(way, reader=reader), runtime=ClientRuntime(transport=api, clock=ManualClock())
    ).start_pass(LIMIT)
    assert [record for page in run for record in page.records] == []
    evidence = run.evidence_if_still
    assert evidence is not None
    assert (evidence.end.by == "unproven") == is_warned
    assert [each[:45] for each in evidence.warnings] == (
        ["no record came, the answer has no 'entry', it"] if is_warned else []
    )


# Errors beside records.


@every("way", WAYS)
def test_F63_errors_beside_records_are_among_the_warnings_also_when_a_run_goes_on(way: str) -> None:
    api = ProvableApi(way, 9, spoils={1: {"beside": {"errors": ["shard 3 failed"]}}})
    first = Reading(api, endpoint(way), after=1)
    reading = Reading(api, endpoint(way), state=first.written)
    assert reading.evidence.warnings == ("page 1 has beside its records 'errors': ['shard 3 failed']",)


def test_F63_errors_are_told_once_although_the_end_is_proved_again_after_the_source_changed() -> None:
    def changes_once_it_was_read(asked: int, api: ProvableApi) -> None:
        if asked > 3:
            api.ids[0] = 100

    spoils = {1: {"beside": {"errors": ["late"]}}}
    api = ProvableApi("offset", 9, tells=["total"], spoils=spoils, before=changes_once_it_was_read)
    reading = read("offset", api, ["total"])
    assert isinstance(reading.error, SourceChangedError)
    evidence = reading.run.prove_end(has_keys=True)
    assert evidence is not None
    assert evidence.warnings == ("page 1 has beside its records 'errors': ['late']",)


# Spoilt once.


def lost(way: str) -> dict[str, object]:
    return {"link": ""} if way == "link" else {"next": None}


@every("count", SEVERAL)
@every("at", range(1, 10))
@every("way", TOLD)
def test_a_way_on_that_is_lost_once_never_makes_a_run_silently_short(way: str, at: int, count: int) -> None:
    reading = read(way, ProvableApi(way, count, spoils={at: lost(way)}))
    if at == 1:
        assert isinstance(reading.error, SourceChangedError)
        assert "the first page had lost what leads on" in str(reading.error)
    else:
        assert (reading.error, reading.ids) == (None, ids(count))


@every("count", FEW)
@every("at", range(1, 6))
@every("way", TOLD)
def test_a_way_on_that_is_lost_once_while_a_single_page_is_proved_is_asked_for_again(
    way: str, at: int, count: int
) -> None:
    reading = read(way, ProvableApi(way, count, spoils={at: lost(way)}))
    assert (reading.error, reading.ids) == (None, ids(count))


@every("status", [404, 416])
@every("at", range(2, 12))
@every("way", RECKONED)
def test_F28_one_false_refusal_is_no_end(way: str, at: int, status: int) -> None:
    reading = read(way, ProvableApi(way, 11, spoils={at: {"status": status}}))
    assert (reading.error, reading.ids) == (None, ids(11))


@every("at", [2, 3])
@every("way", FOLLOWED)
def test_a_followed_page_that_is_refused_is_an_error_and_no_end(way: str, at: int) -> None:
    reading = read(way, ProvableApi(way, 11, spoils={at: {"status": 404}}))
    assert isinstance(reading.error, RequestRejectedError)
    # a record at a page's end that may share its id is left for the next page
    assert reading.ids == ids((at - 1) * (LIMIT - (way == "last_record")))


@every("way", WAYS)
@every("at", [2, 3])
def test_F24_one_short_page_is_asked_for_again(way: str, at: int) -> None:
    start = (at - 1) * LIMIT
    short = {"ids": [start + 1, start + 2]}
    reading = read(way, ProvableApi(way, 15, spoils={at: short}))
    assert (reading.error, reading.ids) == (None, ids(15))


@every("lie", [True, False])
@every("at", range(1, 7))
@every("way", WAYS)
def test_a_marker_that_lies_once_never_makes_a_run_silently_short(way: str, at: int, *, lie: bool) -> None:
    reading = read(way, ProvableApi(way, 11, tells=["marker"], spoils={at: {"has_more": lie}}), ["marker"])
    if reading.error is None:
        assert (reading.ids, reading.evidence.end.by in {"marker", "probed"}) == (ids(11), True)
    else:
        assert isinstance(reading.error, ProtocolError | SourceChangedError)


@every("way", [*RECKONED, "last_record"])
@every("count", COUNTS)
def test_a_marker_that_says_only_whether_the_page_is_full_is_no_drift(way: str, count: int) -> None:
    reading = read(way, ProvableApi(way, count, tells=["full"]), ["full"])
    assert (reading.error, reading.ids) == (None, ids(count))


# A source that changes.


def change(at: int, edit: Callable[[list[int]], None]) -> Callable[[int, ProvableApi], None]:
    """Before the n-th request the records are edited."""

    def before(asked: int, api: ProvableApi) -> None:
        if asked == at:
            edit(api.ids)

    return before


MOVED = [way for way in WAYS if way != "last_record"]


@every("at", [2, 3])
@every("tells", ["", "total", "marker"])
@every("way", MOVED)
def test_F26_a_row_deleted_in_front_of_a_page_already_read_is_a_change(way: str, tells: str, at: int) -> None:
    told = [tells] if tells else []
    api = ProvableApi(way, 11, tells=told, before=change(at, lambda rows: rows.remove(2)))
    reading = read(way, api, told)
    assert isinstance(reading.error, SourceChangedError)


@every("way", MOVED)
def test_F26_a_row_deleted_in_front_begins_the_reading_anew(way: str) -> None:
    api = ProvableApi(way, 11, before=change(2, lambda rows: rows.remove(2)))
    client = UnstableAPIClient(endpoint(way), runtime=ClientRuntime(transport=api, clock=ManualClock()))
    frame = ApiDataService(client).fetch_all_to_df(limit=LIMIT)
    assert frame["id"].tolist() == [1, *range(3, 12)]


@every("way", WAYS)
def test_a_source_that_changes_at_every_reading_is_given_up(way: str) -> None:
    def before(_: int, api: ProvableApi) -> None:
        api.ids[0] -= 1

    api = ProvableApi(way, 11, before=before)
    client = UnstableAPIClient(endpoint(way), runtime=ClientRuntime(transport=api, clock=ManualClock()))
    with pytest.raises(IncompleteRunError, match="changed on 4 passes"):
        ApiDataService(client).fetch_all_to_df(limit=LIMIT)


@every("at", range(2, 5))
def test_F26_where_each_page_begins_behind_the_last_key_no_change_moves_a_row(at: int) -> None:
    api = ProvableApi("last_record", 11, before=change(at, lambda rows: rows.remove(2)))
    reading = read("last_record", api, key=("id",))
    assert (reading.ids, reading.evidence.still.by) == (ids(11), "by key")
    assert reading.evidence.still.requests == 0


@every("way", ["cursor", "next_url", "next_params"])
@every("page", [2, 3])
@every("asked", [1, 2, 3])
def test_a_forgotten_place_that_answers_empty_is_a_change(way: str, page: int, asked: int) -> None:
    """It says so by an empty page without a way on, once, twice or each time until then."""
    void = {"ids": [], "next": None}
    reading = read(way, ProvableApi(way, 11, spoils={page + more: void for more in range(asked)}))
    assert isinstance(reading.error, SourceChangedError)
    assert reading.ids == ids((page - 1) * LIMIT)


@every("way", WAYS)
def test_F21_a_first_page_that_comes_empty_twice_is_a_change_once_it_holds_records(way: str) -> None:
    void = {"ids": [], "link": ""} if way == "link" else {"ids": [], "next": None}
    reading = read(way, ProvableApi(way, 11, spoils={1: void, 2: void}))
    assert isinstance(reading.error, SourceChangedError)


def test_every_page_is_asked_for_again_where_that_is_asked_for() -> None:
    api = ProvableApi("cursor", 40)
    reading = read("cursor", api, look_back="all")
    assert (reading.evidence.still.by, reading.evidence.still.pages) == ("read twice", 10)


def test_no_page_is_asked_for_again_where_that_is_said_and_it_is_warned_of() -> None:
    reading = read("cursor", ProvableApi("cursor", 11), look_back="none")
    assert (reading.evidence.still.by, reading.evidence.still.requests) == ("unknown", 0)
    assert "not known" in reading.evidence.warnings[0]


def test_strict_reads_twice_and_takes_nothing_unproven() -> None:
    twice = Reading(ProvableApi("cursor", 40), endpoint("cursor"), strict=True)
    assert twice.evidence.still.by == "read twice"
    unproven = Reading(ProvableApi("cursor", 1), endpoint("cursor"), strict=True)
    assert isinstance(unproven.error, IncompleteRunError)
    assert "end: unproven" in str(unproven.error)


@every("count", COUNTS)
@every("way", WAYS)
def test_F42_a_run_that_goes_on_at_any_page_is_proved_as_well(way: str, count: int) -> None:
    whole = read(way, ProvableApi(way, count))
    for after in range(1, len(whole.entries) + 1):
        first = Reading(ProvableApi(way, count), endpoint(way), after=after)
        second = Reading(ProvableApi(way, count), endpoint(way), state=first.written)
        assert (second.error, first.ids + second.ids) == (None, ids(count))
        assert second.evidence.end.by == whole.evidence.end.by


# Records that share the value by which the next page is found.


@every("limit", [2, 3, 4, 5, 9])
@every("tells", [[], ["total"], ["marker"]])
def test_F100_records_that_share_the_last_value_of_a_page_stand_on_the_next(
    limit: int, tells: list[str]
) -> None:
    shared = [1, 2, 2, 3, 4, 4, 5, 6, 7, 7, 8]
    reading = read("last_record", ProvableApi("last_record", shared, tells=tells), tells, limit=limit)
    assert (reading.error, reading.ids) == (None, shared)


def test_F100_a_page_of_one_value_is_asked_for_larger_and_looked_at_like_that_again() -> None:
    shared = [1, 2, 2, 2, 2, 2, 3, 4]
    api = ProvableApi("last_record", shared)
    reading = read("last_record", api, look_back="all")
    assert (reading.error, reading.ids) == (None, shared)
    assert api.asked.count(("1", str(2 * LIMIT))) == 2


def test_F100_a_page_of_one_value_that_cannot_be_larger_is_an_error_that_says_what_to_do() -> None:
    api = ProvableApi("last_record", [1, 2, 2, 2, 2, 2, 3], cap=LIMIT)
    reading = read("last_record", api)
    assert isinstance(reading.error, ProtocolError)
    assert "all 4 records of page 2 have the same 'id'" in str(reading.error)
    assert "primary_key" in str(reading.error)


def test_F100_single_records_are_taken_for_what_the_source_gives_at_once() -> None:
    reading = read("last_record", ProvableApi("last_record", 9, cap=1))
    assert (reading.error, reading.ids) == (None, ids(9))


def test_F100_a_primary_key_is_shared_by_none_so_that_pages_are_whole() -> None:
    reading = read("last_record", ProvableApi("last_record", 9), key=("id",))
    assert [entry.records for entry in reading.entries] == [4, 4, 1, 0]


# Places that answer otherwise for a while.


@every("way", RECKONED)
def test_F60_a_place_that_is_empty_twice_is_asked_for_again_as_the_last_request(way: str) -> None:
    nothing: dict[str, object] = {"ids": []}
    reading = read(way, ProvableApi(way, 16, spoils={4: nothing, 5: nothing}))
    assert (reading.error, reading.ids) == (None, ids(16))
    assert reading.evidence.end.saw == "nothing behind record 16"


def test_F60_a_place_that_was_empty_and_then_has_the_page_before_it_is_asked_for_once_more() -> None:
    spoils: dict[int, dict[str, object]] = {4: {"ids": []}, 8: {"ids": [9, 10, 11, 12]}}
    reading = read("offset", ProvableApi("offset", 16, spoils=spoils))
    assert (reading.error, reading.ids) == (None, ids(16))


def test_F60_a_record_that_leads_to_nothing_for_a_while_is_looked_at_once_more() -> None:
    nothing: dict[int, dict[str, object]] = {asked: {"ids": []} for asked in (2, 3, 4)}
    reading = read("last_record", ProvableApi("last_record", 16, spoils=nothing))
    assert isinstance(reading.error, SourceChangedError)


class Grows(ProvableApi):
    """Has another page behind its end whenever that was asked for a second time."""

    asked_behind = 0

    def _start(self, query: dict[str, str], size: int) -> int:
        start = int(query["offset"])
        self.asked_behind += start >= len(self.ids)
        if start >= len(self.ids) and self.asked_behind % 2 == 0:
            self.ids += range(start + 1, start + size + 1)
        return start


def test_a_source_that_grows_all_the_time_is_not_followed_for_ever() -> None:
    reading = read("offset", Grows("offset", 8), limit=2)
    assert (reading.error, reading.ids) == (None, ids(8 + 3 * 2))
    [warning] = reading.evidence.warnings
    assert "records were added as long as it was read" in warning
    assert reading.evidence.end.by == "unproven"


def test_strict_does_not_take_the_end_of_a_source_that_grows_all_the_time() -> None:
    reading = Reading(Grows("offset", 8), endpoint("offset"), limit=2, strict=True)
    assert isinstance(reading.error, IncompleteRunError)
    assert "end: unproven" in str(reading.error)


@every("way", ["cursor", "next_url", "link"])
def test_F62_a_marker_that_says_once_that_another_page_follows_is_asked_for_again(way: str) -> None:
    reading = read(way, ProvableApi(way, 11, tells=["marker"], spoils={3: {"has_more": True}}), ["marker"])
    assert (reading.error, reading.ids) == (None, ids(11))


@every("way", TOLD)
def test_F60_an_empty_page_that_leads_on_is_asked_for_again(way: str) -> None:
    reading = read(way, ProvableApi(way, 11, spoils={2: {"ids": []}}))
    assert (reading.error, reading.ids) == (None, ids(11))


# Numbers that are counted otherwise, or not at all.


class CountsFromOne(ProvableApi):
    """Takes offset 0 for the first record, which is number 1."""

    def _start(self, query: dict[str, str], size: int) -> int:
        return max(int(query["offset"]) - 1, 0)


def test_F61_offsets_that_are_counted_from_one_are_found_out_by_the_record_that_comes_twice() -> None:
    reading = read("offset", CountsFromOne("offset", 3), limit=1)
    assert isinstance(reading.error, SourceChangedError)
    with pytest.raises(ProtocolError, match=r"say pagination\.first = 1"):
        reading.run.prove_end(has_keys=False)
    evidence = reading.run.prove_end(has_keys=True)
    assert evidence is not None
    assert evidence.end.by == "probed"


def test_a_record_that_ends_a_page_and_begins_the_next_may_be_there_twice() -> None:
    reading = read("offset", ProvableApi("offset", [1, 2, 2, 3]), limit=1)
    assert (reading.error, reading.ids) == (None, [1, 2, 2, 3])


class Clamps(ProvableApi):
    """Gives its last page for every number beyond, and says which page it is; or the first for any."""

    def __init__(self, count: int, *, heeds_numbers: bool = True) -> None:
        super().__init__("page", count)
        self._heeds_numbers = heeds_numbers

    def _start(self, query: dict[str, str], size: int) -> int:
        last = max(-(-len(self.ids) // size), 1)
        number = min(int(query["page"]), last) if self._heeds_numbers else 1
        self._always = {"page": number}
        return (number - 1) * size


@every("count", [0, 1, LIMIT - 1, LIMIT, LIMIT + 1, 3 * LIMIT])
@every("limit", [1, LIMIT])
def test_F28_the_last_page_again_by_its_own_number_is_behind_the_end(limit: int, count: int) -> None:
    reading = read("page", Clamps(count), limit=limit, pagination={"echo_path": "meta.page"})
    assert (reading.error, reading.ids) == (None, ids(count))


@every("echo", [{}, {"echo_path": "meta.page"}])
@every("limit", [1, LIMIT])
def test_F70_a_source_that_looks_at_no_number_is_a_loop(limit: int, echo: dict[str, str]) -> None:
    api = Clamps(9, heeds_numbers=False)
    reading = read("page", api, limit=limit, pagination=echo)
    assert isinstance(reading.error, PaginationLoopError)
    assert len(api.requests) < 10


def test_F68_every_page_before_a_short_one_is_looked_at_again_by_whoever_goes_on() -> None:
    def lose(asked: int, api: ProvableApi) -> None:
        if asked == 3:
            api.ids.remove(8)

    api = ProvableApi("offset", 11, before=lose)
    reading = Reading(api, endpoint("offset"), after=3)
    again = Reading(api, endpoint("offset"), state=reading.written)
    assert reading.ids + again.ids == [1, 2, 3, 4, 5, 6, 7, 8, 10, 11]
    assert isinstance(again.error, SourceChangedError)


@every("then", [{"status": 404}, {"ids": []}])
@every("way", [way for way in WAYS if way not in {"offset", "last_record"}])
def test_F64_a_short_page_that_is_refused_or_empty_when_asked_for_again_is_asked_for_once_more(
    way: str, then: dict[str, object]
) -> None:
    reading = read(way, ProvableApi(way, 11, spoils={2: {"ids": [5]}, 3: then}))
    assert (reading.error, reading.ids) == (None, ids(11))


def test_F64_a_short_last_page_that_is_whole_when_it_is_looked_at_again_leads_further() -> None:
    spoils: dict[int, dict[str, object]] = {3: {"ids": [9, 10]}}
    reading = read("offset", ProvableApi("offset", 12, tells=["marker"], spoils=spoils), ["marker"])
    assert (reading.error, reading.ids) == (None, ids(12))


@every("way", TOLD)
def test_a_short_last_page_that_came_twice_on_the_way_is_one_of_those_looked_at(way: str) -> None:
    reading = Reading(ProvableApi(way, 38), endpoint(way))
    still = reading.evidence.still
    assert (still.by, still.pages, still.requests) == ("sampled", 5, 4)
