"""GitHub GraphQL: POST /graphql; errors are a 200 with a list ``errors`` and data null, RATE_LIMITED among
them.

docs.github.com/en/graphql/guides/using-pagination-in-the-graphql-api: first is required, 1 to 100; one
answer of the type RATE_LIMITED comes on the way, with X-RateLimit-Remaining: 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tests.fakes.mimics.kit import Mimic, json_answer, opaque, unopaque

if TYPE_CHECKING:
    from tests.fakes.mimics.kit import Answer, Record, Request

TOKEN = "ghp_mimicmimicmimicmimic"


class GitHubGraphQl(Mimic):
    name = "github_graphql"
    hosts: ClassVar = {"api.github.com": ""}
    parameters: ClassVar = {"owner": "acme", "repo": "widgets"}
    secrets: ClassVar = {"token": TOKEN}
    resources = ("issues",)
    maximum = 100

    def make(self) -> list[Record]:
        return [
            {
                "number": n,
                "title": f"Issue {n}",
                "updatedAt": f"2024-11-{1 + n % 28:02d}T00:00:00Z",
                "author": None if n % 6 == 0 else {"login": f"u{n % 5}"},
            }
            for n in self.numbers()
        ]

    def answer(self, request: Request) -> Answer:
        if request.bearer != TOKEN:
            return json_answer(401, {"message": "Bad credentials"})
        if request.path != "/graphql":
            return json_answer(404, {"message": "Not Found"})
        body = request.json() if request.method == "POST" else None
        if not body or "query" not in body:
            return json_answer(400, {"message": "A query attribute must be specified and must be a string."})
        reset = int(self.clock.now()) + 2
        head: dict[str, object] = {
            "X_RateLimit_Limit": 5000,
            "X_RateLimit_Remaining": 4999,
            "X_RateLimit_Reset": reset,
        }
        if self.is_third():
            error = {"type": "RATE_LIMITED", "message": "API rate limit exceeded"}
            return json_answer(200, {"data": None, "errors": [error]}, **{**head, "X_RateLimit_Remaining": 0})
        variables = body.get("variables") or {}
        first, after = variables.get("first"), variables.get("after")
        if not isinstance(first, int) or not 1 <= first <= 100:
            path, message = ["repository", "issues"], "`first` must be 1 to 100"
            wrong = {"type": "EXCESSIVE_PAGINATION", "path": path, "message": message}
            return json_answer(200, {"data": {"repository": None}, "errors": [wrong]}, **head)
        at = 0 if after is None else unopaque(after)
        if not isinstance(at, int):
            message = f"`{after}` does not appear to be a valid cursor."
            error = {"type": "INVALID_CURSOR_ARGUMENTS", "message": message}
            return json_answer(200, {"data": {"repository": None}, "errors": [error]}, **head)
        end = min(at + first, len(self.rows))
        issues = {
            "totalCount": len(self.rows),
            "nodes": self.rows[at:end],
            "pageInfo": {"hasNextPage": end < len(self.rows), "endCursor": opaque(end) if end else None},
        }
        return json_answer(200, {"data": {"repository": {"issues": issues}}}, **head)
