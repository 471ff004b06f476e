"""Answers that are not what they promise, or are and look odd: bodies, headers, and bytes on the wire."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from de_classes.simulators.faults import Fault, FaultContext
from de_classes.simulators.messages import SimResponse, WireConnection, error_response, json_response
from de_classes.simulators.pages import PAGE_END, RECORDS_FIELD
from de_classes.simulators.status_faults import http_date

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.simulators.faults import Genuine, Play

NESTING = 100_000
DIGITS = 5_000

GZIP_WINDOW = 31  # zlib's way to ask for gzip
_GZIP_TRAILER_BYTES = 8
_LOGIN_PAGE = (
    b"<!doctype html><html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>"
)


def gzipped(answer: SimResponse, body: bytes) -> SimResponse:
    """The answer with a body that is called gzip."""
    return replace(answer, headers={**answer.headers, "Content-Encoding": "gzip"}, body=body)


def _truncated_gzip(_: FaultContext, genuine: Genuine) -> SimResponse:
    answer = genuine()
    packed = zlib.compress(answer.body, wbits=GZIP_WINDOW)
    return gzipped(answer, packed[: len(packed) // 2])


def _bad_checksum(_: FaultContext, genuine: Genuine) -> SimResponse:
    answer = genuine()
    packed = bytearray(zlib.compress(answer.body, wbits=GZIP_WINDOW))
    packed[-_GZIP_TRAILER_BYTES] ^= 0xFF
    return gzipped(answer, bytes(packed))


def _html(_: FaultContext, __: Genuine) -> SimResponse:
    return SimResponse(200, {"Content-Type": "text/html; charset=utf-8"}, _LOGIN_PAGE)


def _empty(_: FaultContext, genuine: Genuine) -> SimResponse:
    return replace(genuine(), body=b"")


def _error_with_200(_: FaultContext, __: Genuine) -> SimResponse:
    return json_response(200, {"error": {"code": "internal", "message": "the query failed; try again"}})


def _empty_page(_: FaultContext, genuine: Genuine) -> SimResponse:
    answer = genuine()
    head, found, _records = answer.body.partition(RECORDS_FIELD)
    return replace(answer, body=head + found + PAGE_END) if found else answer


def _with_odd_field(value: bytes) -> Play:
    # Beside the genuine records, so that a reader whom it does not trouble still gets the right page.
    def play(_: FaultContext, genuine: Genuine) -> SimResponse:
        answer = genuine()
        return replace(answer, body=b'{"debug":' + value + b"," + answer.body[1:])

    return play


def _fault(
    name: str,
    catalogue_id: str,
    summary: str,
    play: Play,
    *,
    lasts: bool = False,
    loopback_only: bool = False,
) -> Fault:
    return Fault(
        name=name,
        catalogue_ids=(catalogue_id,),
        summary=summary,
        play=play,
        cured_by_retry=not lasts,
        loopback_only=loopback_only,
    )


# API Gateway hands binary bodies on only where it is told the types, and it is not.
BODY_FAULTS = (
    _fault("truncated-gzip", "F14", "gzip that stops half way", _truncated_gzip, loopback_only=True),
    _fault("bad-gzip-checksum", "F15", "gzip whose checksum is wrong", _bad_checksum, loopback_only=True),
    _fault("html-page", "F17", "200 with an HTML page", _html),
    _fault("empty-body", "F17", "200 with no body", _empty),
    _fault("error-200", "F18", '200 with {"error": ...}', _error_with_200),
    _fault(
        "deep-nesting",
        "F20",
        f"a page that also holds lists {NESTING:,} deep",
        _with_odd_field(b"[" * NESTING + b"]" * NESTING),
    ),
    _fault(
        "long-integer",
        "F20",
        f"a page that also holds an integer of {DIGITS:,} digits",
        _with_odd_field(b"9" * DIGITS),
    ),
    _fault("empty-page", "F21", "a page without its records, until it is asked for again", _empty_page),
)


MANY_HEADERS = 150
LARGE_HEADER = 70_000
AHEAD = timedelta(hours=1)

_GZIP_WINDOW, _RAW_WINDOW = 31, -15
_PADDING = bytes(512)
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_HEAD = b"\xa0"  # one segment, whose size is written in four bytes
_ZSTD_BLOCK = 65_536
_ESCAPES = "\x1b[2J\x1b]0;yours\x07 refused, on purpose \u202e"
_BEYOND_LATIN = re.compile(r"[^\x00-\xff]")


def _redirect_within(context: FaultContext, genuine: Genuine) -> SimResponse:
    if context.attempt % 2 == 0:
        return genuine()  # as it was led here
    return error_response(
        307, "it is here", headers={"Location": f"?page={context.page}&limit={context.limit}"}
    )


def _coded(coding: str, encode: Callable[[bytes], bytes]) -> Play:
    def play(_: FaultContext, genuine: Genuine) -> SimResponse:
        answer = genuine()
        return replace(
            answer, headers={**answer.headers, "Content-Encoding": coding}, body=encode(answer.body)
        )

    return play


def _deflated(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=_RAW_WINDOW)
    return packer.compress(body) + packer.flush()


def _padded(_: FaultContext, genuine: Genuine) -> SimResponse:
    answer = genuine()
    return gzipped(answer, zlib.compress(answer.body, wbits=_GZIP_WINDOW) + _PADDING)


def zstandard(body: bytes) -> bytes:
    """The body as Zstandard that stores it: no library of Python 3.11 writes any."""
    blocks = [body[start : start + _ZSTD_BLOCK] for start in range(0, len(body), _ZSTD_BLOCK)] or [b""]
    framed = (
        (len(block) << 3 | (number == len(blocks))).to_bytes(3, "little") + block
        for number, block in enumerate(blocks, start=1)
    )
    return _ZSTD_MAGIC + _ZSTD_HEAD + len(body).to_bytes(4, "little") + b"".join(framed)


def _marked(_: FaultContext, genuine: Genuine) -> SimResponse:
    answer = genuine()
    return replace(answer, body=b"\xef\xbb\xbf" + answer.body)


def _latin(text: str) -> bytes:
    spelled = _BEYOND_LATIN.sub(lambda found: _spelled(found[0]), text)
    return spelled.encode("iso-8859-1")


def _spelled(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def _in_charset(charset: str, encode: Callable[[str], bytes]) -> Play:
    def play(_: FaultContext, genuine: Genuine) -> SimResponse:
        answer = genuine()
        headers = {**answer.headers, "Content-Type": f"application/json; charset={charset}"}
        return replace(answer, headers=headers, body=encode(answer.body.decode()))

    return play


def _with_headers(headers: dict[str, str]) -> Play:
    def play(_: FaultContext, genuine: Genuine) -> SimResponse:
        answer = genuine()
        return replace(answer, headers={**answer.headers, **headers})

    return play


def _other_clock(context: FaultContext, _: Genuine) -> SimResponse:
    there = context.now + AHEAD.total_seconds()
    headers = {"Date": http_date(there), "Retry-After": http_date(there + context.retry_after)}
    return error_response(429, "too many requests; slow down", headers=headers)


def _elsewhere(_: FaultContext, genuine: Genuine) -> SimResponse:
    answer = genuine()
    return replace(answer, body=answer.body.replace(RECORDS_FIELD, b'"results":[', 1))


def _as_array(_: FaultContext, genuine: Genuine) -> SimResponse:
    answer = genuine()
    page = msgspec.json.decode(answer.body, type=dict[str, msgspec.Raw])
    return replace(answer, body=bytes(page.get("data", b"[]")))


def _as_xml(_: FaultContext, __: Genuine) -> SimResponse:
    orders = b'<?xml version="1.0"?><orders><order><id>1</id></order><order><id>2</id></order></orders>'
    return SimResponse(200, {"Content-Type": "application/xml"}, orders)


def _escapes(_: FaultContext, __: Genuine) -> SimResponse:
    return SimResponse(400, {"Content-Type": "text/plain; charset=utf-8"}, _ESCAPES.encode())


# API Gateway hands no binary bodies on, has a clock of its own, and bounds all headers to 10 kB.
HTTP_FAULTS = (
    _fault("redirect-within", "F81", "redirects a page to itself, on the same origin", _redirect_within),
    _fault(
        "raw-deflate",
        "F82",
        "deflate without the head of zlib",
        _coded("deflate", _deflated),
        loopback_only=True,
    ),
    _fault(
        "gzip-announced",
        "F82",
        "a plain body that is announced as gzip",
        _coded("gzip", bytes),
        loopback_only=True,
    ),
    _fault("gzip-padded", "F82", "gzip with zeros behind it", _padded, loopback_only=True),
    _fault(
        "zstd-unasked", "F82", "Zstandard, unasked", _coded("zstd", zstandard), lasts=True, loopback_only=True
    ),
    _fault("byte-order-mark", "F83", "a byte order mark before the JSON", _marked),
    _fault(
        "charset-latin-1",
        "F83",
        "JSON in ISO-8859-1, as its header says",
        _in_charset("iso-8859-1", _latin),
        loopback_only=True,
    ),
    _fault(
        "charset-utf-16",
        "F83",
        "JSON in UTF-16, as its header says",
        _in_charset("utf-16", lambda text: text.encode("utf-16")),
        loopback_only=True,
    ),
    _fault(
        "many-headers",
        "F84",
        f"{MANY_HEADERS} headers beside a page",
        _with_headers({f"X-Trace-{number}": str(number) for number in range(MANY_HEADERS)}),
        loopback_only=True,
    ),
    _fault(
        "large-header",
        "F84",
        f"a header of {LARGE_HEADER:,} bytes beside a page",
        _with_headers({"X-Context": "c" * LARGE_HEADER}),
        loopback_only=True,
    ),
    _fault("records-elsewhere", "F85", "the records are in results, not in data", _elsewhere, lasts=True),
    _fault("array-page", "F85", "a page is the list of its records alone", _as_array, lasts=True),
    _fault("xml-page", "F85", "a page is XML", _as_xml, lasts=True),
    _fault(
        "retry-after-other-clock",
        "F86",
        "answers 429 with Retry-After as a date, by a clock that is an hour ahead, as Date shows",
        _other_clock,
        loopback_only=True,
    ),
    _fault("terminal-codes", "F96", "answers 400 with what a terminal would act on", _escapes, lasts=True),
)


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
    """Be silent for as long as the parameters say, then close without a byte."""
    connection.pause(context.parameters.hang_seconds)


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
    slow = min(context.parameters.drip_bytes, len(answer.body))
    for position in range(slow):
        connection.pause(context.parameters.drip_seconds)
        connection.send(answer.body[position : position + 1])
    connection.send(answer.body[slow:])


def _huge(context: FaultContext, connection: WireConnection, answer: SimResponse) -> None:
    padding = max(0, context.parameters.huge_body_bytes - len(answer.body))
    connection.send(_head(answer, "Content-Length", str(len(answer.body) + padding)) + answer.body)
    for blanks in _blanks(padding):
        connection.send(blanks)


def _gzip_bomb(context: FaultContext, connection: WireConnection, answer: SimResponse) -> None:
    packed = replace(answer, headers={**answer.headers, "Content-Encoding": "gzip"})
    connection.send(_head(packed, "Transfer-Encoding", "chunked"))
    for piece in _packed(answer.body, context.parameters.huge_body_bytes - len(answer.body)):
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


def _wire_fault(name: str, catalogue_id: str, summary: str, behave: Behave) -> Fault:
    return Fault(
        name=name,
        catalogue_ids=(catalogue_id,),
        summary=summary,
        play=on_wire(behave),
        cured_by_retry=True,
        loopback_only=True,
    )


EMPTY_REPLY = _wire_fault("empty-reply", "F10", "closes without a byte", _hang_up)
RESET = _wire_fault("reset", "F11", "resets the connection unanswered", _reset)

WIRE_FAULTS = (EMPTY_REPLY, RESET)
MORE_WIRE_FAULTS = (
    _wire_fault("garbage-reply", "F10", "sends random bytes and closes", _garbage),
    _wire_fault("short-body", "F11", "closes half way through Content-Length", _short_body),
    _wire_fault("reset-mid-body", "F11", "resets half way through Content-Length", _reset_mid_body),
    _wire_fault("cut-chunked", "F12", "closes half way through a chunked body", _cut_chunked),
    _wire_fault("cut-body", "F13", "closes half way through a body without Content-Length", _cut_unframed),
    _wire_fault("slow-drip", "F16", "sends the body's first bytes one by one, then the rest", _drip),
    _wire_fault("huge-body", "F19", "the page, and blanks up to a size (1 GiB)", _huge),
    _wire_fault("gzip-bomb", "F19", "the same blanks as gzip, a thousand times smaller", _gzip_bomb),
)
EARLY_FAULTS = (_wire_fault("early-hints-103", "F78", "sends 102 and 103 before the answer", _early),)
