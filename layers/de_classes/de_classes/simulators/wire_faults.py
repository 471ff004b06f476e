"""Faults below HTTP, which only the loopback server can play."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from msgspec.structs import replace

from de_classes.simulators.body_faults import GZIP_WINDOW
from de_classes.simulators.fault_kinds import Fault, FaultContext
from de_classes.simulators.messages import SimResponse, WireConnection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.simulators.fault_kinds import Genuine, Play

Behave = Callable[[FaultContext, WireConnection, SimResponse], None]

_CHUNK = 65_536
_GARBAGE_DIGESTS = 8
_CHUNKED_END = b"0\r\n\r\n"


def on_wire(behave: Behave) -> Play:
    """A fault that takes over the connection, given what would have been answered."""

    def play(context: FaultContext, genuine: Genuine) -> SimResponse:
        return replace(genuine(), wire=partial(behave, context))

    return play


def hang(context: FaultContext, connection: WireConnection, _: SimResponse) -> None:
    """Be silent for as long as the dials say, then close without a byte."""
    connection.pause(context.dials.hang_seconds)


def _hang_up(_: FaultContext, connection: WireConnection, answer: SimResponse) -> None:
    """Say nothing; the server closes after it."""


def _reset(_: FaultContext, connection: WireConnection, __: SimResponse) -> None:
    connection.reset()


def _garbage(context: FaultContext, connection: WireConnection, _: SimResponse) -> None:
    which = f"{context.seed}|garbage|{context.page}|{context.attempt}"
    connection.send(
        b"".join(hashlib.blake2b(f"{which}|{n}".encode()).digest() for n in range(_GARBAGE_DIGESTS))
    )


def _short_body(_: FaultContext, connection: WireConnection, answer: SimResponse) -> None:
    connection.send(_head(answer, "Content-Length", str(len(answer.body))) + _half(answer))


def _reset_mid_body(context: FaultContext, connection: WireConnection, answer: SimResponse) -> None:
    _short_body(context, connection, answer)
    connection.reset()


def _cut_chunked(_: FaultContext, connection: WireConnection, answer: SimResponse) -> None:
    connection.send(_head(answer, "Transfer-Encoding", "chunked") + _chunked(_half(answer)))


def _cut_unframed(_: FaultContext, connection: WireConnection, answer: SimResponse) -> None:
    connection.send(_head(answer) + _half(answer))


def _drip(context: FaultContext, connection: WireConnection, answer: SimResponse) -> None:
    connection.send(_head(answer, "Content-Length", str(len(answer.body))))
    slow = min(context.dials.drip_bytes, len(answer.body))
    for position in range(slow):
        connection.pause(context.dials.drip_seconds)
        connection.send(answer.body[position : position + 1])
    connection.send(answer.body[slow:])


def _huge(context: FaultContext, connection: WireConnection, answer: SimResponse) -> None:
    padding = max(0, context.dials.huge_body_bytes - len(answer.body))
    connection.send(_head(answer, "Content-Length", str(len(answer.body) + padding)) + answer.body)
    for blanks in _blanks(padding):
        connection.send(blanks)


def _gzip_bomb(context: FaultContext, connection: WireConnection, answer: SimResponse) -> None:
    packed = replace(answer, headers={**answer.headers, "Content-Encoding": "gzip"})
    connection.send(_head(packed, "Transfer-Encoding", "chunked"))
    for piece in _packed(answer.body, context.dials.huge_body_bytes - len(answer.body)):
        connection.send(_chunked(piece))
    connection.send(_CHUNKED_END)


def _packed(body: bytes, padding: int) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=GZIP_WINDOW)
    yield packer.compress(body)
    for blanks in _blanks(padding):
        yield packer.compress(blanks)
    yield packer.flush()


def _blanks(count: int) -> Iterator[bytes]:
    """Blanks after JSON mean nothing, so the page stays the page; never more than a chunk in memory."""
    blanks = b" " * _CHUNK
    for position in range(0, count, _CHUNK):
        yield blanks[: count - position]


def _chunked(piece: bytes) -> bytes:
    # An empty chunk would end the body.
    return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""


def _early(_: FaultContext, connection: WireConnection, answer: SimResponse) -> None:
    connection.send(b"HTTP/1.1 102 Processing\r\n\r\n")
    connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
    connection.send(_head(answer, "Content-Length", str(len(answer.body))) + answer.body)


def _half(answer: SimResponse) -> bytes:
    return answer.body[: len(answer.body) // 2]


def _head(answer: SimResponse, *framing: str) -> bytes:
    fields = {**answer.headers, "Connection": "close"}
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    lines += [": ".join(framing)] if framing else []
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _fault(name: str, catalogue_id: str, summary: str, behave: Behave) -> Fault:
    return Fault(
        name=name,
        catalogue_ids=(catalogue_id,),
        summary=summary,
        play=on_wire(behave),
        cured_by_retry=True,
        loopback_only=True,
    )


EMPTY_REPLY = _fault("empty-reply", "F10", "closes without a byte", _hang_up)
RESET = _fault("reset", "F11", "resets the connection unanswered", _reset)

WIRE_FAULTS = (EMPTY_REPLY, RESET)
MORE_WIRE_FAULTS = (
    _fault("garbage-reply", "F10", "sends random bytes and closes", _garbage),
    _fault("short-body", "F11", "closes half way through Content-Length", _short_body),
    _fault("reset-mid-body", "F11", "resets half way through Content-Length", _reset_mid_body),
    _fault("cut-chunked", "F12", "closes half way through a chunked body", _cut_chunked),
    _fault("cut-body", "F13", "closes half way through a body without Content-Length", _cut_unframed),
    _fault("slow-drip", "F16", "sends the body's first bytes one by one, then the rest", _drip),
    _fault("huge-body", "F19", "the page, and blanks up to a size (1 GiB)", _huge),
    _fault("gzip-bomb", "F19", "the same blanks as gzip, a thousand times smaller", _gzip_bomb),
)
EARLY_FAULTS = (_fault("early-hints-103", "F78", "sends 102 and 103 before the answer", _early),)
