"""The simulators described by OpenAPI 3.1, each alone and both as one API."""

from __future__ import annotations

from de_classes.simulators.catalogue import as_json

DEFAULT_LIMIT = 100
MAX_PAGE = 1_000_000_000
MAX_LOGIN_FIELD = 256

Json = dict[str, object]

_ABOUT = (
    "An API that hands out tokens, and a paginated one that fails on purpose. Faults are drawn from "
    "(seed, page, attempt), so that every client meets the same ones. Which there are: see x-faults."
)
_TEXT: Json = {"type": "string"}
_BEARER_ONLY = [{"bearer": list[str]()}]


def describe_auth() -> Json:
    """The description of the auth simulator alone."""
    return _document({"/login": _login(), "/data": _whoami()}, _auth_schemas())


def describe_unstable(*, max_limit: int, overrides: bool = False) -> Json:
    """The description of the unstable simulator alone.

    Args:
        max_limit: The most records a page.
        overrides: Whether faults by request are switched on, and so described.
    """
    return _document({"/data": _data(max_limit, overrides=overrides)}, _unstable_schemas(max_limit))


def describe_both(*, max_limit: int, overrides: bool = False) -> Json:
    """The description of both at one address, where the auth simulator's data moves to ``/auth/data``."""
    return _document(
        {"/login": _login(), "/auth/data": _whoami(), "/data": _data(max_limit, overrides=overrides)},
        {**_auth_schemas(), **_unstable_schemas(max_limit)},
    )


def _document(paths: Json, schemas: Json) -> Json:
    return {
        "openapi": "3.1.0",
        "info": {"title": "de-classes simulators", "version": "1.0.0", "description": _ABOUT},
        "servers": [{"url": ".", "description": "Beside this description, under any host and stage"}],
        "x-faults": as_json(),
        "paths": {
            **paths,
            "/health": {"get": _open_route("health", "Whether it answers", _ref("Health"))},
            "/openapi.json": {"get": _open_route("describe", "This description", {"type": "object"})},
        },
        "components": {
            "schemas": {**schemas, **_common_schemas()},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _login() -> Json:
    operation: Json = {
        "operationId": "login",
        "summary": "Exchange a username and a password for a token",
        "requestBody": {"required": True, "content": _json_content(_ref("Credentials"))},
        "responses": {
            "200": _answer("A token", _ref("Token")),
            "400": _failure("Malformed: every problem is named"),
            "401": _unauthorized("Username or password is wrong"),
            "413": _failure("The body is too large"),
        },
    }
    return {"post": operation}


def _whoami() -> Json:
    operation: Json = {
        "operationId": "whoami",
        "summary": "Check a token",
        "security": _BEARER_ONLY,
        "responses": {
            "200": _answer("The token is valid", _ref("Identity")),
            "401": _unauthorized("The token is missing, expired or not valid"),
        },
    }
    return {"get": operation}


def _data(max_limit: int, *, overrides: bool) -> Json:
    operation: Json = {
        "operationId": "listRecords",
        "summary": "One page of records; past the end it is empty",
        "security": _BEARER_ONLY,
        "parameters": [
            _parameter("page", "query", {**_whole(1, MAX_PAGE), "default": 1}),
            _parameter("limit", "query", {**_whole(1, max_limit), "default": min(DEFAULT_LIMIT, max_limit)}),
            *(_override_parameters() if overrides else []),
        ],
        "responses": {
            "200": _answer("The page", _ref("ServedPage")),
            "400": _failure("Malformed: every problem is named"),
            "401": _unauthorized("The token is missing, expired or not valid"),
            "429": _failure("Too many requests", headers={"Retry-After": {"schema": _whole(0)}}),
            "500": _failure("Failed on purpose"),
            "503": _failure("Not available, on purpose"),
            "default": _failure("Any other fault that was switched on; see x-faults"),
        },
    }
    return {"get": operation}


def _override_parameters() -> list[Json]:
    rate = {"type": "number", "minimum": 0, "maximum": 1}
    headers = {
        "X-Fault-Rate-500": rate,
        "X-Fault-Rate-503": rate,
        "X-Fault-Rate-429": rate,
        "X-Seed": _whole(0, 2**63 - 1),
        "X-Attempt": _whole(1, 1_000_000),
        "X-Retry-After": _whole(0, 86_400),
        "X-Jitter": {"type": "number", "minimum": 0, "maximum": 20},
    }
    return [_parameter(name, "header", schema) for name, schema in headers.items()]


def _open_route(operation: str, summary: str, schema: Json) -> Json:
    return {"operationId": operation, "summary": summary, "responses": {"200": _answer(summary, schema)}}


def _auth_schemas() -> Json:
    field = {"type": "string", "minLength": 1, "maxLength": MAX_LOGIN_FIELD}
    return {
        "Credentials": _object({"username": field, "password": field}),
        "Token": _object({"access_token": _TEXT, "token_type": {"const": "Bearer"}, "expires_in": _whole(1)}),
        "Identity": _object({"message": _TEXT, "user": _TEXT, "expires_at": _whole(0)}),
    }


def _unstable_schemas(max_limit: int) -> Json:
    page: Json = {
        "page": _whole(1, MAX_PAGE),
        "limit": _whole(1, max_limit),
        "total_pages": _whole(0),
        "total_records": _whole(0),
        "data": {"type": "array", "maxItems": max_limit, "items": {"type": "object"}},
    }
    return {"ServedPage": _object(page)}


def _common_schemas() -> Json:
    error: Json = {
        "type": "object",
        "required": ["error", "message"],
        "properties": {"error": _TEXT, "message": _TEXT, "problems": {"type": "array", "items": _TEXT}},
        "additionalProperties": False,
    }
    return {"Error": error, "Health": _object({"status": {"const": "ok"}})}


def _object(properties: Json) -> Json:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _whole(minimum: int, maximum: int | None = None) -> Json:
    schema: Json = {"type": "integer", "minimum": minimum}
    return schema if maximum is None else {**schema, "maximum": maximum}


def _parameter(name: str, place: str, schema: Json) -> Json:
    return {"name": name, "in": place, "required": False, "schema": schema}


def _answer(description: str, schema: Json, headers: Json | None = None) -> Json:
    answer: Json = {"description": description, "content": _json_content(schema)}
    return {**answer, "headers": headers} if headers else answer


def _failure(description: str, headers: Json | None = None) -> Json:
    return _answer(description, _ref("Error"), headers)


def _unauthorized(description: str) -> Json:
    return _failure(description, headers={"WWW-Authenticate": {"schema": _TEXT}})


def _json_content(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
