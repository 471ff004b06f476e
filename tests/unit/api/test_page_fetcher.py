"""Pages of CSV whose first line is no header, or that of an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from de_classes.api.answers import PageReader
from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination import OnePagePagination, PageNumberPagination
from de_classes.api.pagination.per_parent import Parents, PerParentPagination
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import ProtocolError
from de_classes.utils.clock import ManualClock
from tests.fakes.transports import FakeTransport

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest

READER = PageReader("@", None, None, kind="csv")


def client_of(answers: list[str], names: tuple[str, ...] = ()) -> UnstableAPIClient:
    def answer(request: HttpRequest) -> HttpResponse:
        page = int(request.params["page"])
        return HttpResponse(200, {}, (answers[page - 1] if 1 <= page <= len(answers) else "").encode())

    endpoint = Endpoint(
        "https://api.example/data",
        pagination=PageNumberPagination(),
        reader=PageReader("@", None, None, kind="csv", names=names),
    )
    return UnstableAPIClient(
        endpoint,
        limits=ClientLimits(concurrency=1, retry_policy=RetryPolicy(max_attempts=2)),
        runtime=ClientRuntime(transport=FakeTransport(answer), clock=ManualClock()),
    )


@pytest.mark.parametrize("other", ["3,c\n4,d\n", "error,code\nslow down,429\n"])
def test_a_page_whose_first_line_names_no_column_of_the_others_is_an_error_once_it_came_twice(
    other: str,
) -> None:
    with pytest.raises(ProtocolError, match="names other columns than another page's, id, name"):
        list(client_of(["id,name\n1,a\n2,b\n", other]).start_pass(2))


@pytest.mark.parametrize(
    ("answers", "names"),
    [
        (["id,name\n1,a\n2,b\n", "name,id,new\nc,3,x\nd,4,y\n"], ()),
        (["1,a\n2,b\n", "3,c\n4,d\n"], ("id", "name")),
    ],
    ids=["other order and one more", "named by the description"],
)
def test_pages_that_share_a_column_are_taken(answers: list[str], names: tuple[str, ...]) -> None:
    records = [record for page in client_of(answers, names).start_pass(2) for record in page.records]
    assert [(record["id"], record["name"]) for record in records] == [
        ("1", "a"),
        ("2", "b"),
        ("3", "c"),
        ("4", "d"),
    ]


def test_each_parent_may_have_columns_of_its_own() -> None:
    bodies = {"a": "id\n1\n", "b": "name\nx\n"}
    endpoint = Endpoint(
        "https://api.example/tables/${parent.value}",
        pagination=PerParentPagination(inner=OnePagePagination(), parents=Parents("ab", None, 10)),
        reader=READER,
        include={"table": "value"},
    )
    transport = FakeTransport(lambda request: HttpResponse(200, {}, bodies[request.url[-1]].encode()))
    client = UnstableAPIClient(
        endpoint,
        limits=ClientLimits(concurrency=1),
        runtime=ClientRuntime(transport=transport, clock=ManualClock()),
    )
    records = [record for page in client.start_pass(10) for record in page.records]
    assert records == [{"table": "a", "id": "1"}, {"table": "b", "name": "x"}]
