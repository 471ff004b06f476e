"""The mimics say no as their APIs do: a description that passes one has not been let through."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.utils.clock import ManualClock
from tests.fakes.mimics import MIMICS
from tests.fakes.mimics.kit import Request, opaque
from tests.fakes.mimics.salesforce import Salesforce
from tests.fakes.mimics.shopify import Shopify

if TYPE_CHECKING:
    from tests.fakes.mimics.kit import Mimic

BASE = "https://api.example"
HUBSPOT, ASANA, NOTION = "/crm/v3/objects/contacts", "/api/1.0/tasks", "/v1/databases/{database}/query"
ZENDESK, SOCRATA = "/api/v2/incremental/tickets/cursor.json", "/resource/nc67-uf89.json"
PROJECT = "project=1200000000000001"
ALL = {"query": {"field": "created_at", "operator": ">", "value": 0}}


def login(mimic: Mimic) -> dict[str, str]:
    secret = next(iter(mimic.secrets.values()), "")
    if mimic.name == "zendesk":
        pair = f"{mimic.parameters['email']}/token:{secret}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    if mimic.name == "klaviyo":
        return {"Authorization": f"Klaviyo-API-Key {secret}", "revision": "2026-10-15"}
    if mimic.name == "socrata":
        return {"X-App-Token": secret}
    bearer = {"Authorization": f"Bearer {secret}", "User-Agent": "de-classes"}
    return {**bearer, "Notion-Version": "2022-06-28"} if mimic.name == "notion" else bearer


def asked(mimic: Mimic, target: str, body: object = None, **headers: str | None) -> tuple[int, Any]:
    """Status and JSON of one answer; a header that is None is left out."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = {} if body is None else {"Content-Type": "application/json"}
    every = {**login(mimic), **kind, **named}
    sent = {name: value for name, value in every.items() if value is not None}
    method, content = ("GET", b"") if body is None else ("POST", json.dumps(body).encode())
    target = target.format(**mimic.parameters)
    status, _, content = mimic.answer(Request(method, target, sent, content, BASE))
    return status, json.loads(content) if content.startswith((b"{", b"[")) else content.decode()


REFUSED: list[tuple[str, str, object, dict[str, str | None], int]] = [
    ("hubspot", f"{HUBSPOT}?limit=101", None, {}, 400),
    ("hubspot", f"{HUBSPOT}?offset=10", None, {}, 400),
    ("hubspot", HUBSPOT, None, {"Authorization": "Bearer x"}, 401),
    ("zendesk", ZENDESK, None, {}, 400),
    ("zendesk", f"{ZENDESK}?start_time=99999999999", None, {}, 400),
    ("zendesk", f"{ZENDESK}?start_time=1&cursor=x", None, {}, 400),
    ("zendesk", f"{ZENDESK}?start_time=1&per_page=1001", None, {}, 400),
    ("notion", NOTION, {"page_size": 101}, {}, 400),
    ("notion", NOTION, {"cursor": "x"}, {}, 400),
    ("notion", NOTION, {"start_cursor": "no"}, {}, 400),
    ("notion", NOTION, {}, {"Notion_Version": None}, 400),
    ("notion", NOTION, {}, {"Authorization": "Bearer x"}, 401),
    ("socrata", f"{SOCRATA}?$limit=50001", None, {}, 400),
    ("socrata", f"{SOCRATA}?$page=2", None, {}, 400),
    ("socrata", SOCRATA, None, {"X_App_Token": "x"}, 403),
    ("openalex", "/works?per-page=101&cursor=*&api_key=mimic-openalex-key", None, {}, 400),
    ("openalex", "/works?limit=10&api_key=mimic-openalex-key", None, {}, 400),
    ("openalex", "/works?cursor=*", None, {}, 401),
    ("asana", f"{ASANA}?{PROJECT}&limit=101", None, {}, 400),
    ("asana", f"{ASANA}?{PROJECT}&limit=10&page=2", None, {}, 400),
    ("asana", ASANA, None, {}, 400),
    ("intercom", "/contacts/search", {}, {}, 400),
    ("intercom", "/contacts/search", {**ALL, "pagination": {"per_page": 151}}, {}, 400),
    ("klaviyo", "/api/profiles?page[size]=101", None, {}, 400),
    ("klaviyo", "/api/profiles?limit=10", None, {}, 400),
    ("klaviyo", "/api/profiles", None, {"revision": None}, 400),
    ("klaviyo", "/api/profiles", None, {"revision": "2024-10-15"}, 410),
    ("klaviyo", "/api/profiles", None, {"Authorization": "Bearer x"}, 401),
    ("github", "/repos/acme/gadgets/pulls", None, {}, 404),
    ("github", "/repos/acme/widgets/nothing", None, {}, 404),
    ("github", "/repos/acme/widgets/pulls", None, {"Authorization": "Bearer x"}, 401),
    ("github", "/repos/acme/widgets/pulls", None, {"User_Agent": None}, 403),
    ("arxiv", "/api/query?search_query=all:x&max_results=2001", None, {}, 400),
    ("arxiv", "/api/query?search_query=all:x&start=29999&max_results=10", None, {}, 400),
    ("arxiv", "/api/query?search_query=all:x&page=2", None, {}, 400),
]


@pytest.mark.parametrize(("name", "target", "body", "headers", "status"), REFUSED)
def test_what_the_api_refuses_is_refused(
    name: str, target: str, body: object, headers: dict[str, str | None], status: int
) -> None:
    assert asked(MIMICS[name](clock=ManualClock()), target, body, **headers)[0] == status


def test_arxiv_refuses_whoever_does_not_wait() -> None:
    clock = ManualClock()
    mimic = MIMICS["arxiv"](clock=clock)
    target = "/api/query?search_query=all:x"
    assert [asked(mimic, target)[0] for _ in range(2)] == [200, 503]
    clock.advance(3)
    assert asked(mimic, target)[0] == 200


def test_github_has_no_commits_of_a_repository_that_is_empty() -> None:
    target = "/repos/acme/widgets/commits"
    assert [asked(MIMICS["github"](count, clock=ManualClock()), target)[0] for count in (0, 1)] == [409, 200]


@pytest.mark.parametrize("query", ["", "?state=closed", "?state=all"])
@pytest.mark.parametrize("collection", ["issues", "pulls"])
def test_github_gives_what_is_open_unless_it_is_asked_for_more(collection: str, query: str) -> None:
    _, rows = asked(MIMICS["github"](clock=ManualClock()), f"/repos/acme/widgets/{collection}{query}")
    wanted = {"": {"open"}, "?state=closed": {"closed"}, "?state=all": {"open", "closed"}}[query]
    assert {row["state"] for row in rows} == wanted


def test_zendesk_gives_ten_pages_a_minute() -> None:
    mimic = MIMICS["zendesk"](clock=ManualClock())
    statuses = [asked(mimic, f"{ZENDESK}?start_time=1")[0] for _ in range(11)]
    assert statuses == [200] * 10 + [429]


def test_intercom_does_not_look_at_a_cursor_beside_the_body() -> None:
    mimic = MIMICS["intercom"](clock=ManualClock())
    _, first = asked(mimic, f"/contacts/search?starting_after={opaque(10)}", ALL)
    assert first["data"][0] == mimic.rows[0]


def test_socrata_turns_its_rows_unless_it_is_told_an_order() -> None:
    mimic = MIMICS["socrata"](clock=ManualClock())
    assert asked(mimic, SOCRATA)[1] != asked(mimic, SOCRATA)[1]
    assert asked(mimic, f"{SOCRATA}?$order=:id")[1] == mimic.rows


def test_openalex_names_a_cursor_after_a_last_page_that_is_full() -> None:
    mimic = MIMICS["openalex"](10, clock=ManualClock())
    target = "/works?per-page=10&api_key=mimic-openalex-key&cursor="
    cursor = asked(mimic, f"{target}*")[1]["meta"]["next_cursor"]
    last = asked(mimic, target + cursor)[1]
    assert (last["results"], last["meta"]["next_cursor"]) == ([], None)


SALESFORCE_JOBS, SHOPIFY_GRAPHQL = (
    "/instance/services/data/v62.0/jobs/query",
    "/admin/api/2024-10/graphql.json",
)
SOQL = {"operation": "query", "query": "SELECT Id FROM Account"}
BULK = {"query": 'mutation { bulkOperationRunQuery(query: "{ orders }") { bulkOperation { id } } }'}


def salesforce() -> tuple[Salesforce, dict[str, str | None]]:
    """The API, whose token lasts, and what a request must bear."""
    mimic = Salesforce(clock=ManualClock(), is_throttled=False)
    mimic.token, mimic.left = "token", 1_000
    return mimic, {"Authorization": "Bearer token"}


@pytest.mark.parametrize(
    ("target", "body", "status"),
    [
        (SALESFORCE_JOBS, {"operation": "insert"}, 400),
        (f"{SALESFORCE_JOBS}/750", None, 404),
        (f"{SALESFORCE_JOBS}/750MIMIC001/results", None, 400),
        (f"{SALESFORCE_JOBS}/750MIMIC001/nothing", None, 404),
    ],
)
def test_salesforce_gives_nothing_of_a_job_that_is_not_there_or_not_done(
    target: str, body: object, status: int
) -> None:
    mimic, bearer = salesforce()
    assert asked(mimic, SALESFORCE_JOBS, SOQL, **bearer)[0] == 200
    assert asked(mimic, target, body, **bearer)[0] == status


def test_salesforce_counts_what_a_job_made_once_it_is_done_and_says_null_at_the_end() -> None:
    mimic, bearer = salesforce()
    job = asked(mimic, SALESFORCE_JOBS, SOQL, **bearer)[1]["id"]
    states = [asked(mimic, f"{SALESFORCE_JOBS}/{job}", **bearer)[1] for _ in range(3)]
    assert [state["state"] for state in states] == ["InProgress", "InProgress", "JobComplete"]
    assert [state.get("numberRecordsProcessed") for state in states] == [None, None, 40]
    said = {name: value for name, value in bearer.items() if value}
    target = f"{SALESFORCE_JOBS}/{job}/results?maxRecords=40"
    _, headers, body = mimic.answer(Request("GET", target, said, b"", BASE))
    assert (headers["Sforce-Locator"], headers["Sforce-NumberOfRecords"]) == ("null", "40")
    assert len(body.splitlines()) == 41


def test_shopify_makes_one_file_at_a_time_and_gives_it_to_whoever_has_its_address_without_a_token() -> None:
    mimic = Shopify(2, clock=ManualClock(), is_throttled=False)
    key: dict[str, str | None] = {"X_Shopify_Access_Token": mimic.secrets["token"]}
    made = asked(mimic, SHOPIFY_GRAPHQL, BULK, **key)[1]["data"]["bulkOperationRunQuery"]
    again = asked(mimic, SHOPIFY_GRAPHQL, BULK, **key)[1]["data"]["bulkOperationRunQuery"]
    assert (made["userErrors"], again["bulkOperation"]) == ([], None)
    assert "already in progress" in again["userErrors"][0]["message"]
    poll = {"query": "{ node { status } }", "variables": {"id": made["bulkOperation"]["id"]}}
    node = [asked(mimic, SHOPIFY_GRAPHQL, poll, **key)[1]["data"]["node"] for _ in range(3)][-1]
    assert (node["status"], node["objectCount"]) == ("COMPLETED", "4")
    file = node["url"].removeprefix(BASE)
    none: dict[str, str | None] = {"Authorization": None}
    assert asked(mimic, file, **none, **key)[0] == 400
    assert asked(mimic, file.partition("?")[0], **none)[0] == 403
    status, headers, part = mimic.answer(Request("GET", file, {"Range": "bytes=0-9"}, b"", BASE))
    assert (status, headers["Content-Range"].partition("/")[0], len(part)) == (206, "bytes 0-9", 10)
