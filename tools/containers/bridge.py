"""One port of the bridge, led to a port of loopback: what listens there stays closed to other machines."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Self, cast

from localcloud.emulator import HOST

if TYPE_CHECKING:
    from types import TracebackType

CHUNK_BYTES = 65_536


class Forwarder(ThreadingTCPServer):
    """A context manager: inside it, connections to its port are led on.

    Args:
        address: To listen on; never a wildcard.
        target_port: Of loopback.
    """

    daemon_threads = True
    block_on_close = False  # a container may keep its connection open for good

    def __init__(self, address: str, target_port: int) -> None:
        super().__init__((address, 0), _Connection)
        self.target_port = target_port
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)

    @property
    def url(self) -> str:
        """Where containers find it."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Connection(BaseRequestHandler):
    def handle(self) -> None:
        port = cast("Forwarder", self.server).target_port
        try:
            target = socket.create_connection((HOST, port))
        except OSError:
            return  # it has ended; so does this connection
        with target:
            back = threading.Thread(target=_copy, args=(target, self.request), daemon=True)
            back.start()
            _copy(self.request, target)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    # Either side may be gone at any time; the other is told by the end of its stream.
    with suppress(OSError):
        while data := source.recv(CHUNK_BYTES):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
