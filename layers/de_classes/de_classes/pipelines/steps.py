"""What a step is, so that any extract, transform and load plug together.

The currency between steps is an iterator of record batches, ``Iterator[list[dict]]``. It keeps memory
at a batch or two whatever the run's length, it is what pages and codecs already give, and it carries
integers beyond 2**53, nulls and nested values as they are. DataFrames join through ``FrameExtractor``
and ``FrameLoader``, at the two ends, where holding everything is the caller's choice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from de_classes.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from de_classes.storage.format.schema import Record

Batch: TypeAlias = "list[Record]"
BatchFunction: TypeAlias = "Callable[[Batch], Iterable[Record]]"

CALLER_ERRORS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
"""What a function of the caller's raises when a record is not as it expects."""


@runtime_checkable
class Extractor(Protocol):
    """Where records come from: the first step of a pipeline, for a source of your own.

    Example:
        >>> class Days:
        ...     def extract(self):
        ...         yield [{"day": 1}, {"day": 2}]
        >>> EtlPipeline(Days(), load=ObjectLoader(store, "lake", "days.csv")).run().rows_in
        2
    """

    def extract(self) -> Iterator[Batch]:
        """Start anew and yield the records in batches of bounded size."""
        ...


@runtime_checkable
class Transform(Protocol):
    """What happens to records on their way, for what needs to see more than one: else ``RecordTransform``.

    Example:
        >>> class Halves:
        ...     def apply(self, batches):
        ...         for batch in batches:
        ...             yield batch[::2]
        >>> load = ObjectLoader(store, "lake", "half.csv")
        >>> EtlPipeline(RecordsExtractor(orders), Halves(), load=load).run().rows_out
        1
    """

    def apply(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield what becomes of these batches; state lives no longer than this call."""
        ...


class Receipt(Protocol):
    """What a loader committed."""

    @property
    def uri(self) -> str:
        """Where it is."""
        ...

    @property
    def records(self) -> int:
        """How many records it holds."""
        ...


class LoadSession(Protocol):
    """One load under way; ``ObjectSink`` is one, and so is a database transaction."""

    def write(self, records: Sequence[Record]) -> None:
        """Take records; nothing of them is visible yet."""
        ...

    def commit(self) -> Receipt:
        """Make everything visible at once."""
        ...

    def abort(self) -> None:
        """Leave no trace; harmless after a commit."""
        ...


class Loader(ABC):
    """Where records go, all of them or none, to be subclassed: a variant says how to ``open`` a session.

    A database would be ``open`` with a connection: ``write`` copies rows, ``commit`` commits, and
    ``abort`` rolls back.

    Example:
        >>> loader: Loader = ObjectLoader(store, "lake", "orders.csv")
        >>> loader.load([orders]).records
        2
    """

    @property
    def destination(self) -> Hashable | None:
        """What is equal for two loaders that overwrite each other; None if that cannot happen."""
        return None

    @abstractmethod
    def open(self) -> LoadSession:
        """Check the destination and begin; called before the first record is fetched."""

    def load(self, batches: Iterable[Batch]) -> Receipt:
        """Write all batches and commit, or abort and raise."""
        session = self.open()
        try:
            for batch in batches:
                session.write(batch)
            return session.commit()
        except BaseException:
            session.abort()
            raise


class RunLoader(ABC):
    """Where a run goes: it draws the pages of its source itself, and goes on where it was stopped.

    ``DatasetLoader`` of ``de_classes.runs`` is one.
    """

    @abstractmethod
    def check(self, extract: Extractor, steps: Sequence[object]) -> None:
        """Make sure that a run can begin with this extractor, and that its plan can name these steps.

        Raises:
            InvalidInputError: It cannot; names the step.
        """

    @abstractmethod
    def carry_out(self, extract: Extractor, steps: Sequence[object]) -> tuple[Receipt, Sequence[int]]:
        """Carry the run out, or go on with it.

        Returns:
            What was committed; and how many records the extractor and each of the steps gave.
        """


@runtime_checkable
class RereadableLoader(Protocol):
    """A loader that can say how to read back what it committed, as ELT needs."""

    def read_back(self, receipt: Receipt) -> Extractor:
        """The records of that commit."""
        ...


class RecordTransform(ABC):
    """A transform of one record at a time, to be subclassed: a variant says how to ``convert`` one.

    Example:
        >>> class Cents(RecordTransform):
        ...     def convert(self, record):
        ...         return {**record, "total": round(record["total"] * 100)}
        >>> list(Cents().apply([[{"id": 1, "total": 12.5}]]))
        [[{'id': 1, 'total': 1250}]]
    """

    @abstractmethod
    def convert(self, record: Record) -> Record | None:
        """What becomes of a record; None drops it. The record itself must stay as it is.

        Raises:
            InvalidInputError: The record cannot be converted; ``apply`` adds which one it was.
        """

    def apply(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Convert every record; a batch of which nothing is left is left out.

        Raises:
            InvalidInputError: Names the step, the record (counted from 1) and the column.
        """
        number = 0
        for batch in batches:
            converted = [self._convert(record, number + place) for place, record in enumerate(batch, 1)]
            number += len(batch)
            if kept := [record for record in converted if record is not None]:
                yield kept

    def _convert(self, record: Record, number: int) -> Record | None:
        try:
            return self.convert(record)
        except InvalidInputError as error:
            raise InvalidInputError(f"{step_name(self)}, record {number}: {error}") from error
        except CALLER_ERRORS as error:
            raise InvalidInputError(f"{step_name(self)}, record {number}: {reason(error)}") from error


class FunctionTransform:
    """A plain function, from a batch to records, as a transform.

    Args:
        function: Takes a list of records and gives back records, as many as it likes.
    """

    def __init__(self, function: BatchFunction) -> None:
        self._function = function
        self.name = step_name(function)

    def apply(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Call the function with every batch.

        Raises:
            InvalidInputError: The function failed; names it and the batch's records, counted from 1.
        """
        number = 0
        for batch in batches:
            first, number = number + 1, number + len(batch)
            try:
                changed = list(self._function(batch))
            except CALLER_ERRORS as error:
                where = f"{self.name}, records {first} to {number}"
                raise InvalidInputError(f"{where}: {reason(error)}") from error
            if changed:
                yield changed


def as_transform(step: Transform | BatchFunction) -> Transform:
    """A transform as it is, or a plain function made one.

    Raises:
        InvalidInputError: It is neither.
    """
    if isinstance(step, Transform):
        return step
    if callable(step):
        return FunctionTransform(step)
    raise InvalidInputError(f"{step_name(step)} is no transform: give a function, or an object with apply()")


def as_extractor(step: Extractor) -> Extractor:
    """An extractor, checked.

    Raises:
        InvalidInputError: It is none.
    """
    if not isinstance(step, Extractor):
        raise InvalidInputError(f"{step_name(step)} is no extractor: give an object with extract()")
    return step


def as_loader(step: Loader) -> Loader:
    """A loader, checked.

    Raises:
        InvalidInputError: It is none.
    """
    if not isinstance(step, Loader):
        raise InvalidInputError(f"{step_name(step)} is no loader: derive it from Loader")
    return step


def as_rereadable(step: Loader) -> RereadableLoader:
    """A loader that can read back, checked.

    Raises:
        InvalidInputError: It cannot.
    """
    if not isinstance(step, RereadableLoader):
        raise InvalidInputError(f"{step_name(step)} cannot read back what it loads: give it read_back()")
    return step


def check_batch(batch: object, step: str) -> None:
    """Make sure that what a step of the caller's gave back is a list of records.

    Raises:
        InvalidInputError: It is not; names the step.
    """
    if not isinstance(batch, list):
        raise InvalidInputError(f"{step} gave {type(batch).__name__} where a list of records belongs")
    for record in batch:
        if not isinstance(record, dict):
            raise InvalidInputError(f"{step} gave {type(record).__name__} where a record, a dict, belongs")


def step_name(step: object) -> str:
    """What a step is called: its own ``name``, its function's name, or its class."""
    own: Any = getattr(step, "name", None) or getattr(step, "__name__", None)
    return own if isinstance(own, str) else type(step).__name__


def reason(error: Exception) -> str:
    """What a caller's function stumbled over: the missing column, or the kind of error with its text."""
    if isinstance(error, InvalidInputError):
        return str(error)
    if isinstance(error, KeyError) and error.args:
        return f"no column {error.args[0]!r}"
    return f"{type(error).__name__}: {error}"
