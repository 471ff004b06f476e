from __future__ import annotations

import json

import pytest

from de_classes.api.endpoint import Endpoint, PageSize, no_auth
from de_classes.api.pagination import PageRequest
from de_classes.api.source import NoSecrets, Source
from de_classes.api.source.loading import parse_sources
from de_classes.errors import ForeignOriginError


@pytest.mark.parametrize(
    ("size", "records", "below"),
    [
        (PageSize(into="query.limit"), 0, None),
        (PageSize(into="query.limit", max=50), 3, 2),
        (PageSize(into="query.limit"), 100, 99),
        (PageSize(into="query.limit", max=50), 100, 50),
        (PageSize(into="query.limit"), 1, None),
        (PageSize(into="query.limit", values=(10, 50, 100)), 50, 10),
        (PageSize(into="query.limit", values=(10, 50, 100)), 10, None),
        (None, 100, None),
    ],
)
def test_the_largest_page_below_so_many_records_is_one_that_the_source_may_be_asked_for(
    size: PageSize | None, records: int, below: int | None
) -> None:
    assert Endpoint("https://api.example/items", page_size=size).largest_below(records) == below


def test_another_auth_signs_the_request_that_counts_too() -> None:
    endpoint = Endpoint("https://api.example/rows", count=Endpoint("https://api.example/rows/count"))
    auth = no_auth()
    signed = endpoint.signed_by(auth)
    assert signed.count is not None
    assert (signed.auth, signed.count.auth) == (auth, auth)
    assert endpoint.auth is not auth


def test_what_is_the_same_for_every_page_is_looked_up_once_and_what_is_not_each_time() -> None:
    asked: list[str] = []

    def lookup(name: str) -> str:
        asked.append(name)
        return "x"

    endpoint = Endpoint(
        "https://api.example/${owner}",
        params={"q": "${query}"},
        headers={"X-Page": "${opening.mark}"},
        lookup=lookup,
    )
    pages = [
        endpoint.request(PageRequest(number, values={"query.page": number}), lambda _, n=number: f"mark {n}")
        for number in (1, 2, 3)
    ]
    assert [page.params for page in pages] == [{"q": "x", "page": str(number)} for number in (1, 2, 3)]
    assert [page.headers["X-Page"] for page in pages] == ["mark 1", "mark 2", "mark 3"]
    assert sorted(asked) == ["owner", "query"]


@pytest.mark.parametrize(
    ("allowed", "address", "is_let_through"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080", True),
        ("127.0.0.1:8080", "http://127.0.0.1:8081", False),
        ("files.example.com", "https://files.example.com", True),
        ("files.example.com", "http://files.example.com", False),
    ],
)
def test_an_allowed_host_is_asked_in_the_clear_only_where_it_is_this_machine(
    allowed: str, address: str, *, is_let_through: bool
) -> None:
    described = {
        "version": 1,
        "sources": {
            "a": {
                "base_url": "https://api.example.com",
                "allowed_hosts": [allowed],
                "resources": {"rows": {"path": "/rows", "pagination": {"type": "next_url", "path": "next"}}},
            }
        },
    }
    source = Source(parse_sources(json.dumps(described).encode(), ".json", name="a.json"))
    request = PageRequest(2, url=f"{address}/rows?page=2")
    endpoint = source["a.rows"].client(secrets=NoSecrets()).endpoint
    if is_let_through:
        assert endpoint.request(request, str).url == request.url
    else:
        with pytest.raises(ForeignOriginError):
            endpoint.request(request, str)
