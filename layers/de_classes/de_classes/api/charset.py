"""The text of an answer, in UTF-8 whatever it was sent in: everything behind reads UTF-8 alone.

What counts is, in this order: a byte order mark; ``charset`` in the Content-Type; for XML the encoding that
it declares; the zeros that UTF-16 and UTF-32 put beside an ASCII character; and UTF-8 where nothing is said.
What is declared is believed, or refused if it is not known here: a wrong guess changes texts without a word.
"""

from __future__ import annotations

import codecs
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from de_classes.errors import MalformedDataError, ProtocolError
from de_classes.redaction import excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping

# Compiled when they are needed: each costs a start half a millisecond.
_CHARSET: Final = r"""(?i);\s*charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;,]+))"""
_XML_DECLARATION: Final = rb"\A\s*<\?xml\b[^>]*\?>"
_XML_ENCODING: Final = rb"""\A\s*<\?xml\b[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._-]+)["']"""
_FIRST_OF_A_MARK: Final = frozenset(b"\xef\xfe\xff\x00")
_UTF_8: Final = frozenset({"utf-8", "ascii"})
_NO_CHARSETS: Final = frozenset(
    {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"}
)


def in_utf8(body: bytes, headers: Mapping[str, str], *, is_xml: bool = False) -> bytes:
    """A body as UTF-8, without a byte order mark; the same bytes where it is that already.

    Args:
        body: As it came, decoded.
        headers: Its answer's, names in lower case.
        is_xml: Whether it may declare its encoding itself; the declaration is then left out.

    Raises:
        MalformedDataError: It is not what it is declared to be.
        ProtocolError: It is declared to be something that is not known here, and is not ASCII.
    """
    declared = _declared(headers.get("content-type", ""))
    if not is_xml:
        return _in_utf8(body, declared)
    said = re.match(_XML_ENCODING, body) if declared is None else None
    text = _in_utf8(body, said[1].decode("ascii") if said else declared)
    return re.sub(_XML_DECLARATION, b"", text)


def _in_utf8(body: bytes, declared: str | None) -> bytes:
    first = body[:4]
    is_marked = not _FIRST_OF_A_MARK.isdisjoint(first)
    if not is_marked and (declared is None or _known(declared) in _UTF_8):
        return body
    detected = json.detect_encoding(first) if is_marked else "utf-8"
    if detected == "utf-8-sig":
        return body[len(codecs.BOM_UTF8) :]
    charset = detected if detected != "utf-8" or declared is None else _known(declared)
    if charset is None:
        return _as_it_is(body, declared or "")
    return body if charset in _UTF_8 else _decoded(body, charset).encode()


def _decoded(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset)
    except UnicodeDecodeError as error:
        raise MalformedDataError(f"not {charset} at byte {error.start}, as it is declared to be") from error


def _as_it_is(body: bytes, declared: str) -> bytes:
    """ASCII is the same in nearly every charset, known or not."""
    if body.isascii():
        return body
    raise ProtocolError(
        f"the answer is declared to be in charset '{excerpt(declared, 40)}', which is not known here: ask "
        "the source for UTF-8, such as by a header Accept-Charset"
    )


@lru_cache(maxsize=16)
def _declared(content_type: str) -> str | None:
    found = re.search(_CHARSET, content_type)
    return next((name.strip() for name in found.groups() if name), None) if found else None


@lru_cache(maxsize=16)
def _known(charset: str) -> str | None:
    """Python's name of a charset; None for what is none, or not known."""
    try:
        found = codecs.lookup(charset)
    except (LookupError, ValueError):
        return None
    is_text = getattr(found, "_is_text_encoding", True)
    return found.name if is_text and found.name.replace("_", "-") not in _NO_CHARSETS else None
