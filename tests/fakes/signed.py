"""Requests signed as AWS asks: what one looks like, a server that keeps one, and botocore's signature."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.workspace import REGION
from tests.fakes.aws import ACCESS_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "session-token/of+nobody=="
SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<scope>[^,]+),\s*"
    r"SignedHeaders=(?P<headers>[^,]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


class Recorder(HTTPServer):
    """Keeps the one request that it gets."""

    body = b""
    headers: dict[str, str]


class Keep(BaseHTTPRequestHandler):
    server: Recorder

    def do_POST(self) -> None:
        self.server.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.headers = {name.lower(): value for name, value in self.headers.items()}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "complete"}')

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def recorder() -> Iterator[Recorder]:
    with Recorder(("127.0.0.1", 0), Keep) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def signature_of(server: Recorder, headers: str, secret: str, token: str | None) -> str:
    """The signature that botocore makes of the same request."""
    url = f"http://127.0.0.1:{server.server_port}/v1/ingest"
    told = {name: server.headers[name] for name in headers.split(";")}
    request = AWSRequest("POST", url, data=server.body, headers=told)
    request.context["timestamp"] = server.headers["x-amz-date"]
    auth = SigV4Auth(Credentials(ACCESS_KEY, secret, token), "execute-api", REGION)
    return str(auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request))
