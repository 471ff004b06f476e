"""Socrata (SODA 2.0), rows of a dataset: a list at the top, $limit and $offset by rows, an empty list past
the end.

dev.socrata.com/docs/paging.html, app-tokens.html, response-codes.html: $limit is 1,000 unless asked, and
50,000 at the most (400); **without $order the pages do not fit together** (here their order turns from
request to request); system fields come only if asked for; every value is text; a field without a value is
left out; an app token that is not known is 403; the wrong $parameter is 400; 429 where there is no token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tests.fakes.mimics.kit import Mimic, json_answer

if TYPE_CHECKING:
    from de_classes.utils.clock import Clock
    from tests.fakes.mimics.kit import Answer, Record, Request

TOKEN = "mimicmimicmimicmimicmimic"
PARAMETERS = {"$select", "$where", "$order", "$group", "$having", "$limit", "$offset", "$q", "$query"}
COLUMNS = {"unique_key", "agency", "created_date", "borough", "amount"}


class Socrata(Mimic):
    name = "socrata"
    hosts: ClassVar = {"data.mimic.example": ""}
    parameters: ClassVar = {"domain": "data.mimic.example", "dataset": "nc67-uf89"}
    secrets: ClassVar = {"app_token": TOKEN}
    resources = ("rows",)
    maximum = 50_000

    def __init__(self, count: int = 40, *, clock: Clock | None = None, is_throttled: bool = True) -> None:
        super().__init__(count, clock=clock, is_throttled=is_throttled)
        self.turns = 0

    def make(self) -> list[Record]:
        return [
            {
                "unique_key": str(60_000_000 + n),
                "agency": ("NYPD", "DOT", "HPD")[n % 3],
                "created_date": f"2024-03-{1 + n % 28:02d}T00:00:00.000",
                **({} if n % 4 == 0 else {"borough": "QUEENS"}),
                "amount": f"{n}.25",
            }
            for n in self.numbers()
        ]

    def answer(self, request: Request) -> Answer:
        query = request.query
        token = request.headers.get("x-app-token", query.get("$$app_token"))
        if token is not None and token != TOKEN:
            return _error(403, "permission_denied", "Invalid app_token specified")
        if request.path != "/resource/nc67-uf89.json":
            return _error(404, "dataset.missing", "Not found")
        if self.is_third() and token is None:
            return _error(429, "throttled", "Too many requests without an app token")
        for name in query:
            if name not in PARAMETERS | COLUMNS | {"$$app_token"}:
                unknown = f"Unrecognized arguments [{name}]"
                return _error(400, "query.execution.queryparseerror", unknown)
        limit, at = request.number("$limit", 1000), request.number("$offset", 0)
        if limit is None or not 0 <= limit <= 50_000:
            return _error(400, "invalid_limit", "Limit must be a non-negative integer and at most 50000")
        if at is None or at < 0:
            return _error(400, "invalid_offset", "Invalid $offset")
        rows = list(self.rows)
        order = query.get("$order")
        if order is None:
            self.turns += 7
            rows = rows[self.turns % max(1, len(rows)) :] + rows[: self.turns % max(1, len(rows))]
        elif order not in {":id", ":id ASC", "unique_key"}:
            return _error(400, "query.soql.no-such-column", f"No such column: {order}")
        selected = query.get("$select", "*")
        if selected in {":*, *", ":*,*", ":id, *"}:
            rows = [{":id": f"row-{row['unique_key']}", **row} for row in rows]
        elif selected != "*":
            return _error(400, "query.soql.no-such-column", f"No such column: {selected}")
        fields = '["unique_key","agency","created_date","borough","amount"]'
        return json_answer(200, rows[at : at + limit], X_SODA2_Fields=fields, X_SODA2_Truth_Last_Modified="x")


def _error(status: int, code: str, message: str) -> Answer:
    return json_answer(status, {"code": code, "error": True, "message": message})
