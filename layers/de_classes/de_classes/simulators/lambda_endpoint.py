"""A simulator behind API Gateway: an event in, one log line, an answer out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec.structs import asdict

from de_classes.errors import InvalidInputError
from de_classes.simulators.lambda_adapter import to_proxy, to_request
from de_classes.simulators.messages import error_response
from de_classes.utils.lambda_events import request_id_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from de_classes.simulators.messages import SimResponse, Simulator
    from de_classes.utils.clock import Clock


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
