"""Zendesk, incremental export of tickets by cursor: Basic (mail/token), after_cursor that is always there,
and end_of_stream.

developer.zendesk.com/documentation/ticketing/managing-tickets/using-the-incremental-export-api: the first
request needs start_time, at least a minute ago (400 InvalidValue); those that follow say cursor, and no
start_time; per_page up to 1,000; ten requests a minute, then 429 with Retry-After.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tests.fakes.mimics.kit import Mimic, json_answer, opaque, unopaque

if TYPE_CHECKING:
    from de_classes.utils.clock import Clock
    from tests.fakes.mimics.kit import Answer, Record, Request

EMAIL, TOKEN = "ada@example.org", "mimic-zendesk-token"
PATHS = ("/api/v2/incremental/tickets/cursor.json", "/api/v2/incremental/tickets/cursor")
A_MINUTE, AT_MOST = 60.0, 10


class Zendesk(Mimic):
    name = "zendesk"
    hosts: ClassVar = {"mimic.zendesk.com": ""}
    parameters: ClassVar = {"subdomain": "mimic", "email": EMAIL, "start_time": "1600000000"}
    secrets: ClassVar = {"token": TOKEN}
    resources = ("tickets",)
    maximum = 1000

    def __init__(self, count: int = 40, *, clock: Clock | None = None, is_throttled: bool = True) -> None:
        super().__init__(count, clock=clock, is_throttled=is_throttled)
        self.moments: list[float] = []

    def make(self) -> list[Record]:
        return [
            {
                "id": 35000 + n,
                "url": f"https://mimic.zendesk.com/api/v2/tickets/{35000 + n}.json",
                "subject": f"Help {n}",
                "status": ("new", "open", "solved", "deleted")[n % 4],
                "priority": None if n % 3 else "high",
                "tags": ["enterprise"] if n % 2 else [],
                "created_at": f"2024-05-{1 + n % 28:02d}T08:00:00Z",
                "updated_at": f"2024-05-{1 + n % 28:02d}T08:00:00Z",
                "generated_timestamp": 1650000000 + n * 60,
            }
            for n in self.numbers()
        ]

    def answer(self, request: Request) -> Answer:
        if request.basic != (f"{EMAIL}/token", TOKEN):
            return json_answer(401, {"error": "Couldn't authenticate you"})
        if request.path not in PATHS or request.method != "GET":
            return json_answer(404, {"error": "InvalidEndpoint", "description": "Not found"})
        now = self.clock.monotonic()
        self.moments = [moment for moment in self.moments if now - moment < A_MINUTE]
        if self.is_throttled and len(self.moments) >= AT_MOST:
            wait = int(A_MINUTE - (now - self.moments[0])) + 1
            limit = (
                f"Number of allowed incremental ticket export API requests per minute exceeded ({AT_MOST})"
            )
            return json_answer(429, {"error": "APIRateLimitExceeded", "description": limit}, Retry_After=wait)
        self.moments.append(now)
        place = self._place(request)
        if isinstance(place, str):
            return json_answer(400, {"error": "InvalidValue", "description": place})
        size = request.number("per_page", 1000)
        if size is None or not 1 <= size <= 1000:
            return json_answer(400, {"error": "InvalidValue", "description": "per_page must be at most 1000"})
        rows = [row for row in self.rows if row["generated_timestamp"] >= place["since"]]
        end = min(place["at"] + size, len(rows))
        cursor = opaque({"at": end, "since": place["since"]})
        page = {
            "tickets": rows[place["at"] : end],
            "after_url": f"{request.base}{PATHS[0]}?cursor={cursor}&per_page={size}",
            "after_cursor": cursor,
            "before_url": None,
            "before_cursor": None,
            "end_of_stream": end >= len(rows),
        }
        return json_answer(200, page)

    def _place(self, request: Request) -> Record | str:
        if "cursor" in request.query:
            if "start_time" in request.query:
                return "start_time and cursor cannot be given together"
            place = unopaque(request.query["cursor"])
            return place if isinstance(place, dict) else "Invalid cursor"
        since = request.number("start_time", None)
        if since is None:
            return "Missing parameter: start_time must be present and an integer"
        too_recent = "Too recent start_time. Use a start_time older than 60 seconds"
        return too_recent if since > self.clock.now() - A_MINUTE else {"at": 0, "since": since}
