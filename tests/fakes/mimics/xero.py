"""Xero, invoices: OAuth2 with a refresh token that is good ONCE, a tenant header, page and pageSize.

developer.xero.com, requests and responses: Accept must say JSON (XML otherwise); pageSize 1 to 1,000;
pagination {page, pageSize, pageCount, itemCount}; 60 calls a minute, five at once; X-MinLimit-Remaining; 429
with Retry-After and X-Rate-Limit-Problem. The access token dies after 3 pages; the first refresh token is
"refresh-0".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tests.fakes.mimics.kit import Mimic, json_answer, text_answer

if TYPE_CHECKING:
    from de_classes.utils.clock import Clock
    from tests.fakes.mimics.kit import Answer, Record, Request

CLIENT, SECRET, TENANT = "mimic-client", "mimic-secret", "45e4708e-d862-4111-ab3a-dd8cd03913e1"
PAGES_A_TOKEN = 3


class Xero(Mimic):
    name = "xero"
    hosts: ClassVar = {"api.xero.com": "", "identity.xero.com": "/identity"}
    secrets: ClassVar = {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "refresh_token": "refresh-0",
        "tenant": TENANT,
    }
    resources = ("invoices",)
    maximum = 1000

    def __init__(self, count: int = 40, *, clock: Clock | None = None, is_throttled: bool = True) -> None:
        super().__init__(count, clock=clock, is_throttled=is_throttled)
        self.access: str | None = None
        self.left = 0
        self.refresh = "refresh-0"
        self.issued = 0

    def make(self) -> list[Record]:
        return [
            {
                "InvoiceID": f"0032f627-3156-4d30-9b1c-{n:012d}",
                "InvoiceNumber": f"INV-{n:04d}",
                "Type": "ACCREC",
                "Total": n * 10.0,
                "UpdatedDateUTC": "/Date(1700000000000+0000)/",
                "LineItems": [],
                "HasAttachments": n % 2 == 0,
            }
            for n in self.numbers()
        ]

    def answer(self, request: Request) -> Answer:
        if request.path == "/identity/connect/token":
            return self._issue(request)
        if request.bearer is None or request.bearer != self.access or self.left <= 0:
            wrong = {
                "Type": None,
                "Title": "Unauthorized",
                "Status": 401,
                "Detail": "TokenExpired: token expired",
            }
            return json_answer(401, {**wrong, "Instance": "x", "Extensions": {}})
        self.left -= 1
        if request.headers.get("xero-tenant-id") != TENANT:
            wrong = {"Title": "Forbidden", "Status": 403, "Detail": "AuthenticationUnsuccessful"}
            return json_answer(403, wrong)
        if request.path != "/api.xro/2.0/Invoices":
            return text_answer(404, "The resource you're looking for cannot be found", "text/html")
        if "json" not in request.headers.get("accept", ""):
            return text_answer(200, "<Response><Status>OK</Status></Response>", "text/xml")
        if self.is_third():
            return text_answer(429, "", Retry_After=7, X_Rate_Limit_Problem="minute")
        page, size = request.number("page", 1) or 1, request.number("pageSize", 100) or 100
        pagination = {
            "page": page,
            "pageSize": size,
            "pageCount": -(-len(self.rows) // size),
            "itemCount": len(self.rows),
        }
        said = {"Id": "x", "Status": "OK", "ProviderName": "mimic", "DateTimeUTC": "/Date(1700000000000)/"}
        rows = self.rows[(page - 1) * size : page * size]
        return json_answer(
            200,
            {**said, "pagination": pagination, "Invoices": rows},
            X_MinLimit_Remaining=58,
            X_DayLimit_Remaining=4980,
            X_AppMinLimit_Remaining=9990,
        )

    def _issue(self, request: Request) -> Answer:
        form = request.form
        given = (form.get("client_id"), form.get("client_secret"))
        if request.basic != (CLIENT, SECRET) and given != (CLIENT, SECRET):
            return json_answer(400, {"error": "invalid_client"})
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != self.refresh:
            return json_answer(400, {"error": "invalid_grant"})
        self.issued += 1
        self.access, self.refresh = f"access-{self.issued}", f"refresh-{self.issued}"
        self.left = PAGES_A_TOKEN
        token = {
            "id_token": "x",
            "access_token": self.access,
            "expires_in": 1800,
            "token_type": "Bearer",
            "refresh_token": self.refresh,
            "scope": "accounting.transactions.read offline_access",
        }
        return json_answer(200, token)
