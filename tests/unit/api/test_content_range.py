from __future__ import annotations

import json

import pytest

from de_classes.api.answers import PageReader
from de_classes.api.endpoint import Endpoint, PageSize
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination import PageRequest
from de_classes.api.status import ContentRange, ErrorRule
from de_classes.errors import ProtocolError

TEN = json.dumps([{"id": number} for number in range(10)]).encode()


def read(said: str | None, *, body: bytes = TEN, size: int | None = 10, **described: object) -> int:
    """How many records of an answer of status 206 are taken."""
    reader = {"reader": PageReader("@", None, None)}
    page_size = PageSize(into="query.limit")
    endpoint = Endpoint("https://api.example/rows", **{**reader, "page_size": page_size, **described})
    headers = {} if said is None else {"content-range": said}
    response = HttpResponse(206, {"content-type": "application/json", **headers}, body)
    asked = PageRequest(1, {"query.page": 1}, size=size)
    return len(endpoint.page(response, asked, url="https://api.example/rows?key=x", now=0.0).records)


@pytest.mark.parametrize(
    "said",
    [
        "items 0-9/30",
        "items=0-9/30",
        "0-9/30",
        "0-9/*",
        "rows 20-29/30",
        f"bytes 0-{len(TEN) - 1}/{len(TEN)}",
    ],
)
def test_F80_a_part_that_is_all_that_was_asked_for_is_a_page(said: str) -> None:
    assert read(said) == 10


@pytest.mark.parametrize("said", ["items 20-29/30", "20-29/30"])
def test_F80_fewer_than_were_asked_for_are_all_if_they_are_the_last(said: str) -> None:
    assert read(said, size=25) == 10
    with pytest.raises(
        ProtocolError, match=r"206, items 0-9/30, and 10 records came of 25 that were asked for"
    ):
        read("items 0-9/30", size=25)
    assert read("items 0-9/30", size=25, page_size=None) == 10


@pytest.mark.parametrize(
    "said",
    [
        None,
        "",
        "items */30",
        "items 0-9",
        "items 0-8/30",
        "items 0-19/30",
        f"bytes 0-{len(TEN) - 1}/*",
        f"bytes 0-{len(TEN) - 1}/{len(TEN) + 1}",
        f"bytes 1-{len(TEN)}/{len(TEN) + 1}",
        "bytes 0-8/9",
    ],
)
def test_F80_any_other_part_is_an_error_that_names_the_rule_and_is_read_by_it(said: str | None) -> None:
    with pytest.raises(
        ProtocolError, match=r'errors = \[\{ status = \[206\], action = "ignore" \}\]'
    ) as caught:
        read(said)
    assert "key=x" not in str(caught.value)
    assert read(said, errors=(ErrorRule(status=(206,), action="ignore"),)) == 10


def test_F80_bytes_that_were_coded_are_counted_as_they_were_sent() -> None:
    coded = HttpResponse(206, {"content-range": "bytes 0-8/9", "content-encoding": "gzip"}, TEN)
    said = ContentRange.of(coded)
    assert said is not None
    assert said.may_be_read(coded)
