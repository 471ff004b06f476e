"""Airtable, records of a table: ``offset`` is a cursor and absent from the last page; 429 for 30 seconds,
unnamed.

airtable.com/developers/web/api/list-records: Bearer; pageSize 1 to 100, else 422; five requests a second a
base.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tests.fakes.mimics.kit import Mimic, json_answer, opaque, unopaque

if TYPE_CHECKING:
    from de_classes.utils.clock import Clock
    from tests.fakes.mimics.kit import Answer, Record, Request

TOKEN = "patMIMIC.mimic"
PENALTY = 30.0


class Airtable(Mimic):
    name = "airtable"
    hosts: ClassVar = {"api.airtable.com": ""}
    parameters: ClassVar = {"base": "appMIMIC", "table": "Orders"}
    secrets: ClassVar = {"token": TOKEN}
    resources = ("records",)
    maximum = 100

    def __init__(self, count: int = 40, *, clock: Clock | None = None, is_throttled: bool = True) -> None:
        super().__init__(count, clock=clock, is_throttled=is_throttled)
        self.until = 0.0

    def make(self) -> list[Record]:
        return [
            {
                "id": f"rec{n:014d}",
                "createdTime": "2024-01-01T00:00:00.000Z",
                "fields": {"Name": f"Order {n}", "Total": n * 2.5, **({"Done": True} if n % 3 == 0 else {})},
            }
            for n in self.numbers()
        ]

    def answer(self, request: Request) -> Answer:
        if request.bearer != TOKEN:
            error = {"type": "AUTHENTICATION_REQUIRED", "message": "Authentication required"}
            return json_answer(401, {"error": error})
        if request.path != "/v0/appMIMIC/Orders":
            return json_answer(404, {"error": "NOT_FOUND"})
        if self.is_third():
            self.until = self.clock.monotonic() + PENALTY
        if self.is_throttled and self.clock.monotonic() < self.until:
            message = "Rate limit exceeded. Please try again later"
            return json_answer(429, {"errors": [{"error": "RATE_LIMIT_REACHED", "message": message}]})
        size = request.number("pageSize", 100)
        if size is None or not 1 <= size <= 100:
            error = {"type": "INVALID_REQUEST_UNKNOWN", "message": "pageSize must be at most 100"}
            return json_answer(422, {"error": error})
        at, offset = 0, request.query.get("offset")
        if offset:
            at = unopaque(offset.removeprefix("itr").partition("/")[0])
            if not isinstance(at, int):
                error = {"type": "LIST_RECORDS_ITERATOR_NOT_AVAILABLE", "message": ""}
                return json_answer(422, {"error": error})
        leads = {}
        if at + size < len(self.rows):
            leads = {"offset": f"itr{opaque(at + size)}/{self.rows[at + size]['id']}"}
        return json_answer(200, {"records": self.rows[at : at + size], **leads})
