"""Stripe, charges: Bearer (or Basic, the key as user name), has_more, starting_after = id of the last
record.

docs.stripe.com/api/pagination: limit 1 to 100, else 400; unknown parameters are 400; newest first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from tests.fakes.mimics.kit import Mimic, json_answer

if TYPE_CHECKING:
    from tests.fakes.mimics.kit import Answer, Record, Request

KEY = "sk_test_mimicmimicmimic"
KNOWN: Final = frozenset(
    {
        "limit",
        "starting_after",
        "ending_before",
        "created[gte]",
        "created[gt]",
        "created[lt]",
        "created[lte]",
        "customer",
    }
)


class Stripe(Mimic):
    name = "stripe"
    hosts: ClassVar = {"api.stripe.com": ""}
    secrets: ClassVar = {"key": KEY}
    resources = ("charges",)
    maximum = 100

    def make(self) -> list[Record]:
        return [
            {
                "id": f"ch_{n:04d}",
                "object": "charge",
                "amount": 100 * n,
                "currency": "eur",
                "created": 1700000000 + n * 60,
                "paid": n % 4 != 0,
                "metadata": {} if n % 2 else {"order": str(n)},
            }
            for n in reversed(self.numbers())
        ]

    def answer(self, request: Request) -> Answer:
        if request.bearer != KEY and request.basic != (KEY, ""):
            return _fail(401, "Invalid API Key provided")
        if request.path != "/v1/charges" or request.method != "GET":
            return _fail(404, f"Unrecognized request URL ({request.method}: {request.path})")
        for name in request.query:
            if name not in KNOWN:
                return _fail(400, f"Received unknown parameter: {name}", name)
        if self.is_third():
            return _fail(429, "Request rate limit exceeded.")
        limit = request.number("limit", 10)
        if limit is None or not 1 <= limit <= 100:
            return _fail(400, "Invalid integer or limit out of range", "limit")
        since, until = int(request.query.get("created[gte]", 0)), int(request.query.get("created[lt]", 2**40))
        rows = [row for row in self.rows if since <= row["created"] < until]
        after = request.query.get("starting_after")
        if after:
            ids = [row["id"] for row in self.rows]
            if after not in ids:
                return _fail(400, f"No such charge: '{after}'", "starting_after")
            rows = [row for row in rows if ids.index(row["id"]) > ids.index(after)]
        more = len(rows) > limit
        return json_answer(
            200, {"object": "list", "url": "/v1/charges", "has_more": more, "data": rows[:limit]}
        )


def _fail(status: int, message: str, param: str | None = None) -> Answer:
    error = {"message": message, "type": "invalid_request_error", **({"param": param} if param else {})}
    return json_answer(status, {"error": error})
