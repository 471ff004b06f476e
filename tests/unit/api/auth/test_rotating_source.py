"""A source as Xero is: its refresh token is good once, its access token for three requests."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import pytest

from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.source import FileSecrets, Source
from de_classes.utils.clock import ManualClock
from tests.fakes.transports import FakeTransport, json_response

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.api.messages import HttpRequest, HttpResponse

RECORDS = [{"InvoiceID": f"id-{n:03d}", "Total": n * 10.0} for n in range(1, 41)]
SECRETS = {
    "client_id": "us",
    "client_secret": "client-secret",
    "refresh_token": "refresh-0",
    "tenant": "tenant-1",
}
CLIENT = f"Basic {b64encode(b'us:client-secret').decode()}"


class Xero(FakeTransport):
    def __init__(self) -> None:
        super().__init__(self._answered)
        self._lock = threading.Lock()
        self._issued = 0
        self._left = 0

    @property
    def refresh_token(self) -> str:
        return f"refresh-{self._issued}"

    def _answered(self, request: HttpRequest) -> HttpResponse:
        with self._lock:
            is_login = urlsplit(request.url).path == "/identity/connect/token"
            return self._login(request) if is_login else self._page(request)

    def _login(self, request: HttpRequest) -> HttpResponse:
        form = dict(parse_qsl((request.body or b"").decode()))
        assert request.headers["Authorization"] == CLIENT
        if form != {"grant_type": "refresh_token", "refresh_token": self.refresh_token}:
            return json_response({"error": "invalid_grant"}, 400)
        self._issued, self._left = self._issued + 1, 3
        return json_response(
            {
                "access_token": f"access-{self._issued}",
                "refresh_token": self.refresh_token,
                "expires_in": 1800,
            }
        )

    def _page(self, request: HttpRequest) -> HttpResponse:
        assert request.headers["Xero-tenant-id"] == "tenant-1"
        if request.headers["Authorization"] != f"Bearer access-{self._issued}" or not self._left:
            return json_response({"Title": "Unauthorized"}, 401)
        self._left -= 1
        number, size = int(request.params["page"]), int(request.params["pageSize"])
        pagination = {
            "page": number,
            "pageSize": size,
            "pageCount": -(-len(RECORDS) // size),
            "itemCount": len(RECORDS),
        }
        return json_response(
            {"pagination": pagination, "Invoices": RECORDS[(number - 1) * size : number * size]}
        )


@pytest.mark.parametrize("limit", [1, 10, 1000])
def test_a_source_that_rotates_is_read_whole_by_one_run_after_the_other(limit: int, tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps(SECRETS))
    file.chmod(0o600)
    xero = Xero()
    for _ in range(3):
        client = Source.shipped()["xero.invoices"].client(
            secrets=FileSecrets(file),
            base_url="http://127.0.0.1:1",
            limits=ClientLimits(concurrency=4),
            runtime=ClientRuntime(transport=xero, clock=ManualClock()),
        )
        records = [record for _, page in client.iterate_all_pages(limit=limit) for record in page.records]
        assert records == RECORDS
        assert FileSecrets(file).get("refresh_token") == xero.refresh_token
