"""Objects that are their fields, as structs: classes that are made and filled by compiled code."""

from __future__ import annotations

from typing import ClassVar, dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Value(msgspec.Struct, frozen=True):
    """An immutable value, which equals another with the same fields.

    A subclass is declared as a frozen dataclass is. Making the class takes a hundredth of the time, which
    every cold start pays for each of them, and making an object takes less as well.
    """


class DiscreetValue(Value):
    """A value that keeps some of its fields to itself, since secrets or data are in them.

    Attributes:
        shown: The names of the fields that its text shows; no other is.
    """

    shown: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__qualname__}({fields})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [(name, getattr(self, name)) for name in self.shown]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Described(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a description that a person writes: a name that it does not know is a mistake."""


@dataclass_transform(field_specifiers=(msgspec.field,))
class Mutable(msgspec.Struct):
    """An object whose fields change; else as a ``Value``."""
