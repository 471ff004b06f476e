"""Both simulators over real HTTP, on this machine only."""

from __future__ import annotations

import ipaddress
import logging
import secrets
import socket
import sys
import threading
from http.server import HTTPServer
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, cast

from msgspec import structs

from de_classes.configs.settings import validate
from de_classes.errors import ConfigurationError
from de_classes.simulators.assembly import odd_records, records_of, unstable_simulator
from de_classes.simulators.auth_service import AuthSimulator, Credentials
from de_classes.simulators.drift import drift_of
from de_classes.simulators.http_handler import LINGER_ZERO, RequestLog, SimulatorHandler
from de_classes.simulators.messages import json_response, with_facts
from de_classes.simulators.openapi import describe_both
from de_classes.simulators.page.local_page import LocalPage
from de_classes.simulators.routing import TokenIssuer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.utils.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from de_classes.simulators.faults import FaultPlan
    from de_classes.simulators.messages import SimRequest, SimResponse, Simulator
    from de_classes.simulators.records import RecordSource
    from de_classes.utils.clock import Clock

_DESCRIPTION = "/openapi.json"


class CombinedSimulator:
    """``/login`` and all below ``/auth`` go to the one, everything else to the other.

    Args:
        auth: Hands out tokens.
        unstable: Serves pages.
        description: Of both, for ``GET /openapi.json``; each has its own below its mount.
    """

    def __init__(self, auth: Simulator, unstable: Simulator, description: Mapping[str, object]) -> None:
        self._auth = auth
        self._unstable = unstable
        self._document = with_facts(json_response(200, description), route=_DESCRIPTION)

    def handle(self, request: SimRequest) -> SimResponse:
        """Answer by the simulator that the path belongs to."""
        if request.method == "GET" and request.path == _DESCRIPTION:
            return self._document
        belongs_to_auth = request.path == "/login" or request.path.startswith("/auth/")
        return (self._auth if belongs_to_auth else self._unstable).handle(request)


BACKLOG = 256
_POLL_SECONDS = 0.05
_JOIN_SECONDS = 5.0
_PASSWORD_BYTES = 12
_Request = socket.socket | tuple[bytes, socket.socket]  # what socketserver declares; TCP has the former
_logger = logging.getLogger(__name__)


class SimulatorServer:
    """The auth and the unstable simulator at one address; a context manager that starts and stops it.

    Example:
        >>> with SimulatorServer(SimulatorSettings(total_records=50), faults="F14,F21=0.1") as api:
        ...     auth = AuthClient(api.login_url, api.username, api.password)
        ...     len(ApiDataService(UnstableAPIClient(api.base_url, auth)).fetch_all_to_df())
        50

    Args:
        settings: Faults, records, limits; the defaults fail one request in five.
        username: The one login.
        password: Its password; made up if None.
        signing_key: At least 32 bytes; made up if None.
        records: What is served, in place of what the settings say.
        plan: What goes wrong how often, in place of what the settings say.
        faults: The same by name or id, such as ``"F14,F21=0.1"``.
        host: A loopback address.
        port: 0 for any free one.
        clock: Of delays and of tokens.
        page: Whether ``/`` is a page to look at, on which faults are switched.

    Raises:
        ConfigurationError: The host is not loopback, or the settings or records are unfit.
    """

    def __init__(
        self,
        settings: SimulatorSettings | None = None,
        *,
        username: str = "demo",
        password: str | None = None,
        signing_key: str | None = None,
        records: RecordSource | None = None,
        plan: FaultPlan | None = None,
        faults: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        page: bool = False,
    ) -> None:
        settings = settings or SimulatorSettings()
        self.settings = settings if faults is None else structs.replace(settings, faults=faults)
        login = {"username": username, "password": password or secrets.token_urlsafe(_PASSWORD_BYTES)}
        self._credentials = validate(Credentials, login, what="simulator's login")
        self.log = RequestLog()
        self._clock = clock or SystemClock()
        self._address = (_loopback(host), port)
        self._signing_key = signing_key or secrets.token_urlsafe(48)
        self._genuine = records_of(self.settings) if records is None else records
        self._has_page = page
        self._play(plan or self.settings.plan())
        self._http: _HttpServer | None = None

    def start(self) -> Self:
        """Listen, and answer in the background.

        Raises:
            ConfigurationError: The port is taken, or the server runs already.
        """
        if self._http:
            raise ConfigurationError("the simulator runs already")
        try:
            self._http = _HttpServer(self._address, self._simulator(), self.log, self._clock)
        except OSError as error:
            host, port = self._address
            raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}") from error
        self._http.start()
        return self

    def switch(self, fault: str, share: float) -> None:
        """Have a fault strike from the next request on, or no more; the others, and what is counted, stay.

        Args:
            fault: Its name.
            share: Of its tries, pages or logins, 0 to 1; 0 is off, and 1 is on where it holds for the run.

        Raises:
            ConfigurationError: There is no such fault, or the shares at its place would be more than 1.
        """
        self._play(structs.replace(self.plan, rates={**self.plan.rates, fault: share}))
        if self._http:
            self._http.simulator = self._simulator()

    def stop(self) -> None:
        """Stop listening and hang up on every client; harmless when it does not run."""
        if self._http:
            self._http.stop()
            self._http = None

    def truth(self) -> list[bytes]:
        """The records that the source holds now, each as the bytes that are served; all in memory.

        With drift they change: this is what the last request found.
        """
        records = self._drift.now() if self._drift else self.records
        return records.slice(0, records.count)

    def steady_truth(self) -> list[bytes]:
        """The records that are there from the first request to the last, whatever drift there is."""
        records = self._drift.throughout() if self._drift else self.records
        return records.slice(0, records.count)

    @property
    def record_count(self) -> int:
        """How many records the source holds now."""
        return (self._drift.now() if self._drift else self.records).count

    @property
    def username(self) -> str:
        """Who may log in."""
        return self._credentials.username

    @property
    def password(self) -> str:
        """By which password."""
        return self._credentials.password

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            ConfigurationError: It does not run.
        """
        if not self._http:
            raise ConfigurationError("the simulator does not run: start it first")
        return int(self._http.server_address[1])

    @property
    def base_url(self) -> str:
        """Such as ``http://127.0.0.1:40123``."""
        host = self._address[0]
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def login_url(self) -> str:
        """Where a username and a password buy a token."""
        return f"{self.base_url}/login"

    @property
    def data_url(self) -> str:
        """Where the pages are."""
        return f"{self.base_url}/data"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _play(self, plan: FaultPlan) -> None:
        """What goes wrong from now on, and what follows from that."""
        self.plan = plan
        self.tokens = TokenIssuer(self._signing_key, self.settings.token_life(plan), self._clock)
        self.records = odd_records(plan, self._genuine)
        self._drift = drift_of(plan, self.records)

    def _simulator(self) -> Simulator:
        settings = self.settings
        auth = AuthSimulator(self._credentials, self.tokens, self.plan)
        unstable = unstable_simulator(
            settings, self.tokens, self.records, self.plan, drift=self._drift, clock=self._clock
        )
        description = describe_both(max_limit=settings.max_limit, overrides=settings.allow_overrides)
        combined = CombinedSimulator(auth, unstable, description)
        return LocalPage(self, combined) if self._has_page else combined


class _HttpServer(ThreadingMixIn, HTTPServer):
    request_queue_size = BACKLOG

    def __init__(self, address: tuple[str, int], simulator: Simulator, log: RequestLog, clock: Clock) -> None:
        self.simulator = simulator
        self.log = log
        self.clock = clock
        self._open: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._acceptor = threading.Thread(target=self.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, SimulatorHandler)

    def start(self) -> None:
        self._acceptor.start()

    def stop(self) -> None:
        self.shutdown()
        self._acceptor.join(_JOIN_SECONDS)
        self.server_close()
        with self._lock:
            connections = dict(self._open)
        for connection, thread in connections.items():
            _hang_up(connection)
            thread.join(_JOIN_SECONDS)

    def server_bind(self) -> None:
        # HTTPServer would look its own name up, which can take seconds without a name server.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: _Request, client_address: object) -> None:
        # Entered here, by the thread that accepts: after its end none can be missing for the hanging up.
        worker = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        with self._lock:
            self._open[_tcp(request)] = worker
        worker.start()

    def process_request_thread(self, request: _Request, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.pop(_tcp(request), None)

    def shutdown_request(self, request: _Request) -> None:
        linger = _tcp(request).getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(LINGER_ZERO))
        if linger == LINGER_ZERO:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: _Request, client_address: object) -> None:
        # A client that hangs up is everyday life here.
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            _logger.error("a connection failed")


def _tcp(request: _Request) -> socket.socket:
    return cast("socket.socket", request)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was faster


def _loopback(host: str) -> str:
    if host == "localhost":
        return "127.0.0.1"
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ConfigurationError(f"{host!r} is no loopback address: the simulator serves this machine only")
    return host
