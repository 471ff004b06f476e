"""What a problem says: what is allowed, and what was given unless it may be a secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import inspect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_SECRET_NAMES = ("password", "secret", "token", "key", "credential")
_WORD_BITS = 64
_PLAIN = re.compile(r"[\w .,:+-]{0,40}")


def describe(annotation: object) -> str:
    """Say what a type allows; a ``Meta(description=...)`` speaks for itself."""
    return _describe(inspect.type_info(annotation))


def shown(label: str, value: object) -> str:
    """What was given, fit for a message; nothing of it when the name looks secret or the text is odd."""
    if any(word in label.lower() for word in _SECRET_NAMES):
        return "a value not shown here"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, int):
        return str(value) if value.bit_length() <= _WORD_BITS else "a far larger number"
    if isinstance(value, float) or (isinstance(value, str) and _PLAIN.fullmatch(value)):
        return repr(value)
    if value == {}:
        return "empty"
    return _KINDS.get(type(value).__name__, "something else")


def unknown(label: str, known: Iterable[str], path: str = "") -> str:
    """A problem that names an unknown field and what was probably meant."""
    import difflib  # noqa: PLC0415 - needed only when a request is already wrong

    nearest = difflib.get_close_matches(label, list(known), n=1)
    hint = f": did you mean {path}{nearest[0]}?" if nearest else f": known are {', '.join(sorted(known))}"
    return f"{path}{shown_name(label)} is unknown{hint}"


def shown_name(name: str) -> str:
    """A name that somebody made up, fit for a message: short, and without line breaks."""
    return name if _PLAIN.fullmatch(name) else repr(name[:40])


_KINDS = {"str": "other text", "dict": "an object", "list": "a list", "bytes": "bytes"}


def _describe(node: inspect.Type) -> str:
    if isinstance(node, inspect.Metadata):
        own = (node.extra_json_schema or {}).get("description")
        return str(own) if own else _describe(node.type)
    if isinstance(node, inspect.UnionType):
        return " or ".join(_describe(member) for member in node.types)
    if isinstance(node, inspect.LiteralType):
        return f"one of {', '.join(str(value) for value in node.values)}"
    if isinstance(node, (inspect.IntType, inspect.FloatType)):
        return ("a whole number" if isinstance(node, inspect.IntType) else "a number") + _bounds(node)
    words = _WORDS.get(type(node))
    return words(node) if words else "a valid value"


def _bounds(node: inspect.IntType | inspect.FloatType) -> str:
    if node.ge is not None and node.le is not None:
        return f" from {node.ge} to {node.le}"
    limits = (("above", node.gt), ("of at least", node.ge), ("below", node.lt), ("of at most", node.le))
    given = [f"{words} {limit}" for words, limit in limits if limit is not None]
    return f" {' and '.join(given)}" if given else ""


def _text(node: inspect.Type) -> str:
    low, high = getattr(node, "min_length", None), getattr(node, "max_length", None)
    if low and high:
        return f"text of {low} to {high} characters"
    return (
        f"text of at least {low} characters"
        if low
        else f"text of at most {high} characters"
        if high
        else "text"
    )


def _object(node: inspect.Type) -> str:
    low = getattr(node, "min_length", None)
    return f"an object with at least {low} {'entry' if low == 1 else 'entries'}" if low else "an object"


_WORDS: dict[type[inspect.Type], Callable[[inspect.Type], str]] = {
    inspect.StrType: _text,
    inspect.CustomType: lambda _: "text",
    inspect.BoolType: lambda _: "true or false",
    inspect.NoneType: lambda _: "null",
    inspect.DictType: _object,
    inspect.StructType: _object,
    inspect.ListType: lambda _: "a list",
    inspect.VarTupleType: lambda _: "a list",
}
