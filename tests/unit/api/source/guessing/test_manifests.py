"""An Airbyte manifest and a dlt configuration as descriptions that read their APIs' mimics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.runtime import ClientRuntime
from de_classes.api.source.binding import Source
from de_classes.api.source.guessing import convert, write
from de_classes.api.source.loading import parse_sources
from de_classes.api.source.secrets import EnvironmentSecrets, FileSecrets
from de_classes.errors import InvalidInputError
from de_classes.utils.clock import ManualClock
from tests.fakes.mimics import MIMICS
from tests.fakes.mimics.salesforce import Salesforce
from tests.fakes.mimics.serving import MimicTransport

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.api.source.guessing import Draft

REQUESTER = {
    "type": "HttpRequester",
    "url_base": "https://api.stripe.com/v1/",
    "path": "{{ parameters['path'] }}",
    "http_method": "GET",
    "authenticator": {"type": "BearerAuthenticator", "api_token": "{{ config['key'] }}"},
}
PAGINATOR = {
    "type": "DefaultPaginator",
    "page_size_option": {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "limit"},
    "page_token_option": {
        "type": "RequestOption",
        "inject_into": "request_parameter",
        "field_name": "starting_after",
    },
    "pagination_strategy": {
        "type": "CursorPagination",
        "page_size": 10,
        "cursor_value": "{{ last_record['id'] }}",
        "stop_condition": "{{ not response.has_more }}",
    },
}


def manifest(**changes: Any) -> dict[str, Any]:
    """Stripe's charges, as a manifest with references and parameters says them."""
    retriever = {
        "type": "SimpleRetriever",
        "requester": {"$ref": "#/definitions/requester"},
        "record_selector": {
            "type": "RecordSelector",
            "extractor": {"type": "DpathExtractor", "field_path": ["data"]},
        },
        "paginator": "#/definitions/paginator",
        **changes,
    }
    stream = {
        "type": "DeclarativeStream",
        "primary_key": "id",
        "retriever": retriever,
        "$parameters": {"name": "charges", "path": "charges"},
    }
    spec = {
        "properties": {
            "key": {"type": "string", "airbyte_secret": True},
            "site": {"type": "string", "title": "Site"},
        }
    }
    return {
        "type": "DeclarativeSource",
        "version": "6.1.0",
        "definitions": {"requester": REQUESTER, "paginator": PAGINATOR, "charges": stream},
        "streams": ["#/definitions/charges"],
        "spec": {"type": "Spec", "connection_specification": spec},
    }


def resource_of(draft: Draft) -> dict[str, Any]:
    (resource,) = draft.source["resources"].values()
    return dict(resource)


def rows_of(draft: Draft, name: str, resource: str, folder: Path) -> list[dict[str, Any]]:
    clock = ManualClock()
    mimic = MIMICS[name](clock=clock, is_throttled=False)
    file = folder / "secrets.json"
    file.write_text(json.dumps(mimic.secrets))
    file.chmod(0o600)
    described = parse_sources(write(draft).encode(), ".toml", name="converted.toml")
    found = Source(described)[f"{draft.name}.{resource}"]
    client = found.client(
        secrets=FileSecrets(file), runtime=ClientRuntime(transport=MimicTransport(mimic), clock=clock)
    )
    return [dict(row) for page in client.start_pass(found.default_limit) for row in page.records]


SALESFORCE = "https://{{ config['instance'] }}.my.salesforce.com/instance/services/data/v62.0/jobs/query"


def of_a_job(**changes: Any) -> dict[str, Any]:
    """Salesforce's accounts, which it makes first, as a manifest says them."""
    stream = {
        "type": "DeclarativeStream",
        "name": "accounts",
        "primary_key": "Id",
        "retriever": {
            "type": "AsyncRetriever",
            "status_mapping": {
                "running": ["InProgress", "UploadComplete"],
                "completed": ["JobComplete"],
                "failed": ["Failed"],
                "timeout": ["Aborted"],
            },
            "status_extractor": {"type": "DpathExtractor", "field_path": ["state"]},
            "creation_requester": {
                "type": "HttpRequester",
                "url": SALESFORCE,
                "http_method": "POST",
                "request_body_json": {"operation": "query", "query": "SELECT Id, Name FROM Account"},
                "authenticator": {"type": "BearerAuthenticator", "api_token": "{{ config['token'] }}"},
            },
            "polling_requester": {
                "type": "HttpRequester",
                "url": SALESFORCE + "/{{ creation_response['id'] }}",
            },
            "download_requester": {
                "type": "HttpRequester",
                "url": SALESFORCE + "/{{ creation_response['id'] }}/results",
            },
            "download_paginator": {
                "type": "DefaultPaginator",
                "page_token_option": {
                    "type": "RequestOption",
                    "inject_into": "request_parameter",
                    "field_name": "locator",
                },
                "pagination_strategy": {
                    "type": "CursorPagination",
                    "cursor_value": "{{ headers['Sforce-Locator'] }}",
                },
            },
            "record_selector": {"type": "RecordSelector", "extractor": {"type": "ResponseToFileExtractor"}},
            **changes,
        },
    }
    return {"type": "DeclarativeSource", "version": "6.1.0", "streams": [stream]}


def test_a_job_becomes_one_that_reads_all() -> None:
    draft = convert(of_a_job(record_selector={}), name=None)
    assert draft.open_points == [
        "accounts.job: how many records there are: name total_path, which proves the end"
    ]
    described = parse_sources(write(draft).encode(), ".toml", name="converted.toml")
    mimic = Salesforce(clock=ManualClock(), is_throttled=False)
    mimic.token, mimic.left = "held", 1_000
    client = Source(described)[f"{draft.name}.accounts"].client(
        parameters={"instance": "mimic"},
        secrets=EnvironmentSecrets({"DE_CLASSES_SECRET_TOKEN": "held"}),
        runtime=ClientRuntime(transport=MimicTransport(mimic), clock=mimic.clock),
    )
    rows = [dict(row) for page in client.start_pass(15) for row in page.records]
    assert rows == mimic.expected("accounts_bulk")


def test_a_file_that_a_job_names_is_where_its_records_are() -> None:
    changes: dict[str, Any] = {
        "download_target_extractor": {"field_path": ["result", "url"]},
        "download_requester": {"type": "HttpRequester", "url": "{{ download_target }}"},
        "download_decoder": {"type": "GzipDecoder", "decoder": {"type": "JsonlDecoder"}},
        "download_paginator": None,
        "record_selector": {},
    }
    resource = resource_of(convert(of_a_job(**changes), name="salesforce"))
    assert (resource["path"], resource["answer"], resource["compression"]) == ("${job.url}", "jsonl", "gzip")
    assert resource["job"]["fields"] == {"url": "result.url"}
    assert resource["job"]["failed"] == ["Failed", "Aborted"]


def test_a_manifest_becomes_a_description_that_reads_all(tmp_path: Path) -> None:
    draft = convert(manifest(), name=None)
    assert draft.open_points == []
    assert draft.name == "stripe"
    assert draft.source["auth"] == {"type": "bearer", "token": "${secret.key}"}
    assert resource_of(draft) == {
        "path": "/v1/charges",
        "records_path": "data",
        "page_size": {"into": "query.limit", "default": 10},
        "pagination": {
            "type": "last_record",
            "path": "id",
            "into": "query.starting_after",
            "more": "has_more",
        },
        "primary_key": ["id"],
    }
    assert len(rows_of(draft, "stripe", "charges", tmp_path)) == MIMICS["stripe"]().count


@pytest.mark.parametrize(
    ("value", "stop", "token", "expected"),
    [
        ("{{ response.next }}", None, "path", {"type": "next_url", "path": "next"}),
        (
            "{{ response.get('links', {}).get('next') }}",
            "{{ not response.get('links', {}).get('next') }}",
            "path",
            {"type": "next_url", "path": "links.next"},
        ),
        ("{{ headers['link']['next']['url'] }}", None, "path", {"type": "link"}),
        (
            "{{ response['meta']['cursor'] }}",
            "{{ response.done }}",
            "query",
            {"type": "cursor", "path": "meta.cursor", "into": "query.after", "done": "done"},
        ),
        (
            "{{ response.cursor }}",
            "{{ response.has_more is false }}",
            "query",
            {"type": "cursor", "path": "cursor", "into": "query.after", "more": "has_more"},
        ),
    ],
)
def test_a_plain_cursor_becomes_its_path(
    value: str, stop: str | None, token: str, expected: dict[str, str]
) -> None:
    option = (
        {"type": "RequestPath"}
        if token == "path"
        else {"inject_into": "request_parameter", "field_name": "after"}
    )
    strategy = {
        "type": "CursorPagination",
        "cursor_value": value,
        **({"stop_condition": stop} if stop else {}),
    }
    draft = convert(
        manifest(
            paginator={
                "type": "DefaultPaginator",
                "page_token_option": option,
                "pagination_strategy": strategy,
            }
        ),
        name=None,
    )
    assert resource_of(draft)["pagination"] == expected
    assert draft.open_points == []


@pytest.mark.parametrize(
    ("changes", "said", "key"),
    [
        ({"requester": {**REQUESTER, "request_parameters": {"at": "{{ now_utc() }}"}}}, "now_utc", "params"),
        (
            {"requester": {**REQUESTER, "authenticator": {"type": "CustomAuthenticator"}}},
            "CustomAuthenticator",
            "auth",
        ),
        (
            {
                "paginator": {
                    "type": "DefaultPaginator",
                    "pagination_strategy": {"type": "CustomPaginationStrategy"},
                }
            },
            "CustomPaginationStrategy",
            "pagination",
        ),
        (
            {"record_selector": {"extractor": {"type": "CustomRecordExtractor"}}},
            "CustomRecordExtractor",
            "records_path",
        ),
        (
            {"requester": {**REQUESTER, "error_handler": {"type": "DefaultErrorHandler"}}},
            "DefaultErrorHandler",
            "path",
        ),
    ],
)
def test_what_cannot_be_carried_over_stands_as_a_comment_at_its_place(
    changes: dict[str, Any], said: str, key: str
) -> None:
    draft = convert(manifest(**changes), name=None)
    text = write(draft)
    parse_sources(text.encode(), ".toml", name="converted.toml")
    assert any(said in point for point in draft.open_points)
    lines = text.splitlines()
    (at,) = (number for number, line in enumerate(lines) if "not carried over" in line and said in line)
    following = next(line for line in lines[at:] if not line.startswith("#"))
    assert following.startswith((f"{key} = ", "[")) if f"\n{key} = " in text else f"# {key}: " in lines[at]


def test_what_a_manifest_asks_of_its_user_becomes_parameters_and_secrets() -> None:
    requester = {**REQUESTER, "url_base": "https://{{ config['site'] }}.example.com/api"}
    draft = convert(manifest(requester=requester), name="acme")
    assert draft.source["base_url"] == "https://${site}.example.com"
    assert draft.source["parameters"] == {"site": {"help": "Site"}}
    assert resource_of(draft)["path"] == "/api/charges"


DLT: dict[str, Any] = {
    "client": {
        "base_url": "https://api.github.com/",
        "auth": {"type": "bearer", "token": "ghp_a_real_secret"},
        "paginator": "header_link",
    },
    "resource_defaults": {"primary_key": "id", "endpoint": {"params": {"per_page": 10}}},
    "resources": [
        {
            "name": "issues",
            "endpoint": {
                "path": "repos/acme/widgets/issues",
                "data_selector": "$",
                "params": {"state": "all"},
            },
        },
        {
            "name": "comments",
            "endpoint": {
                "path": "repos/acme/widgets/issues/{resources.issues.number}/comments",
                "data_selector": "$",
            },
            "include_from_parent": ["id"],
        },
    ],
}


def test_a_configuration_becomes_a_description_that_reads_all(tmp_path: Path) -> None:
    draft = convert(DLT, name=None)
    assert draft.open_points == []
    assert draft.source["resources"]["comments"]["for_each"] == {
        "resource": "issues",
        "include": {"_issues_id": "id"},
    }
    assert (
        draft.source["resources"]["comments"]["path"]
        == "/repos/acme/widgets/issues/${parent.number}/comments"
    )
    assert len(rows_of(draft, "github", "issues", tmp_path)) == MIMICS["github"]().count


def test_a_secret_that_stands_in_a_configuration_is_not_written_down() -> None:
    assert "ghp_a_real_secret" not in write(convert(DLT, name=None))


@pytest.mark.parametrize(
    ("paginator", "expected"),
    [
        ({"type": "json_link", "next_url_path": "$.links.next"}, {"type": "next_url", "path": "links.next"}),
        (
            {"type": "cursor", "cursor_path": "meta.next", "cursor_param": "after"},
            {"type": "cursor", "path": "meta.next", "into": "query.after"},
        ),
        (
            {"type": "cursor", "cursor_path": "next", "cursor_body_path": "page.cursor"},
            {"type": "cursor", "path": "next", "into": "json.page.cursor"},
        ),
        (
            {"type": "page_number", "base_page": 1, "total_path": "meta.pages"},
            {"type": "page", "into": "query.page", "pages_path": "meta.pages"},
        ),
        ({"type": "page_number", "total_path": None}, {"type": "page", "into": "query.page", "first": 0}),
        ({"type": "offset", "limit": 50, "total_path": None}, {"type": "offset", "into": "query.offset"}),
        (
            {"type": "header_cursor", "cursor_key": "X-Next"},
            {"type": "cursor", "header": "X-Next", "into": "query.cursor"},
        ),
        ("single_page", {"type": "none"}),
    ],
)
def test_every_paginator_has_its_counterpart(paginator: Any, expected: dict[str, Any]) -> None:
    endpoint = {"path": "things", "method": "POST", "paginator": paginator, "data_selector": "data"}
    draft = convert(
        {
            "client": {"base_url": "https://api.example.com"},
            "resources": [{"name": "things", "endpoint": endpoint}],
        },
        name=None,
    )
    assert resource_of(draft)["pagination"] == expected
    assert draft.open_points == []
    parse_sources(write(draft).encode(), ".toml", name="converted.toml")


def test_pagination_that_would_be_assumed_is_an_open_point() -> None:
    draft = convert({"client": {"base_url": "https://api.example.com"}, "resources": ["things"]}, name=None)
    assert any("never assumed" in point for point in draft.open_points)


def test_what_is_neither_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="neither"):
        convert({"openapi": "3.0.0"}, name=None)


@pytest.mark.parametrize(
    ("endpoint", "place"),
    [
        ({"incremental": {"start_param": "since", "cursor_path": "changed"}}, "path"),
        ({"params": {"since": {"type": "incremental", "cursor_path": "changed"}}}, "params"),
    ],
)
def test_what_is_read_only_as_far_as_it_is_new_is_advised_how_to_say_so(
    endpoint: dict[str, Any], place: str
) -> None:
    resource = {"name": "things", "endpoint": {"path": "things", "paginator": "single_page", **endpoint}}
    draft = convert({"client": {"base_url": "https://api.example.com"}, "resources": [resource]}, name=None)
    (point,) = (each for each in draft.open_points if "cursor_path" in each)
    assert place in point
    assert "say incremental = { field = ..., start = ... }" in point
