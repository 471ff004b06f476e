from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from de_classes.api.auth.login import LoginAuth
from de_classes.api.messages import HttpRequest, HttpResponse
from de_classes.errors import AuthenticationError, ConfigurationError, InvalidTokenResponseError
from de_classes.redaction import shared_filter
from de_classes.utils.clock import ManualClock
from tests.fakes.rotation import FakeSecrets, auth_runtime
from tests.fakes.transports import json_response, scripted

if TYPE_CHECKING:
    from de_classes.api.auth.scheme import AuthScheme
    from tests.fakes.transports import FakeTransport

LOGIN: dict[str, Any] = {"url": "https://api.example/login", "json": {"password": "${secret.p}"}}
REFUSAL = HttpResponse(401)
REQUEST = HttpRequest("GET", "https://api.example/a", headers={"Accept": "x"})


def scheme(
    said: LoginAuth, transport: FakeTransport, clock: ManualClock | None = None, **secrets: str
) -> AuthScheme:
    return said.scheme(auth_runtime(transport, FakeSecrets(p="hunter2-password", **secrets), clock=clock))


def test_nested_fields_are_filled_and_sent_as_json_with_headers_of_the_login_alone() -> None:
    transport = scripted([json_response({"access_token": "t"})])
    said = LoginAuth(
        url="https://api.example/login",
        json={"user": {"pass": "${secret.p}", "n": 1}},
        headers={"X-App": "${secret.app}"},
    )
    signed = scheme(said, transport, app="app-key-1").authorize(REQUEST)
    (login,) = transport.requests
    assert json.loads(login.body or b"") == {"user": {"pass": "hunter2-password", "n": 1}}
    assert (login.headers["Content-Type"], login.headers["X-App"]) == ("application/json", "app-key-1")
    assert signed.headers == {"Accept": "x", "Authorization": "Bearer t"}


def test_a_form_is_sent_as_one_whatever_its_characters() -> None:
    transport = scripted([json_response({"access_token": "t"})])
    said = LoginAuth(url="https://api.example/login", form={"user": "a b", "pass": "${secret.u}"})
    scheme(said, transport, u="zü&=+").authorize(REQUEST)
    (login,) = transport.requests
    assert login.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs((login.body or b"").decode()) == {"user": ["a b"], "pass": ["zü&=+"]}


def test_secrets_at_any_depth_are_masked_and_other_words_are_not() -> None:
    said = LoginAuth(
        url="https://api.example/login",
        json={"a": [{"b": "${secret.deep}"}], "grant": "an-ordinary-word", "password": "said-in-the-file"},
    )
    scheme(said, scripted([json_response({"access_token": "t"})]), deep="hunter2-deep").authorize(REQUEST)
    assert shared_filter().holds_secret("hunter2-deep")
    assert shared_filter().holds_secret("said-in-the-file")
    assert not shared_filter().holds_secret("an-ordinary-word")


def test_a_token_type_of_its_own_goes_with_a_prefix_of_its_own() -> None:
    answer = json_response({"access_token": "t", "token_type": "Token"})
    assert (
        scheme(LoginAuth(**LOGIN, prefix="Token "), scripted([answer]))
        .authorize(REQUEST)
        .headers["Authorization"]
        == "Token t"
    )
    with pytest.raises(InvalidTokenResponseError, match="not Bearer"):
        scheme(LoginAuth(**LOGIN), scripted([answer])).authorize(REQUEST)


def test_an_answer_that_names_no_life_is_good_until_a_401(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    auth = scheme(
        LoginAuth(**LOGIN), scripted([json_response({"access_token": f"t{n}"}) for n in (1, 2)]), clock
    )
    auth.authorize(REQUEST)
    clock.advance(3600)
    signed = auth.authorize(REQUEST)
    assert auth.logins == 1
    assert auth.renew(signed, REFUSAL)
    assert auth.authorize(REQUEST).headers["Authorization"] == "Bearer t2"
    assert "assumed" not in caplog.text


def test_a_life_at_a_path_is_heeded() -> None:
    clock = ManualClock()
    answers = [json_response({"access_token": f"t{n}", "meta": {"ttl": 100}}) for n in (1, 2)]
    auth = scheme(LoginAuth(**LOGIN, expires_path="meta.ttl"), scripted(answers), clock)
    auth.authorize(REQUEST)
    clock.advance(71)
    assert auth.authorize(REQUEST).headers["Authorization"] == "Bearer t2"


def test_a_login_that_answers_201_has_made_a_token() -> None:
    auth = scheme(LoginAuth(**LOGIN), scripted([json_response({"access_token": "t"}, 201)]))
    assert auth.authorize(REQUEST).headers["Authorization"] == "Bearer t"


def test_a_refused_login_is_not_tried_again_and_quotes_nothing() -> None:
    transport = scripted([json_response({"error": "hunter2-password is wrong"}, 400)])
    with pytest.raises(AuthenticationError, match="the login was refused") as caught:
        scheme(LoginAuth(**LOGIN), transport).authorize(REQUEST)
    assert "hunter2" not in str(caught.value)


def test_the_fields_of_the_answer_are_there_for_the_description() -> None:
    auth = scheme(
        LoginAuth(**LOGIN), scripted([json_response({"access_token": "t", "instance": "https://x.example"})])
    )
    assert auth.token_fields()["instance"] == "https://x.example"


def test_a_request_refused_again_is_sent_once_more_only_where_others_carried_its_token() -> None:
    auth = scheme(LoginAuth(**LOGIN), scripted([json_response({"access_token": f"t{n}"}) for n in (1, 2, 3)]))
    assert auth.renew(auth.authorize(REQUEST), REFUSAL)
    alone = auth.authorize(REQUEST)
    assert not auth.renew(alone, REFUSAL, is_again=True)
    shared = auth.authorize(REQUEST)
    auth.authorize(REQUEST)
    assert auth.renew(shared, REFUSAL, is_again=True)


def test_tokens_that_have_served_do_not_count_as_refused_when_issued() -> None:
    auth = scheme(LoginAuth(**LOGIN), scripted([json_response({"access_token": f"t{n}"}) for n in range(40)]))
    for _ in range(30):  # each good for one request
        signed = auth.authorize(REQUEST)
        auth.accepted(signed)
        assert auth.renew(signed, REFUSAL)
    assert auth.logins == 30


@pytest.mark.parametrize("bodies", [{}, {"json": {"a": 1}, "form": {"a": "1"}}])
def test_what_is_sent_must_be_said_in_one_way(bodies: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="json or form"):
        LoginAuth(url="https://api.example/login", **bodies)
