"""Shopify REST Admin, orders: key in X-Shopify-Access-Token, Link header with page_info.

shopify.dev/docs/api/admin-rest/usage/pagination: beside page_info only limit and fields may be sent (400);
limit 1 to 250; status=any is needed for all; X-Shopify-Shop-Api-Call-Limit; 429 with Retry-After: 2.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlencode

from tests.fakes.mimics.kit import Mimic, json_answer, opaque, unopaque

if TYPE_CHECKING:
    from tests.fakes.mimics.kit import Answer, Record, Request

TOKEN = "shpat_mimicmimicmimic"


class Shopify(Mimic):
    name = "shopify"
    hosts: ClassVar = {"mimic.myshopify.com": ""}
    parameters: ClassVar = {"shop": "mimic"}
    secrets: ClassVar = {"token": TOKEN}
    resources = ("orders",)
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

    def answer(self, request: Request) -> Answer:
        query = request.query
        if request.headers.get("x-shopify-access-token") != TOKEN:
            wrong = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return json_answer(401, {"errors": wrong})
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
