"""A simulator behind API Gateway: an event in, one log line, an answer out.

Understood are REST proxy events, HTTP API and function URL events (payload 2.0), and hand-made events
with hardly more than a path.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import asdict

from de_classes.errors import InvalidInputError
from de_classes.simulators.messages import Headers, SimRequest, error_response
from de_classes.utils.lambda_events import body_of, request_id_of

if TYPE_CHECKING:
    from de_classes.simulators.messages import SimResponse, Simulator
    from de_classes.utils.clock import Clock

_BAD_GATEWAY = 502


def to_request(event: Mapping[str, object]) -> SimRequest:
    """Read an event.

    Raises:
        InvalidInputError: It is no HTTP request: no path, or a body that is not what it says it is.
    """
    body = body_of(event)
    return SimRequest(
        method=_method(event, body),
        path=_path(event),
        query=_pairs(event, "queryStringParameters", "multiValueQueryStringParameters"),
        headers=Headers(_pairs(event, "headers", "multiValueHeaders")),
        body=body,
    )


def to_proxy(response: SimResponse) -> dict[str, object]:
    """The dictionary that API Gateway turns into HTTP; a body that is no text goes as base64."""
    # A raw-socket fault cannot pass API Gateway; a broken integration shows as 502 there.
    status = _BAD_GATEWAY if response.wire else response.status
    try:
        text, encoded = response.body.decode(), False
    except UnicodeDecodeError:
        text, encoded = base64.b64encode(response.body).decode(), True
    return {
        "statusCode": status,
        "headers": dict(response.headers),
        "body": text,
        "isBase64Encoded": encoded,
    }


def _method(event: Mapping[str, object], body: bytes) -> str:
    context = _mapping(event, "requestContext")
    given = event.get("httpMethod") or _mapping(context, "http").get("method")
    return given.upper() if isinstance(given, str) else "POST" if body else "GET"


def _path(event: Mapping[str, object]) -> str:
    path = event.get("path") or event.get("rawPath")
    if not isinstance(path, str):
        raise InvalidInputError('the event has no path, such as {"httpMethod": "GET", "path": "/data"}')
    stage = _mapping(event, "requestContext").get("stage")
    # Payload 2.0 alone puts the stage in front.
    return path.removeprefix(f"/{stage}") or "/" if "rawPath" in event else path


def _pairs(event: Mapping[str, object], single: str, multi: str) -> dict[str, str]:
    lists = _mapping(event, multi)
    last = {name: values[-1] for name, values in lists.items() if isinstance(values, list) and values}
    merged = {**last, **_mapping(event, single)}
    return {name: value for name, value in merged.items() if isinstance(value, str)}


def _mapping(event: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = event.get(key)
    return value if isinstance(value, Mapping) else {}


class RequestLogger(Protocol):
    """The part of a structured logger that is used here."""

    def info(self, msg: str, *, extra: Mapping[str, object]) -> None:
        """Write one line."""
        ...


class LambdaEndpoint:
    """Answers events by a simulator.

    Args:
        simulator: What answers.
        logger: Gets one line a request, ``request``, with route, status, page, limit, attempt and fault.
        clock: Waits out the delays.
    """

    def __init__(self, simulator: Simulator, logger: RequestLogger, clock: Clock) -> None:
        self._simulator = simulator
        self._logger = logger
        self._clock = clock

    def __call__(self, event: Mapping[str, object], context: object = None) -> dict[str, object]:
        """Answer one event; an event that is no HTTP request is answered 400."""
        response = self._answer(event)
        if response.delay > 0:
            self._clock.sleep(response.delay)
        answer = to_proxy(response)
        self._logger.info("request", extra=_facts(event, context, response, answer))
        return answer

    def _answer(self, event: Mapping[str, object]) -> SimResponse:
        try:
            request = to_request(event)
        except InvalidInputError as error:
            return error_response(400, "the event is malformed", problems=error.problems)
        return self._simulator.handle(request)


def _facts(
    event: Mapping[str, object], context: object, response: SimResponse, answer: Mapping[str, object]
) -> dict[str, object]:
    return {
        **asdict(response.outcome),
        "status": answer["statusCode"],
        "delay": round(response.delay, 3),
        "request_id": request_id_of(event),
        "function_request_id": getattr(context, "aws_request_id", None),
    }
