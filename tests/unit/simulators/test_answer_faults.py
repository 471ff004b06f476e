from __future__ import annotations

import socket
import tracemalloc

import pytest

from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.faults import Fault, FaultContext, FaultParameters
from de_classes.simulators.http_handler import WireSocket
from de_classes.simulators.messages import json_response
from de_classes.utils.clock import ManualClock

GIB = 2**30


class CountingConnection:
    """Forgets what is sent, but for its length."""

    def __init__(self) -> None:
        self.sent = 0
        self.largest = 0

    def send(self, data: bytes) -> None:
        self.sent += len(data)
        self.largest = max(self.largest, len(data))

    def pause(self, seconds: float) -> None:
        raise AssertionError(f"nothing should wait, least of all {seconds} s")

    def reset(self) -> None:
        raise AssertionError("nothing should be reset")


def sent(name: str, size: int) -> tuple[CountingConnection, int]:
    """What goes out, and the most memory that it took, in bytes."""
    fault = CATALOGUE.named(name)
    assert isinstance(fault, Fault)
    context = FaultContext(7, 1, 1, 1, parameters=FaultParameters(huge_body_bytes=size))
    answer = fault.play(context, lambda: json_response(200, b'{"data":[]}'))
    assert answer.wire
    connection = CountingConnection()
    tracemalloc.start()
    answer.wire(connection, answer)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return connection, peak


def test_F19_a_gibibyte_is_never_in_memory() -> None:
    connection, peak = sent("huge-body", GIB)

    assert GIB < connection.sent < GIB + 1000
    assert connection.largest <= 65_536
    assert peak < 1_000_000


def test_F19_a_gzip_bomb_is_packed_as_it_goes() -> None:
    connection, peak = sent("gzip-bomb", 2**26)

    assert 2**26 / 1100 < connection.sent < 2**26 / 500
    assert peak < 1_000_000


def test_a_pause_ends_when_the_client_is_gone() -> None:
    ours, theirs = socket.socketpair()
    clock = ManualClock()
    with ours:
        theirs.close()
        with pytest.raises(ConnectionError, match="gone"):
            WireSocket(ours, clock).pause(3600)
    assert clock.sleeps == [1.0]


def test_a_pause_lasts_as_long_as_the_client_stays() -> None:
    ours, theirs = socket.socketpair()
    clock = ManualClock()
    with ours, theirs:
        theirs.send(b"GET / HTTP/1.1\r\n")
        WireSocket(ours, clock).pause(2.25)
    assert clock.sleeps == [1.0, 1.0, 0.25]
