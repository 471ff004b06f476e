"""Knowing which records were seen, by their keys, in memory that does not grow with their number.

Hashes that came lately are in a set. When there are many, they go to a file, by their first bytes, and where
several files are of about one size they become one, so that a hash is written again only a few times. A
filter tells nearly always that a hash is in none of the files, so that none is looked into.

Integers need no hashes as long as each page's lie apart from all that came before, see ``IntegerKeys``.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import closing, contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, Self

from de_classes.errors import InvalidInputError, MalformedDataError, MissingKeyError, StorageUnavailableError
from de_classes.utils.digests import digest, digests
from de_classes.utils.integer_keys import IntegerKeys, are_packed, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_BYTES: Final = 16
_IN_MEMORY: Final = 2**16  # hashes, about 100 bytes each
_FAN_IN: Final = 4  # files of one level, which then become one of the next
_FIRST_BYTES: Final = 256
_LOOKED_THROUGH: Final = 16 * 1024  # bytes that are read in one go
_CACHE_KIB: Final = 8192
_FILTER_BITS: Final = 2**26  # 8 MiB: one in twenty is looked for in vain where there are three million
_INTEGERS: Final = b"i"  # before integers; no number of hashes is as long as that and any number of integers


class _HashFile:
    """Hashes in a file without a name.

    Args:
        level: How often they were merged.
        parts: By their first byte: all hashes that begin with it, one behind the other. Those are sorted that
            are too long to be read in one go.
    """

    def __init__(self, level: int, parts: Iterable[bytes]) -> None:
        self.level = level
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by close
        try:
            self._starts = list(accumulate(map(self._write, map(_searchable, parts)), initial=0))
        except BaseException:
            self.close()
            raise

    def part(self, first: int) -> bytes:
        """The hashes that begin with one byte."""
        start, stop = self._starts[first : first + 2]
        return self._bytes(start, stop)

    def __contains__(self, key: bytes) -> bool:
        start, stop = self._starts[key[0] : key[0] + 2]
        while stop - start > _LOOKED_THROUGH:
            middle = (start + stop) // 2 // _BYTES * _BYTES
            start, stop = (middle, stop) if self._bytes(middle, middle + _BYTES) <= key else (start, middle)
        hashes = self._bytes(start, stop)
        place = hashes.find(key)
        while place % _BYTES and place >= 0:  # it may be found across two others
            place = hashes.find(key, place + 1)
        return place >= 0

    def close(self) -> None:
        """Forget them; the file is gone."""
        self._file.close()

    def _bytes(self, start: int, stop: int) -> bytes:
        return os.pread(self._file.fileno(), stop - start, start)

    def _write(self, part: bytes) -> int:
        left = memoryview(part)
        while left:
            left = left[self._file.write(left) :]
        return len(part)


class HashSet:
    """Hashes of 16 bytes that were seen, or integers that stand for the hashes of keys of one field.

    The files that take them, once there are more than 65,536, have no names: the operating system removes
    them when the set is closed, or when the process dies. A million hashes take 16 MB of disk, and for a
    moment twice that; memory stays below 20 MiB.

    Args:
        in_memory: So many are kept in memory before they go to a file.
    """

    def __init__(self, *, in_memory: int = _IN_MEMORY) -> None:
        self._in_memory = in_memory
        self._young: set[bytes] = set()
        self._files: list[_HashFile] = []  # the largest first
        self._filter = bytearray()
        self._size = 0
        self._fresh = bytearray()
        self._integers: IntegerKeys | None = IntegerKeys()  # all that was seen; None once that are hashes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        """How many hashes are in it."""
        return self._size

    def add_hash(self, key: bytes) -> bool:
        """Take a hash in; tells whether it is new.

        Raises:
            StorageUnavailableError: The disk is full.
        """
        return self.add_hashes([key])[0]

    def __contains__(self, key: bytes) -> bool:
        """Whether a hash was taken in."""
        return self.holds([key])[0]

    def holds(self, keys: Sequence[bytes]) -> list[bool]:
        """Of each of many hashes, whether it was taken in.

        Raises:
            StorageUnavailableError: The disk cannot be read.
        """
        self._hash_integers()
        with _on_disk():
            old = self._in_files(keys)
        return [key in self._young or key in old for key in keys]

    def holds_any(self, kept: bytes) -> bool:
        """Whether any of what ``take_fresh`` gave was taken in.

        Raises:
            MalformedDataError: It is no such thing.
            StorageUnavailableError: The disk cannot be read.
        """
        pieces = self._pieces(kept)
        if self._integers is not None and all(map(self._integers.lie_apart, pieces)):
            return False
        return any(any(self.holds(_hashes_of(piece))) for piece in self._pieces(kept))

    def add_integers(self, values: Sequence[Any]) -> bool:
        """Take keys of one field in, if they are integers and it is plain that each is new.

        Args:
            values: Their values in that field.

        Returns:
            Whether they were taken in; if not, it may still be that they are new, see ``add_hashes``.

        Raises:
            StorageUnavailableError: The disk is full.
        """
        is_taken = self._take_integers(values)
        if is_taken:
            self._fresh += packed(values)
        return is_taken

    def add_hashes(self, keys: Sequence[bytes]) -> list[bool]:
        """Take many in, one after the other; tells of each whether it is new.

        Raises:
            StorageUnavailableError: The disk is full.
        """
        self._hash_integers()
        are_new = self._take(keys)
        self._fresh += b"".join([key for key, is_new in zip(keys, are_new, strict=True) if is_new])
        return are_new

    def take_fresh(self) -> bytes:
        """What was taken in since this was asked last, for ``recall``: hashes, or integers."""
        fresh, self._fresh = bytes(self._fresh), bytearray()
        return _INTEGERS + fresh if fresh and self._integers is not None else fresh

    def recall(self, kept: bytes) -> None:
        """Take in what ``take_fresh`` gave, be it in another process.

        Raises:
            MalformedDataError: It is no such thing.
            StorageUnavailableError: The disk is full.
        """
        for piece in self._pieces(kept):
            if not self._take_integers(piece):  # hashes are never taken there
                self._hash_integers()
                self._take(_hashes_of(piece))

    def close(self) -> None:
        """Forget everything; the files are gone."""
        self._young.clear()
        if self._integers is not None:
            self._integers.close()
        while self._files:
            self._files.pop().close()

    def _pieces(self, kept: bytes) -> Iterator[Sequence[bytes] | Sequence[int]]:
        """What ``take_fresh`` gave, some at a time."""
        start, cut = (0, _cut) if not len(kept) % _BYTES else (len(_INTEGERS), unpacked)
        if start and not (kept.startswith(_INTEGERS) and are_packed(kept[start:])):
            raise MalformedDataError(f"{len(kept)} bytes are no hashes of keys")
        step = _BYTES * self._in_memory
        for place in range(start, len(kept), step):
            yield cut(kept[place : place + step])

    def _take_integers(self, values: Sequence[Any]) -> bool:
        if self._integers is None:
            return False
        with _on_disk():
            is_taken = self._integers.take(values)
        self._size += len(values) if is_taken else 0
        return is_taken

    def _hash_integers(self) -> None:
        """From now on there are hashes alone: of the integers seen, too."""
        if self._integers is None:
            return
        integers, self._integers = self._integers, None
        self._fresh = bytearray(b"".join(_hashes_of(unpacked(self._fresh))))
        self._size = 0
        with _on_disk(), closing(integers):
            for values in integers.pieces(self._in_memory):
                self._take(_hashes_of(values))

    def _take(self, keys: Sequence[bytes]) -> list[bool]:
        new = set(keys)
        with _on_disk():
            new -= self._in_files(keys)
            new -= self._young
            are_new = [True] * len(keys) if len(new) == len(keys) else _first_of(keys, new)
            self._young |= new
            self._size += len(new)
            if len(self._young) >= self._in_memory:
                self._write_down()
        return are_new

    def _in_files(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those of some hashes that are in a file."""
        if not self._files:
            return set()
        marked = self._filter
        bits = zip(keys, _bits_of(keys), strict=True)
        perhaps = [key for key, bit in bits if marked[bit >> 3] >> (bit & 7) & 1]
        return {key for key in perhaps if any(key in file for file in self._files)}

    def _write_down(self) -> None:
        """Move what is in memory to a file, and make one of several that are alike."""
        self._filter = self._filter or bytearray(_FILTER_BITS // 8)
        keys = list(self._young)
        for bit in _bits_of(keys):
            self._filter[bit >> 3] |= 1 << (bit & 7)
        by_first_byte: list[list[bytes]] = [[] for _ in range(_FIRST_BYTES)]
        for key in keys:
            by_first_byte[key[0]].append(key)
        self._files.append(_HashFile(0, map(b"".join, by_first_byte)))
        self._young.clear()
        while len({file.level for file in self._files[-_FAN_IN:]}) == 1 and len(self._files) >= _FAN_IN:
            self._merge_last()

    def _merge_last(self) -> None:
        files = self._files[-_FAN_IN:]
        parts = (b"".join(file.part(first) for file in files) for first in range(_FIRST_BYTES))
        self._files[-_FAN_IN:] = [_HashFile(files[0].level + 1, parts)]
        for file in files:
            file.close()


def _first_of(keys: Sequence[bytes], new: Iterable[bytes]) -> list[bool]:
    """Of each of some hashes, whether it is a new one that was not among those before it."""
    waiting = set(new)
    are_new = []
    for key in keys:
        are_new.append(key in waiting)
        waiting.discard(key)
    return are_new


def _searchable(part: bytes) -> bytes:
    """The hashes of a part of a file, in order where that helps to find one."""
    return part if len(part) <= _LOOKED_THROUGH else b"".join(sorted(_cut(part)))


def _cut(hashes: bytes) -> list[bytes]:
    return [hashes[place : place + _BYTES] for place in range(0, len(hashes), _BYTES)]


def _hashes_of(keys: Sequence[bytes] | Sequence[int]) -> Sequence[bytes]:
    """Hashes as they are, and those of keys that are one integer."""
    if keys and isinstance(keys[0], int):
        return digests(zip(keys, strict=True), _BYTES)
    return keys  # type: ignore[return-value]  # all are of one type


def _bits_of(keys: Sequence[bytes]) -> list[int]:
    """The bit of the filter for each hash, out of its last bytes: by the first it lies in a file."""
    numbers = memoryview(b"".join(keys)).cast("I")[3::4]
    return [number & _FILTER_BITS - 1 for number in numbers.tolist()]


@contextmanager
def _on_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _not_kept(error) from error


def _not_kept(error: Exception) -> StorageUnavailableError:
    return StorageUnavailableError(
        f"the keys of the records seen cannot be kept: {error}; make room for temporary files"
    )


class KeySet(HashSet):
    """The keys of the records seen, as hashes.

    A key is compared by value and type: ``1``, ``1.0``, ``"1"`` and ``true`` are four keys. JSON would
    let 1 and 1.0 be one number; two records held apart by mistake can be found in the data, whereas one
    that was dropped by mistake is lost.

    Args:
        fields: The fields that together tell a record from all others.
        compares: Whether records of one key are compared, of those that are added from now on.

    Attributes:
        fields: The same.
        conflicts: How many records had the key of one before and were another; 0 unless they are compared.

    Raises:
        InvalidInputError: No field was named, or one twice.
    """

    def __init__(self, fields: Sequence[str], *, compares: bool = False) -> None:
        if not fields or len(set(fields)) != len(fields):
            raise InvalidInputError("a key has at least one field, and each only once")
        super().__init__()
        self.fields = tuple(fields)
        self._first_records = FirstRecords() if compares else None
        self._compared = bytearray()
        self.conflicts = 0

    def close(self) -> None:
        """Forget everything; the files are gone."""
        super().close()
        if self._first_records is not None:
            self._first_records.close()

    def add(self, record: dict[str, Any]) -> bool:
        """Take a record's key in; tells whether it is new.

        Raises:
            MissingKeyError: The record has no value in a field of the key.
        """
        return self.add_hash(hash_of_key(record, self.fields))

    def new_among(
        self, records: Sequence[dict[str, Any]], columns: Sequence[Sequence[Any]] | None = None
    ) -> Sequence[dict[str, Any]]:
        """Take in the keys of many records; gives those records whose keys are new, in their order.

        Args:
            records: JSON objects. Where all of their keys are new, they are given back as they stand.
            columns: Their values in each field of the key, if those are known without making objects.

        Raises:
            MissingKeyError: A record has no value in a field of the key; then no key was taken in.
        """
        if self._first_records is None and self._are_new_integers(records, columns):
            return records
        hashes = self._hashes(records, columns)
        if self._first_records is not None:
            self._compare(self._first_records, hashes, records)
        are_new = self.add_hashes(hashes)
        if all(are_new):
            return records
        return (
            [record for record, is_new in zip(records, are_new, strict=True) if is_new]
            if any(are_new)
            else []
        )

    def take_compared(self) -> bytes:
        """What ``FirstRecords.recall`` takes, of the records since this was asked last."""
        compared, self._compared = bytes(self._compared), bytearray()
        return compared

    def _are_new_integers(
        self, records: Sequence[dict[str, Any]], columns: Sequence[Sequence[Any]] | None
    ) -> bool:
        """Whether that is plain of the keys, which are taken in then."""
        if self._integers is None or len(self.fields) > 1:
            return False
        [field] = self.fields
        return self.add_integers([record.get(field) for record in records] if columns is None else columns[0])

    def _compare(
        self, first: FirstRecords, hashes: Sequence[bytes], records: Sequence[dict[str, Any]]
    ) -> None:
        for key, record in zip(hashes, records, strict=True):
            whole = digest(record, _BYTES)
            known = first.known(key, whole)
            if known != whole:
                self._compared += key + whole
            self.conflicts += known is not None and known != whole

    def _hashes(
        self, records: Sequence[dict[str, Any]], columns: Sequence[Sequence[Any]] | None
    ) -> list[bytes]:
        if columns is None or any(None in column for column in columns):
            return [hash_of_key(record, self.fields) for record in records]
        return digests(zip(*columns, strict=True), _BYTES)


def hash_of_key(record: Mapping[str, Any], fields: Sequence[str]) -> bytes:
    """What a set knows a record by.

    Args:
        record: Any record.
        fields: The fields that together tell it from all others.

    Raises:
        MissingKeyError: It has no value in one of them.
    """
    key = [record.get(field) for field in fields]
    if None in key:
        field = fields[key.index(None)]
        what = "is null" if field in record else "is not there"
        raise MissingKeyError(
            f"the key field {field!r} {what} in a record: mend the data, or name a key that all records have"
        )
    return digest(key, _BYTES)


class FirstRecords:
    """A hash of the first record of each key, in a file that has no name."""

    def __init__(self) -> None:
        import sqlite3  # noqa: PLC0415 - only where records are compared

        self._error = sqlite3.Error
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute("CREATE TABLE records (key BLOB PRIMARY KEY, hash BLOB) WITHOUT ROWID")
        self._file.execute("BEGIN")  # for good: nothing here outlives the set

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def known(self, key: bytes, whole: bytes) -> bytes | None:
        """The hash of the first record with a key; None if this is the first, which it is from now on.

        Args:
            key: The hash of the key.
            whole: That of the record.

        Raises:
            StorageUnavailableError: The disk is full.
        """
        try:
            if self._file.execute("INSERT OR IGNORE INTO records VALUES (?, ?)", (key, whole)).rowcount == 1:
                return None
            (known,) = self._file.execute("SELECT hash FROM records WHERE key = ?", (key,)).fetchone()
        except self._error as error:
            raise _not_kept(error) from error
        return bytes(known)

    def recall(self, compared: bytes) -> int:
        """Take in what ``KeySet.take_compared`` gave; how many records have the key of another and differ.

        Raises:
            MalformedDataError: It is no such thing.
            StorageUnavailableError: The disk is full.
        """
        if len(compared) % (2 * _BYTES):
            raise MalformedDataError(f"{len(compared)} bytes are no hashes of keys and records")
        hashes = _cut(compared)
        found = (
            (self.known(key, whole), whole) for key, whole in zip(hashes[::2], hashes[1::2], strict=True)
        )
        return sum(known is not None and known != whole for known, whole in found)

    def close(self) -> None:
        """Forget them; the file is gone."""
        self._file.close()
