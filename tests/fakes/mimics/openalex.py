"""OpenAlex, works: a key in the query, meta.next_cursor (null at the end), the first cursor is ``*``,
meta.count.

developers.openalex.org/guides/page-through-results and docs.openalex.org: per-page (or per_page) 1 to 100
since February 2026, else 400; unknown parameters are 400; cursor paging without a key is 401; page by page
one gets no further than 10,000; a full last page still names a cursor, and what follows is empty; 429 beyond
100 a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tests.fakes.mimics.kit import Mimic, json_answer, opaque, unopaque

if TYPE_CHECKING:
    from tests.fakes.mimics.kit import Answer, Record, Request

KEY = "mimic-openalex-key"
KNOWN = (
    "api-key",
    "api_key",
    "cursor",
    "filter",
    "group-by",
    "group_by",
    "mailto",
    "page",
    "per-page",
    "per_page",
    "sample",
    "search",
    "seed",
    "select",
    "sort",
)


class OpenAlex(Mimic):
    name = "openalex"
    hosts: ClassVar = {"api.openalex.org": ""}
    secrets: ClassVar = {"api_key": KEY}
    resources = ("works",)
    maximum = 100

    def make(self) -> list[Record]:
        return [
            {
                "id": f"https://openalex.org/W{4_000_000 + n}",
                "doi": None if n % 5 == 0 else f"https://doi.org/10.5555/{n}",
                "display_name": f"Work {n}",
                "publication_year": 2000 + n % 25,
                "cited_by_count": n * 3,
                "authorships": [{"author": {"display_name": f"A. {n}"}, "institutions": []}],
                "abstract_inverted_index": None if n % 2 else {"a": [0], "b": [1, 2]},
                "updated_date": f"2024-10-{1 + n % 28:02d}",
            }
            for n in self.numbers()
        ]

    def answer(self, request: Request) -> Answer:
        query = request.query
        if request.path != "/works":
            return _error(404, "Not found", "The requested URL was not found on the server.")
        for name in query:
            if name not in KNOWN:
                wrong = f"{name} is not a valid parameter. Valid parameters are: {', '.join(KNOWN)}."
                return _error(400, "Invalid query parameters error.", wrong)
        key = query.get("api_key", query.get("api-key"))
        if key is not None and key != KEY:
            return _error(401, "Invalid API key", "The API key that was given is not known.")
        if key is None and "cursor" in query:
            return _error(401, "API key required", "Cursor paging needs an API key.")
        if self.is_third():
            return _error(429, "Too many requests", "More than 100 requests a second.", Retry_After=1)
        size = request.number("per-page", request.number("per_page", 25))
        if size is None or not 1 <= size <= 100:
            wrong = "per-page parameter must be between 1 and 100"
            return _error(400, "Invalid query parameters error.", wrong)
        meta: Record = {"count": len(self.rows), "db_response_time_ms": 28, "page": None, "per_page": size}
        if "cursor" not in query:
            page = request.number("page", 1) or 1
            rows = self.rows[(page - 1) * size : page * size]
            meta["page"] = page
            return json_answer(200, {"meta": meta, "results": rows, "group_by": []})
        at = 0 if query["cursor"] == "*" else unopaque(query["cursor"])
        if not isinstance(at, int):
            return _error(400, "Pagination error.", "Cursor value is invalid.")
        rows = self.rows[at : at + size]
        meta["next_cursor"] = opaque(at + size) if len(rows) == size else None
        return json_answer(200, {"meta": meta, "results": rows, "group_by": []})


def _error(status: int, error: str, message: str, **headers: object) -> Answer:
    return json_answer(status, {"error": error, "message": message}, **headers)
