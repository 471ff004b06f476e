"""Text with ``${names}`` in it, and what is put in their place.

One rule: ``${name}`` and ``${name.of.more}`` are replaced, ``$${`` is a literal ``${``, a text that is one
name and nothing else keeps the value's type, and no other text is looked at: braces are GraphQL's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

from msgspec import Meta

from de_classes.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Path = Annotated[str, Meta(min_length=1, description="a path such as data.items, or @ for the answer itself")]

Into = Annotated[
    str,
    Meta(
        pattern=r"\A(query|header|form|json)\..+\Z",
        description="query.NAME, header.NAME, form.NAME or json.NAME.NAME",
    ),
]

_NAME: Final = re.compile(r"\$(\$)\{|\$\{([A-Za-z_][A-Za-z0-9_.-]*)\}")
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_HOST: Final = re.compile(r"\A([a-z]+://)([^/?#]*)(.*)\Z", re.DOTALL | re.IGNORECASE)


def names_in(value: object) -> Iterator[str]:
    """Every name in a text, or in the texts of a JSON value."""
    if isinstance(value, str):
        yield from (match[2] for match in _NAME.finditer(value) if match[2])
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from names_in(name)
            yield from names_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from names_in(item)


def fill(value: Any, lookup: Callable[[str], Any]) -> Any:  # noqa: ANN401 - a JSON value
    """A copy with every name replaced.

    Args:
        value: Text, or a JSON value.
        lookup: Gives a name's value.
    """
    if isinstance(value, str):
        return _filled(value, lookup)
    if isinstance(value, dict):
        return {name: fill(item, lookup) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill(item, lookup) for item in value]
    return value


def as_text(value: object) -> str:
    """A JSON value inside a text, as JSON spells it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: ""}[value]
    return str(value)


def fill_address(
    address: str, lookup: Callable[[str], Any], kind_of: Callable[[str], str] = lambda _: "text"
) -> str:
    """An address with every name replaced by what cannot lead anywhere else.

    Args:
        address: A URL, a host, or a path.
        lookup: As ``fill`` takes it.
        kind_of: What a name stands for: ``text``, a whole ``host``, or an ``address``.

    Raises:
        InvalidInputError: A value in a host is no DNS label, or one in a path is empty, ``.`` or ``..``.
    """
    match = _HOST.fullmatch(address)
    scheme, host, path = (match[1], match[2], match[3]) if match else ("", "", address)
    return scheme + fill_host(host, lookup, kind_of) + _replaced(path, lookup, _in_path, kind_of)


def fill_host(
    host: str, lookup: Callable[[str], Any], kind_of: Callable[[str], str] = lambda _: "text"
) -> str:
    """The same for a host alone."""
    return _replaced(host, lookup, lambda name, value: _in_host(name, value, whole=kind_of(name) == "host"))


def _in_host(name: str, value: object, *, whole: bool) -> str:
    text = as_text(value)
    labels = text.split(".") if whole else [text]
    if not all(_LABEL.fullmatch(label) for label in labels):
        if whole:
            raise InvalidInputError(f"{name} must be a host name, such as data.example.com")
        raise InvalidInputError(
            f"{name} must be one DNS label, letters, digits and hyphens, since it stands in a host"
        )
    return text


def _in_path(name: str, value: object) -> str:
    text = as_text(value)
    if text in {"", ".", ".."}:
        raise InvalidInputError(f"{name} must be one segment of a path, and not empty, '.' or '..'")
    return quote(text, safe="")


def _replaced(
    text: str,
    lookup: Callable[[str], Any],
    write: Callable[[str, object], str],
    kind_of: Callable[[str], str] = lambda _: "text",
) -> str:
    def one(match: re.Match[str]) -> str:
        if match[1]:
            return "${"
        value = lookup(match[2])
        is_address = match[2].startswith(("token.", "opening.", "job.")) or kind_of(match[2]) == "address"
        is_whole_address = is_address and match.start() == 0
        return as_text(value) if is_whole_address else write(match[2], value)

    return _NAME.sub(one, text)


def _filled(text: str, lookup: Callable[[str], Any]) -> Any:  # noqa: ANN401 - a JSON value
    whole = _NAME.fullmatch(text)
    if whole and whole[2]:
        return lookup(whole[2])
    return _NAME.sub(lambda match: "${" if match[1] else as_text(lookup(match[2])), text)
