from __future__ import annotations

from base64 import b64decode

import pytest

from de_classes.api.auth.plain import ApiKeyAuth, BasicAuth, BearerAuth, NoAuth
from de_classes.api.auth.scheme import AuthDescription
from de_classes.api.messages import HttpRequest, target
from de_classes.errors import ConfigurationError
from tests.fakes.rotation import FakeSecrets, auth_runtime
from tests.fakes.transports import scripted

REQUEST = HttpRequest("GET", "https://api.example/a", params={"page": "1"}, headers={"Accept": "x"})


def signed(
    said: NoAuth | BearerAuth | BasicAuth | ApiKeyAuth, request: HttpRequest = REQUEST, **secrets: str
) -> HttpRequest:
    return said.scheme(auth_runtime(scripted([]), FakeSecrets(**secrets), email="ada@example.com")).authorize(
        request
    )


def test_none_adds_nothing() -> None:
    assert signed(NoAuth()) == REQUEST


def test_a_header_of_the_same_name_is_replaced_whatever_its_case() -> None:
    request = HttpRequest("GET", "https://api.example/a", headers={"authorization": "other", "Accept": "x"})
    assert signed(BearerAuth(token="t0ken"), request).headers == {
        "Accept": "x",
        "Authorization": "Bearer t0ken",
    }


def test_a_password_of_any_characters_is_utf_8() -> None:
    value = signed(BasicAuth(username="${email}", password="${secret.p}"), p="zü:rich ☂").headers[
        "Authorization"
    ]
    assert b64decode(value.removeprefix("Basic ")).decode() == "ada@example.com:zü:rich ☂"


def test_a_user_name_with_a_colon_would_be_another() -> None:
    with pytest.raises(ConfigurationError, match=r"auth\.username must hold no colon"):
        signed(BasicAuth(username="a:b", password="c"))


@pytest.mark.parametrize("secret", ["hunter2\n", " hunter2", "hunter2\r\n"])
def test_a_secret_with_a_line_break_at_its_end_is_named_and_not_quoted(secret: str) -> None:
    for said in (BearerAuth(token="${secret.t}"), ApiKeyAuth(value="${secret.t}", into="header.X-Key")):
        with pytest.raises(
            ConfigurationError, match=r"auth\.\w+ begins or ends with a space or a line break"
        ) as caught:
            signed(said, t=secret)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("secret", ["hünter2", "hunter\n2", "hunter2☂"])
def test_a_secret_that_no_header_can_hold_is_named_and_not_quoted(secret: str) -> None:
    with pytest.raises(ConfigurationError, match=r"auth\.token holds what no header can") as caught:
        signed(BearerAuth(token="${secret.t}"), t=secret)
    assert "nter2" not in str(caught.value)


def test_a_key_in_the_query_may_hold_anything() -> None:
    assert (
        target(signed(ApiKeyAuth(value="${secret.k}", into="query.key"), k="ü&="))
        == "/a?page=1&key=%C3%BC%26%3D"
    )


def test_a_key_that_the_next_pages_address_repeats_is_sent_once() -> None:
    request = HttpRequest("GET", "https://api.example/a?key=old&cursor=a%26b&key=old")
    assert target(signed(ApiKeyAuth(value="new", into="query.key"), request)) == "/a?cursor=a%26b&key=new"


def test_a_key_in_the_query_is_not_in_the_requests_text() -> None:
    assert "hunter2" not in repr(
        signed(ApiKeyAuth(value="${secret.k}", into="query.appid"), k="hunter2-appid")
    )
    assert "'page': '1'" in repr(REQUEST)


class ManyAddresses(AuthDescription, kw_only=True):
    url: str
    authority_url: str | None = None
    audience: str = "https://no-login.example"


def test_every_field_that_is_an_address_counts_as_one_and_no_other() -> None:
    assert ManyAddresses(url="https://a.example").addresses() == {"url": "https://a.example"}
    both = ManyAddresses(url="https://a.example", authority_url="http://b.example")
    assert both.addresses() == {"url": "https://a.example", "authority_url": "http://b.example"}
