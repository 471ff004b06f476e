"""Transports that need no network: a function, a script of answers, and a paginated API."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from de_classes.api.messages import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from de_classes.api.messages import HttpRequest

Answer = HttpResponse | Exception


def json_response(value: object, status: int = 200, **headers: str) -> HttpResponse:
    named = {name.lower().replace("_", "-"): text for name, text in headers.items()}
    return HttpResponse(status, {"content-type": "application/json", **named}, json.dumps(value).encode())


def token_response(token: str = "token-1", expires_in: object = 300) -> HttpResponse:
    return json_response({"access_token": token, "token_type": "Bearer", "expires_in": expires_in})


class FakeTransport:
    """Answers from a function, and remembers what was asked."""

    def __init__(self, answer: Callable[[HttpRequest], Answer]) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self.requests: list[HttpRequest] = []
        self.timeouts: list[float] = []

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        assert timeout > 0
        with self._lock:
            self.requests.append(request)
            self.timeouts.append(timeout)
        answer = self._answer(request)
        if isinstance(answer, Exception):
            raise answer
        return answer


def scripted(answers: Iterable[Answer]) -> FakeTransport:
    """Gives the answers one after the other; more requests than answers is an error of the test."""
    remaining = iter(answers)
    lock = threading.Lock()

    def answer(_: HttpRequest) -> Answer:
        with lock:
            return next(remaining)

    return FakeTransport(answer)


class FakePagedApi(FakeTransport):
    """Pages of ``{"id": n}`` by number; a page's first answers can be replaced by others.

    Args:
        total: Records in all.
        faults: Per page number, the answers that come before the right one.
    """

    def __init__(self, total: int, faults: dict[int, Sequence[Answer]] | None = None) -> None:
        super().__init__(self._page)
        self.total = total
        self._faults = {number: list(answers) for number, answers in (faults or {}).items()}

    def _page(self, request: HttpRequest) -> Answer:
        query = {**dict(parse_qsl(urlsplit(request.url).query)), **request.params}
        number, limit = int(query["page"]), int(query["limit"])
        pending = self._faults.get(number)
        return pending.pop(0) if pending else self.page(number, limit)

    def page(self, number: int, limit: int, **changes: object) -> HttpResponse:
        body = {
            "page": number,
            "limit": limit,
            "total_pages": -(-self.total // limit),
            "total_records": self.total,
            "data": [{"id": n} for n in range(max(number - 1, 0) * limit, min(number * limit, self.total))],
        }
        return json_response({**body, **changes})

    def faults_for(self, number: int, answers: Sequence[Answer]) -> None:
        """Give these answers before the right one."""
        self._faults[number] = list(answers)

    def pages_asked(self) -> list[int]:
        return [int(request.params["page"]) for request in self.requests]
