"""Whether the bucket holds what the simulator served: every record, in order, equal in every field."""

from __future__ import annotations

from itertools import chain, islice, zip_longest
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from de_classes.storage.datasets import DatasetReader
from de_classes.storage.datasets.manifest import names_dataset
from de_classes.storage.format.codec import get_codec
from de_classes.utils import strict_json
from de_classes.utils.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from de_classes.simulators.records import RecordSource
    from de_classes.storage.clients import ObjectStore
    from de_classes.storage.format.schema import Record

CHUNK = 1000
MAX_DIFFERENCES = 5


def stored_records(store: ObjectStore, bucket: str, key: str) -> Iterator[Record]:
    """Read what a receipt's key names: a dataset by its manifest, or one object by its extension.

    Raises:
        ObjectNotFoundError: It is not there, or a part of it is not.
        MalformedDataError: It is not what was committed.
    """
    if names_dataset(key):
        yield from chain.from_iterable(DatasetReader(store, bucket, key).records())
        return
    codec = get_codec(PurePosixPath(key).suffix.removeprefix("."))
    with store.open_object(bucket, key) as stream:
        yield from chain.from_iterable(codec.read(stream))


def differences(source: RecordSource, stored: Iterable[Record], format_name: str) -> list[str]:
    """Compare what was stored with what was served.

    Args:
        source: What was served.
        stored: The records as they were read back.
        format_name: How they were written.

    Returns:
        The first few differences, a sentence each; none if they are equal.
    """
    # A table has every column in every row, so it cannot tell a field that is null from one that is absent.
    # A column has one type: where some of its numbers have fractions, whole ones come back as 1.0 for 1.
    tabular = FORMATS[format_name].is_table
    pairs = enumerate(zip_longest(_served(source), stored), start=1)
    found = (
        f"record {number}, {where}: served {expected!r}, stored {actual!r}"
        for number, (sent, kept) in pairs
        for where, expected, actual in _unequal(sent, kept, tabular=tabular)
    )
    return list(islice(found, MAX_DIFFERENCES))


def _served(source: RecordSource) -> Iterator[dict[str, Any]]:
    for start in range(0, source.count, CHUNK):
        for record in source.slice(start, start + CHUNK):
            yield strict_json.loads(record)


def _unequal(
    expected: object, actual: object, *, tabular: bool, where: str = ""
) -> Iterator[tuple[str, object, object]]:
    if isinstance(expected, dict) and isinstance(actual, dict):
        yield from _unequal_fields(expected, actual, tabular=tabular, where=where)
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, pair in enumerate(zip(expected, actual, strict=True)):
            yield from _unequal(*pair, tabular=tabular, where=f"{where}[{index}]")
    elif expected != actual or not _may_become(_kind(expected), _kind(actual), tabular=tabular):
        yield where, expected, actual


def _may_become(served: type, stored: type, *, tabular: bool) -> bool:
    return served is stored or (tabular and (served, stored) == (int, float))


def _kind(value: object) -> type:
    """Its type; a number that knows how it was spelled is a float."""
    return float if isinstance(value, float) else type(value)


def _unequal_fields(
    expected: Mapping[str, object], actual: Mapping[str, object], *, tabular: bool, where: str
) -> Iterator[tuple[str, object, object]]:
    if not tabular and expected.keys() != actual.keys():
        yield f"{where} fields", sorted(expected), sorted(actual)
        return
    for name in {**expected, **actual}:
        yield from _unequal(
            expected.get(name), actual.get(name), tabular=tabular, where=f"{where}.{name}" if where else name
        )
