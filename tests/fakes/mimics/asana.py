"""Asana, tasks of a project: Bearer, next_page.offset, where next_page is null at the end.

developers.asana.com/docs/pagination, errors, rate-limits: limit 1 to 100 (400); without one next_page is
absent and all comes at once; an offset that is not one of Asana's is 400; records are compact unless
opt_fields names more; an unknown project is 404; 429 with Retry-After.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlencode

from tests.fakes.mimics.kit import Mimic, json_answer, opaque, unopaque

if TYPE_CHECKING:
    from tests.fakes.mimics.kit import Answer, Record, Request

TOKEN = "2/mimic/mimic:mimic"
PROJECT = "1200000000000001"
FILTERS = {"assignee", "project", "section", "workspace", "completed_since", "modified_since"}


class Asana(Mimic):
    name = "asana"
    hosts: ClassVar = {"app.asana.com": ""}
    parameters: ClassVar = {"project": PROJECT}
    secrets: ClassVar = {"token": TOKEN}
    resources = ("tasks",)
    maximum = 100

    def make(self) -> list[Record]:
        return [
            {
                "gid": str(1_210_000_000_000_000 + n),
                "name": f"Task {n}",
                "resource_type": "task",
                "resource_subtype": "milestone" if n % 10 == 0 else "default_task",
            }
            for n in self.numbers()
        ]

    def answer(self, request: Request) -> Answer:
        query = request.query
        if request.bearer != TOKEN:
            return _error(401, "Not Authorized")
        root = "/api/1.0/tasks", f"/api/1.0/projects/{PROJECT}/tasks"
        if request.path not in root:
            return _error(404, "No matching route for request")
        if request.path == root[0] and query.get("project") != PROJECT:
            if "project" in query:
                return _error(404, f"project: Unknown object: {query['project']}")
            return _error(
                400,
                "You should specify one of project, tag, section, user task list, or assignee + workspace",
            )
        if self.is_third():
            return _error(429, "You have made too many requests recently.", Retry_After=30)
        names = {name for name in query if not name.startswith(("opt_", "limit", "offset"))}
        if names - FILTERS:
            return _error(400, f"{min(names - FILTERS)}: Unrecognized parameter")
        if "limit" not in query:
            return json_answer(200, {"data": self.rows})
        limit = request.number("limit", None)
        if limit is None or not 1 <= limit <= 100:
            return _error(400, "limit: Must be between 1 and 100")
        at = unopaque(query["offset"]) if "offset" in query else 0
        if not isinstance(at, int):
            return _error(400, "offset: Your pagination token is invalid.")
        following = None
        if at + limit < len(self.rows):
            own = urlencode({**query, "offset": opaque(at + limit)})
            path = f"{request.path.removeprefix('/api/1.0')}?{own}"
            following = {"offset": opaque(at + limit), "path": path, "uri": f"{request.base}/api/1.0{path}"}
        return json_answer(200, {"data": self.rows[at : at + limit], "next_page": following})


def _error(status: int, message: str, **headers: object) -> Answer:
    return json_answer(
        status, {"errors": [{"message": message, "help": "https://developers.asana.com"}]}, **headers
    )
