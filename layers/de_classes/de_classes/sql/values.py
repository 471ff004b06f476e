"""Values of DuckDB's as those of JSON, by their types: what an answer is printed from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from de_classes.errors import UnsupportedValueError
from de_classes.utils import strict_json
from de_classes.utils.strict_json import Number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    Change: TypeAlias = Callable[[Any], Any] | None

_NOT_WHOLE: Final = frozenset({"interval", "timestamp_ns", "time_ns", "union", "variant"})
"""DuckDB hands these to Python without what Python has no place for: months, nanoseconds, the member."""


def converter(name: str, kind: Any) -> Change:  # noqa: ANN401 - a type of DuckDB's
    """What makes a JSON value of one of DuckDB's; None where it is one.

    Args:
        name: The column, for messages.
        kind: Its ``DuckDBPyType``.

    Raises:
        UnsupportedValueError: There is no way to spell such values; says what to cast to.
    """
    if str(kind) == "JSON":
        return _unless_none(strict_json.loads)
    if kind.id in _NOT_WHOLE:
        raise UnsupportedValueError(
            f"column {name!r} is {kind}, which is not printed whole: cast it to VARCHAR"
        )
    return _CONVERTERS.get(kind.id, _as_text)(name, kind)


def converted(rows: Sequence[tuple[Any, ...]], changes: Sequence[Change]) -> list[tuple[Any, ...]]:
    """Rows of values, each by the converter of its column."""
    if not any(changes):
        return list(rows)
    return [
        tuple(
            [value if change is None else change(value) for value, change in zip(row, changes, strict=True)]
        )
        for row in rows
    ]


def _as_it_is(_: str, __: object) -> Change:
    return None


def _as_text(_: str, __: object) -> Change:
    return _unless_none(lambda value: value.isoformat() if hasattr(value, "isoformat") else str(value))


def _as_hexadecimal(_: str, __: object) -> Change:
    return _unless_none(bytes.hex)


def _as_number(_: str, __: object) -> Change:
    def number(value: Any) -> float:  # noqa: ANN401 - a Decimal
        text = format(value, "f")
        return Number(text) if "." in text else int(text)

    return _unless_none(number)


def _as_finite(name: str, _: object) -> Change:
    def finite(value: float) -> float:
        if not math.isfinite(value):
            raise UnsupportedValueError(
                f"column {name!r} holds {value}, which is no number of JSON's: cast it to VARCHAR"
            )
        return value

    return _unless_none(finite)


def _as_list(name: str, kind: Any) -> Change:  # noqa: ANN401 - as above
    change = converter(name, kind.children[0][1])
    if change is None and kind.id == "list":
        return None
    return _unless_none(lambda values: [change(value) if change else value for value in values])


def _as_object(name: str, kind: Any) -> Change:  # noqa: ANN401 - as above
    changes = {field: change for field, part in kind.children if (change := converter(name, part))}
    if not changes:
        return None
    return _unless_none(
        lambda value: {key: changes[key](part) if key in changes else part for key, part in value.items()}
    )


def _as_map(name: str, kind: Any) -> Change:  # noqa: ANN401 - as above
    change = converter(name, dict(kind.children)["value"])
    return _unless_none(
        lambda value: {str(key): change(part) if change else part for key, part in value.items()}
    )


def _as_row(name: str, kind: Any) -> Change:  # noqa: ANN401 - as above
    changes = [converter(name, part) for _, part in kind.children]
    return _unless_none(lambda values: list(converted([values], changes)[0]))


def _unless_none(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else change(value)


_CONVERTERS: Final[dict[str, Callable[[str, Any], Change]]] = {
    **{f"{sign}{size}int": _as_it_is for sign in ("", "u") for size in ("tiny", "small", "big", "huge")},
    **dict.fromkeys(("integer", "uinteger", "boolean", "varchar", "null", "enum"), _as_it_is),
    **dict.fromkeys(("float", "double"), _as_finite),
    "decimal": _as_number,
    "blob": _as_hexadecimal,
    **dict.fromkeys(("list", "array"), _as_list),
    "struct": _as_object,
    "map": _as_map,
    "tuple": _as_row,
}
"""By the id of a type; what is not here is text."""
