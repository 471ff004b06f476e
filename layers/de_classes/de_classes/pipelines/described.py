"""Transforms as a description or a run's plan says them, and a run's records on their way through them.

    RunPlan(..., transforms=(RenameStep(columns={"total": "amount"}), FilterStep(where="amount > `0`")))

What a step does is said by the transform that it stands for, in ``transforms.py``.
"""

from __future__ import annotations

import copy
import re
from contextlib import ExitStack
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union

import msgspec
from msgspec import Meta

from de_classes.errors import ConfigurationError, InvalidInputError, TransformError
from de_classes.pipelines.casts import CastName
from de_classes.pipelines.steps import FunctionTransform, check_batch
from de_classes.pipelines.transforms import Cast, DropDuplicates, Filter, Flatten, Rename, Select
from de_classes.utils.paths import MISSING, finder
from de_classes.utils.values import Described, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from de_classes.pipelines.steps import Batch, Transform
    from de_classes.storage.format.schema import Record
    from de_classes.utils.key_set import HashSet

Column = Annotated[str, Meta(min_length=1)]
_FUNCTION = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


class TransformDescription(Described, kw_only=True):
    """A kind of transform as a description says it."""

    def transform(self) -> Transform:
        """What carries it out.

        Raises:
            ConfigurationError: It names a function that there is not.
        """
        raise NotImplementedError


class SelectStep(TransformDescription, kw_only=True, tag_field="type", tag="select"):
    """Keep these columns, in this order: ``{ type = "select", columns = ["id", "total"] }``.

    Example:
        >>> list(SelectStep(columns=("id",)).transform().apply([[{"id": 1, "note": None}]]))
        [[{'id': 1}]]

    Attributes:
        columns: Their names.
        missing: For a record without one of them: ``error``, ``null``, or ``skip`` the column.
    """

    columns: tuple[Column, ...]
    missing: Literal["error", "null", "skip"] = "error"

    def __post_init__(self) -> None:
        _refuse_empty(self.columns)
        _refuse_twice("columns", self.columns)

    def transform(self) -> Transform:
        """See ``Select``."""
        return Select(*self.columns, missing=self.missing)


class RenameStep(TransformDescription, kw_only=True, tag_field="type", tag="rename"):
    """Give columns other names: ``{ type = "rename", columns = { total = "amount" } }``.

    Example:
        >>> list(RenameStep(columns={"total": "amount"}).transform().apply([[{"total": 12.5}]]))
        [[{'amount': 12.5}]]

    Attributes:
        columns: Old name to new name.
        missing: For a record without one of them: ``error`` or ``skip`` it.
    """

    columns: dict[Column, Column]
    missing: Literal["error", "skip"] = "error"

    def __post_init__(self) -> None:
        _refuse_empty(self.columns)
        _refuse_twice("columns", self.columns.values())

    def transform(self) -> Transform:
        """See ``Rename``."""
        return Rename(self.columns, missing=self.missing)


class CastStep(TransformDescription, kw_only=True, tag_field="type", tag="cast"):
    """Turn values into another type, exactly: ``{ type = "cast", columns = { amount = "float" } }``.

    Example:
        >>> list(CastStep(columns={"total": "float"}).transform().apply([[{"total": "12.5"}]]))
        [[{'total': 12.5}]]

    Attributes:
        columns: Column to ``int``, ``float``, ``str`` or ``bool``.
        missing: For a record without one of them: ``error`` or ``skip`` it.
    """

    columns: dict[Column, CastName]
    missing: Literal["error", "skip"] = "error"

    def __post_init__(self) -> None:
        _refuse_empty(self.columns)

    def transform(self) -> Transform:
        """See ``Cast``."""
        return Cast(self.columns, missing=self.missing)


class FilterStep(TransformDescription, kw_only=True, tag_field="type", tag="filter"):
    """Keep records of which a condition is true: ``{ type = "filter", where = "status == 'paid'" }``.

    Example:
        >>> list(FilterStep(where="total > `0`").transform().apply([[{"total": 12.5}, {"total": 0}]]))
        [[{'total': 12.5}]]

    Attributes:
        where: A JMESPath that gives true or false of every record; anything else ends the run.
    """

    where: Annotated[str, Meta(min_length=1)]

    def __post_init__(self) -> None:
        try:
            finder(self.where)
        except InvalidInputError as error:
            raise InvalidInputError(f"where is no JMESPath: {error}") from error

    def transform(self) -> Transform:
        """See ``Filter``."""
        return Filter(_Condition(self.where))


class FlattenStep(TransformDescription, kw_only=True, tag_field="type", tag="flatten"):
    """Put the fields of nested objects beside the others: ``{ type = "flatten", separator = "." }``.

    Example:
        >>> list(FlattenStep(separator=".").transform().apply([[{"user": {"id": 1}}]]))
        [[{'user.id': 1}]]

    Attributes:
        separator: What stands between the names.
        max_depth: How many levels are taken apart; all unless given.
    """

    separator: str = "_"
    max_depth: Annotated[int, Meta(ge=1)] | None = None

    def transform(self) -> Transform:
        """See ``Flatten``."""
        return Flatten(separator=self.separator, max_depth=self.max_depth)


class DropDuplicatesStep(TransformDescription, kw_only=True, tag_field="type", tag="drop_duplicates"):
    """Keep the first record of each key: ``{ type = "drop_duplicates", columns = ["id"] }``.

    What came before is on disk, and goes on with the run: memory does not grow with it.

    Example:
        >>> list(DropDuplicatesStep(columns=("id",)).transform().apply([[{"id": 1}, {"id": 1}]]))
        [[{'id': 1}]]

    Attributes:
        columns: Their names; without any, whole records are compared.
    """

    columns: tuple[Column, ...] = ()

    def __post_init__(self) -> None:
        _refuse_twice("columns", self.columns)

    def transform(self) -> DropDuplicates:
        """See ``DropDuplicates``."""
        return DropDuplicates(*self.columns)


class FunctionStep(TransformDescription, kw_only=True, tag_field="type", tag="function"):
    """Call a function: ``{ type = "function", name = "package.module:function" }``.

    It takes a list of records, those of one page that are new, and gives back a list of records. It must give
    the same whenever it is given the same, or a run that goes on is not the run that was begun. Code that
    calls the library may name one, and so may a description that is packaged; nothing else may.

    Example:
        >>> list(FunctionStep(name="builtins:reversed").transform().apply([[{"id": 1}, {"id": 2}]]))
        [[{'id': 2}, {'id': 1}]]

    Attributes:
        name: The module's name, a colon, and the function's.
    """

    name: str

    def __post_init__(self) -> None:
        if not _FUNCTION.fullmatch(self.name):
            raise InvalidInputError(
                "name must be a module's name, a colon and a function's: package.module:name"
            )

    def transform(self) -> Transform:
        """See ``FunctionTransform``; it gets copies, since the page is still compared with others."""
        function = self._function()

        def call(batch: Batch) -> Iterable[Record]:
            return function(copy.deepcopy(batch))

        call.__name__ = self.name
        return FunctionTransform(call)

    def _function(self) -> Callable[[Batch], Iterable[Record]]:
        module, _, name = self.name.partition(":")
        try:
            found = getattr(import_module(module), name, None)
        except ImportError as error:
            raise ConfigurationError(f"the transform {self.name} cannot be imported: {error}") from error
        if not callable(found):
            raise ConfigurationError(f"the transform {self.name} is not there: {module} has no such function")
        function: Callable[[Batch], Iterable[Record]] = found
        return function


TRANSFORMS: tuple[type[TransformDescription], ...] = (
    SelectStep,
    RenameStep,
    CastStep,
    FilterStep,
    FlattenStep,
    DropDuplicatesStep,
    FunctionStep,
)
"""Every kind of transform that a description can say. A new one is a class and a line here."""

if TYPE_CHECKING:
    AnyTransform = TransformDescription
else:
    AnyTransform = Union[TRANSFORMS]  # noqa: UP007 - made of the registry, so that a new kind is one line there


class StepRows(Value):
    """What went through one step of a run, since it was asked last.

    Attributes:
        rows_in: Records that went in.
        rows_out: Records that came out.
        repeats: How many were left out because they had come before.
        keys: Hashes of what came for the first time, where that is remembered.
    """

    rows_in: int
    rows_out: int
    repeats: int
    keys: bytes


class DescribedTransforms:
    """The transforms of one reading of a source: records go through page by page, and are counted.

    Close it: ``drop_duplicates`` keeps a file.

    Example:
        >>> with DescribedTransforms([SelectStep(columns=("id",))]) as transforms:
        ...     transforms.apply([{"id": 1, "note": None}], page=1)
        [{'id': 1}]

    Args:
        steps: As they were described.

    Attributes:
        remembered: For each step the hashes of what came before; None where a step remembers nothing.

    Raises:
        ConfigurationError: A step names a function that there is not.
    """

    def __init__(self, steps: Sequence[TransformDescription]) -> None:
        self._transforms = [step.transform() for step in steps]
        self._files = ExitStack()
        self.remembered = tuple(
            self._files.enter_context(_hash_set()) if isinstance(each, DropDuplicates) else None
            for each in self._transforms
        )
        self._rows = self._none()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def apply(self, records: Sequence[Record], page: int) -> Batch:
        """What becomes of a page's records, which stay as they are.

        Raises:
            TransformError: A step cannot be applied to a record; names page, step, record and column.
        """
        batch = list(records)
        for place, transform in enumerate(self._transforms):
            came = len(batch)
            if not came:
                break
            try:
                batch = self._through(place, transform, batch)
            except InvalidInputError as error:
                raise TransformError(f"page {page}, transforms[{place}]: {error}") from error
            self._rows[place][0] += came
            self._rows[place][1] += len(batch)
        return batch

    def take_rows(self) -> tuple[StepRows, ...]:
        """What went through each step since this was asked last."""
        rows, self._rows = self._rows, self._none()
        return tuple(
            StepRows(came, went, 0, b"")
            if seen is None
            else StepRows(came, went, came - went, seen.take_fresh())
            for (came, went), seen in zip(rows, self.remembered, strict=True)
        )

    def _through(self, place: int, transform: Transform, batch: Batch) -> Batch:
        seen = self.remembered[place]
        if seen is not None and isinstance(transform, DropDuplicates):
            return transform.new_among(batch, seen.add_hash)
        changed: Batch = []
        for each in transform.apply([batch]):
            if isinstance(transform, FunctionTransform):
                check_batch(each, transform.name)
            changed += each
        return changed

    def _none(self) -> list[list[int]]:
        return [[0, 0] for _ in self._transforms]


def plain(steps: Sequence[TransformDescription]) -> list[dict[str, Any]]:
    """Steps as a description says them, ready for JSON."""
    said: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(list(steps)))
    return said


class _Condition:
    """Whether a JMESPath is true of a record."""

    def __init__(self, where: str) -> None:
        self._find = finder(where)
        self.name = where

    def __call__(self, record: Record) -> bool:
        found = self._find(record)
        if not isinstance(found, bool):
            what = "nothing" if found is MISSING else f"a value of type {type(found).__name__}"
            raise InvalidInputError(
                f"it gives {what}, neither true nor false: a column may be absent, null, or no number where "
                "numbers are compared; say what is to become of such a record"
            )
        return found


def _hash_set() -> HashSet:
    from de_classes.utils.key_set import HashSet  # noqa: PLC0415 - only where something is remembered

    return HashSet()


def _refuse_empty(columns: Sequence[str] | dict[str, Any]) -> None:
    if not columns:
        raise InvalidInputError("columns must name one at least")


def _refuse_twice(field: str, names: Iterable[str]) -> None:
    names = list(names)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidInputError(f"{field} names {', '.join(twice)} twice")
