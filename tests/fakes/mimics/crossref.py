"""Crossref, works: no login, message.next-cursor that is always there, so that an empty list alone is the
end.

api.crossref.org/swagger-ui: the first request says cursor=*; rows up to 1,000; unknown parameters are 400;
x-rate-limit-limit and -interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tests.fakes.mimics.kit import Mimic, json_answer, opaque, text_answer, unopaque

if TYPE_CHECKING:
    from tests.fakes.mimics.kit import Answer, Record, Request

KNOWN = ("rows", "cursor", "filter", "mailto", "offset", "select", "sort", "order", "query")


class Crossref(Mimic):
    name = "crossref"
    hosts: ClassVar = {"api.crossref.org": ""}
    resources = ("works",)
    maximum = 1000

    def make(self) -> list[Record]:
        return [
            {
                "DOI": f"10.5555/{n:04d}",
                "title": [f"Work {n}"],
                "type": "journal-article",
                "is-referenced-by-count": n % 11,
                "author": [{"family": "Doe", "given": "J."}] if n % 4 else [],
                "indexed": {"date-time": f"2024-09-{1 + n % 28:02d}T00:00:00Z"},
            }
            for n in self.numbers()
        ]

    def answer(self, request: Request) -> Answer:
        if request.path != "/works":
            return text_answer(404, "Resource not found.")
        for name in request.query:
            if name not in KNOWN:
                return _bad(name, "This route does not support this parameter")
        head: Record = {
            "x_rate_limit_limit": 50,
            "x_rate_limit_interval": "1s",
            "x_api_pool": "public",
        }
        if self.is_third():
            return text_answer(429, "Too many requests", **head)
        rows = request.number("rows", 20)
        if rows is None or not 0 <= rows <= 1000:
            too_many = "Integer specified for rows must be positive and not greater than 1000"
            return _bad(request.query.get("rows"), too_many)
        message: Record = {"total-results": len(self.rows), "items-per-page": rows, "facets": {}}
        said: Record = {"status": "ok", "message-type": "work-list", "message-version": "1.0.0"}
        if "cursor" not in request.query:
            at = request.number("offset", 0) or 0
            return json_answer(
                200, {**said, "message": {**message, "items": self.rows[at : at + rows]}}, **head
            )
        at = 0 if request.query["cursor"] == "*" else unopaque(request.query["cursor"])
        if not isinstance(at, int):
            return _bad(request.query["cursor"], "Cursor is not valid")
        message |= {
            "items": self.rows[at : at + rows],
            "next-cursor": opaque(min(at + rows, len(self.rows))),
        }
        return json_answer(200, {**said, "message": message}, **head)


def _bad(value: object, message: str) -> Answer:
    said = {"type": "parameter-not-allowed", "value": value, "message": message}
    return json_answer(400, {"status": "failed", "message-type": "validation-failure", "message": [said]})
