from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from de_classes.api.endpoint import Endpoint, PageSize
from de_classes.api.page import PageReader
from de_classes.api.pagination import CursorPagination, OnePagePagination
from de_classes.api.per_parent import Parents, PerParentPagination
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import InvalidInputError, ProtocolError, SourceChangedError
from de_classes.utils.clock import ManualClock
from tests.fakes.transports import FakeTransport, json_response

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest, HttpResponse
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
    client = UnstableAPIClient(described, transport=Shop(None, 2), clock=ManualClock())
    with pytest.raises(ProtocolError, match=r"a parent has no 'id', .*parent\.id.* it has key: name a field"):
        list(client.iterate_all_pages(10))


@pytest.mark.parametrize("cap", [2, 10])
@pytest.mark.parametrize("limit", [2, 10])
@pytest.mark.parametrize("loses", [None, *range(1, 9)])
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
    client = UnstableAPIClient(endpoint, transport=shop, clock=ManualClock(), concurrency=1)
    try:
        records = [record for page in client.start_run(limit) for record in page.records]
    except SourceChangedError:
        assert loses is not None
        return
    assert records == [{"customer": customer, "id": number} for customer in "ab" for number in range(5)]
