"""GitHub REST, issues of a repository: Bearer, a list at the top, Link header, X-RateLimit-*.

docs.github.com/en/rest/using-the-rest-api: per_page is cut to 100 in silence; state=open unless asked, so
that state=all is needed for all; no User-Agent is 403; the limit is a 403 (or 429) with x-ratelimit-
remaining: 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlencode

from tests.fakes.mimics.kit import Mimic, json_answer

if TYPE_CHECKING:
    from tests.fakes.mimics.kit import Answer, Record, Request

TOKEN = "ghp_mimicmimicmimicmimic"


class GitHub(Mimic):
    name = "github"
    hosts: ClassVar = {"api.github.com": ""}
    parameters: ClassVar = {"owner": "acme", "repo": "widgets"}
    secrets: ClassVar = {"token": TOKEN}
    resources = ("issues",)
    maximum = 100

    def make(self) -> list[Record]:
        return [
            {
                "id": 1000 + n,
                "number": n,
                "title": f"Issue {n}",
                "state": "open" if n % 2 else "closed",
                "labels": [{"name": "bug"}] if n % 3 == 0 else [],
                "user": {"login": f"u{n % 5}"},
                "updated_at": f"2024-01-{1 + n % 28:02d}T00:00:00Z",
                "body": None if n % 7 == 0 else f"text {n}",
            }
            for n in self.numbers()
        ]

    def answer(self, request: Request) -> Answer:
        if not request.headers.get("user-agent"):
            return json_answer(403, {"message": "Request forbidden by administrative rules."})
        if request.bearer != TOKEN and request.headers.get("authorization") != f"token {TOKEN}":
            documentation = "https://docs.github.com/rest"
            return json_answer(401, {"message": "Bad credentials", "documentation_url": documentation})
        if request.path != "/repos/acme/widgets/issues":
            return json_answer(404, {"message": "Not Found"})
        head: dict[str, object] = {
            "X_RateLimit_Limit": 5000,
            "X_RateLimit_Remaining": 4990,
            "X_RateLimit_Reset": int(self.clock.now()) + 3000,
            "X_RateLimit_Used": 10,
            "X_RateLimit_Resource": "core",
        }
        if self.is_third():
            head |= {"X_RateLimit_Remaining": 0, "X_RateLimit_Reset": int(self.clock.now()) + 20}
            return json_answer(403, {"message": "API rate limit exceeded for user ID 1."}, **head)
        per, page = min(request.number("per_page", 30) or 30, 100), request.number("page", 1) or 1
        state, since = request.query.get("state", "open"), request.query.get("since", "")
        rows = self.rows
        if state != "all" or since:
            rows = [row for row in rows if state in ("all", row["state"]) and row["updated_at"] >= since]
        last = max(1, -(-len(rows) // per))
        own = {name: value for name, value in request.query.items() if name != "page"}

        def link(number: int, relation: str) -> str:
            return f'<{request.base}{request.path}?{urlencode({**own, "page": number})}>; rel="{relation}"'

        links = [link(page - 1, "prev"), link(1, "first")] if page > 1 else []
        links += [link(page + 1, "next"), link(last, "last")] if page < last else []
        if links:
            head["Link"] = ", ".join(links)
        return json_answer(200, rows[(page - 1) * per : page * per], **head)
