"""HubSpot CRM, contacts: Bearer, paging.next.after that is absent at the end; the list is ordered by id.

developers.hubspot.com/docs/api/crm/contacts and .../usage-details: limit 1 to 100 (10 unless asked), else
400; a ``properties`` that is not asked for is not given; archived ones only with archived=true; the 429 of
the ten-second limit names its policy and no Retry-After; X-HubSpot-RateLimit-*. POST .../search gives no
more than 10,000 (400).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlencode

from tests.fakes.mimics.kit import Mimic, json_answer

if TYPE_CHECKING:
    from de_classes.utils.clock import Clock
    from tests.fakes.mimics.kit import Answer, Record, Request

TOKEN = "pat-eu1-mimic-mimic"
KNOWN = {"limit", "after", "properties", "propertiesWithHistory", "associations", "archived"}
DEFAULTS = ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname")
PENALTY = 10.0


class HubSpot(Mimic):
    name = "hubspot"
    hosts: ClassVar = {"api.hubapi.com": ""}
    secrets: ClassVar = {"token": TOKEN}
    resources = ("contacts",)
    maximum = 100

    def __init__(self, count: int = 40, *, clock: Clock | None = None, is_throttled: bool = True) -> None:
        super().__init__(count, clock=clock, is_throttled=is_throttled)
        self.until = 0.0

    def make(self) -> list[Record]:
        return [self._contact(n, DEFAULTS) for n in self.numbers()]

    def _contact(self, n: int, names: tuple[str, ...]) -> Record:
        moment = f"2024-07-{1 + n % 28:02d}T09:30:00.000Z"
        known = {
            "createdate": moment,
            "email": None if n % 9 == 0 else f"c{n}@example.com",
            "firstname": f"First {n}",
            "hs_object_id": str(500 + n),
            "lastmodifieddate": moment,
            "lastname": f"Last {n}",
            "phone": f"+49 30 {n:04d}",
        }
        properties = {name: known.get(name) for name in names}
        moments = {"createdAt": moment, "updatedAt": moment}
        return {"id": str(500 + n), "properties": properties, **moments, "archived": False}

    def answer(self, request: Request) -> Answer:
        if request.bearer != TOKEN:
            said = (
                "Authentication credentials not found. This API supports OAuth 2.0 authentication and "
                "you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
            )
            return _error(401, "INVALID_AUTHENTICATION", said)
        if request.path != "/crm/v3/objects/contacts" or request.method != "GET":
            return _error(404, "OBJECT_NOT_FOUND", "resource not found")
        if self.is_third():
            self.until = self.clock.monotonic() + PENALTY
        if self.is_throttled and self.clock.monotonic() < self.until:
            message = "You have reached your ten_secondly_rolling limit."
            more = {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
            return _error(429, "RATE_LIMITS", message, more)
        for name in request.query:
            if name not in KNOWN:
                return _error(400, "VALIDATION_ERROR", f"Unknown query parameter: {name}")
        limit = request.number("limit", 10)
        if limit is None or not 1 <= limit <= 100:
            return _error(400, "VALIDATION_ERROR", "Invalid input JSON: limit must be between 1 and 100")
        after = request.query.get("after")
        if after is not None and not after.isdigit():
            return _error(400, "VALIDATION_ERROR", f"Invalid 'after': {after}")
        names = tuple(dict.fromkeys((*request.query.get("properties", "").split(","), *DEFAULTS[3:4])))
        rows = (
            [self._contact(n, names) for n in self.numbers()] if "properties" in request.query else self.rows
        )
        rows = [] if request.query.get("archived") == "true" else rows
        rows = [row for row in rows if after is None or int(row["id"]) >= int(after)]
        page: Record = {"results": rows[:limit]}
        if len(rows) > limit:
            place = rows[limit]["id"]
            own = urlencode({**request.query, "after": place})
            page["paging"] = {"next": {"after": place, "link": f"{request.base}{request.path}?{own}"}}
        head = {
            "X_HubSpot_RateLimit_Daily": 250000,
            "X_HubSpot_RateLimit_Daily_Remaining": 249000,
            "X_HubSpot_RateLimit_Interval_Milliseconds": 10000,
            "X_HubSpot_RateLimit_Max": 100,
            "X_HubSpot_RateLimit_Remaining": 98,
        }
        return json_answer(200, page, **head)


def _error(status: int, category: str, message: str, more: Record | None = None) -> Answer:
    said = {"status": "error", "message": message, "correlationId": "a6d3-mimic", "category": category}
    return json_answer(status, {**said, **(more or {})})
