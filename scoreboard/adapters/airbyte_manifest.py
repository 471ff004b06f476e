"""Airbyte's CDK: a low-code manifest, read by its own command, its RECORD messages as a destination has them.

By default: a session token, page numbers, the default error handler. Tuned, each by a documented
component: timeouts, more retries, waits by ``Retry-After``, another try for an answer that is no page,
deduplication by primary key. The token is fetched for every request in both, as
it is without ``expiration_duration``: the one way that no expiry or revocation can end.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from airbyte_cdk.cli.source_declarative_manifest import run as source_declarative_manifest

from scoreboard.adapters import protocol

Component = dict[str, Any]

_HOPELESS = {"type": "HttpResponseFilter", "action": "FAIL", "http_codes": [400, 401, 403, 404, 422]}
_NO_PAGE = {"type": "HttpResponseFilter", "action": "RETRY", "predicate": "{{ 'data' not in response }}"}
_ERROR_HANDLER = {
    "type": "DefaultErrorHandler",
    "max_retries": protocol.ATTEMPTS,
    "response_filters": [_HOPELESS, _NO_PAGE],
    "backoff_strategies": [
        {
            "type": "WaitTimeFromHeader",
            "header": "Retry-After",
            "max_waiting_time_in_seconds": protocol.PATIENCE_SECONDS,
        },
        {"type": "ConstantBackoffStrategy", "backoff_time_in_seconds": 1},
    ],
}
_TIMEOUTS = {
    "connect_timeout_in_seconds": protocol.TIMEOUT_SECONDS,
    "read_timeout_in_seconds": protocol.TIMEOUT_SECONDS,
}
_LOGIN_HANDLER = {
    "type": "DefaultErrorHandler",
    "max_retries": protocol.ATTEMPTS,
    "backoff_strategies": _ERROR_HANDLER["backoff_strategies"],
}


def manifest(task: protocol.Task) -> Component:
    """The whole connector."""
    stream = {
        "type": "DeclarativeStream",
        "name": "orders",
        "schema_loader": {"type": "InlineSchemaLoader", "schema": {"type": "object", "properties": {}}},
        "retriever": {
            "type": "SimpleRetriever",
            "requester": pages(task),
            "paginator": paginator(task),
            "record_selector": {
                "type": "RecordSelector",
                "extractor": {"type": "DpathExtractor", "field_path": ["data"]},
            },
        },
    }
    if task.tuned:
        stream["primary_key"] = "id"
    return {
        "version": "7.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["orders"]},
        "streams": [stream],
        "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}},
    }


def pages(task: protocol.Task) -> Component:
    """The request for a page, with the session token on it."""
    requester: Component = {
        "type": "HttpRequester",
        "url_base": task.base_url,
        "path": "/data",
        "authenticator": {
            "type": "SessionTokenAuthenticator",
            "login_requester": login(task),
            "session_token_path": ["access_token"],
            "request_authentication": {"type": "Bearer"},
        },
    }
    return {**requester, "error_handler": _ERROR_HANDLER, **_TIMEOUTS} if task.tuned else requester


def login(task: protocol.Task) -> Component:
    """The request for a token."""
    fields = {name: "{{ config['" + name + "'] }}" for name in task.credentials}
    requester: Component = {
        "type": "HttpRequester",
        "url_base": task.base_url,
        "path": "/login",
        "http_method": "POST",
        "request_body": {"type": "RequestBodyJsonObject", "value": fields},
    }
    return {**requester, "error_handler": _LOGIN_HANDLER, **_TIMEOUTS} if task.tuned else requester


def paginator(task: protocol.Task) -> Component:
    """Until a page is short: what it says of totals is not needed, and so cannot mislead."""
    strategy = {
        "type": "PageIncrement",
        "page_size": task.limit,
        "start_from_page": 1,
        "inject_on_first_request": True,
    }
    parameter = {"type": "RequestOption", "inject_into": "request_parameter"}
    return {
        "type": "DefaultPaginator",
        "pagination_strategy": strategy,
        "page_token_option": {**parameter, "field_name": "page"},
        "page_size_option": {**parameter, "field_name": "limit"},
    }


def catalog() -> Component:
    """What is to be synchronized: all of it."""
    stream = {"name": "orders", "json_schema": {}, "supported_sync_modes": ["full_refresh"]}
    how = {"sync_mode": "full_refresh", "destination_sync_mode": "append"}
    return {"streams": [{"stream": stream, **how}]}


def run(task: protocol.Task) -> list[dict[str, Any]]:
    """Run the connector with its stdout in a file, and take the records from there."""
    files = {"config": task.credentials, "catalog": catalog(), "manifest-path": manifest(task)}
    sys.argv = ["source-declarative-manifest", "read"]
    for option, content in files.items():
        path = Path(task.folder, f"{option}.json")
        path.write_text(json.dumps(content), encoding="utf-8")
        sys.argv += [f"--{option}", str(path)]
    printed = Path(task.folder, "messages")
    with protocol.printed_to(printed):
        source_declarative_manifest()
    records = [each["record"]["data"] for each in protocol.printed_messages(printed, "RECORD")]
    return protocol.merged(records, "id") if task.tuned else records


if __name__ == "__main__":
    protocol.carry_out(run)
