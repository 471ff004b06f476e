"""Intercom, search for contacts: POST with a query, Bearer; pages.next.starting_after goes into the body;
absent ends.

developers.intercom.com/docs/references/rest-api (contacts, search), .../rest-apis/pagination-sorting-search
and rate-limiting: per_page up to 150 (50 unless asked, 400); no query: 400; a starting_after beside the body
is not looked at, so that the first page would come for ever; 429 with X-RateLimit-Reset (an epoch), no
Retry-After.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tests.fakes.mimics.kit import Mimic, json_answer, opaque, unopaque

if TYPE_CHECKING:
    from tests.fakes.mimics.kit import Answer, Record, Request

TOKEN = "dG9rOm1pbWljbWltaWM="
OPERATORS = {
    ">": lambda mine, value: mine > int(value),
    "<": lambda mine, value: mine < int(value),
    "=": lambda mine, value: mine == int(value),
    "!=": lambda mine, value: mine != int(value),
}


class Intercom(Mimic):
    name = "intercom"
    hosts: ClassVar = {"api.intercom.io": ""}
    secrets: ClassVar = {"token": TOKEN}
    resources = ("contacts",)
    maximum = 150

    def make(self) -> list[Record]:
        return [
            {
                "type": "contact",
                "id": f"5ba682d23d7cf92bef{n:06d}",
                "workspace_id": "mimic",
                "external_id": None if n % 4 == 0 else str(n),
                "role": "lead" if n % 3 == 0 else "user",
                "email": f"i{n}@example.com",
                "created_at": 1571672154 + n,
                "updated_at": 1571672158 + n,
                "custom_attributes": {} if n % 2 else {"plan": "free"},
            }
            for n in self.numbers()
        ]

    def answer(self, request: Request) -> Answer:
        if request.bearer != TOKEN:
            return _error(401, "unauthorized", "Access Token Invalid")
        if request.path != "/contacts/search" or request.method != "POST":
            return _error(404, "not_found", "The requested resource was not found")
        body = request.json()
        query = body.get("query") if isinstance(body, dict) else None
        if not isinstance(query, dict):
            return _error(400, "bad_request", "bad 'query' parameter")
        if set(body) - {"query", "pagination", "sort"}:
            return _error(400, "parameter_invalid", "Unknown parameter")
        reset = int(self.clock.now()) + 9
        head = {"X_RateLimit_Limit": 1000, "X_RateLimit_Remaining": 990, "X_RateLimit_Reset": reset}
        if self.is_third():
            said = "Exceeded rate limit of 1000 in 10_seconds"
            return _error(429, "rate_limit_exceeded", said, **{**head, "X_RateLimit_Remaining": 0})
        rows = self._found(query)
        if rows is None:
            return _error(400, "parameter_invalid", "the search is not understood")
        pagination = body.get("pagination") or {}
        size, after = pagination.get("per_page", 50), pagination.get("starting_after")
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= 150:
            return _error(400, "parameter_invalid", "Per Page is too big")
        at = 0 if after is None else unopaque(after)
        if not isinstance(at, int):
            return _error(400, "parameter_invalid", "starting_after is invalid")
        page = at // size + 1
        pages: Record = {
            "type": "pages",
            "page": page,
            "per_page": size,
            "total_pages": -(-len(rows) // size),
        }
        if at + size < len(rows):
            pages["next"] = {"page": page + 1, "starting_after": opaque(at + size)}
        found = {"type": "list", "data": rows[at : at + size], "total_count": len(rows), "pages": pages}
        return json_answer(200, found, **head)

    def _found(self, query: dict[str, Any]) -> list[Record] | None:
        """The contacts that fit, or None if the query is not understood."""
        field, operator, value = query.get("field"), query.get("operator"), query.get("value")
        if operator in {"AND", "OR"} and isinstance(value, list):
            each = [self._found(part) for part in value]
            sound = [part for part in each if part is not None]
            if len(sound) < len(each):
                return None
            combine = all if operator == "AND" else any
            return [row for row in self.rows if combine(row in part for part in sound)]
        if field not in {"created_at", "updated_at"} or operator not in OPERATORS or not str(value).isdigit():
            return None
        return [row for row in self.rows if OPERATORS[operator](row[field], value)]


def _error(status: int, code: str, message: str, **headers: object) -> Answer:
    said = {"type": "error.list", "request_id": "mimic", "errors": [{"code": code, "message": message}]}
    return json_answer(status, said, **headers)
