"""Slack, channels: Bearer, response_metadata.next_cursor that is "" at the end; every error is a 200 with
ok: false.

docs.slack.dev/apis/web-api/pagination: limit up to 1,000 (200 recommended); a page may be shorter than asked
for and is not the last for that (here every second one is); one 429 with Retry-After on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tests.fakes.mimics.kit import Mimic, json_answer, opaque, unopaque

if TYPE_CHECKING:
    from tests.fakes.mimics.kit import Answer, Record, Request

TOKEN = "xoxb-mimic-mimic"


class Slack(Mimic):
    name = "slack"
    hosts: ClassVar = {"slack.com": ""}
    secrets: ClassVar = {"token": TOKEN}
    resources = ("channels",)
    maximum = 1000

    def make(self) -> list[Record]:
        return [
            {
                "id": f"C{n:05d}",
                "name": f"channel-{n}",
                "is_channel": True,
                "created": 1700000000 + n,
                "num_members": n % 9,
                "topic": {"value": "", "creator": ""},
            }
            for n in self.numbers()
        ]

    def answer(self, request: Request) -> Answer:
        given = {**request.query, **request.form}
        if request.bearer != TOKEN and given.get("token") != TOKEN:
            error = "invalid_auth" if request.headers.get("authorization") else "not_authed"
            return json_answer(200, {"ok": False, "error": error})
        if request.path != "/api/conversations.list":
            return json_answer(200, {"ok": False, "error": "unknown_method", "req_method": request.path})
        if self.is_third():
            return json_answer(429, {"ok": False, "error": "ratelimited"}, Retry_After=1)
        limit = request.number("limit", 100, given)
        if limit is None or not 1 <= limit <= 1000:
            return json_answer(200, {"ok": False, "error": "invalid_limit"})
        cursor = given.get("cursor", "")
        at = unopaque(cursor) if cursor else 0
        if not isinstance(at, int):
            return json_answer(200, {"ok": False, "error": "invalid_cursor"})
        size = max(1, limit - (at // max(limit, 1)) % 2)
        end = min(at + size, len(self.rows))
        following = "" if end >= len(self.rows) else opaque(end)
        metadata = {"next_cursor": following}
        return json_answer(200, {"ok": True, "channels": self.rows[at:end], "response_metadata": metadata})
