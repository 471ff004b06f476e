"""What an HTTP event of API Gateway, or one made by hand, has in common for every function."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping

from de_classes.errors import InvalidInputError


def is_http(event: Mapping[str, object]) -> bool:
    """Whether the event is an HTTP request, rather than a payload given by direct invocation."""
    return "httpMethod" in event or "requestContext" in event


def check_http(event: Mapping[str, object]) -> None:
    """Refuse an HTTP event that is nobody's request, such as ``{"requestContext": null}``.

    Raises:
        InvalidInputError: Neither its method nor its context says anything.
    """
    if not isinstance(event.get("httpMethod"), str) and not isinstance(event.get("requestContext"), Mapping):
        raise InvalidInputError("the HTTP event has neither an httpMethod nor a requestContext")


def body_of(event: Mapping[str, object]) -> bytes:
    """The request's body, decoded from base64 where the event says so.

    Raises:
        InvalidInputError: The body is not what the event says it is.
    """
    try:
        body = event.get("body")
        raw = _raw(body)
        is_encoded = isinstance(body, str) and event.get("isBase64Encoded")
        return base64.b64decode(raw, validate=True) if is_encoded else raw
    except (UnicodeEncodeError, binascii.Error, RecursionError) as error:
        raise InvalidInputError("the event's body is not what it says it is") from error


def request_id_of(event: Mapping[str, object]) -> str | None:
    """The gateway's id of this request, if there was a gateway."""
    context = event.get("requestContext")
    request_id = context.get("requestId") if isinstance(context, Mapping) else None
    return request_id if isinstance(request_id, str) else None


def _raw(body: object) -> bytes:
    if isinstance(body, Mapping):  # hand-made: nobody likes JSON in JSON
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return body.encode() if isinstance(body, str) else b""
