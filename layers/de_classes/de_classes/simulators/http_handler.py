"""HTTP/1.x on a loopback socket: which requests are let in, what answers them, and what was served.

A browser on this machine reaches loopback for every page that it shows: by its address, or by a name of the
page's own that is made to point at 127.0.0.1 (DNS rebinding). It says so itself: in Host, Origin and
Sec-Fetch-Site.
"""

from __future__ import annotations

import ipaddress
import logging
import select
import socket
import struct
import threading
from collections import Counter, deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from de_classes.redaction import shared_filter
from de_classes.simulators.messages import PAGE, Headers, SimRequest, SimResponse, error_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.simulators.messages import Outcome, Simulator
    from de_classes.utils.clock import Clock

_OWN_SITES = ("none", "same-origin")  # typed by the user, or asked for by a page of this server


def foreign_part(hosts: Sequence[str], origins: Sequence[str], sites: Sequence[str]) -> str | None:
    """What shows that a request comes from elsewhere; None if nothing does.

    Programs other than browsers send no Origin and no Sec-Fetch-Site.

    Args:
        hosts: What the request calls this server: every Host, and the authority of its target if it has one.
        origins: Every Origin.
        sites: Every Sec-Fetch-Site.

    Returns:
        The name of the header field.
    """
    if not all(_is_loopback(host) for host in hosts):
        return "Host"
    own = [host.lower() for host in hosts[:1]]
    if any([origin.lower().partition("://")[2]] != own for origin in origins):
        return "Origin"
    return None if all(site in _OWN_SITES for site in sites) else "Sec-Fetch-Site"


def _is_loopback(host: str) -> bool:
    # Whatever its port: forwarded ports are the user's own, and only a name can be pointed here by others.
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


MAX_ENTRIES = 100_000
_OK = 200


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One answered request.

    Args:
        at: When it came in, in monotonic seconds.
        method: Upper case; empty if the request was too malformed to tell.
        status: What was answered; None if a raw-socket fault took the connection.
        outcome: The facts.
    """

    at: float
    method: str
    status: int | None
    outcome: Outcome

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of the faults that it met: the one drawn, and the lasting ones."""
        drawn = self.outcome.fault
        return self.outcome.modes if drawn is None else (drawn, *self.outcome.modes)

    @property
    def served_page(self) -> bool:
        """Whether a page went out as it should, or as the lasting faults have it."""
        return self.status == _OK and self.outcome.page is not None and self.outcome.fault is None

    @property
    def granted_login(self) -> bool:
        """Whether a token was given out."""
        return self.status == _OK and self.outcome.route == "/login"


class RequestLog:
    """Counts requests and their outcomes. Safe among threads.

    Args:
        max_entries: How many of the latest requests are kept one by one; the counts cover all.
    """

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        self._lock = threading.Lock()
        self._entries: deque[LogEntry] = deque(maxlen=max_entries)
        self._requests = 0
        self._logins = 0
        self._by_status: Counter[int | None] = Counter()
        self._by_fault: Counter[str] = Counter()
        self._served_pages: Counter[int] = Counter()
        self._injected = 0

    def record(self, entry: LogEntry) -> None:
        """Count one answered request."""
        with self._lock:
            self._entries.append(entry)
            self._requests += 1
            self._logins += entry.granted_login
            self._by_status[entry.status] += 1
            self._by_fault.update(entry.faults)
            self._injected += entry.outcome.fault is not None
            if entry.served_page and entry.outcome.page is not None:
                self._served_pages[entry.outcome.page] += 1

    @property
    def requests(self) -> int:
        """How many requests came, the malformed ones included."""
        with self._lock:
            return self._requests

    @property
    def logins(self) -> int:
        """How many tokens were given out."""
        with self._lock:
            return self._logins

    @property
    def by_status(self) -> dict[int | None, int]:
        """How many answers had each status; None counts the connections taken by raw-socket faults."""
        with self._lock:
            return dict(self._by_status)

    @property
    def by_fault(self) -> dict[str, int]:
        """How often each fault was played."""
        with self._lock:
            return dict(self._by_fault)

    @property
    def injected(self) -> int:
        """How many answers a fault took the place of; lasting faults, which change answers, do not count."""
        with self._lock:
            return self._injected

    @property
    def served_pages(self) -> dict[int, int]:
        """How often each page went out as it should."""
        with self._lock:
            return dict(self._served_pages)

    @property
    def entries(self) -> tuple[LogEntry, ...]:
        """The latest requests, oldest first."""
        with self._lock:
            return tuple(self._entries)


MAX_BODY_BYTES = 1_048_576
MAX_DISCARDED_BYTES = 16 * MAX_BODY_BYTES
MAX_PARAMETERS = 100
IDLE_SECONDS = 120.0
PAUSE_SECONDS = 1.0
LINGER_ZERO = struct.pack("ii", 1, 0)

_CHUNK = 65_536
_logger = logging.getLogger(__name__)
_logger.addFilter(shared_filter())  # a request names its own path


class ServerContext(Protocol):
    """What a handler needs of its server."""

    simulator: Simulator
    log: RequestLog
    clock: Clock


class SimulatorHandler(BaseHTTPRequestHandler):
    """One connection: reads requests, has them answered, and notes what was served."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = _CHUNK  # head and body leave together
    timeout = IDLE_SECONDS

    def serve(self) -> None:
        """Answer the request whose head was just read."""
        arrived = self._context.clock.monotonic()
        request = self._read_request()
        if isinstance(request, SimRequest):
            response = self._handled(request)
        else:
            response = request
            self.close_connection = True
        self._finish(response, arrived)

    # http.server looks a method up by such a name, and answers 501 where there is none.
    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_QUERY = serve  # noqa: N815 - its names

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that could not even be read; the parser of the base class calls this."""
        self.close_connection = True
        self.request_version = self.protocol_version  # else the base takes it for HTTP/0.9: no status line
        self._finish(error_response(int(code), "the request cannot be read"), self._context.clock.monotonic())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Write nothing to stderr: the request log counts everything."""

    @property
    def _context(self) -> ServerContext:
        return cast("ServerContext", self.server)

    def _read_request(self) -> SimRequest | SimResponse:
        body = self._read_body()
        if isinstance(body, SimResponse):
            return body
        try:
            target = urlsplit(self.path)
            query = dict(parse_qsl(target.query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS))
        except ValueError:
            return error_response(400, "the request target cannot be read")
        hosts = [*self.headers.get_all("Host", []), *filter(None, [target.netloc])]
        origins, sites = self.headers.get_all("Origin", []), self.headers.get_all("Sec-Fetch-Site", [])
        if part := foreign_part(hosts, origins, sites):
            return error_response(
                403, f"{part} is foreign: this server answers programs on this machine only"
            )
        headers = Headers(dict(self.headers.items()))
        return SimRequest(self.command, unquote(target.path), query, headers, body)

    def _read_body(self) -> bytes | SimResponse:
        if "Transfer-Encoding" in self.headers:
            return error_response(411, "a body needs a Content-Length")
        given = set(self.headers.get_all("Content-Length", ["0"]))
        length = given.pop()
        if given or not (length.isascii() and length.isdigit()):
            return error_response(400, "the Content-Length cannot be read")
        if len(length) > len(str(MAX_DISCARDED_BYTES)) or int(length) > MAX_BODY_BYTES:
            self._discard(MAX_DISCARDED_BYTES if len(length) > len(str(MAX_DISCARDED_BYTES)) else int(length))
            return error_response(413, f"a body has at most {MAX_BODY_BYTES} bytes")
        body = self.rfile.read(int(length))
        return body if len(body) == int(length) else error_response(400, "the body was cut short")

    def _discard(self, length: int) -> None:
        # Closing on unread bytes resets the connection, and the client would never see the answer.
        left = min(length, MAX_DISCARDED_BYTES)
        while left and (chunk := self.rfile.read(min(left, _CHUNK))):
            left -= len(chunk)

    def _handled(self, request: SimRequest) -> SimResponse:
        try:
            return self._context.simulator.handle(request)
        except Exception:
            _logger.exception("the simulator failed on %s %s", request.method, request.path)
            return error_response(500, "the simulator failed; see its log")

    def _finish(self, response: SimResponse, arrived: float) -> None:
        # Noted before it is sent: whoever holds the answer must find it counted.
        status = None if response.wire else response.status
        if response.outcome.service != PAGE:
            self._context.log.record(LogEntry(arrived, self.command or "", status, response.outcome))
        if response.delay > 0:
            self._context.clock.sleep(response.delay)
        if response.wire:
            self.close_connection = True
            response.wire(WireSocket(self.connection, self._context.clock), response)
        else:
            self._send(response)

    def _send(self, response: SimResponse) -> None:
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.send_header("Connection", "close" if self.close_connection else "keep-alive")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()


class WireSocket:
    """The client's socket, as far as a fault may touch it.

    Args:
        sock: Connected.
        clock: Of the pauses.
    """

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._socket = sock
        self._clock = clock

    def send(self, data: bytes) -> None:
        """Put these bytes on the wire at once.

        Raises:
            ConnectionError: The client is gone.
        """
        self._socket.sendall(data)

    def pause(self, seconds: float) -> None:
        """Wait, as long as there is somebody to wait with.

        Raises:
            ConnectionError: The client is gone.
        """
        left = seconds
        while left > 0:
            self._clock.sleep(min(left, PAUSE_SECONDS))
            left -= PAUSE_SECONDS
            if self._is_gone():
                raise ConnectionAbortedError("the client is gone")

    def reset(self) -> None:
        """Have the connection closed by RST.

        The server sees this option and closes without a farewell, which makes it so.
        """
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)

    def _is_gone(self) -> bool:
        readable, _, _ = select.select([self._socket], [], [], 0)
        return bool(readable) and not self._socket.recv(1, socket.MSG_PEEK)
