from __future__ import annotations

import pytest

from de_classes.api.messages import HttpRequest, HttpResponse, origin
from de_classes.api.redirects import redirected
from de_classes.errors import ForeignOriginError, ProtocolError

URL = "https://api.example/v1/data"


def following(status: int, location: str | None, method: str = "GET", **parts: object) -> HttpRequest | None:
    request = HttpRequest(method, URL, params={"page": "2"}, headers={"X": "y"}, body=b"b")
    headers = {} if location is None else {"location": location}
    return redirected(request, HttpResponse(status, headers), **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [200, 204, 300, 304, 404])
def test_an_answer_that_is_no_redirect_leads_nowhere(status: int) -> None:
    assert following(status, "/elsewhere") is None


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/v2?page=2", "https://api.example/v2?page=2"),
        ("data/?page=2", "https://api.example/v1/data/?page=2"),
        ("?page=2", "https://api.example/v1/data?page=2"),
        ("HTTPS://API.example:443/v2", "https://API.example:443/v2"),
    ],
)
def test_F81_the_address_counts_with_its_own_query_and_the_rest_stays(location: str, url: str) -> None:
    request = following(301, location)
    assert request is not None
    assert (request.method, request.url, dict(request.params)) == ("GET", url, {})
    assert (request.headers, request.body) == ({"X": "y"}, b"b")


@pytest.mark.parametrize(
    "location", ["http://api.example/v2", "https://api.example:8443/v2", "//evil.example/"]
)
def test_F81_another_origin_is_refused_unless_a_token_may_go_there(location: str) -> None:
    with pytest.raises(ForeignOriginError):
        following(302, location)


def test_F81_an_address_that_is_none_is_an_error_and_its_secrets_are_not_quoted() -> None:
    with pytest.raises(ProtocolError, match=r"an address that is none: 'https://\[bad/'$"):
        following(302, "https://[bad/?key=hunter2")


def test_F81_an_origin_that_is_allowed_is_followed() -> None:
    allowed = frozenset({origin("https://files.example")})
    request = following(302, "https://files.example/v2", origins=allowed)
    assert request is not None
    assert request.url == "https://files.example/v2"


@pytest.mark.parametrize("location", [None, ""])
def test_F81_a_redirect_without_an_address_is_an_error(location: str | None) -> None:
    with pytest.raises(ProtocolError, match="names no address"):
        following(302, location)
