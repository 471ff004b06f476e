"""HTTP as it is: answers that are right, and written as few expect them."""

from __future__ import annotations

import re
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from de_classes.simulators.body_faults import gzipped
from de_classes.simulators.fault_kinds import Fault
from de_classes.simulators.messages import SimResponse, error_response
from de_classes.simulators.pages import RECORDS_FIELD
from de_classes.simulators.retry_after_faults import http_date

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.simulators.fault_kinds import FaultContext, Genuine, Play

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
