"""Answers of status 200 whose body is not the promised one."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from msgspec.structs import replace

from de_classes.simulators.fault_kinds import Fault
from de_classes.simulators.messages import SimResponse, json_response
from de_classes.simulators.pages import PAGE_END, RECORDS_FIELD

if TYPE_CHECKING:
    from de_classes.simulators.fault_kinds import FaultContext, Genuine, Play

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


def _fault(name: str, catalogue_id: str, summary: str, play: Play, *, loopback_only: bool = False) -> Fault:
    return Fault(
        name=name,
        catalogue_ids=(catalogue_id,),
        summary=summary,
        play=play,
        cured_by_retry=True,
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
