"""A mimic behind a transport without sockets, and behind a server of this machine."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from de_classes.api.messages import HttpResponse
from de_classes.errors import NetworkError
from tests.fakes.mimics.kit import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.api.messages import HttpRequest
    from tests.fakes.mimics.kit import Mimic


class MimicTransport:
    """Sends requests to a mimic under the API's own addresses; there is nothing at any other.

    Args:
        mimic: Answers.
    """

    def __init__(self, mimic: Mimic) -> None:
        self._mimic = mimic
        self._lock = threading.Lock()

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        parts = urlsplit(request.url)
        if parts.scheme != "https" or parts.netloc not in self._mimic.hosts:
            raise NetworkError(f"{parts.scheme}://{parts.netloc} is no address of {self._mimic.name}")
        query = "&".join(filter(None, (parts.query, urlencode(request.params, doseq=True))))
        target = f"{self._mimic.hosts[parts.netloc]}{parts.path}{f'?{query}' if query else ''}"
        headers = {"User-Agent": "de-classes", **request.headers}
        with self._lock:
            asked = Request(request.method, target, headers, request.body or b"", f"https://{parts.netloc}")
            self._mimic.asked.append(asked)
            status, sent, body = self._mimic.answer(asked)
        return HttpResponse(status, {name.lower(): value for name, value in sent.items()}, body)


@contextmanager
def serving(mimic: Mimic) -> Iterator[str]:
    """A server that is the API, all of its hosts in one; gives its address."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            base = f"http://{self.headers.get('host')}"
            request = Request(self.command, self.path, dict(self.headers), body, base)
            with lock:
                mimic.asked.append(request)
                status, headers, content = mimic.answer(request)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the standard library's own name

        def log_message(self, *_: object) -> None:
            """Nothing: what was asked is in ``mimic.asked``."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
