"""Keeping credentials out of log lines: by their look, by the name they go by, and by being told."""

from __future__ import annotations

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
from typing import cast

MASK = "***"
MAX_SECRETS = 64
SHORTEST_SECRET = 4
MAX_DEPTH = 20

_HOLDER = "de_classes.redaction"
_NAMES = (
    r"(?:password|passwd|passphrase|pwd|secret|token|credential|authorization|cookie|signature"
    r"|(?:api|access|account|auth|private|signing|encryption)[_-]?key)[\w.-]{0,40}"
)
_QUERY_NAMES = r"(?:key|sig|code|auth|session|sid|jwt|assertion)"
_SENSITIVE_NAME = re.compile(_NAMES, re.IGNORECASE)
_SENSITIVE_QUERY_NAME = re.compile(_QUERY_NAMES, re.IGNORECASE)
_VALUE = r"""(?:[bru]?(?P<{0}>\\*["'])(?:(?!(?P={0}))(?:\\.|.))*(?:(?P={0})|\Z)|{1})"""
_PATTERNS = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), replacement)
    for pattern, replacement in (
        # A header that is a whole line, such as "Authorization: AWS4-HMAC-SHA256 Credential=..., ..."
        (r"""\b((?:proxy-)?authorization|(?:set-)?cookie)(\s*[:=]\s*)[^\s"'][^\r\n"']*""", rf"\1\2{MASK}"),
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


class RedactingFilter(logging.Filter):
    """Masks credentials in a record before anything formats it. Safe among threads.

    Masked are: Bearer and Basic tokens, JSON Web Tokens, AWS access keys, whatever goes by a name
    such as password, secret, token, authorization or api-key (in text, JSON, headers, queries and
    ``extra``), the user part of URLs, and every secret that ``register`` was told. A registered secret
    is found as it is, percent-encoded and escaped in JSON or in Python's repr.

    The record itself is changed, so that no handler further on, nor logging's own error report,
    shows what this one has hidden.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._forms: OrderedDict[str, set[str]] = OrderedDict()
        self._longest_first: tuple[str, ...] = ()
        self._masked = threading.local()

    def register(self, secret: str) -> None:
        """Mask this text from now on.

        The latest ``MAX_SECRETS`` are remembered: register a password again with each token it buys.
        Text below ``SHORTEST_SECRET`` characters is not taken, since it would mask half of every line.
        """
        if len(secret) < SHORTEST_SECRET:
            return
        with self._lock:
            self._forms[secret] = self._forms.get(secret) or _forms(secret)
            self._forms.move_to_end(secret)
            while len(self._forms) > MAX_SECRETS:
                self._forms.popitem(last=False)
            every = {form for forms in self._forms.values() for form in forms}
            self._longest_first = tuple(sorted(every, key=len, reverse=True))

    def text(self, text: str) -> str:
        """The text with its credentials masked."""
        for secret in self._longest_first:
            text = text.replace(secret, MASK)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def holds_secret(self, text: str) -> bool:
        """Whether a registered secret is in the text, in any of its forms."""
        return any(secret in text for secret in self._longest_first)

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


def redact(secret: str) -> None:
    """Mask this secret in every log line from now on."""
    shared_filter().register(secret)


_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def _as_text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a __str__ may raise anything, and a log call must not
        return f"<{type(value).__name__}>"


def _forms(secret: str) -> set[str]:
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    encoded = {_percent(secret, safe=safe) for safe in ("-._~", "-._~/")}
    return {secret, *escaped, *encoded, *(form.replace("%20", "+") for form in encoded)}


def _percent(text: str, *, safe: str) -> str:
    data = text.encode(errors="surrogatepass")
    return "".join(chr(b) if b < 128 and (chr(b).isalnum() or chr(b) in safe) else f"%{b:02X}" for b in data)  # noqa: PLR2004 - ASCII
