"""GitHub REST, five collections of a repository: Bearer, Link header, X-RateLimit-*; all but workflow runs at
the top.

docs.github.com/en/rest/using-the-rest-api: per_page is cut to 100 in silence; issues and pulls are those that
are open unless asked, so that state=all is needed for all; no User-Agent is 403; the limit is a 403 (or 429)
with x-ratelimit-remaining: 0. docs.github.com/en/rest/commits: those of a repository without any are 409.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlencode

from tests.fakes.mimics.kit import Mimic, json_answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.mimics.kit import Answer, Record, Request

TOKEN = "ghp_mimicmimicmimicmimic"
ROOT = "/repos/acme/widgets/"
COLLECTIONS = ("issues", "pulls", "commits", "branches", "actions/runs")


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

    def expected(self, resource: str) -> list[Record]:
        if resource == "issues":
            return super().expected(resource)
        return [self._record(resource, n) for n in self.numbers()]

    def _record(self, collection: str, n: int) -> Record:
        """One of a collection that is not issues; every commit has a sha of its own."""
        sha, day = f"{n:040x}", f"2024-03-{1 + n % 28:02d}T00:00:00Z"
        if collection == "commits":
            author = {"name": f"u{n % 5}", "email": f"u{n % 5}@acme.example", "date": day}
            return {"sha": sha, "commit": {"message": f"Change {n}", "author": author}, "parents": []}
        if collection == "branches":
            return {"name": f"branch-{n}", "commit": {"sha": sha}, "protected": n % 4 == 0}
        if collection == "pulls":
            state = "open" if n % 2 else "closed"
            ends = {"head": {"ref": f"branch-{n}", "sha": sha}, "base": {"ref": "main"}}
            return {"id": 2000 + n, "number": n, "state": state, "title": f"Pull {n}", **ends}
        return {"id": 3000 + n, "name": "CI", "head_sha": sha, "status": "completed", "created_at": day}

    def answer(self, request: Request) -> Answer:
        if not request.headers.get("user-agent"):
            return json_answer(403, {"message": "Request forbidden by administrative rules."})
        if request.bearer != TOKEN and request.headers.get("authorization") != f"token {TOKEN}":
            documentation = "https://docs.github.com/rest"
            return json_answer(401, {"message": "Bad credentials", "documentation_url": documentation})
        collection = request.path.removeprefix(ROOT)
        if not request.path.startswith(ROOT) or collection not in COLLECTIONS:
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
        if collection == "commits" and not self.rows:
            return json_answer(409, {"message": "Git Repository is empty."}, **head)
        per, page = min(request.number("per_page", 30) or 30, 100), request.number("page", 1) or 1
        rows = self._asked_for(collection, request)
        last = max(1, -(-len(rows) // per))
        own = {name: value for name, value in request.query.items() if name != "page"}

        def link(number: int, relation: str) -> str:
            return f'<{request.base}{request.path}?{urlencode({**own, "page": number})}>; rel="{relation}"'

        links = [link(page - 1, "prev"), link(1, "first")] if page > 1 else []
        links += [link(page + 1, "next"), link(last, "last")] if page < last else []
        if links:
            head["Link"] = ", ".join(links)
        shown = rows[(page - 1) * per : page * per]
        whole = {"total_count": len(rows), "workflow_runs": shown} if collection == "actions/runs" else shown
        return json_answer(200, whole, **head)

    def _asked_for(self, collection: str, request: Request) -> Sequence[Record]:
        """The records that the query leaves."""
        rows = self.rows if collection == "issues" else self.expected(collection)
        state, since = request.query.get("state", "open"), request.query.get("since", "")
        if collection in ("issues", "pulls") and state != "all":
            rows = [row for row in rows if row["state"] == state]
        if collection == "issues" and since:
            rows = [row for row in rows if row["updated_at"] >= since]
        if collection == "commits" and since:
            rows = [row for row in rows if row["commit"]["author"]["date"] >= since]
        if collection == "branches" and "protected" in request.query:
            rows = [row for row in rows if row["protected"] == (request.query["protected"] == "true")]
        return rows
