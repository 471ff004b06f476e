"""Knowing which records were seen, by their keys, in memory that does not grow with their number.

Hashes that came lately are in a set. When there are many, they are sorted into a file, and where several
files are of about one size they become one, so that a hash is written again only a few times. A filter tells
nearly always that a hash is in none of the files, so that none is looked into.
"""

from __future__ import annotations

import os
import struct
import tempfile
from bisect import bisect_left
from contextlib import contextmanager
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING, Any, Final, Self

from de_classes.errors import InvalidInputError, MalformedDataError, MissingKeyError, StorageUnavailableError
from de_classes.utils.digests import digest, digests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_BYTES: Final = 16
_IN_MEMORY: Final = 2**16  # hashes, about 100 bytes each
_FAN_IN: Final = 4  # files of one level, which then become one of the next
_FIRST_BYTES: Final = 256
_LOOKED_THROUGH: Final = 16 * 1024  # bytes that are read in one go
_CACHE_KIB: Final = 8192
_FILTER_BITS: Final = 2**26  # 8 MiB: one in twenty is looked for in vain where there are three million


class _SortedFile:
    """Hashes in a file without a name, in order.

    Args:
        level: How often they were merged.
        parts: By their first byte: all hashes that begin with it, sorted, one behind the other.
    """

    def __init__(self, level: int, parts: Iterable[bytes]) -> None:
        self.level = level
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by close
        try:
            self._starts = list(accumulate(map(self._write, parts), initial=0))
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
    """Hashes of 16 bytes that were seen.

    The files that take them, once there are more than 65,536, have no names: the operating system removes
    them when the set is closed, or when the process dies. A million hashes take 16 MB of disk, and for a
    moment twice that; memory stays below 20 MiB.

    Args:
        in_memory: So many are kept in memory before they go to a file.
    """

    def __init__(self, *, in_memory: int = _IN_MEMORY) -> None:
        self._in_memory = in_memory
        self._young: set[bytes] = set()
        self._files: list[_SortedFile] = []  # the largest first
        self._filter = bytearray()
        self._size = 0
        self._fresh = bytearray()

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
        with _on_disk():
            old = self._in_files(keys) if self._files else frozenset[bytes]()
        return [key in self._young or key in old for key in keys]

    def holds_any(self, hashes: bytes) -> bool:
        """Whether any of what ``take_fresh`` gave was taken in.

        Raises:
            StorageUnavailableError: The disk cannot be read.
        """
        step = _BYTES * self._in_memory
        return any(
            any(self.holds(_cut(hashes[start : start + step]))) for start in range(0, len(hashes), step)
        )

    def add_hashes(self, keys: Sequence[bytes]) -> list[bool]:
        """Take many in, one after the other; tells of each whether it is new.

        Raises:
            StorageUnavailableError: The disk is full.
        """
        are_new = self._take(keys)
        self._fresh += b"".join([key for key, is_new in zip(keys, are_new, strict=True) if is_new])
        return are_new

    def take_fresh(self) -> bytes:
        """The hashes taken in since this was asked last, one behind the other."""
        fresh, self._fresh = bytes(self._fresh), bytearray()
        return fresh

    def recall(self, hashes: bytes) -> None:
        """Take in what ``take_fresh`` gave, be it in another process.

        Raises:
            MalformedDataError: It is no such thing.
            StorageUnavailableError: The disk is full.
        """
        if len(hashes) % _BYTES:
            raise MalformedDataError(f"{len(hashes)} bytes are no hashes of keys")
        step = _BYTES * self._in_memory
        for start in range(0, len(hashes), step):
            self._take(_cut(hashes[start : start + step]))

    def close(self) -> None:
        """Forget everything; the files are gone."""
        self._young.clear()
        while self._files:
            self._files.pop().close()

    def _take(self, keys: Sequence[bytes]) -> list[bool]:
        young = self._young
        with _on_disk():
            old = self._in_files(keys) if self._files else frozenset[bytes]()
            are_new: list[bool] = []
            for key in keys:
                is_new = key not in young and key not in old
                are_new.append(is_new)
                if is_new:
                    young.add(key)
            self._size += sum(are_new)
            if len(young) >= self._in_memory:
                self._write_down()
        return are_new

    def _in_files(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those of some hashes that are in a file."""
        marked = self._filter
        return {
            key
            for key, bit in zip(keys, _bits_of(keys), strict=True)
            if marked[bit >> 3] >> (bit & 7) & 1 and any(key in file for file in self._files)
        }

    def _write_down(self) -> None:
        """Move what is in memory to a file, and make one of several that are alike."""
        self._filter = self._filter or bytearray(_FILTER_BITS // 8)
        keys = sorted(self._young)
        for bit in _bits_of(keys):
            self._filter[bit >> 3] |= 1 << (bit & 7)
        ends = [bisect_left(keys, bytes([first])) for first in range(1, _FIRST_BYTES)]
        parts = (b"".join(keys[start:stop]) for start, stop in pairwise([0, *ends, len(keys)]))
        self._files.append(_SortedFile(0, parts))
        self._young.clear()
        while len({file.level for file in self._files[-_FAN_IN:]}) == 1 and len(self._files) >= _FAN_IN:
            self._merge_last()

    def _merge_last(self) -> None:
        files = self._files[-_FAN_IN:]
        parts = (
            b"".join(sorted(chain.from_iterable(_cut(file.part(first)) for file in files)))
            for first in range(_FIRST_BYTES)
        )
        self._files[-_FAN_IN:] = [_SortedFile(files[0].level + 1, parts)]
        for file in files:
            file.close()


def _cut(hashes: bytes) -> list[bytes]:
    return [hashes[place : place + _BYTES] for place in range(0, len(hashes), _BYTES)]


def _bits_of(keys: Sequence[bytes]) -> list[int]:
    """The bit of the filter for each hash, out of its last bytes: by the first it lies in a file."""
    numbers = struct.unpack(f"={4 * len(keys)}I", b"".join(keys))
    return [number & _FILTER_BITS - 1 for number in numbers[3::4]]


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
