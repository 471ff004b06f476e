"""What every kind of auth promises: it adds what it must, renews once, and shows no secret."""

from __future__ import annotations

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import pytest

from de_classes.api.auth import AUTHS
from de_classes.api.messages import HttpRequest
from de_classes.api.runtime import ClientRuntime
from de_classes.api.source import Source
from de_classes.api.source.loading import parse_sources
from de_classes.errors import AuthenticationError
from de_classes.redaction import shared_filter
from de_classes.utils.clock import ManualClock
from tests.fakes.auths import BASIC, BETWEEN_REQUESTS, CASES, KEY, LOGIN, AuthCase, Seen
from tests.fakes.rotation import FakeRotationStore, FakeSecrets, TokenEndpoint
from tests.fakes.transports import FakeTransport, json_response

if TYPE_CHECKING:
    from de_classes.api.messages import HttpResponse


class Api:
    """An API of two pages that refuses the requests a test says, and its token endpoint.

    Args:
        case: What it wants to see.
        refused: Which of its own requests it refuses, from 1.
    """

    def __init__(self, case: AuthCase, refused: frozenset[int] = frozenset()) -> None:
        self.case = case
        self.refused = refused
        self.asked = 0
        self.logins: list[HttpRequest] = []
        self.clock = ManualClock()
        self._lock = threading.Lock()
        self.transport = FakeTransport(self._answer)

    @property
    def asked_signed(self) -> int:
        """How many of its requests bore what it wants, right or wrong."""
        return self.asked - bool(self.case.challenge)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        parts = urlsplit(request.url)
        with self._lock:
            if parts.hostname == "id.example":
                self.logins.append(request)
                return json_response(self.case.token(len(self.logins)))
            self.asked += 1
            number = self.asked
        seen = Seen.of(request, self.clock.now())
        self.clock.advance(BETWEEN_REQUESTS)
        if number in self.refused or not self.case.sees(seen):
            return json_response({"error": "no"}, 401, **self.case.challenge)
        page = int(seen.query["page"])
        rows = [{"id": 2 * page - 1}, {"id": 2 * page}] if page <= 2 else []
        return json_response({"total": 4, "rows": rows})


def source(said: str) -> Source:
    text = f"""
version = 1
[sources.it]
base_url = "https://api.example"
auth = {{ {said} }}
[sources.it.resources.rows]
path = "/rows"
records_path = "rows"
total_path = "total"
page_size = {{ into = "query.limit" }}
pagination = {{ type = "page" }}
primary_key = ["id"]
"""
    return Source(parse_sources(text.encode(), ".toml", name="it.toml"))


def ids(api: Api) -> list[int]:
    client = source(api.case.said)["it.rows"].client(
        secrets=FakeSecrets(key=KEY), runtime=ClientRuntime(api.transport, api.clock)
    )
    return [record["id"] for _, page in client.iterate_all_pages(limit=2) for record in page.records]


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> AuthCase:
    return CASES[request.param]


def test_every_kind_of_the_registry_has_a_case() -> None:
    tags = {kind.__struct_config__.tag for kind in AUTHS}
    joined = {name.partition("-")[0] for name in CASES}
    assert joined ^ tags == set(), (
        "each kind of AUTHS in api/auth has its entry in CASES of tests/fakes/auths.py"
    )


def test_its_entry_tells_a_bare_request_from_one_that_carries_what_it_must(case: AuthCase) -> None:
    bare = Seen.of(HttpRequest("GET", "https://api.example/rows", {"page": "1"}), at=0.0)
    try:
        is_enough = case.sees(bare)
    except LookupError:
        is_enough = False
    assert is_enough == (case is CASES["none"])


def test_said_in_toml_it_reads_every_page(case: AuthCase) -> None:
    api = Api(case)
    assert ids(api) == [1, 2, 3, 4]
    assert len(api.logins) == case.logs_in


def test_a_401_costs_one_login_and_nothing_else(case: AuthCase) -> None:
    api = Api(case, refused=frozenset({2 + bool(case.challenge)}))
    if case.logs_in:
        assert ids(api) == [1, 2, 3, 4]
        assert len(api.logins) == 2
    else:
        with pytest.raises(AuthenticationError, match="401: check the credentials"):
            ids(api)
        assert api.asked_signed == 2


def test_one_that_is_refused_for_ever_asks_for_one_more_token_and_ends(case: AuthCase) -> None:
    api = Api(case, refused=frozenset(range(100)))
    with pytest.raises(AuthenticationError, match="401: check the credentials"):
        ids(api)
    assert api.asked_signed == (2 if case.logs_in else 1)
    assert len(api.logins) == (2 if case.logs_in else 0)


def test_one_login_serves_64_threads(case: AuthCase) -> None:
    api = Api(case)
    client = source(case.said)["it.rows"].client(
        secrets=FakeSecrets(key=KEY), runtime=ClientRuntime(transport=api.transport, clock=api.clock)
    )
    auth = client._endpoint.auth  # noqa: SLF001 - the scheme that was made of the description
    start = threading.Barrier(64)

    def authorize(number: int) -> HttpRequest:
        start.wait(60)
        return auth.authorize(HttpRequest("GET", "https://api.example/rows", params={"page": str(number)}))

    with ThreadPoolExecutor(64) as pool:
        signed = list(pool.map(authorize, range(64)))
    assert auth.logins == len(api.logins) == case.logs_in
    assert sorted(
        int(dict(parse_qsl(urlsplit(each.url).query)).get("page", each.params.get("page", -1)))
        for each in signed
    ) == list(range(64))


def test_no_secret_is_in_a_repr_an_error_or_a_log_line(
    case: AuthCase, caplog: pytest.LogCaptureFixture
) -> None:
    api = Api(case, refused=frozenset(range(2, 100)))
    with caplog.at_level(logging.DEBUG), pytest.raises(AuthenticationError) as caught:
        ids(api)
    texts = [caplog.text, str(caught.value), repr(caught.value), repr(api.transport.requests)]
    for secret in (KEY, "secret-token-", BASIC):
        assert not any(secret in text for text in texts)
    if case.said != CASES["none"].said:
        assert shared_filter().holds_secret(KEY)


def test_a_login_that_answers_without_a_usable_token_is_a_typed_error() -> None:
    for case in (each for each in CASES.values() if each.logs_in):
        api = Api(AuthCase(case.said, case.sees, logs_in=True, token=lambda _: {"ok": True}))
        with pytest.raises(AuthenticationError, match="the login's answer has no usable"):
            ids(api)
        assert api.asked == 0


def test_one_that_rotates_reads_every_page_and_keeps_what_comes_next() -> None:
    store, endpoint = FakeRotationStore(), TokenEndpoint()
    said = (
        f'type = "oauth2", grant = "refresh_token", token_url = "{LOGIN}", '
        'client_id = "${secret.client_id}", '
        'client_secret = "${secret.client_secret}", refresh_token = "${secret.refresh_token}", rotates = true'
    )
    case = AuthCase(said, lambda seen: seen.headers["authorization"].startswith("Bearer access-"))
    api = Api(case, refused=frozenset({2}))

    def answer(request: HttpRequest) -> HttpResponse:
        return endpoint.send(request, timeout=1.0) if "id.example" in request.url else api._answer(request)  # noqa: SLF001 - one transport for both

    client = source(said)["it.rows"].client(
        secrets=FakeSecrets(store),
        runtime=ClientRuntime(transport=FakeTransport(answer), clock=ManualClock()),
    )
    assert [record["id"] for _, page in client.iterate_all_pages(limit=2) for record in page.records] == [
        1,
        2,
        3,
        4,
    ]
    assert endpoint.spent == ["refresh-0", "refresh-1"]
    assert store.tokens.refresh_token == "refresh-2"
    assert json.loads(store.tokens.access)["answer"]["access_token"] == "access-2"
