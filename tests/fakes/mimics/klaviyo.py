"""Klaviyo, profiles: Authorization: Klaviyo-API-Key, a revision, JSON:API; links.next is an address, null at
the end.

developers.klaviyo.com/en/reference/get_profiles, docs/rate_limits_and_error_handling and
docs/api_versioning_and_deprecation_policy: page[size] 1 to 100 (20 unless asked, 400); no revision is 400,
one that is retired (two years) is 410; unknown parameters are 400; RateLimit-Limit, -Remaining and -Reset;
429 with Retry-After.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlencode

from tests.fakes.mimics.kit import Mimic, json_answer, opaque, unopaque

if TYPE_CHECKING:
    from tests.fakes.mimics.kit import Answer, Record, Request

KEY = "pk_mimicmimicmimicmimicmimic"
OLDEST = "2025-01-15"
KNOWN = {
    "page[size]",
    "page[cursor]",
    "filter",
    "sort",
    "fields[profile]",
    "additional-fields[profile]",
    "include",
    "fields[push-token]",
}


class Klaviyo(Mimic):
    name = "klaviyo"
    hosts: ClassVar = {"a.klaviyo.com": ""}
    secrets: ClassVar = {"api_key": KEY}
    resources = ("profiles",)
    maximum = 100

    def make(self) -> list[Record]:
        return [
            {
                "type": "profile",
                "id": f"01HMIMIC{n:018d}",
                "attributes": {
                    "email": f"k{n}@example.com",
                    "phone_number": None if n % 3 else f"+1555010{n:04d}",
                    "first_name": f"First {n}",
                    "created": f"2024-12-{1 + n % 28:02d}T00:00:00+00:00",
                    "updated": f"2024-12-{1 + n % 28:02d}T00:00:00+00:00",
                    "location": {"city": "Boston", "zip": f"0{2100 + n}"},
                    "properties": {"points": n} if n % 2 else {},
                },
                "links": {"self": f"https://a.klaviyo.com/api/profiles/01HMIMIC{n:018d}/"},
            }
            for n in self.numbers()
        ]

    def answer(self, request: Request) -> Answer:
        query = request.query
        if request.path not in {"/api/profiles", "/api/profiles/"} or request.method != "GET":
            return _error(404, "not_found", "Not found.", "The requested resource was not found.")
        if request.token("Klaviyo-API-Key") is None:
            missing = "Missing or invalid authorization scheme. Please use Klaviyo-API-Key."
            return _error(401, "not_authenticated", "Authentication credentials were not provided.", missing)
        if request.token("Klaviyo-API-Key") != KEY:
            wrong = "Incorrect authentication credentials."
            return _error(401, "authentication_failed", wrong, wrong)
        revision = request.headers.get("revision", "")
        if not re.fullmatch(r"20\d\d-\d\d-\d\d(\.\w+)?", revision):
            wrong = "The revision header is missing or invalid."
            return _error(400, "invalid", "Invalid input.", wrong)
        if revision < OLDEST:
            return _error(
                410, "gone", "Revision retired.", f"The revision {revision} is no longer available."
            )
        for name in query:
            if name not in KNOWN:
                return _error(400, "invalid", "Invalid input.", f"'{name}' is not a valid query parameter.")
        if self.is_third():
            return _error(
                429, "throttled", "Request was throttled.", "Expected available in 1 second.", Retry_After=1
            )
        size = request.number("page[size]", 20)
        if size is None or not 1 <= size <= 100:
            return _error(400, "invalid", "Invalid input.", "Page size must be an integer between 1 and 100.")
        at = unopaque(query["page[cursor]"]) if "page[cursor]" in query else 0
        if not isinstance(at, int):
            return _error(400, "invalid", "Invalid input.", "Invalid page cursor.")

        def link(start: int) -> str:
            own = {**query, "page[cursor]": opaque(start)}
            return f"{request.base}/api/profiles/?{urlencode(own)}"

        links = {
            "self": f"{request.base}/api/profiles/",
            "next": link(at + size) if at + size < len(self.rows) else None,
            "prev": link(max(0, at - size)) if at else None,
        }
        head = {"RateLimit_Limit": "700, 75;w=1, 700;w=60", "RateLimit_Remaining": 698, "RateLimit_Reset": 37}
        status, headers, body = json_answer(200, {"data": self.rows[at : at + size], "links": links}, **head)
        return status, {**headers, "Content-Type": "application/vnd.api+json"}, body


def _error(status: int, code: str, title: str, detail: str, **headers: object) -> Answer:
    said = {"id": "mimic", "status": status, "code": code, "title": title, "detail": detail}
    return json_answer(status, {"errors": [{**said, "source": {"pointer": "/data/"}}]}, **headers)
