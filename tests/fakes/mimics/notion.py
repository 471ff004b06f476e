"""Notion, the pages of a database: POST, Bearer and a Notion-Version; start_cursor in the body, has_more,
next_cursor.

developers.notion.com/reference/post-database-query, intro#pagination, status-codes: page_size up to 100
(400); the version is missing: 400 missing_version; an unknown field of the body: 400 validation_error;
next_cursor is null at the end; three requests a second on the average, then 429 rate_limited with Retry-
After. A page may be shorter than asked for and is not the last for that (here every third is).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tests.fakes.mimics.kit import Mimic, json_answer, opaque, unopaque

if TYPE_CHECKING:
    from tests.fakes.mimics.kit import Answer, Record, Request

TOKEN = "ntn_mimicmimicmimic"
DATABASE = "d9824bdc-8445-4327-be8b-5b47500af6ce"
VERSIONS = ("2021-05-11", "2021-05-13", "2021-08-16", "2022-02-22", "2022-06-28")
KNOWN = {"filter", "sorts", "start_cursor", "page_size", "archived", "in_trash"}


class Notion(Mimic):
    name = "notion"
    hosts: ClassVar = {"api.notion.com": ""}
    parameters: ClassVar = {"database": DATABASE}
    secrets: ClassVar = {"token": TOKEN}
    resources = ("rows",)
    maximum = 100

    def make(self) -> list[Record]:
        return [
            {
                "object": "page",
                "id": f"59833787-2cf9-4fdf-8782-{n:012d}",
                "created_time": f"2024-08-{1 + n % 28:02d}T12:00:00.000Z",
                "last_edited_time": f"2024-08-{1 + n % 28:02d}T12:00:00.000Z",
                "archived": False,
                "in_trash": False,
                "parent": {"type": "database_id", "database_id": DATABASE},
                "properties": {
                    "Name": {"id": "title", "type": "title", "title": [{"plain_text": f"Row {n}"}]},
                    "Price": {"id": "%3AQ", "type": "number", "number": None if n % 5 == 0 else n * 1.5},
                    "Done": {"id": "x%5E", "type": "checkbox", "checkbox": n % 2 == 0},
                },
                "url": f"https://www.notion.so/Row-{n}",
            }
            for n in self.numbers()
        ]

    def answer(self, request: Request) -> Answer:
        if request.bearer != TOKEN:
            return _error(401, "unauthorized", "API token is invalid.")
        version = request.headers.get("notion-version")
        if version is None:
            return _error(
                400, "missing_version", "Notion-Version header should be defined, but was `undefined`."
            )
        if version not in VERSIONS:
            return _error(400, "validation_error", f"Notion-Version header is invalid: {version}")
        databases = {f"/v1/databases/{name}/query" for name in (DATABASE, DATABASE.replace("-", ""))}
        if request.path not in databases:
            return _error(
                404,
                "object_not_found",
                "Could not find database. Make sure it is shared with the integration.",
            )
        if request.method != "POST":
            return _error(400, "invalid_request_url", "Invalid request URL.")
        body = request.json()
        if not isinstance(body, dict):
            return _error(400, "invalid_json", "Error parsing JSON body.")
        if unknown := set(body) - KNOWN:
            wrong = f"body failed validation: body.{min(unknown)} should be not present"
            return _error(400, "validation_error", wrong)
        if self.is_third():
            return _error(
                429, "rate_limited", "You have been rate limited. Please try again soon.", Retry_After=1
            )
        size, cursor = body.get("page_size", 100), body.get("start_cursor")
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= 100:
            wrong = "body failed validation: body.page_size should be ≤ `100`"
            return _error(400, "validation_error", wrong)
        at = 0 if cursor is None else unopaque(cursor)
        if not isinstance(at, int):
            return _error(400, "validation_error", f"The start_cursor provided is invalid: {cursor}")
        end = min(at + max(1, size - (at // size % 3 == 2)), len(self.rows))
        more = end < len(self.rows)
        page: Record = {
            "object": "list",
            "results": self.rows[at:end],
            "next_cursor": opaque(end) if more else None,
            "has_more": more,
            "type": "page_or_database",
            "page_or_database": {},
            "request_id": "mimic",
        }
        return json_answer(200, page)


def _error(status: int, code: str, message: str, **headers: object) -> Answer:
    said = {"object": "error", "status": status, "code": code, "message": message, "request_id": "mimic"}
    return json_answer(status, said, **headers)
