from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from de_classes.simulators.auth_service import MAX_LOGIN_BODY, Credentials
from de_classes.simulators.messages import SimRequest
from de_classes.utils.clock import ManualClock
from tests.fakes.effort import examples
from tests.fakes.simulators import PASSWORD, USERNAME, as_json, auth, get, issuer, login


def test_a_login_gives_a_token_that_the_data_endpoint_accepts() -> None:
    simulator = auth(issuer(life=90))

    granted = as_json(simulator.handle(login({"username": USERNAME, "password": PASSWORD})))
    answer = simulator.handle(get("/data", str(granted["access_token"])))

    assert (granted["token_type"], granted["expires_in"]) == ("Bearer", 90)
    assert answer.status == 200
    assert as_json(answer)["user"] == USERNAME


@pytest.mark.parametrize(
    "body",
    [
        {"username": USERNAME, "password": "wrong"},
        {"username": "wrong", "password": PASSWORD},
        {"username": "wrong", "password": "wrong"},
        {"username": USERNAME, "password": PASSWORD + "x"},
        {"username": USERNAME.upper(), "password": PASSWORD},
        {"username": "démo", "password": "pässword"},
    ],
)
def test_F36_a_wrong_username_or_password_is_401_and_nothing_tells_which(body: dict[str, str]) -> None:
    answer = auth().handle(login(body))

    assert answer.status == 401
    assert as_json(answer) == {"error": "unauthorized", "message": "username or password is wrong"}
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", ["username", "password"]),
        ({}, ["username", "password"]),
        ({"username": USERNAME}, ["password"]),
        ({"username": 5, "password": None}, ["username", "password"]),
        ({"username": "", "password": "p" * 257}, ["username", "password"]),
        ({"username": USERNAME, "password": PASSWORD, "otp": "1"}, ["otp"]),
    ],
)
def test_a_malformed_login_names_each_problem(body: object, named: list[str]) -> None:
    answer = auth().handle(login(body))
    problems = as_json(answer)["problems"]

    assert answer.status == 400
    assert isinstance(problems, list)
    assert [str(problem).partition(" ")[0] for problem in problems] == named


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"text"', b"\xff\xfe", b"[" * 10_000, b'{"username": NaN}', b"null"]
)
def test_a_body_that_is_no_json_object_is_400(body: bytes) -> None:
    answer = auth().handle(login(body))

    assert answer.status == 400
    assert as_json(answer)["error"] == "bad_request"


def test_a_huge_login_is_413_and_not_parsed() -> None:
    assert auth().handle(login(b"[" * (MAX_LOGIN_BODY + 1))).status == 413


def test_no_answer_repeats_what_was_sent() -> None:
    canary = "canary-7d1f"
    bodies = [{"username": 5, "password": canary}, {"username": canary, "password": [canary]}]

    assert all(canary.encode() not in auth().handle(login(body)).body for body in bodies)


@settings(max_examples=examples(100), deadline=None)
@given(st.binary(max_size=200))
def test_no_body_makes_a_login_fail_otherwise_than_by_400_or_401(body: bytes) -> None:
    assert auth().handle(login(body)).status in {400, 401}


def test_data_without_a_token_is_401_without_an_error_code() -> None:
    answer = auth().handle(get("/data"))

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="de-classes"'


@pytest.mark.parametrize("field", ["Basic ZGVtbzpkZW1v", "Bearer", "Bearer ", "token"])
def test_another_scheme_is_401(field: str) -> None:
    assert auth().handle(get("/data", headers={"Authorization": field})).status == 401


def test_the_header_and_its_scheme_are_found_in_any_case() -> None:
    tokens = issuer()
    field = {"aUTHORIZATION": f"bEARER  {tokens.issue('demo')} "}
    assert auth(tokens).handle(get("/data", headers=field)).status == 200


def test_F30_a_token_whose_key_was_changed_is_401_invalid_token() -> None:
    stale = issuer(key="the key before it was changed, 32 bytes").issue("demo")

    answer = auth().handle(get("/data", stale))

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="de-classes", error="invalid_token"'


def test_F29_an_expired_token_is_401_like_a_forged_one() -> None:
    clock = ManualClock()
    tokens = issuer(clock, life=10)
    token = tokens.issue("demo")
    clock.advance(10)

    expired, forged = (auth(tokens).handle(get("/data", each)) for each in (token, "forged"))

    assert expired == forged
    assert expired.status == 401


def test_the_mount_and_the_bare_path_answer_alike() -> None:
    assert auth().handle(get("/auth/health")) == auth().handle(get("/health"))


@pytest.mark.parametrize("path", ["/", "", "/nothing", "/authlogin", "/auth", "/login/", "//login"])
def test_an_unknown_path_is_404(path: str) -> None:
    answer = auth().handle(get(path))

    assert answer.status == 404
    assert answer.outcome.route == "unknown"


@pytest.mark.parametrize(
    ("method", "path", "allowed"), [("GET", "/login", "POST"), ("DELETE", "/data", "GET")]
)
def test_another_method_is_405_and_says_which_is_allowed(method: str, path: str, allowed: str) -> None:
    answer = auth().handle(SimRequest(method, path))

    assert answer.status == 405
    assert answer.headers["Allow"] == allowed


def test_credentials_do_not_show_themselves() -> None:
    shown = f"{Credentials(username='u-canary', password='p-canary')!r}"
    assert "canary" not in shown
