from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from de_classes.api.answers import PageReader
from de_classes.api.endpoint import Endpoint, PageSize
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination import (
    CursorPagination,
    LastRecordPagination,
    OffsetPagination,
    OnePagePagination,
    PageNumberPagination,
)
from de_classes.api.pagination.per_parent import Parents, PerParentPagination
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import IncompleteRunError, InvalidInputError, ProtocolError, SourceChangedError
from de_classes.utils.clock import ManualClock
from tests.fakes.every import every
from tests.fakes.transports import FakeTransport, json_response

if TYPE_CHECKING:
    from de_classes.api.evidence import Evidence
    from de_classes.api.messages import HttpRequest
    from de_classes.api.pagination import PaginationStrategy


def per_parent(*values: str, inner: PaginationStrategy, is_single: bool) -> PerParentPagination:
    return PerParentPagination(inner=inner, parents=Parents(values, None, 10), is_single=is_single)


@pytest.mark.parametrize("is_single", [True, False])
def test_without_parents_nothing_is_asked_for(*, is_single: bool) -> None:
    pagination = per_parent(inner=CursorPagination(), is_single=is_single)
    assert pagination.request_for(1, 10) is None


def test_a_parent_that_is_not_there_is_said_to_be_none() -> None:
    pagination = per_parent("a", "b", inner=OnePagePagination(), is_single=True)
    request = pagination.request_for(2, 10)
    assert request is not None
    assert request.parent == {"value": "b"}
    with pytest.raises(InvalidInputError, match="page 3 was asked for, but there are 2 parents"):
        pagination.request_for(3, 10)


class Shop(FakeTransport):
    """Two customers with five orders each; the n-th answer loses what leads on.

    Args:
        loses: Which answer, from 1; None if none does.
        cap: The most orders on a page.
    """

    def __init__(self, loses: int | None, cap: int) -> None:
        super().__init__(self._answer_to)
        self._loses = loses
        self._cap = cap

    def _answer_to(self, request: HttpRequest) -> HttpResponse:
        customer = urlsplit(request.url).path.rpartition("/")[2]
        size, start = min(int(request.params["limit"]), self._cap), int(request.params.get("cursor", 0))
        orders = [{"customer": customer, "id": number} for number in range(start, min(start + size, 5))]
        leads_on = start + size < 5 and len(self.requests) != self._loses
        return json_response({"data": orders, "next_cursor": start + size if leads_on else None})


def test_a_parent_without_the_field_that_a_request_needs_is_an_error_that_names_it() -> None:
    pagination = PerParentPagination(
        inner=OnePagePagination(), parents=Parents([{"key": "a"}], None, 10), is_single=True
    )
    described = Endpoint("https://api.example/customers/${parent.id}", pagination=pagination)
    client = UnstableAPIClient(described, runtime=ClientRuntime(transport=Shop(None, 2), clock=ManualClock()))
    with pytest.raises(ProtocolError, match=r"a parent has no 'id', .*parent\.id.* it has key: name a field"):
        list(client.iterate_all_pages(10))


@every("cap", [2, 10])
@every("limit", [2, 10])
@every("loses", [None, *range(1, 9)])
def test_F60_a_parent_whose_page_loses_its_way_on_once_is_not_silently_short(
    loses: int | None, limit: int, cap: int
) -> None:
    shop = Shop(loses, cap)
    endpoint = Endpoint(
        "https://api.example/customers/${parent.value}",
        pagination=per_parent("a", "b", inner=CursorPagination(), is_single=False),
        reader=PageReader(total_pages_field=None, total_records_field=None),
        page_size=PageSize(into="query.limit"),
    )
    client = UnstableAPIClient(
        endpoint,
        limits=ClientLimits(concurrency=1),
        runtime=ClientRuntime(transport=shop, clock=ManualClock()),
    )
    try:
        records = [record for page in client.start_pass(limit) for record in page.records]
    except SourceChangedError:
        assert loses is not None
        return
    assert records == [{"customer": customer, "id": number} for customer in "ab" for number in range(5)]


class Deals(FakeTransport):
    """What belongs to each customer, at most ``cap`` at a time, by pages, offsets, cursors or the last time.

    Args:
        deals: The moments of each customer's deals.
        cap: The most on a page.
        leaves_out: A customer whose second page has lost its last deal and what leads on, each time.
    """

    def __init__(self, deals: dict[str, list[int]], cap: int = 2, leaves_out: str | None = None) -> None:
        super().__init__(self._answer_to)
        self._deals = deals
        self._cap = cap
        self._leaves_out = leaves_out

    def _answer_to(self, request: HttpRequest) -> HttpResponse:
        customer, params = urlsplit(request.url).path.rpartition("/")[2], request.params
        deals = [{"id": f"{customer}{at}", "t": t} for at, t in enumerate(self._deals[customer])]
        start = int(params.get("cursor", params.get("offset", 0)))
        start = start or (int(params.get("page", 1)) - 1) * self._cap
        since = int(params.get("since", 0))
        came = [deal for deal in deals if deal["t"] > since][start : start + self._cap]
        is_lost = customer == self._leaves_out and bool(start)
        leads_on = start + self._cap < len(deals) and not is_lost
        return json_response(
            {
                "data": came[:1] if is_lost else came,
                "total": len(deals),
                "next_cursor": start + self._cap if leads_on else None,
            }
        )


WAYS = [CursorPagination(), PageNumberPagination(), OffsetPagination()]


def run_over(
    shop: Deals,
    parents: Parents,
    inner: PaginationStrategy,
    total: str | None = None,
    *,
    strict: bool = False,
) -> tuple[list[str], Evidence]:
    endpoint = Endpoint(
        "https://api.example/customers/${parent.value}",
        pagination=PerParentPagination(inner=inner, parents=parents),
        reader=PageReader(total_pages_field=None, total_records_field=total),
        page_size=PageSize(into="query.limit"),
    )
    client = UnstableAPIClient(
        endpoint,
        limits=ClientLimits(concurrency=1),
        runtime=ClientRuntime(transport=shop, clock=ManualClock()),
    )
    run = client.start_pass(10, strict=strict)
    records = [record["id"] for page in run for record in page.records]
    assert run.evidence_if_still is not None
    return records, run.evidence_if_still


@every("total", [None, "total"])
@every("inner", WAYS)
@every(
    "deals",
    [
        {"a": [1, 2], "b": [], "c": [3]},
        {"a": [], "b": [], "c": [3]},
        {"a": [1, 2, 3, 4, 5], "b": [6], "c": []},
        {"a": [], "b": [], "c": []},
    ],
)
def test_a_parent_that_has_nothing_is_no_gap_and_pages_that_are_capped_lose_nothing(
    deals: dict[str, list[int]], inner: PaginationStrategy, total: str | None
) -> None:
    records, evidence = run_over(Deals(deals), Parents("abc", None, 10), inner, total)
    assert records == [f"{customer}{at}" for customer in "abc" for at in range(len(deals[customer]))]
    assert evidence.warnings == ()
    assert "None" not in str(evidence)


@pytest.mark.parametrize("inner", WAYS[:2], ids=lambda way: type(way).__name__)
def test_a_parent_of_whose_records_fewer_came_than_its_total_says_is_not_complete(
    inner: PaginationStrategy,
) -> None:
    shop = Deals({"a": [1, 2, 3, 4, 5], "b": [1, 2, 3, 4, 5], "c": [1]}, leaves_out="b")
    with pytest.raises(IncompleteRunError, match="source says it has 5 of parent 2"):
        run_over(shop, Parents("abc", None, 10), inner, "total")


def test_records_of_a_parent_that_share_what_the_next_page_is_found_by_all_come() -> None:
    moments = [1, 2, 2, 2, 3, 4, 4, 5]
    records, evidence = run_over(
        Deals({"a": moments, "b": moments}, cap=4),
        Parents("ab", None, 10),
        LastRecordPagination(path="t", into="query.since"),
    )
    assert records == [f"{customer}{at}" for customer in "ab" for at in range(8)]
    assert evidence.end.by == "probed"


def test_F88_a_cursor_within_a_parent_keeps_its_digits() -> None:
    def answer(request: HttpRequest) -> HttpResponse:
        cursor = request.params.get("cursor")
        assert cursor in {None, "0.1234567890123456789"}
        body = '{"data": [{"id": %d}], "next_cursor": %s}'
        return HttpResponse(
            200, {}, (body % ((1, "0.1234567890123456789"), (2, "null"))[bool(cursor)]).encode()
        )

    endpoint = Endpoint(
        "https://api.example/customers/${parent.value}",
        pagination=per_parent("a", inner=CursorPagination(), is_single=False),
        reader=PageReader(total_pages_field=None, total_records_field=None),
        include={"customer": "value"},
    )
    client = UnstableAPIClient(
        endpoint,
        limits=ClientLimits(concurrency=1),
        runtime=ClientRuntime(transport=FakeTransport(answer), clock=ManualClock()),
    )
    records = [record for page in client.start_pass(10) for record in page.records]
    assert records == [{"customer": "a", "id": 1}, {"customer": "a", "id": 2}]


def parents_of(answer: object, *key: str) -> Parents:
    endpoint = Endpoint(
        "https://api.example/customers",
        pagination=CursorPagination(),
        reader=PageReader(total_pages_field=None, total_records_field=None),
        key=key,
    )
    transport = FakeTransport(lambda _: json_response(answer))
    return Parents(
        [], UnstableAPIClient(endpoint, runtime=ClientRuntime(transport=transport, clock=ManualClock())), 10
    )


def test_a_parent_that_is_listed_twice_by_its_key_is_asked_for_once() -> None:
    listed = [{"value": "a"}, {"value": "b"}, {"value": "a"}]
    records, _ = run_over(
        Deals({"a": [1], "b": [1]}), parents_of({"data": listed}, "value"), OnePagePagination()
    )
    assert records == ["a0", "b0"]


def test_parents_that_differ_and_have_one_key_are_an_error_that_names_it() -> None:
    listed = [{"value": "a", "shop": 1}, {"value": "a", "shop": 2}]
    with pytest.raises(ProtocolError, match="two parents differ that have the same value"):
        parents_of({"data": listed}, "value").all()


def test_what_weakens_the_proof_of_the_parents_is_told_of_what_belongs_to_them() -> None:
    parents = parents_of({"data": [{"value": "a"}, {"value": "b"}], "errors": ["half of them"]})
    _, evidence = run_over(Deals({"a": [1], "b": [1]}), parents, OnePagePagination())
    assert any(said.startswith("of the parents: page 1 has beside its records") for said in evidence.warnings)


def test_strictly_parents_whose_end_is_not_proved_are_not_complete() -> None:
    parents = parents_of({"data": [{"value": "a"}, {"value": "b"}]})
    with pytest.raises(IncompleteRunError, match="end: unproven"):
        run_over(Deals({"a": [1], "b": [1]}), parents, OnePagePagination(), strict=True)


def test_without_parents_the_end_is_said_to_be_that() -> None:
    _, evidence = run_over(Deals({}), Parents([], None, 10), CursorPagination())
    assert (evidence.end.by, evidence.end.saw) == ("declared", "there is no parent")


def test_a_field_of_the_parent_that_the_records_have_otherwise_is_an_error_that_names_it() -> None:
    endpoint = Endpoint(
        "https://api.example/customers/${parent.value}",
        pagination=per_parent("a", inner=OnePagePagination(), is_single=False),
        reader=PageReader(total_pages_field=None, total_records_field=None),
        include={"id": "value"},
    )
    client = UnstableAPIClient(
        endpoint,
        limits=ClientLimits(concurrency=1),
        runtime=ClientRuntime(transport=Deals({"a": [1]}), clock=ManualClock()),
    )
    with pytest.raises(ProtocolError, match=r"records have id of their own.*for_each\.include"):
        list(client.start_pass(10))


def test_the_window_of_a_query_is_that_of_each_parent() -> None:
    endpoint = Endpoint(
        "https://api.example/customers/${parent.value}",
        pagination=per_parent("a", "b", inner=CursorPagination(), is_single=False),
        reader=PageReader(total_pages_field=None, total_records_field=None),
        window=4,
    )

    def records_of(deals: dict[str, list[int]]) -> int:
        client = UnstableAPIClient(
            endpoint,
            limits=ClientLimits(concurrency=1),
            runtime=ClientRuntime(transport=Deals(deals), clock=ManualClock()),
        )
        return sum(len(page.records) for page in client.start_pass(10))

    assert records_of({"a": [1, 2, 3], "b": [1, 2, 3]}) == 6
    with pytest.raises(IncompleteRunError, match="4 records came, which is all that the source gives"):
        records_of({"a": [1, 2, 3], "b": [1, 2, 3, 4]})


class Sparse(FakeTransport):
    """Customers with as many orders as given, by cursors or by page numbers; no total is said.

    Args:
        orders: Customer to how many it has.
    """

    def __init__(self, orders: dict[str, int]) -> None:
        super().__init__(self._answer_to)
        self._orders = orders

    def _answer_to(self, request: HttpRequest) -> HttpResponse:
        customer = urlsplit(request.url).path.rpartition("/")[2]
        size = int(request.params["limit"])
        start = int(request.params.get("cursor", (int(request.params.get("page", 1)) - 1) * size))
        numbers = range(start, min(start + size, self._orders[customer]))
        leads_on = start + size < self._orders[customer]
        answer = {"data": [{"customer": customer, "id": each} for each in numbers]}
        return json_response({**answer, "next_cursor": start + size if leads_on else None})


@every("width", [1, 4])
@every("inner", [CursorPagination(), PageNumberPagination()])
@every(
    "orders",
    [
        {"a": 0, "b": 3, "c": 2},
        {"a": 3, "b": 0, "c": 0, "d": 1},
        {"a": 2, "b": 2, "c": 0},
        {"a": 0, "b": 0},
        {"a": 4, "b": 4, "c": 4},
        {f"c{number}": number % 3 for number in range(30)},
    ],
)
def test_parents_that_end_with_an_empty_page_are_whole(
    orders: dict[str, int], inner: PaginationStrategy, width: int
) -> None:
    endpoint = Endpoint(
        "https://api.example/customers/${parent.value}",
        pagination=per_parent(*orders, inner=inner, is_single=False),
        reader=PageReader(total_pages_field=None, total_records_field=None),
        page_size=PageSize(into="query.limit"),
    )
    client = UnstableAPIClient(
        endpoint,
        limits=ClientLimits(concurrency=width),
        runtime=ClientRuntime(transport=Sparse(orders), clock=ManualClock()),
    )
    run = client.start_pass(2)
    records = [record for page in run for record in page.records]
    assert records == [{"customer": each, "id": number} for each in orders for number in range(orders[each])]
    assert run.evidence_if_still is not None


def test_an_empty_page_within_a_parent_is_a_hole() -> None:
    class Holed(Sparse):
        def _answer_to(self, request: HttpRequest) -> HttpResponse:
            if request.params.get("cursor") == "2":
                return json_response({"data": [], "next_cursor": 4})
            return super()._answer_to(request)

    orders = {"a": 6, "b": 1}
    endpoint = Endpoint(
        "https://api.example/customers/${parent.value}",
        pagination=per_parent(*orders, inner=CursorPagination(), is_single=False),
        reader=PageReader(total_pages_field=None, total_records_field=None),
        page_size=PageSize(into="query.limit"),
    )
    client = UnstableAPIClient(endpoint, runtime=ClientRuntime(transport=Holed(orders), clock=ManualClock()))
    with pytest.raises(IncompleteRunError, match="page 2 is missing"):
        list(client.start_pass(2))
