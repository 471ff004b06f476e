"""Jira Cloud, search by JQL: Basic (e-mail and API token), nextPageToken in the JSON body, isLast; no total.

developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search: startAt is refused, the old
/search is gone (410); maxResults is cut to 100 where many fields are asked for; a JQL without a bound is
400.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tests.fakes.mimics.kit import Mimic, json_answer, opaque, unopaque

if TYPE_CHECKING:
    from tests.fakes.mimics.kit import Answer, Record, Request

LOGIN = ("ada@example.org", "mimic-token")
KNOWN = {
    "jql",
    "nextPageToken",
    "maxResults",
    "fields",
    "expand",
    "fieldsByKeys",
    "properties",
    "reconcileIssues",
    "failFast",
}
UNFIT = "Invalid request payload. Refer to the REST API documentation and try again."


class Jira(Mimic):
    name = "jira"
    hosts: ClassVar = {"mimic.atlassian.net": ""}
    parameters: ClassVar = {"site": "mimic", "email": LOGIN[0], "jql": "project = MIM ORDER BY created"}
    secrets: ClassVar = {"token": LOGIN[1]}
    resources = ("issues",)
    maximum = 100

    def make(self) -> list[Record]:
        return [
            {
                "expand": "operations",
                "id": str(10000 + n),
                "self": f"https://mimic.atlassian.net/rest/api/3/issue/{10000 + n}",
                "key": f"MIM-{n}",
                "fields": {
                    "summary": f"Task {n}",
                    "updated": f"2024-06-{1 + n % 28:02d}T00:00:00.000+0000",
                    "assignee": None if n % 3 else {"displayName": "Ada"},
                },
            }
            for n in self.numbers()
        ]

    def answer(self, request: Request) -> Answer:
        if request.basic != LOGIN:
            return _bad("Client must be authenticated to access this resource.", 401)
        if request.path == "/rest/api/3/search":
            return _bad("The requested API has been removed. Please migrate to /rest/api/3/search/jql", 410)
        if request.path != "/rest/api/3/search/jql":
            return _bad("Not Found", 404)
        ask = request.json() if request.method == "POST" else request.query
        if ask is None or set(ask) - KNOWN:
            return _bad(UNFIT)
        is_typed = isinstance(ask.get("maxResults", 50), int) and isinstance(ask.get("fields", []), list)
        if request.method == "POST" and not is_typed:
            return _bad(UNFIT)
        if "project" not in ask.get("jql", "") and "updated" not in ask.get("jql", ""):
            return _bad(
                "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
            )
        if self.is_third():
            return _bad("Rate limit exceeded.", 429, Retry_After=5, X_RateLimit_Remaining=0)
        size, token = min(int(ask.get("maxResults") or 50), 100), ask.get("nextPageToken")
        at = 0 if token is None else unopaque(token)
        if not isinstance(at, int):
            return _bad("The provided next page token is invalid or expired.")
        last = at + size >= len(self.rows)
        leads = {} if last else {"nextPageToken": opaque(at + size)}
        return json_answer(200, {"issues": self.rows[at : at + size], "isLast": last, **leads})


def _bad(text: str, status: int = 400, **headers: object) -> Answer:
    return json_answer(status, {"errorMessages": [text], "errors": {}}, **headers)
