from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.fakes.ports import nobody_listens
from tools.containers.bridge import Forwarder

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
MEGABYTE = 1024 * 1024
SECONDS = 60


def answer_in_capitals(listener: socket.socket) -> None:
    """Read one connection to its end, answer it, and close it."""
    connection, _ = listener.accept()
    with connection:
        received = b"".join(iter(lambda: connection.recv(4096), b""))
        connection.sendall(received.upper())


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as listener:
        thread = threading.Thread(target=answer_in_capitals, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(SECONDS)


def ask(forwarder: Forwarder, text: bytes) -> bytes:
    with socket.create_connection((HOST, forwarder.server_address[1]), timeout=SECONDS) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(4096), b""))


@pytest.mark.parametrize("size", [5, MEGABYTE])
def test_what_is_sent_arrives_and_what_is_answered_comes_back(port: int, size: int) -> None:
    with Forwarder(HOST, port) as forwarder:
        assert ask(forwarder, b"x" * size) == b"X" * size


def test_it_listens_on_the_address_that_it_is_given_and_stops_with_the_block(port: int) -> None:
    with Forwarder(HOST, port) as forwarder:
        address = forwarder.server_address
        assert forwarder.url == f"http://{HOST}:{address[1]}"
        ask(forwarder, b"")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, address[1]), timeout=SECONDS)


def test_a_target_that_is_gone_ends_the_connection() -> None:
    with nobody_listens() as address, Forwarder(HOST, int(address.rpartition(":")[2])) as forwarder:
        assert ask(forwarder, b"") == b""
