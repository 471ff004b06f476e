"""Shopify REST Admin, orders: key in X-Shopify-Access-Token, Link header with page_info.

shopify.dev/docs/api/admin-rest/usage/pagination: beside page_info only limit and fields may be sent (400);
limit 1 to 250; status=any is needed for all; X-Shopify-Shop-Api-Call-Limit; 429 with Retry-After: 2.0.

Bulk operations, by GraphQL: one at a time, polled by its id; then a file of lines at another host, by an
address that is signed, where the token must not go. Children are lines of their own with __parentId; an
operation without any line has no file. Counts are text. It is made in three looks.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

import msgspec

from tests.fakes.mimics.kit import Mimic, json_answer, opaque, text_answer, unopaque

if TYPE_CHECKING:
    from de_classes.utils.clock import Clock
    from tests.fakes.mimics.kit import Answer, Record, Request

TOKEN = "shpat_mimicmimicmimic"
SIGNED = "GoogleAccessId=mimic&Signature=mimic"
LOOKS = 3


class Shopify(Mimic):
    name = "shopify"
    hosts: ClassVar = {"mimic.myshopify.com": "", "storage.googleapis.com": "/storage"}
    parameters: ClassVar = {"shop": "mimic"}
    secrets: ClassVar = {"token": TOKEN}
    resources = ("orders", "orders_bulk")
    maximum = 250

    def make(self) -> list[Record]:
        return [
            {
                "id": 450789469 + n,
                "name": f"#{1000 + n}",
                "total_price": f"{n}.50",
                "currency": "USD",
                "updated_at": f"2024-02-{1 + n % 28:02d}T10:00:00-05:00",
                "cancelled_at": None,
                "status_kind": "open" if n % 2 else "closed",
                "line_items": [{"id": n * 10, "quantity": 1}],
            }
            for n in self.numbers()
        ]

    def __init__(self, count: int = 40, *, clock: Clock | None = None, is_throttled: bool = True) -> None:
        super().__init__(count, clock=clock, is_throttled=is_throttled)
        self.operations: dict[str, dict[str, Any]] = {}

    def expected(self, resource: str) -> list[Record]:
        return super().expected(resource) if resource == "orders" else self._lines()

    def _lines(self) -> list[Record]:
        """Each order, and behind it what belongs to it."""
        lines: list[Record] = []
        for row in self.rows:
            order = f"gid://shopify/Order/{row['id']}"
            lines.append({"id": order, "name": row["name"], "updatedAt": row["updated_at"]})
            lines += [
                {
                    "id": f"gid://shopify/LineItem/{item['id']}",
                    "quantity": item["quantity"],
                    "__parentId": order,
                }
                for item in row["line_items"]
            ]
        return lines

    def _graphql(self, request: Request) -> Answer:
        said = request.json() or {}
        query = said.get("query", "")
        if "bulkOperationRunQuery" in query:
            if any(each["status"] == "RUNNING" for each in self.operations.values()):
                wrong = [{"message": "A bulk query operation for this app and shop is already in progress"}]
                told = {"bulkOperationRunQuery": {"bulkOperation": None, "userErrors": wrong}}
                return json_answer(200, {"data": told})
            name = f"gid://shopify/BulkOperation/{len(self.operations) + 1}"
            created = datetime.fromtimestamp(self.clock.now(), UTC).isoformat()
            self.operations[name] = {
                "id": name,
                "status": "RUNNING",
                "createdAt": created,
                "query": query,
                "looks": 0,
            }
            made = {"bulkOperation": {"id": name, "status": "CREATED"}, "userErrors": []}
            return json_answer(200, {"data": {"bulkOperationRunQuery": made}})
        if "currentBulkOperation" in query:
            return json_answer(
                200, {"data": {"currentBulkOperation": next(reversed(self.operations.values()), None)}}
            )
        operation = self.operations.get(said.get("variables", {}).get("id", ""))
        if operation is None:
            return json_answer(200, {"data": {"node": None}})
        operation["looks"] += 1
        if operation["status"] == "RUNNING" and operation["looks"] >= LOOKS:
            operation["status"] = "COMPLETED"
        lines = len(self._lines())
        is_done = operation["status"] == "COMPLETED"
        host = "https://storage.googleapis.com" if "mimic.myshopify.com" in request.base else request.base
        folder = "" if "mimic.myshopify.com" in request.base else "/storage"
        url = f"{host}{folder}/shopify/bulk.jsonl?{SIGNED}" if is_done and lines else None
        node = {**operation, "errorCode": None, "objectCount": str(lines if is_done else 0), "url": url}
        return json_answer(200, {"data": {"node": node}})

    def _file(self, request: Request) -> Answer:
        if "x-shopify-access-token" in request.headers:
            return json_answer(400, {"error": "a token was sent to a host that is not Shopify's"})
        if request.raw_query != SIGNED:
            return text_answer(403, "<Error><Code>SignatureDoesNotMatch</Code></Error>", "application/xml")
        body = b"".join(msgspec.json.encode(line) + b"\n" for line in self._lines())
        kind = {"Content-Type": "application/jsonl", "ETag": '"made-once"', "Accept-Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
        if wanted is None:
            return 200, kind, body
        first, last = int(wanted[1]), min(int(wanted[2]), len(body) - 1)
        return 206, {**kind, "Content-Range": f"bytes {first}-{last}/{len(body)}"}, body[first : last + 1]

    def answer(self, request: Request) -> Answer:
        query = request.query
        if request.path.startswith("/storage/"):
            return self._file(request)
        if request.headers.get("x-shopify-access-token") != TOKEN:
            wrong = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return json_answer(401, {"errors": wrong})
        if request.path == "/admin/api/2024-10/graphql.json":
            return self._graphql(request)
        if request.path != "/admin/api/2024-10/orders.json":
            return json_answer(404, {"errors": "Not Found"})
        if self.is_third():
            slow = "Exceeded 2 calls per second for api client. Reduce request rates to resume."
            return json_answer(429, {"errors": slow}, Retry_After="2.0")
        limit = request.number("limit", 50)
        if limit is None or not 1 <= limit <= 250:
            return json_answer(400, {"errors": {"limit": "must be between 1 and 250"}})
        if "page" in query:
            help_ = "page cannot be passed. See https://shopify.dev/docs/api/admin-rest/usage/pagination"
            return json_answer(400, {"errors": {"page": help_}})
        at, status = 0, query.get("status", "open")
        if "page_info" in query:
            if set(query) - {"page_info", "limit", "fields"}:
                return json_answer(400, {"errors": "status cannot be passed when page_info is present."})
            place = unopaque(query["page_info"])
            if not isinstance(place, dict):
                return json_answer(400, {"errors": {"page_info": "Invalid value."}})
            at, status = place["at"], place["status"]
        rows = [row for row in self.rows if status in ("any", row["status_kind"])]

        def link(start: int, relation: str) -> str:
            place = urlencode({"limit": limit, "page_info": opaque({"at": start, "status": status})})
            return f'<{request.base}{request.path}?{place}>; rel="{relation}"'

        links = [link(max(0, at - limit), "previous")] if at else []
        links += [link(at + limit, "next")] if at + limit < len(rows) else []
        head = {"X_Shopify_Shop_Api_Call_Limit": "2/40", **({"link": ", ".join(links)} if links else {})}
        return json_answer(200, {"orders": rows[at : at + limit]}, **head)
