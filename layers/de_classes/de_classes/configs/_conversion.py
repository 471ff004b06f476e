"""From a mapping to a struct, field by field, so that one wrong value does not hide the next."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec import inspect, structs

from de_classes.configs._wording import describe, shown, shown_name, unknown
from de_classes.configs.secret import Secret
from de_classes.errors import ConfigurationError, InvalidInputError, MalformedDataError
from de_classes.utils import strict_json
from de_classes.utils.page_range import PageRange, parse_pages
from de_classes.utils.values import Mutable, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

T = TypeVar("T", bound=msgspec.Struct)

MAX_UNKNOWN = 10


class Rules(Value):
    """How values are read.

    Args:
        strict: Whether "5" is refused where a number is asked for.
        environment: Whether names are upper-case, empty means unset, objects are JSON text and
            other names are nobody's business.
    """

    strict: bool
    environment: bool


def fill(
    struct_type: type[T], values: Mapping[str, object], rules: Rules, *, prefix: str = "", path: str = ""
) -> tuple[T | None, list[str]]:
    """Convert every field of a struct.

    Returns:
        The struct and no problem, or None and every problem found.
    """
    filling = _Filling(struct_type, values, rules, prefix=prefix, path=path)
    given = filling.run()
    if not filling.can_construct(given):
        return None, filling.problems
    try:
        result = struct_type(**given)
    except (ValueError, TypeError, ConfigurationError) as error:
        filling.complain_of_itself(error)
    return (None, filling.problems) if filling.problems else (result, [])


class _Filling(Mutable):
    struct_type: type[msgspec.Struct]
    values: Mapping[str, object]
    rules: Rules
    prefix: str
    path: str
    problems: list[str] = msgspec.field(default_factory=list)
    failed: set[str] = msgspec.field(default_factory=set)

    def run(self) -> dict[str, object]:
        """Convert what can be converted; the rest is among the problems, and left to its default."""
        fields = _fields_of(self.struct_type)
        given = {}
        for each in fields:
            if self._is_unset(each):
                self._complain_if_required(each)
                continue
            key = self._key(each.encode_name)
            value, problems = _convert(each.type, self.values[key], self.rules, self.path + key)
            self.problems += problems
            if problems:
                self.failed.add(each.name)
            else:
                given[each.name] = value
        if not self.rules.environment:
            self._complain_of_unknown({self._key(each.encode_name) for each in fields})
        return given

    def can_construct(self, given: Mapping[str, object]) -> bool:
        """Whether the struct's own checks can run, on defaults where a value was wrong."""
        return all(each.name in given for each in _fields_of(self.struct_type) if each.required)

    def complain_of_itself(self, error: Exception) -> None:
        """Take over what the struct's own checks found, but nothing about defaults that stand in."""
        found = error.problems if isinstance(error, ConfigurationError) else [str(error)]
        self.problems += [self._labelled(each) for each in found if each.partition(" ")[0] not in self.failed]

    def _labelled(self, problem: str) -> str:
        first, space, rest = problem.partition(" ")
        if first in self.struct_type.__struct_fields__:
            return f"{self.path}{self._key(first)}{space}{rest}"
        return f"{self.path.rstrip('.')}: {problem}" if self.path else problem

    def _key(self, name: str) -> str:
        return self.prefix + (name.upper() if self.rules.environment else name)

    def _is_unset(self, each: structs.FieldInfo) -> bool:
        key = self._key(each.encode_name)
        return key not in self.values or (self.rules.environment and self.values[key] == "")

    def _complain_if_required(self, missing: structs.FieldInfo) -> None:
        if missing.required:
            label = self.path + self._key(missing.encode_name)
            self.problems.append(f"{label} is missing: it must be {describe(missing.type)}")

    def _complain_of_unknown(self, known: set[str]) -> None:
        strangers = sorted(str(key) for key in self.values if key not in known)
        self.problems += [unknown(name, known, self.path) for name in strangers[:MAX_UNKNOWN]]
        if len(strangers) > MAX_UNKNOWN:
            self.problems.append(f"{self.path}{len(strangers) - MAX_UNKNOWN} more names are unknown")


def _convert(annotation: object, value: object, rules: Rules, label: str) -> tuple[object, list[str]]:
    if rules.environment and isinstance(value, str) and _is_given_as_json(annotation):
        try:
            value = strict_json.loads(value)
        except MalformedDataError as error:
            return None, [
                f"{label} must be {describe(annotation)}, given as JSON, but cannot be read: {error}"
            ]
    rules = structs.replace(rules, environment=False)
    if isinstance(value, Mapping):
        return _convert_object(annotation, value, rules, label)
    if isinstance(value, list | tuple) and (item := _struct_item(annotation)) is not None:
        return _convert_list(item, value, rules, label)
    return _convert_leaf(annotation, value, rules, label)


def _convert_list(
    item: object, values: Sequence[object], rules: Rules, label: str
) -> tuple[object, list[str]]:
    converted = [_convert(item, value, rules, f"{label}[{place}]") for place, value in enumerate(values)]
    problems = [problem for _, found in converted for problem in found]
    return (None, problems) if problems else (tuple(value for value, _ in converted), [])


def _convert_object(
    annotation: object, value: Mapping[str, object], rules: Rules, label: str
) -> tuple[object, list[str]]:
    kind = _without_none(annotation)
    if kinds := _tagged(kind):
        return _convert_tagged(kinds, value, rules, label)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return fill(kind, value, rules, path=f"{label}.")
    if typing.get_origin(kind) is not dict:
        return _convert_leaf(annotation, value, rules, label)
    item_type = typing.get_args(kind)[1]
    items = {
        name: _convert(item_type, item, rules, f"{label}.{shown_name(name)}") for name, item in value.items()
    }
    problems = [problem for _, found in items.values() for problem in found]
    if problems:
        return None, problems
    if _is_struct(item_type) or _tagged(item_type):
        problems = [
            p
            for name in items
            for p in _convert_leaf(typing.get_args(kind)[0], name, rules, f"{label}: the name")[1]
        ]
        return (None, problems) if problems else ({name: item for name, (item, _) in items.items()}, [])
    return _convert_leaf(annotation, {name: item for name, (item, _) in items.items()}, rules, label)


def _convert_tagged(
    kinds: dict[str, type[msgspec.Struct]], value: Mapping[str, object], rules: Rules, label: str
) -> tuple[object, list[str]]:
    """Convert an object that says by its ``type`` which of several structs it is."""
    name = value.get("type")
    if name is None:
        return None, [f"{label}.type is missing: it must be one of {', '.join(kinds)}"]
    if not isinstance(name, str) or name not in kinds:
        return None, [f"{label}.type is {_no_kind(name, kinds)}"]
    given = {key: item for key, item in value.items() if key != "type"}
    return fill(kinds[name], given, rules, path=f"{label}.")


def _convert_leaf(annotation: object, value: object, rules: Rules, label: str) -> tuple[object, list[str]]:
    try:
        result = msgspec.convert(value, annotation, strict=rules.strict, dec_hook=_make_custom)
        if not isinstance(result, float) or math.isfinite(result):
            return result, []
    except InvalidInputError as error:
        return None, [f"{label} cannot be read: {error}"]
    except (ValueError, RecursionError):  # its message may quote the value, so ours is written afresh
        pass
    return None, [f"{label} must be {describe(annotation)}, but is {shown(label, value)}"]


def _make_custom(kind: type, value: object) -> object:
    if kind is Secret and isinstance(value, (str, Secret)):
        return value if isinstance(value, Secret) else Secret(value)
    if kind is PageRange and isinstance(value, (str, int, Mapping)):
        return parse_pages(value)
    raise ValueError(f"no {kind.__name__} can be made of {type(value).__name__}")


def _is_given_as_json(annotation: object) -> bool:
    node = inspect.type_info(annotation)
    node = node.type if isinstance(node, inspect.Metadata) else node
    members = node.types if isinstance(node, inspect.UnionType) else (node,)
    return any(
        isinstance(member, (inspect.CollectionType, inspect.DictType, inspect.StructType))
        for member in members
    )


def _no_kind(name: object, kinds: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - only for what is wrong already

    nearest = difflib.get_close_matches(str(name), list(kinds), n=1)
    hint = f", did you mean {nearest[0]}?" if nearest else ""
    return f"{shown_name(str(name))}, but must be one of {', '.join(kinds)}{hint}"


def _struct_item(annotation: object) -> object | None:
    """The type of a list's items, if they are structs."""
    kind = _without_none(annotation)
    if typing.get_origin(kind) not in {tuple, list}:
        return None
    item = typing.get_args(kind)[0]
    return item if _is_struct(item) or _tagged(item) else None


def _is_struct(annotation: object) -> bool:
    kind = _without_none(annotation)
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _tagged(annotation: object) -> dict[str, type[msgspec.Struct]]:
    """The structs of a union that is told by ``type``, by that name; none if it is no such union."""
    kind = _without_none(annotation)
    members = typing.get_args(kind) if typing.get_origin(kind) in {typing.Union, types.UnionType} else (kind,)
    structs_of = [each for each in members if isinstance(each, type) and issubclass(each, msgspec.Struct)]
    tagged = {
        each.__struct_config__.tag: each for each in structs_of if each.__struct_config__.tag_field == "type"
    }
    return {str(tag): each for tag, each in tagged.items()}


@lru_cache(256)  # msgspec evaluates the annotations each time: most of what reading a description took
def _fields_of(kind: type[msgspec.Struct]) -> tuple[structs.FieldInfo, ...]:
    return structs.fields(kind)


def _without_none(annotation: object) -> object:
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) not in {typing.Union, types.UnionType}:
        return annotation
    members = [member for member in typing.get_args(annotation) if member is not type(None)]
    return _without_none(members[0]) if len(members) == 1 else annotation
