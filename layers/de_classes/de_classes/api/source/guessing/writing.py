"""A description as TOML that a person goes on with: keys in one order, a comment above each guess."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_SPECIAL: Final = re.compile(r"[\\\"\x00-\x1f\x7f]")
_NO_COMMENT: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]+")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_SOURCE_ORDER: Final = (
    "docs",
    "parameters",
    "base_url",
    "allowed_hosts",
    "auth",
    "headers",
    "rate_limit",
    "errors",
)
_RESOURCE_ORDER: Final = (
    "for_each", "method", "path", "params", "headers", "json", "form", "answer", "xml_record", "records_path",
    "records_are", "key_into", "names", "total_path", "page_size", "pagination", "errors",
    "auth", "primary_key",
)  # fmt: skip


@dataclass(slots=True)
class Draft:
    """A description that is being put together, as far as it is known; ``write`` makes TOML of it.

    Example:
        >>> draft = Draft("shop", {"base_url": "https://api.shop.example"})
        >>> draft.note("base_url", text="as it was asked")
        >>> draft.comments
        {('base_url',): ['as it was asked']}

    Attributes:
        name: The source's.
        source: It, as TOML says it, its resources among it.
        comments: What stands above a key, by its path in ``source``; the empty path stands at the top.
        open_points: What could not be told.
    """

    name: str
    source: dict[str, Any]
    comments: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    open_points: list[str] = field(default_factory=list)

    def note(self, *path: str, text: str) -> None:
        """Put a comment above a key."""
        notes = self.comments.setdefault(path, [])
        if text not in notes:
            notes.append(text)


def identifier(text: str, default: str) -> str:
    """A name that a description allows, made of a text.

    Args:
        text: Any.
        default: What is taken where nothing of it can be used.
    """
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")[:64].strip("_")
    name = name if not name or not name[0].isdigit() else f"_{name}"[:64]
    return name or default


def literal(text: str) -> str:
    """A text that is to be taken as it stands, as a description spells it."""
    return text.replace("${", "$${")


def write(draft: Draft) -> str:
    """The TOML text of a draft."""
    source = {name: value for name, value in draft.source.items() if name != "resources"}
    lines = [
        *_comment(draft, ()),
        "version = 1",
        "",
        *_homeless(draft, (), source),
        f"[sources.{_key(draft.name)}]",
    ]
    for name in _ordered(source, _SOURCE_ORDER):
        lines += [*_comment(draft, (name,)), f"{_key(name)} = {_value(source[name])}"]
    for name, resource in draft.source.get("resources", {}).items():
        header = f"sources.{_key(draft.name)}.resources.{_key(name)}"
        homeless = _homeless(draft, ("resources", name), resource)
        lines += ["", *_comment(draft, ("resources", name)), *homeless, f"[{header}]"]
        tables = []
        for key in _ordered(resource, _RESOURCE_ORDER):
            above = _comment(draft, ("resources", name, key))
            value = resource[key]
            if key == "json" and isinstance(value, dict) and any("\n" in each for each in _texts(value)):
                tables += [
                    "",
                    *above,
                    f"[{header}.json]",
                    *(f"{_key(each)} = {_block(item)}" for each, item in value.items()),
                ]
            else:
                lines += [*above, f"{_key(key)} = {_value(value)}"]
        lines += tables
    return "\n".join(lines) + "\n"


def _ordered(values: dict[str, Any], order: tuple[str, ...]) -> list[str]:
    return [*(name for name in order if name in values), *(name for name in values if name not in order)]


def _comment(draft: Draft, path: tuple[str, ...]) -> list[str]:
    return [f"# {_NO_COMMENT.sub(' ', text).strip()[:400]}" for text in draft.comments.get(path, [])]


def _homeless(draft: Draft, place: tuple[str, ...], there: dict[str, Any]) -> list[str]:
    """Comments on keys that are not written: they stand above the table."""
    keys = [path for path in draft.comments if path[:-1] == place and path and path[-1] not in there]
    return [
        f"# {path[-1]}: {line.removeprefix('# ')}"
        for path in keys
        if path != ("resources",)
        for line in _comment(draft, path)
    ]


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    text = _SURROGATE.sub("\ufffd", text)
    return '"' + _SPECIAL.sub(lambda match: _ESCAPES.get(match[0], f"\\u{ord(match[0]):04x}"), text) + '"'


def _block(value: Any) -> str:  # noqa: ANN401 - a JSON value
    """A value on its own line, a text of several lines as it reads best."""
    if not isinstance(value, str) or "\n" not in value:
        return _value(value)
    lines = [_text(line)[1:-1] for line in value.split("\n")]
    return '"""\n' + "\n".join(lines) + '"""'


def _value(value: Any) -> str:  # noqa: ANN401 - a JSON value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        inner = ", ".join(
            f"{_key(name)} = {_value(item)}" for name, item in value.items() if item is not None
        )
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value if item is not None)}]"
    if isinstance(value, int | float):
        return repr(value)
    return _text(str(value))


def _texts(value: Any) -> list[str]:  # noqa: ANN401 - a JSON value
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in _texts(item)]
