"""Knowing which records were seen, by their keys: on disk, so that memory does not grow with their number."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self

from de_classes.errors import InvalidInputError, MalformedDataError, MissingKeyError, StorageUnavailableError
from de_classes.utils.digests import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_BYTES: Final = 16
_CACHE_KIB: Final = 8192
_ADD: Final = "INSERT OR IGNORE INTO keys VALUES (?)"
_HAS: Final = "SELECT 1 FROM keys WHERE hash = ?"


class HashSet:
    """Hashes of 16 bytes that were seen, in a file that has no name.

    The operating system removes the file when the set is closed, or when the process dies. A million
    hashes take about 25 MB of disk, and 8 MiB of memory hold what is in use.
    """

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)  # no name: a temporary file
        self._file.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute("CREATE TABLE keys (hash BLOB PRIMARY KEY) WITHOUT ROWID")
        self._file.execute("BEGIN")  # for good: nothing here outlives the set
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
        with self._on_disk():
            is_new = self._file.execute(_ADD, (key,)).rowcount == 1
        if is_new:
            self._size += 1
            self._fresh += key
        return is_new

    def __contains__(self, key: bytes) -> bool:
        """Whether a hash was taken in."""
        try:  # asked of every record of a dataset: no context manager
            return self._file.execute(_HAS, (key,)).fetchone() is not None
        except sqlite3.Error as error:
            raise _not_kept(error) from error

    def limit_pages(self, pages: int) -> None:
        """Let the file have no more than so many pages of 4 KiB, beyond those that it has."""
        self._file.execute(f"PRAGMA max_page_count = {pages}")

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
        each = ((hashes[start : start + _BYTES],) for start in range(0, len(hashes), _BYTES))
        with self._on_disk():
            self._size += self._file.executemany(_ADD, each).rowcount

    def close(self) -> None:
        """Forget everything; the file is gone."""
        self._file.close()

    @contextmanager
    def _on_disk(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _not_kept(error) from error


def _not_kept(error: sqlite3.Error) -> StorageUnavailableError:
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
        conflicts: How many records had the key of one before and were another; 0 unless they are compared.

    Raises:
        InvalidInputError: No field was named, or one twice.
    """

    def __init__(self, fields: Sequence[str], *, compares: bool = False) -> None:
        if not fields or len(set(fields)) != len(fields):
            raise InvalidInputError("a key has at least one field, and each only once")
        super().__init__()
        self._fields = tuple(fields)
        if compares:
            self._file.execute("CREATE TEMP TABLE records (key BLOB PRIMARY KEY, hash BLOB) WITHOUT ROWID")
        self._compares = compares
        self.conflicts = 0

    def add(self, record: dict[str, Any]) -> bool:
        """Take a record's key in; tells whether it is new.

        Raises:
            MissingKeyError: The record has no value in a field of the key.
        """
        return self.add_hash(hash_of_key(record, self._fields))

    def new_among(self, records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Take in the keys of many records; gives those records whose keys are new, in their order.

        Raises:
            MissingKeyError: A record has no value in a field of the key; then no key was taken in.
        """
        hashed = [(record, hash_of_key(record, self._fields)) for record in records]
        if self._compares:
            self.conflicts += sum(self._is_another(key, record) for record, key in hashed)
        return [record for record, key in hashed if self.add_hash(key)]

    def _is_another(self, key: bytes, record: dict[str, Any]) -> bool:
        """Whether a record with this key came before, and was not the same."""
        whole = digest(record, _BYTES)
        with self._on_disk():
            if self._file.execute("INSERT OR IGNORE INTO records VALUES (?, ?)", (key, whole)).rowcount == 1:
                return False
            known = self._file.execute("SELECT hash FROM records WHERE key = ?", (key,)).fetchone()
        return bool(known != (whole,))


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
