"""Text as it may be shown: no credential in it, and nothing that a terminal would act on.

Credentials are known by their look, by the name they go by, and by being told. A server, a store or a file
chooses the text that we quote of it: printed as it is, it could move the cursor, colour or hide what stands
around it, turn the order of letters round, or begin a line that looks like one of ours.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import math
import re
import threading
import traceback
import weakref
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK = "***"
MAX_SECRETS = 64
SHORTEST_SECRET = 4
SHORTEST_PART = 8
MAX_DEPTH = 20

_HOLDER = "de_classes.redaction"
_NAMES = (
    r"(?:password|passwd|passphrase|pwd|secret|token|credential|authorization|cookie|signature"
    r"|(?:api|access|account|auth|private|signing|encryption)[_-]?key)[\w.-]{0,40}"
)
_QUERY_NAMES = r"(?:key|sig|code|auth|session|sid|jwt|assertion)"
_SENSITIVE_NAME = re.compile(_NAMES, re.IGNORECASE)
_SENSITIVE_HEADER = re.compile(
    r"auth(?!or(?!i[sz]))|cookie|credential|jwt|key|pass(?:word|wd|phrase|code)|pwd|secret|session|signature|token",
    re.IGNORECASE,
)
_SENSITIVE_QUERY_NAME = re.compile(_QUERY_NAMES, re.IGNORECASE)
_VALUE = r"""(?:[bru]?(?P<{0}>\\*["'])(?:(?!(?P={0}))(?:\\.|.))*(?:(?P={0})|\Z)|{1})"""


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """What credentials look like, and what stands in their place: a run that warns of nothing needs none."""
    return tuple(
        (re.compile(pattern, re.IGNORECASE | re.DOTALL), replacement)
        for pattern, replacement in (
            # A header that is a whole line, such as "Authorization: AWS4-HMAC-SHA256 Credential=..., ..."
            (
                r"""\b((?:proxy-)?authorization|(?:set-)?cookie)(\s*[:=]\s*)[^\s"'][^\r\n"']*""",
                rf"\1\2{MASK}",
            ),
            (r"""\b(bearer|basic)(\s+)[^\s"',;]{6,}""", rf"\1\2{MASK}"),
            (r"\beyJ[\w-]{5,}(?:\.[\w-]*){0,4}", MASK),
            (r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", MASK),
            (
                rf"""({_NAMES})(\\*["'])?(\s*(?:=>|[=:])\s*)""" + _VALUE.format("quote", r"[^\s&]+"),
                rf"\1\2\3\g<quote>{MASK}\g<quote>",
            ),
            (
                rf"""((?P<name_quote>["'])[\w.-]{{0,20}}?{_NAMES}(?P=name_quote)\s*,\s*)"""
                + _VALUE.format("quote", r"(?!)"),
                rf"\1\g<quote>{MASK}\g<quote>",
            ),
            (r"""://[^\s/?#"']*@""", f"://{MASK}@"),
            (rf"""([?&]{_QUERY_NAMES}=)[^\s&"'#]+""", rf"\1{MASK}"),
        )
    )


# Unicode's controls (C0, DEL, C1), line and paragraph separators, lone surrogates, and the format characters
# that nobody sees: direction, joiners and zero widths, soft hyphen, tags. Not the few that are drawn, such as
# the Arabic number sign, and no letter, mark or space of any script.
_UNSEEN = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\xad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb"
    "\\U00013430-\\U0001343f\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e007f\\ud800-\\udfff]"
)
_UNSEEN_IN_LINES = re.compile(_UNSEEN.pattern.replace("[\\x00-\\x1f", "[\\x00-\\x08\\x0b-\\x1f", 1))


class RedactingFilter(logging.Filter):
    """Masks credentials in a record before anything formats it. Safe among threads.

    Masked are: Bearer and Basic tokens, JSON Web Tokens, AWS access keys, whatever goes by a name
    such as password, secret, token, authorization or api-key (in text, JSON, headers, queries and
    ``extra``), the user part of URLs, and every secret that ``register`` was told. A registered secret
    is found as it is, in lower case, percent-encoded and escaped in JSON or in Python's repr. What a
    terminal would act on is escaped, see ``escaped``; lines stay lines.

    The record itself is changed, so that no handler further on, nor logging's own error report,
    shows what this one has hidden.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._passing: OrderedDict[str, set[str]] = OrderedDict()
        self._lasting: OrderedDict[str, set[str]] = OrderedDict()
        self._longest_first: tuple[str, ...] = ()
        self._words: re.Pattern[str] | None = None
        self._masked = threading.local()

    def register(self, secret: str, *, lasting: bool = False) -> None:
        """Mask this text from now on.

        The latest ``MAX_SECRETS`` are remembered: register a password again with each token it buys.
        Text below ``SHORTEST_SECRET`` characters is not taken, since it would mask half of every line; and
        below ``SHORTEST_PART`` it is masked as a word alone, for the same reason.

        Args:
            secret: The text.
            lasting: It was given once, for good: only others that are lasting count against it.
        """
        if len(secret) < SHORTEST_SECRET:
            return
        with self._lock:
            kept = self._lasting if lasting else self._passing
            kept[secret] = kept.get(secret) or _forms(secret)
            kept.move_to_end(secret)
            while len(kept) > MAX_SECRETS:
                kept.popitem(last=False)
            self._look_for_them()

    @contextmanager
    def forgetting(self) -> Iterator[None]:
        """Forget at its end what was registered within it, as tests do that share a process."""
        before = self._passing.copy(), self._lasting.copy()
        try:
            yield
        finally:
            with self._lock:
                if before != (self._passing, self._lasting):
                    self._passing, self._lasting = before
                    self._look_for_them()

    def _look_for_them(self) -> None:
        known = (*self._passing.values(), *self._lasting.values())
        every = {form for forms in known for form in forms}
        self._longest_first = tuple(sorted(every, key=len, reverse=True))
        short = [re.escape(form) for form in self._longest_first if len(form) < SHORTEST_PART]
        self._words = re.compile(rf"(?<!\w)(?:{'|'.join(short)})(?!\w)") if short else None

    def registered(self, text: str) -> str:
        """The text with the registered secrets masked, and nothing else changed."""
        for secret in self._longest_first:
            if len(secret) >= SHORTEST_PART:
                text = text.replace(secret, MASK)
        return text if self._words is None else self._words.sub(MASK, text)

    def text(self, text: str) -> str:
        """The text with its credentials masked, and with what a terminal would act on escaped."""
        text = self.registered(text)
        for pattern, replacement in _patterns():
            text = pattern.sub(replacement, text)
        return escaped_lines(text)

    def holds_secret(self, text: str) -> bool:
        """Whether a registered secret is in the text, in any of its forms: whether it would be masked."""
        return self.registered(text) != text

    def value(self, value: object, depth: int = MAX_DEPTH) -> object:
        """A copy that is made of JSON's types, with its credentials masked.

        Args:
            value: Anything; what JSON does not know is taken as its text.
            depth: How many levels are followed.
        """
        if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
            return value
        if depth == 0:
            return "..."
        if isinstance(value, Mapping):
            return {self.text(_as_text(k)): self._named(_as_text(k), v, depth - 1) for k, v in value.items()}
        if isinstance(value, (Sequence, AbstractSet)) and not isinstance(value, (str, bytes, bytearray)):
            return [self.value(item, depth - 1) for item in value]
        return self.text(_as_text(value))

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record in place, and let it pass; on its way it meets this filter more than once."""
        last: weakref.ref[logging.LogRecord] | None = getattr(self._masked, "last", None)
        if last is None or last() is not record:
            self._mask(record)
            self._masked.last = weakref.ref(record)
        return True

    def _mask(self, record: logging.LogRecord) -> None:
        record.msg, record.args = self._message(record), ()
        if isinstance(record.exc_info, tuple) and record.exc_info[0]:
            record.exc_text = self.text("".join(traceback.format_exception(*record.exc_info)).rstrip("\n"))
        if record.stack_info:
            record.stack_info = self.text(record.stack_info)
        for name in record.__dict__.keys() - _STANDARD:
            record.__dict__[name] = self._named(name, record.__dict__[name], MAX_DEPTH)

    def _named(self, name: str, value: object, depth: int) -> object:
        if _SENSITIVE_NAME.search(name) and value is not None and not isinstance(value, bool):
            return MASK
        return self.value(value, depth)

    def _message(self, record: logging.LogRecord) -> object:
        if isinstance(record.msg, Mapping) and not record.args:
            return self.value(record.msg)
        try:
            return self.text(record.getMessage())
        except Exception:  # noqa: BLE001 - whatever a bad format or __str__ raises, the line must not leak
            return self.text(f"{_as_text(record.msg)} [its arguments do not fit]")


def shared_filter() -> RedactingFilter:
    """The process's one filter, also when this module was loaded twice or reloaded."""
    holder = logging.getLogger(_HOLDER)  # loggers live as long as the process, whoever imports what
    if not holder.filters:
        holder.addFilter(RedactingFilter())
    return cast("RedactingFilter", holder.filters[0])


def is_secret_name(name: str) -> bool:
    """Whether what goes by this name in a URL's query is masked."""
    return bool(_SENSITIVE_NAME.search(name) or _SENSITIVE_QUERY_NAME.fullmatch(name))


def is_secret_header(name: str) -> bool:
    """Whether a request header of this name is taken to carry a credential."""
    return bool(_SENSITIVE_HEADER.search(name))


def redact(secret: str, *, lasting: bool = False) -> None:
    """Mask this secret in every log line and error from now on; see ``RedactingFilter.register``."""
    shared_filter().register(secret, lasting=lasting)


def redact_header(value: str) -> None:
    """Mask the value of a request header from now on, and each credential in it."""
    for secret in (value, *_credentials_in(value)):
        redact(secret, lasting=True)


def escaped(text: str) -> str:
    """The text on one line: what a terminal would act on is spelled as Python spells it in a string."""
    return text if text.isascii() and text.isprintable() else _UNSEEN.sub(_as_python, text)


def escaped_lines(text: str) -> str:
    """The same for text that is meant to have several lines: newlines and tabs stay."""
    return _UNSEEN_IN_LINES.sub(_as_python, text)


def escaped_json(text: str) -> str:
    """JSON of the same value, with nothing in it that a terminal would act on.

    Args:
        text: Compact JSON; what it needs to escape stands in strings alone.
    """
    return _UNSEEN.sub(_as_json, text)


def printable(text: str) -> str:
    """Text that may hold foreign text, fit to be shown: on one line, without registered secrets."""
    return escaped(shared_filter().registered(text))


def excerpt(text: str, length: int) -> str:
    """The first characters of foreign text; cut after masking, so that no part of a secret is left."""
    return printable(text)[:length]


_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def _as_text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a __str__ may raise anything, and a log call must not
        return f"<{type(value).__name__}>"


def _credentials_in(value: str) -> Iterator[str]:
    """What a server could repeat of a header without the rest of it."""
    scheme, space, credentials = value.partition(" ")
    if space and scheme.lower() == "basic":
        yield from _login_in(credentials)
    if space:
        yield credentials.strip()
    yield from (pair.partition("=")[2].strip('" ') for pair in re.split("[;,]", value))


def _login_in(credentials: str) -> Iterator[str]:
    try:
        login = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, ValueError):
        return
    yield login
    yield login.partition(":")[2]


def _forms(secret: str) -> set[str]:
    spelled = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    encoded = {_percent(secret, safe=safe) for safe in ("-._~", "-._~/")}
    return {secret, secret.lower(), *spelled, *encoded, *(form.replace("%20", "+") for form in encoded)}


def _percent(text: str, *, safe: str) -> str:
    data = text.encode(errors="surrogatepass")
    return "".join(chr(b) if b < 128 and (chr(b).isalnum() or chr(b) in safe) else f"%{b:02X}" for b in data)  # noqa: PLR2004 - ASCII


def _as_python(found: re.Match[str]) -> str:
    return repr(found.group())[1:-1]


def _as_json(found: re.Match[str]) -> str:
    units = found.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
