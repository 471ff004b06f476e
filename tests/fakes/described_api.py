"""An API that speaks as one kind of auth, pagination or answer wants it, and refuses all others."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from base64 import b64encode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from de_classes.api.messages import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROWS = 10
TOKEN = "token-of-the-described-api"


class DescribedApi:
    """Ten records, by one kind of everything; a transport, and what ``served`` serves.

    Args:
        auth: What a request must bear.
        pagination: How pages lead on.
        answer: How answers are encoded.
        secret: What is shared.
    """

    def __init__(
        self, *, auth: str = "none", pagination: str = "page", answer: str = "json", secret: str
    ) -> None:
        self._auth = auth
        self._pagination = pagination
        self._answer = answer
        self._secret = secret
        is_text = answer in {"csv", "xml"}
        self.records = [{"id": str(n) if is_text else n, "name": f"record {n}"} for n in range(1, ROWS + 1)]

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        """Answer as the API does."""
        parts = urlsplit(request.url)
        raw = "&".join(filter(None, (parts.query, urlencode(request.params, doseq=True))))
        headers = {name.lower(): value for name, value in request.headers.items()}
        if parts.path == "/login":
            return self._login(request)
        if not self._is_let_in(raw, headers):
            return HttpResponse(401)
        query = dict(parse_qsl(raw))
        at, size = self._place(query), int(query.get("limit", ROWS))
        rows = self.records[at : at + size]
        base = f"{parts.scheme}://{parts.netloc}/items"
        return self._encoded(rows, at + size, size, base)

    def _login(self, request: HttpRequest) -> HttpResponse:
        is_right = self._secret.encode() in (request.body or b"")
        body = json.dumps({"access_token": TOKEN, "expires_in": 300}).encode()
        return HttpResponse(200, {}, body) if is_right else HttpResponse(401)

    def _is_let_in(self, raw: str, headers: Mapping[str, str]) -> bool:
        given = headers.get("authorization", "")
        signed, _, signature = raw.rpartition("&signature=")
        right = {
            "none": lambda: True,
            "bearer": lambda: given == f"Bearer {self._secret}",
            "basic": lambda: given == "Basic " + b64encode(f"ada:{self._secret}".encode()).decode(),
            "api_key": lambda: headers.get("x-api-key") == self._secret,
            "login": lambda: given == f"Bearer {TOKEN}",
            "oauth2": lambda: given == f"Bearer {TOKEN}",
            "sigv4": lambda: given.startswith("AWS4-HMAC-SHA256 Credential=ada/"),
            "hmac": lambda: (
                signature == hmac.new(self._secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
            ),
        }
        return right[self._auth]()

    def _place(self, query: Mapping[str, str]) -> int:
        if self._answer != "json":
            return int(query.get("offset", 0))
        size = int(query.get("limit", ROWS))
        places = {
            "page": lambda: (int(query["page"]) - 1) * size,
            "offset": lambda: int(query["offset"]),
            "last_record": lambda: int(query.get("after", 0)),
            "none": lambda: 0,
        }
        return places.get(self._pagination, lambda: int(query.get("cursor", 0)))()

    def _encoded(self, rows: list[dict[str, Any]], behind: int, size: int, base: str) -> HttpResponse:
        if self._answer == "jsonl":
            return HttpResponse(200, {}, "".join(f"{json.dumps(row)}\n" for row in rows).encode())
        if self._answer == "csv":
            lines = ["id,name", *(f"{row['id']},{row['name']}" for row in rows)]
            return HttpResponse(200, {}, "\n".join(lines).encode())
        if self._answer == "xml":
            items = "".join(f"<item><id>{row['id']}</id><name>{row['name']}</name></item>" for row in rows)
            return HttpResponse(200, {}, f"<items>{items}</items>".encode())
        body: dict[str, Any] = {"items": rows, "pages": -(-ROWS // size)}
        headers = {}
        if behind < ROWS:
            url = f"{base}?limit={size}&cursor={behind}"
            body["next"] = {"cursor": str(behind), "url": url, "params": {"cursor": str(behind)}}
            headers = {"link": f'<{url}>; rel="next"'} if self._pagination == "link" else {}
        return HttpResponse(200, headers, json.dumps(body).encode())


@contextmanager
def served(api: DescribedApi) -> Iterator[str]:
    """The API on loopback; its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            host = f"http://{self.headers['host']}"
            request = HttpRequest(self.command, host + self.path, {}, dict(self.headers.items()), body)
            response = api.send(request, timeout=1.0)
            self.send_response(response.status)
            for name, value in {**response.headers, "content-length": str(len(response.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response.body)

        do_POST = do_GET  # noqa: N815 - the standard library finds it by this name

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
