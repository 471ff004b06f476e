"""From an address and a secret to a description that runs, against each of the 23 mimics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from de_classes.api.http_transport import HttpClientTransport
from de_classes.api.messages import HttpResponse
from de_classes.api.runtime import ClientRuntime
from de_classes.api.source.binding import Source
from de_classes.api.source.guessing import GuessRequest, guess_source, write
from de_classes.api.source.guessing.observing import BUDGET, Observer
from de_classes.api.source.loading import parse_sources
from de_classes.api.source.secrets import FileSecrets, NoSecrets
from de_classes.errors import ConfigurationError, InvalidInputError
from de_classes.utils.clock import ManualClock
from tests.fakes.mimics import MIMICS
from tests.fakes.mimics.serving import MimicTransport, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from de_classes.api.messages import HttpRequest
    from de_classes.api.source.guessing import Draft
    from de_classes.api.transport import Transport
    from tests.fakes.mimics.kit import Mimic

GRAPHQL = (
    "query($owner: String!, $repo: String!, $first: Int!, $after: String) {\n"
    "  repository(owner: $owner, name: $repo) { issues(first: $first, after: $after) {\n"
    "    totalCount nodes { number title updatedAt author { login } } pageInfo "
    "{ hasNextPage endCursor } } } }"
)
EMAIL = {"email": "ada@example.org"}
Case = tuple[str, dict[str, str], Any]
CASES: dict[str, Case] = {
    "airtable": ("https://api.airtable.com/v0/appMIMIC/Orders", {}, None),
    "arxiv": (
        "https://export.arxiv.org/api/query?search_query=cat:cs.DB&sortBy=submittedDate&sortOrder=ascending",
        {},
        None,
    ),
    "asana": ("https://app.asana.com/api/1.0/tasks?project=1200000000000001", {}, None),
    "binance": ("https://api.binance.com/api/v3/myTrades?symbol=BTCUSDT", {}, None),
    "crossref": ("https://api.crossref.org/works", {}, None),
    "github": ("https://api.github.com/repos/acme/widgets/issues?state=all", {}, None),
    "github_graphql": (
        "https://api.github.com/graphql",
        {},
        {"query": GRAPHQL, "variables": {"owner": "acme", "repo": "widgets", "after": None}},
    ),
    "hubspot": ("https://api.hubapi.com/crm/v3/objects/contacts", {}, None),
    "intercom": (
        "https://api.intercom.io/contacts/search",
        {},
        {"query": {"field": "created_at", "operator": ">", "value": 0}},
    ),
    "jira": (
        "https://mimic.atlassian.net/rest/api/3/search/jql",
        EMAIL,
        {"jql": "updated >= -3650d ORDER BY updated", "fields": ["*all"]},
    ),
    "klaviyo": ("https://a.klaviyo.com/api/profiles/", {}, None),
    "lichess": ("https://lichess.org/api/games/user/ada", {}, None),
    "notion": ("https://api.notion.com/v1/databases/d9824bdc-8445-4327-be8b-5b47500af6ce/query", {}, {}),
    "openalex": ("https://api.openalex.org/works", {}, None),
    "pokeapi": ("https://pokeapi.co/api/v2/pokemon/", {}, None),
    "salesforce": (
        (
            "https://mimic.my.salesforce.com/services/data/v62.0/query"
            "?q=SELECT+Id,Name,SystemModstamp,AnnualRevenue+FROM+Account"
        ),
        {},
        None,
    ),
    "shopify": ("https://mimic.myshopify.com/admin/api/2024-10/orders.json?status=any", {}, None),
    "slack": ("https://slack.com/api/conversations.list", {}, None),
    "socrata": ("https://data.mimic.example/resource/nc67-uf89.json", {}, None),
    "stripe": ("https://api.stripe.com/v1/charges", {}, None),
    "wikipedia": ("https://en.wikipedia.org/w/api.php?action=query&list=allpages&format=json", {}, None),
    "xero": ("https://api.xero.com/api.xro/2.0/Invoices", {}, None),
    "zendesk": ("https://mimic.zendesk.com/api/v2/incremental/tickets/cursor.json?start_time=0", EMAIL, None),
}


class Session:
    """A mimic, its secrets in a file, and a guess of it."""

    def __init__(self, mimic: Mimic, folder: Path, more: dict[str, str]) -> None:
        self.mimic = mimic
        self.clock = ManualClock()
        mimic.clock = self.clock
        self.transport: Transport = MimicTransport(mimic)
        self.names = {**mimic.secrets, **more}
        self._file = folder / "secrets.json"
        self._file.write_text(json.dumps(self.names))
        self._file.chmod(0o600)
        self.secrets = FileSecrets(self._file)
        self.observer = Observer(self.transport, self.clock)
        self.said: list[str] = []

    def guess(self, url: str, body: Any) -> Draft:
        asked = GuessRequest(url=url, secrets=self.secrets, secret_names=tuple(self.names), json=body)
        return guess_source(asked, self.observer, self.clock, self.said.append)

    def rows(self, text: str, limit: int | None) -> list[dict[str, Any]]:
        described = parse_sources(text.encode(), ".toml", name="guessed.toml")
        (name,) = described
        (resource,) = Source(described).resources(name)
        client = resource.client(
            secrets=self.secrets, runtime=ClientRuntime(transport=self.transport, clock=self.clock)
        )
        run = client.start_pass(limit or resource.default_limit)
        return [dict(row) for page in run for row in page.records]


def by_text(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


@pytest.mark.parametrize("name", CASES)
def test_a_guess_runs_unedited_to_exact_rows(name: str, tmp_path: Path) -> None:
    url, more, body = CASES[name]
    session = Session(MIMICS[name](), tmp_path, more)
    draft = session.guess(url, body)
    text = write(draft)
    assert draft.open_points == []
    assert session.observer.requests <= BUDGET
    expected = by_text(session.mimic.expected(session.mimic.resources[0]))
    for limit in (None, 10):
        assert by_text(session.rows(text, limit)) == expected
    for secret in session.names.values():
        assert secret not in text
        assert secret not in "".join(session.said)


@pytest.mark.parametrize("name", CASES)
def test_a_collection_with_nothing_in_it_still_gives_a_description(name: str, tmp_path: Path) -> None:
    url, more, body = CASES[name]
    session = Session(MIMICS[name](0), tmp_path, more)
    draft = session.guess(url, body)
    parse_sources(write(draft).encode(), ".toml", name="guessed.toml")
    assert draft.open_points


@pytest.mark.parametrize("count", [1, 3, 250])
@pytest.mark.parametrize("name", CASES)
def test_a_guess_is_right_whatever_the_size_of_the_collection(name: str, count: int, tmp_path: Path) -> None:
    url, more, body = CASES[name]
    session = Session(MIMICS[name](count), tmp_path, more)
    text = write(session.guess(url, body))
    session.mimic.is_throttled = False
    expected = by_text(session.mimic.expected(session.mimic.resources[0]))
    assert by_text(session.rows(text, None)) == expected


def test_a_wrong_secret_names_every_login_that_was_tried(tmp_path: Path) -> None:
    session = Session(MIMICS["stripe"](), tmp_path, {"key": "sk_wrong_wrong_wrong"})
    draft = session.guess("https://api.stripe.com/v1/charges", None)
    (said,) = draft.open_points
    assert "Bearer token" in said
    assert "X-Api-Key" in said
    assert "Invalid API Key provided" in said
    text = write(draft)
    assert "could not tell: how one logs in" in text
    parse_sources(text.encode(), ".toml", name="guessed.toml")


def test_a_token_endpoint_on_another_host_is_left_to_the_user(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    file.write_text('{"client_id": "cid-abcdef", "client_secret": "shh-abcdef"}')
    file.chmod(0o600)
    source, clock = Scripted(lambda asked: (404 if asked.method == "POST" else 401, {}, {})), ManualClock()
    asked = GuessRequest(
        url="https://api.example.com/things",
        secrets=FileSecrets(file),
        secret_names=("client_id", "client_secret"),
    )
    draft = guess_source(asked, Observer(source, clock), clock, lambda _: None)
    assert draft.open_points
    assert "say auth.token_url" in write(draft)
    assert {request.url.split("/")[2] for request in source.asked} == {"api.example.com"}


def test_a_refresh_token_that_a_guess_spends_is_followed_by_the_next(tmp_path: Path) -> None:
    mimic = MIMICS["xero"]()
    with serving(mimic) as url:
        session = Session(mimic, tmp_path, {})
        session.observer = Observer(HttpClientTransport(), session.clock)
        draft = session.guess(f"{url}/api.xro/2.0/Invoices", None)
        assert draft.open_points == []
        assert session.secrets.get("refresh_token") != session.names["refresh_token"]
        session.transport = HttpClientTransport()
        assert by_text(session.rows(write(draft), None)) == by_text(mimic.expected("invoices"))


def test_a_wrong_path_says_what_the_source_says(tmp_path: Path) -> None:
    session = Session(MIMICS["github"](), tmp_path, {})
    draft = session.guess("https://api.github.com/repos/acme/gadgets/issues", None)
    (said,) = draft.open_points
    assert "404" in said
    assert "Not Found" in said


class Scripted:
    """A source of one function, which notes what was asked."""

    def __init__(self, answer: Callable[[HttpRequest], tuple[int, dict[str, str], Any]]) -> None:
        self._answer = answer
        self.asked: list[HttpRequest] = []

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        self.asked.append(request)
        status, headers, value = self._answer(request)
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return HttpResponse(status, {"content-type": "application/json", **headers}, body)


def guessed(source: Scripted, url: str = "https://api.example.com/things") -> Draft:
    clock = ManualClock()
    return guess_source(
        GuessRequest(url=url, secrets=NoSecrets()), Observer(source, clock), clock, lambda _: None
    )


def number(request: HttpRequest, name: str, default: int) -> int:
    return int(str(request.params.get(name, default)))


def paged(request: HttpRequest) -> tuple[int, dict[str, str], Any]:
    """Pages from 0, by ``page`` and ``size``."""
    size, page = number(request, "size", 20), number(request, "page", 0)
    rows = [{"id": n, "name": f"thing {n}"} for n in range(55)]
    return (
        200,
        {},
        {"content": rows[page * size : (page + 1) * size], "totalPages": -(-55 // size), "totalElements": 55},
    )


def test_pages_that_count_from_zero_are_told_by_where_their_records_stand() -> None:
    draft = guessed(Scripted(paged))
    (resource,) = draft.source["resources"].values()
    assert resource["pagination"] == {
        "type": "page",
        "into": "query.page",
        "first": 0,
        "pages_path": "totalPages",
    }
    assert resource["page_size"] == {"into": "query.size"}
    assert resource["total_path"] == "totalElements"
    assert draft.open_points == []


def test_a_page_size_that_the_source_caps_in_silence_is_written_down() -> None:
    def capped(request: HttpRequest) -> tuple[int, dict[str, str], Any]:
        size, page = min(25, number(request, "per_page", 20)), number(request, "page", 1)
        rows = [{"id": n} for n in range(90)]
        more = page * size < len(rows)
        link = (
            {"link": f'<https://api.example.com/things?per_page={size}&page={page + 1}>; rel="next"'}
            if more
            else {}
        )
        return 200, link, rows[(page - 1) * size : page * size]

    def with_query(request: HttpRequest) -> tuple[int, dict[str, str], Any]:
        query = dict(parse_qsl(urlsplit(request.url).query))
        return capped(type(request)(request.method, request.url, {**query, **request.params}))

    (resource,) = guessed(Scripted(with_query)).source["resources"].values()
    assert resource["page_size"] == {"into": "query.per_page", "max": 25}
    assert resource["pagination"] == {"type": "link"}


def test_a_source_that_repeats_its_first_page_is_read_once_and_that_is_said() -> None:
    rows = [{"id": n} for n in range(20)]
    draft = guessed(Scripted(lambda _: (200, {}, {"data": rows, "next_cursor": "abc"})))
    (resource,) = draft.source["resources"].values()
    assert resource["pagination"] == {"type": "none"}
    assert any("pagination" in point for point in draft.open_points)
    assert "could not tell: what leads to the next page" in write(draft)


def test_a_secret_is_sent_to_no_other_origin(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    file.write_text('{"token": "tok-abcdef"}')
    file.chmod(0o600)

    def answer(request: HttpRequest) -> tuple[int, dict[str, str], Any]:
        if request.headers.get("Authorization") != "Bearer tok-abcdef":
            return 401, {"location": "https://evil.example/"}, {"error": "unauthorized"}
        page = number(request, "page", 1)
        rows = [{"id": n} for n in range(40)][(page - 1) * 10 : page * 10]
        return 200, {}, {"data": rows, "next": f"https://evil.example/things?page={page + 1}"}

    source, clock = Scripted(answer), ManualClock()
    asked = GuessRequest(
        url="https://api.example.com/things", secrets=FileSecrets(file), secret_names=("token",)
    )
    draft = guess_source(asked, Observer(source, clock), clock, lambda _: None)
    assert {request.url.split("/")[2] for request in source.asked} == {"api.example.com"}
    (resource,) = draft.source["resources"].values()
    assert resource["pagination"] == {"type": "page", "into": "query.page"}


def test_the_budget_ends_a_guess_that_leads_nowhere() -> None:
    rows = [{"id": n} for n in range(20)]
    source = Scripted(lambda request: (200, {}, rows) if not request.params else (400, {}, {"message": "no"}))
    draft = guessed(source)
    assert len(source.asked) <= BUDGET
    assert draft.open_points


def test_an_address_with_a_secret_in_it_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="--secrets"):
        guessed(Scripted(paged), "https://api.example.com/things?api_key=abcdef")


@pytest.mark.parametrize(
    "url", ["http://api.example.com/things", "things", "https://u:p@api.example.com/things"]
)
def test_an_address_that_no_token_may_go_to_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="the address"):
        guessed(Scripted(paged), url)
