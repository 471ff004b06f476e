"""The transforms people need most. All but ``DropDuplicates`` look at one record at a time."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Literal

from de_classes.errors import InvalidInputError
from de_classes.pipelines.casts import CASTS
from de_classes.pipelines.steps import CALLER_ERRORS, RecordTransform, reason, step_name
from de_classes.utils.digests import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from de_classes.pipelines.casts import CastName
    from de_classes.pipelines.steps import Batch
    from de_classes.storage.format.schema import Record

Missing = Literal["error", "null", "skip"]

_DIGEST_BYTES = 16


class Select(RecordTransform):
    """Keeps these columns, in this order.

    Example:
        >>> Select("total", "id").convert({"id": 1, "total": 12.5, "note": None})
        {'total': 12.5, 'id': 1}

    Args:
        columns: Their names.
        missing: For a record without one of them: ``"error"``, ``"null"`` or ``"skip"`` the column.
    """

    def __init__(self, *columns: str, missing: Missing = "error") -> None:
        self._columns = columns
        self._missing = missing

    def convert(self, record: Record) -> Record:
        """Pick the columns."""
        present = [name for name in self._columns if _is_wanted(record, name, self._missing)]
        return {name: record.get(name) for name in present}


class Rename(RecordTransform):
    """Gives columns other names, at the place where they are.

    Example:
        >>> Rename({"total": "amount"}).convert({"id": 1, "total": 12.5})
        {'id': 1, 'amount': 12.5}

    Args:
        names: Old name to new name; two may swap.
        missing: For a record without one of them: ``"error"`` or ``"skip"`` it.
    """

    def __init__(self, names: Mapping[str, str], *, missing: Literal["error", "skip"] = "error") -> None:
        self._names = dict(names)
        self._missing: Missing = missing

    def convert(self, record: Record) -> Record:
        """Rename, unless two columns would end up with one name."""
        for name in self._names:
            _is_wanted(record, name, self._missing)
        renamed = {self._names.get(name, name): value for name, value in record.items()}
        if len(renamed) < len(record):
            raise InvalidInputError(f"two columns would be called {self._doubled(record)!r}: rename one more")
        return renamed

    def _doubled(self, record: Record) -> str:
        names = [self._names.get(name, name) for name in record]
        return next(name for name in names if names.count(name) > 1)


class Cast(RecordTransform):
    """Turns values into another type, exactly or not at all: "2.5" is no int. Nulls stay null.

    Example:
        >>> Cast({"id": "int", "total": float}).convert({"id": "1", "total": "12.5"})
        {'id': 1, 'total': 12.5}

    Args:
        types: Column to ``"int"``, ``"float"``, ``"str"``, ``"bool"``, or a function of the value.
        missing: For a record without one of them: ``"error"`` or ``"skip"`` it.
    """

    def __init__(
        self,
        types: Mapping[str, CastName | Callable[[Any], Any]],
        *,
        missing: Literal["error", "skip"] = "error",
    ) -> None:
        self._casts = {name: cast if callable(cast) else _known_cast(cast) for name, cast in types.items()}
        self._missing: Missing = missing

    def convert(self, record: Record) -> Record:
        """Cast the columns; the others stay as they are."""
        wanted = [name for name in self._casts if _is_wanted(record, name, self._missing)]
        return {**record, **{name: self._cast(name, record[name]) for name in wanted}}

    def _cast(self, name: str, value: object) -> object:
        if value is None:
            return None
        try:
            return self._casts[name](value)
        except CALLER_ERRORS as error:
            raise InvalidInputError(f"column {name!r}: {_short(value)}: {reason(error)}") from error


class Filter(RecordTransform):
    """Keeps the records for which a predicate is true.

    Example:
        >>> list(Filter(lambda order: order["total"] > 0).apply([[{"total": 12.5}, {"total": 0.0}]]))
        [[{'total': 12.5}]]

    Args:
        keep: Takes a record.
    """

    def __init__(self, keep: Callable[[Record], object]) -> None:
        self._keep = keep
        self.name = f"Filter({step_name(keep)})"

    def convert(self, record: Record) -> Record | None:
        """Keep the record, or not."""
        return record if self._keep(record) else None


class Flatten(RecordTransform):
    """Puts the fields of nested objects beside the others: ``{"a": {"b": 1}}`` becomes ``{"a_b": 1}``.

    Lists stay as they are, and so does an object without fields.

    Example:
        >>> Flatten(separator=".").convert({"id": 1, "customer": {"name": "Åsa", "city": None}})
        {'id': 1, 'customer.name': 'Åsa', 'customer.city': None}

    Args:
        separator: What stands between the names.
        max_depth: How many levels are taken apart; None for all.
    """

    def __init__(self, *, separator: str = "_", max_depth: int | None = None) -> None:
        self._separator = separator
        self._max_depth = max_depth

    def convert(self, record: Record) -> Record:
        """Flatten, unless two columns would end up with one name."""
        flat: Record = {}
        for name, value in self._leaves(record, "", 0):
            if name in flat:
                raise InvalidInputError(f"two columns would be called {name!r}: choose another separator")
            flat[name] = value
        return flat

    def _leaves(self, record: Record, path: str, depth: int) -> Iterator[tuple[str, Any]]:
        for name, value in record.items():
            is_nested = isinstance(value, dict) and value
            if is_nested and (self._max_depth is None or depth < self._max_depth):
                yield from self._leaves(value, f"{path}{name}{self._separator}", depth + 1)
            else:
                yield path + name, value


class DropDuplicates:
    """Keeps the first record of each key.

    It has to remember every key it saw: about 100 bytes each, so 100 MB for a million records.
    ``max_keys`` puts a bound on that; in a run they are on disk. Values are told apart by type as well: 1,
    "1" and true differ.

    Example:
        >>> list(DropDuplicates("id").apply([[{"id": 1, "total": 2}, {"id": 1, "total": 3}]]))
        [[{'id': 1, 'total': 2}]]

    Args:
        keys: The columns that make the key; without any, the whole record is compared.
        max_keys: More different keys than this are an error.
    """

    def __init__(self, *keys: str, max_keys: int | None = None) -> None:
        self._keys = keys
        self._max_keys = max_keys

    def apply(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield each record whose key is new.

        Raises:
            InvalidInputError: A record has no key, or there are more than ``max_keys``; names the record.
        """
        seen: set[bytes] = set()

        def add(key: bytes) -> bool:
            if key in seen:
                return False
            if len(seen) == self._max_keys:
                raise InvalidInputError(
                    f"more than {self._max_keys} different keys: raise max_keys if the memory is there"
                )
            seen.add(key)
            return True

        number = 0
        for batch in batches:
            kept = self.new_among(batch, add, after=number)
            number += len(batch)
            if kept:
                yield kept

    def new_among(self, batch: Batch, add: Callable[[bytes], bool], *, after: int = 0) -> Batch:
        """The records of a batch whose keys are new.

        Args:
            batch: The records.
            add: Remembers a hash of 16 bytes, and tells whether it is new: ``HashSet.add_hash``, for one.
            after: How many records came before, so that an error can name one.

        Raises:
            InvalidInputError: A record has no key; names the record.
        """
        return [record for number, record in enumerate(batch, after + 1) if self._is_new(record, add, number)]

    def _is_new(self, record: Record, add: Callable[[bytes], bool], number: int) -> bool:
        try:
            return add(self._hash(record))
        except (InvalidInputError, *CALLER_ERRORS) as error:
            raise InvalidInputError(f"{step_name(self)}, record {number}: {reason(error)}") from error

    def _hash(self, record: Record) -> bytes:
        key = [_required(record, name) for name in self._keys] if self._keys else record
        try:
            return digest(key, _DIGEST_BYTES)
        except UnicodeEncodeError:  # half a surrogate pair, which UTF-8 has no bytes for
            return hashlib.blake2b(
                json.dumps(key, sort_keys=True).encode(), digest_size=_DIGEST_BYTES
            ).digest()


def _is_wanted(record: Record, name: str, missing: Missing) -> bool:
    if missing == "error":
        _required(record, name)
    return name in record or missing == "null"


def _required(record: Record, name: str) -> Any:  # noqa: ANN401 - a JSON value is of any type
    if name not in record:
        known = ", ".join(sorted(map(str, record))[:8])
        raise InvalidInputError(f"there is no column {name!r}, only {known or 'nothing at all'}")
    return record[name]


def _known_cast(name: str) -> Callable[[Any], Any]:
    if name not in CASTS:
        raise InvalidInputError(
            f"there is no cast to {name!r}: choose {', '.join(CASTS)}, or give a function"
        )
    return CASTS[name]


def _short(value: object) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**40 else "a huge number"
    return text if len(text) <= 40 else f"{text[:40]}..."  # noqa: PLR2004 - as much as helps in a message
