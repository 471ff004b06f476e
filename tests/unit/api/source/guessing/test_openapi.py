"""An OpenAPI document as a description: its collections, read from a source that is as the document says."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from de_classes.api.messages import HttpResponse
from de_classes.api.runtime import ClientRuntime
from de_classes.api.source.binding import Source
from de_classes.api.source.guessing import from_openapi, write
from de_classes.api.source.loading import parse_sources
from de_classes.api.source.secrets import EnvironmentSecrets
from de_classes.errors import InvalidInputError

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest

DOCUMENT = json.loads((Path(__file__).parents[4] / "fixtures" / "openapi" / "widgets.json").read_text())
FIVE = (
    "issues_list_for_repo",
    "pulls_list",
    "repos_list_tags",
    "repos_list_commits",
    "actions_list_workflow_runs_for_repo",
)
ROWS = 40


class Widgets:
    """Serves the document's five collections: Bearer, a Link header, at most 100 a page."""

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        if request.headers.get("Authorization") != "Bearer tok-abcdef":
            return HttpResponse(401, {}, b'{"message": "Bad credentials"}')
        parts = urlsplit(request.url)
        query = {**dict(parse_qsl(parts.query)), **request.params}
        kind = parts.path.removeprefix("/repos/acme/widgets/")
        rows: list[dict[str, Any]] = [
            {"id": n, "name": f"{kind} {n}", "state": "open" if n % 2 else "closed"} for n in range(ROWS)
        ]
        if kind in {"issues", "pulls"} and query.get("state") != "all":
            rows = rows[1::2]
        size, page = (int(str(query.get(each, usual))) for each, usual in (("per_page", 30), ("page", 1)))
        size = min(100, size)
        headers = {}
        if page * size < len(rows):
            following = urlencode({**query, "page": page + 1})
            headers["link"] = f'<https://api.widgets.example{parts.path}?{following}>; rel="next"'
        shown = rows[(page - 1) * size : page * size]
        answer: Any = {"total_count": len(rows), "workflow_runs": shown} if kind == "actions/runs" else shown
        return HttpResponse(200, headers, json.dumps(answer).encode())


@pytest.mark.parametrize("name", FIVE)
def test_a_collection_of_a_document_is_read_whole(name: str) -> None:
    draft = from_openapi(DOCUMENT, name=None, wanted=())
    assert draft.open_points == []
    source = Source(parse_sources(write(draft).encode(), ".toml", name="made.toml"))
    resource = source[f"widgets.{name}"]
    client = resource.client(
        parameters={"owner": "acme", "repo": "widgets"},
        secrets=EnvironmentSecrets({"DE_CLASSES_SECRET_TOKEN": "tok-abcdef"}),
        runtime=ClientRuntime(transport=Widgets()),
    )
    assert sum(len(page.records) for page in client.start_pass(7)) == ROWS
    assert resource.described.page_size is not None
    assert resource.described.page_size.max == 100


def test_only_what_answers_a_list_is_a_collection() -> None:
    assert tuple(from_openapi(DOCUMENT, name=None, wanted=()).source["resources"]) == FIVE


@pytest.mark.parametrize(
    "wanted", ["issues/list-for-repo", "/repos/{owner}/{repo}/issues", "issues_list_for_repo"]
)
def test_a_collection_is_chosen_by_operation_path_or_name(wanted: str) -> None:
    draft = from_openapi(DOCUMENT, name="w", wanted=(wanted,))
    assert list(draft.source["resources"]) == ["issues_list_for_repo"]
    assert draft.name == "w"


def test_a_collection_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(InvalidInputError, match="issues/list-for-repo"):
        from_openapi(DOCUMENT, name=None, wanted=("issues/list-for-rep",))


def changed(schema: dict[str, Any], *names: str) -> dict[str, Any]:
    """The document with other plain fields in the answer, other parameters, and no Link header."""
    document = copy.deepcopy(DOCUMENT)
    operation = {
        "operationId": "things",
        "parameters": [{"name": name, "in": "query", "schema": {"type": "integer"}} for name in names],
        "responses": {"200": {"content": {"application/json": {"schema": schema}}}},
    }
    document["paths"] = {"/things": {"get": operation}}
    return dict(document)


ITEMS = {"type": "array", "items": {"type": "object"}}


@pytest.mark.parametrize(
    ("schema", "names", "expected"),
    [
        (
            {"properties": {"data": ITEMS, "next_cursor": {}, "has_more": {"type": "boolean"}}},
            ("limit", "cursor"),
            {"type": "cursor", "path": "next_cursor", "into": "query.cursor", "more": "has_more"},
        ),
        (
            {"properties": {"data": ITEMS, "next": {"type": "string", "format": "uri"}}},
            ("limit", "offset"),
            {"type": "next_url", "path": "next"},
        ),
        ({"properties": {"data": ITEMS}}, ("limit", "offset"), {"type": "offset", "into": "query.offset"}),
        ({"properties": {"data": ITEMS}}, ("page", "pageSize"), {"type": "page", "into": "query.page"}),
        (ITEMS, (), {"type": "none"}),
    ],
)  # fmt: skip
def test_what_leads_on_is_read_from_answer_and_parameters(
    schema: dict[str, Any], names: tuple[str, ...], expected: dict[str, Any]
) -> None:
    draft = from_openapi(changed(schema, *names), name=None, wanted=())
    assert draft.source["resources"]["things"]["pagination"] == expected
    assert draft.open_points == []
    parse_sources(write(draft).encode(), ".toml", name="made.toml")


def test_a_document_that_names_no_way_on_says_so_at_its_place() -> None:
    draft = from_openapi(changed({"properties": {"data": ITEMS}}, "limit"), name=None, wanted=())
    assert draft.open_points
    assert "could not tell: what leads to the next page" in write(draft)


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ({"type": "http", "scheme": "basic"}, "basic"),
        ({"type": "apiKey", "in": "header", "name": "X-Key"}, "api_key"),
        (
            {
                "type": "oauth2",
                "flows": {"clientCredentials": {"tokenUrl": "https://id.example/token", "scopes": {}}},
            },
            "oauth2",
        ),
    ],
)
def test_a_login_is_read_from_the_security_schemes(scheme: dict[str, Any], expected: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["components"]["securitySchemes"] = {"own": scheme}
    draft = from_openapi(document, name=None, wanted=())
    assert draft.source["auth"]["type"] == expected
    parse_sources(write(draft).encode(), ".toml", name="made.toml")


@pytest.mark.parametrize(
    ("url", "kind", "address"),
    [
        ("{protocol}://{hostname}/api/v3", "host", "https://git.acme.example/api/v3/things"),
        ("https://{hostname}:8443", "host", "https://git.acme.example:8443/things"),
        ("https://{hostname}.acme.example/api", "text", "https://git.acme.example/api/things"),
    ],
)
def test_a_server_that_is_a_parameter_is_one_of_the_description(url: str, kind: str, address: str) -> None:
    document = changed(ITEMS)
    variables = {"hostname": {"default": "HOSTNAME"}, "protocol": {"default": "http"}}
    document["servers"] = [{"url": url, "variables": variables}]
    draft = from_openapi(document, name="own", wanted=())
    assert draft.open_points == []
    resource = Source(parse_sources(write(draft).encode(), ".toml", name="made.toml"))["own.things"]
    host = "git.acme.example" if kind == "host" else "git"
    secrets = EnvironmentSecrets({"DE_CLASSES_SECRET_TOKEN": "tok-abcdef"})
    assert resource.client(parameters={"hostname": host}, secrets=secrets).url == address
    assert resource.source.parameters["hostname"].kind == kind


@pytest.mark.parametrize("document", [{}, {"openapi": "3.0.0"}, {"paths": {}}])
def test_what_is_no_such_document_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="no OpenAPI document"):
        from_openapi(document, name=None, wanted=())
