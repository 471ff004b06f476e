"""What an answer is that is not what was described: for its message, and to tell a mistake from trouble.

A source in trouble answers with something else for a while: a page for people, an error with status 200,
half an object. That passes. An answer that is sound and has its records elsewhere, or is of another kind, is
as the source means it: then the description is wrong, and no patience mends that.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from de_classes.errors import MalformedDataError
from de_classes.redaction import excerpt, shared_filter
from de_classes.utils.strict_json import loads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LOOKED_AT: Final = 64 * 1024
_DEPTH: Final = 4
_NAMED_AT_MOST: Final = 5
ERROR_NAMES: Final = ("errors", "error", "Error", "fault", "exception")
"""By which an answer of status 200 says that it is an error."""
_SUCCESS_NAMES: Final = ("ok", "success")
_PARTIAL_NAMES: Final = ("incomplete_results", "partial", "partial_results", "timed_out", "is_partial")
# Compiled when they are needed, which few processes live to see: each costs a start half a millisecond.
_PASSWORD: Final = rb"""(?i)<input[^>]*\btype\s*=\s*["']?password\b"""
_TITLE: Final = rb"(?i)<title[^>]*>([^<]*)</title"
_HTML: Final = rb"(?is)\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html\b)"


def says_error(answer: Any) -> bool:  # noqa: ANN401 - a JSON value
    """Whether a JSON answer of status 200 says that it is an error."""
    if not isinstance(answer, dict):
        return False
    return _error_name(answer) is not None


def beside_records(answer: Any) -> str | None:  # noqa: ANN401 - a JSON value
    """What an answer says beside its records that makes them doubtful; None for nothing.

    That is an error, or one of the usual flags of partial results.
    """
    if not isinstance(answer, dict):
        return None
    found = _error_name(answer)
    flag = next((name for name in _PARTIAL_NAMES if answer.get(name) is True), None)
    name = found or flag
    if name is None:
        return None
    return f"{name!r}: {shared_filter().text(excerpt(str(answer[name]), 120))}"


def lists_of_objects(answer: Any) -> list[str]:  # noqa: ANN401 - a JSON value
    """The paths of what may be the records, ``@`` for the answer itself; none where it is an error."""
    if says_error(answer):
        return []
    found = _lists_in(answer, "", _DEPTH)
    return [path or "@" for path, _ in zip(found, range(_NAMED_AT_MOST), strict=False)]


def other_kind(body: bytes, headers: Mapping[str, str], kind: str) -> str | None:
    """Another kind of answer that a body is, of those that a description can say; None for anything else.

    Args:
        body: In UTF-8.
        headers: Its answer's, names in lower case.
        kind: What it was read as, in vain.
    """
    said = headers.get("content-type", "").lower()
    start = body.lstrip()[:1]
    seems = None
    if start == b"<":
        seems = None if is_page(body) else "xml"
    elif start in {b"{", b"["}:
        seems = _json_kind(body)
    elif "csv" in said:
        seems = "csv"
    return seems if seems != kind else None


def is_page(body: bytes) -> bool:
    """Whether a body is HTML, which no description can say."""
    return re.match(_HTML, body[:_LOOKED_AT]) is not None


def asks_for_a_login(body: bytes) -> bool:
    """Whether a page is a form for people to log in by."""
    return is_page(body) and re.search(_PASSWORD, body[:_LOOKED_AT]) is not None


def title_of(body: bytes) -> str:
    """What a page is called, for a message; nothing if it does not say."""
    found = re.search(_TITLE, body[:_LOOKED_AT])
    title = excerpt(found[1].decode("utf-8", "replace").strip(), 60) if found else ""
    return f" '{title}'" if title else ""


def _error_name(answer: Mapping[str, Any]) -> str | None:
    denied = (name for name in _SUCCESS_NAMES if answer.get(name) is False)
    return next((name for name in ERROR_NAMES if answer.get(name)), None) or next(denied, None)


def _json_kind(body: bytes) -> str | None:
    try:
        return None if says_error(loads(body)) else "json"
    except MalformedDataError:
        pass
    first, _, rest = body.strip().partition(b"\n")
    try:
        loads(first)
    except MalformedDataError:
        return None
    return "jsonl" if rest.lstrip().startswith(b"{") else None


def _lists_in(value: Any, path: str, depth: int) -> Iterator[str]:  # noqa: ANN401 - a JSON value
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        yield path
    elif isinstance(value, dict) and depth:
        for name, item in value.items():
            yield from _lists_in(item, f"{path}.{name}" if path else str(name), depth - 1)
