"""What a description becomes: what is sent, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from msgspec import structs

from de_classes.api.runtime import ClientRuntime
from de_classes.api.source import EnvironmentSecrets, Source
from de_classes.api.source.description import SourceDescription, SourceFile
from de_classes.api.source.rules import problems_of
from de_classes.utils.clock import ManualClock
from tests.fakes.transports import FakeTransport, json_response

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest, HttpResponse

DESCRIBED: dict[str, Any] = {
    "base_url": "https://api.counting.example/v1",
    "headers": {"X-Version": "7"},
    "parameters": {"since": {"help": "a day"}},
    "resources": {
        "orders": {
            "path": "/orders",
            "params": {"since": "${since}", "expand": "lines"},
            "records_path": "items",
            "count": {"path": "/orders/count", "params": {"since": "${since}"}, "total_path": "count"},
            "page_size": {"into": "query.limit"},
            "pagination": {"type": "cursor", "path": "next"},
        }
    },
}


class Shop(FakeTransport):
    """Three orders on a page, and another address that counts them."""

    def __init__(self) -> None:
        super().__init__(self._answer_to)
        self.asked: list[tuple[str, dict[str, str], str]] = []

    def _answer_to(self, request: HttpRequest) -> HttpResponse:
        where = urlsplit(request.url)
        query = {**dict(parse_qsl(where.query)), **{name: str(each) for name, each in request.params.items()}}
        self.asked.append((where.path, query, request.headers["X-Version"]))
        if where.path == "/v1/orders/count":
            return json_response({"count": 3})
        return json_response({"items": [{"id": each} for each in range(3)], "total": 3})


def described(**changes: Any) -> SourceDescription:
    orders = {**DESCRIBED["resources"]["orders"], **changes}
    return msgspec.convert({**DESCRIBED, "resources": {"orders": orders}}, SourceDescription)


def test_records_are_counted_by_a_request_of_its_own_with_its_own_query_and_the_sources_headers() -> None:
    shop = Shop()
    resource = Source({"shop": described()})["shop.orders"]
    run = resource.client(
        parameters={"since": "2026-01-01"}, runtime=ClientRuntime(transport=shop, clock=ManualClock())
    ).start_pass(100)
    assert [len(page.records) for page in run] == [3]
    counted = ("/v1/orders/count", {"since": "2026-01-01"}, "7")
    first = ("/v1/orders", {"since": "2026-01-01", "expand": "lines", "limit": "100"}, "7")
    assert shop.asked == [counted, first, counted, first]  # the page once more, to see that all stood still
    assert run.evidence_if_still is not None
    assert run.evidence_if_still.end.by == "counted"


def test_the_resources_own_address_can_count() -> None:
    shop = Shop()
    count = {"params": {"limit": 0}, "total_path": "total"}
    resource = Source({"shop": described(count=count)})["shop.orders"]
    run = resource.client(
        parameters={"since": "2026-01-01"}, runtime=ClientRuntime(transport=shop, clock=ManualClock())
    ).start_pass(100)
    next(iter(run))
    assert shop.asked[0] == ("/v1/orders", {"limit": "0"}, "7")


def test_a_count_of_many_collections_is_refused() -> None:
    shop = described(path="/orders/${parent.value}", for_each={"values": ["a", "b"]})
    [problem] = problems_of(SourceFile(version=1, sources={"shop": shop}))
    assert problem.endswith(
        "orders.count counts one collection, and for_each has many: leave one of the two out"
    )


def test_a_value_that_for_each_names_twice_is_refused() -> None:
    shop = described(path="/orders/${parent.value}", for_each={"values": ["a", "b", "a"]})
    shop = structs.replace(
        shop,
        resources={name: structs.replace(each, count=None) for name, each in shop.resources.items()},
    )
    [problem] = problems_of(SourceFile(version=1, sources={"shop": shop}))
    assert problem.endswith("orders.for_each.values names one twice: what belongs to it would come twice")


@pytest.mark.parametrize(
    ("given", "address"),
    [({}, None), ({"where": "https://mine.example/v2"}, None), ({}, "https://login.example")],
)
def test_a_rehearsal_asks_no_other_address_though_a_parameter_stands_for_it(
    given: dict[str, str], address: str | None
) -> None:
    parameters = {"where": {"kind": "address", "default": "https://api.example"}}
    login = {
        "type": "login",
        "url": f"{address or '${where}'}/login",
        "json": {"password": "${secret.password}"},
    }
    changed = {"base_url": "${where}", "auth": login, "parameters": parameters}
    orders = {"path": "/orders", "records_path": "items", "pagination": {"type": "none"}}
    source = msgspec.convert({**DESCRIBED, **changed, "resources": {"orders": orders}}, SourceDescription)
    asked: list[str] = []

    def answer(request: HttpRequest) -> HttpResponse:
        asked.append(request.url)
        return json_response({"access_token": "t0ken", "expires_in": 300, "items": [{"id": 1}]})

    client = Source({"shop": source})["shop.orders"].client(
        parameters=given,
        secrets=EnvironmentSecrets({"DE_CLASSES_SECRET_PASSWORD": "secret"}),
        base_url="http://127.0.0.1:9",
        runtime=ClientRuntime(transport=FakeTransport(answer), clock=ManualClock()),
    )
    assert len(list(client.iterate_all_pages())) == 1
    assert {urlsplit(url).netloc for url in asked} == {"127.0.0.1:9"}
    assert {urlsplit(url).path.rpartition("/")[2] for url in asked} == {"login", "orders"}
