"""Whether an object holds what the simulator served: every record, in order, equal in every field."""

from __future__ import annotations

import io
from itertools import islice, zip_longest
from typing import TYPE_CHECKING, Any

from de_classes.storage.format.registry import get_codec
from de_classes.utils import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from de_classes.simulators.records import RecordSource

CHUNK = 1000
MAX_DIFFERENCES = 5
# A table has every column in every row, so it cannot tell a field that is null from one that is absent.
# A column has one type: where some of its numbers have fractions, whole ones come back as 1.0 for 1.
TABULAR = ("csv", "parquet")


def differences(source: RecordSource, content: bytes, format_name: str) -> list[str]:
    """Compare an object with what was served.

    Args:
        source: What was served.
        content: The object.
        format_name: How it is written.

    Returns:
        The first few differences, a sentence each; none if the object is right.
    """
    served = _served(source)
    stored = (record for batch in get_codec(format_name).read(io.BytesIO(content)) for record in batch)
    tabular = format_name in TABULAR
    pairs = enumerate(zip_longest(served, stored), start=1)
    found = (
        f"record {number}, {where}: served {expected!r}, stored {actual!r}"
        for number, (sent, kept) in pairs
        for where, expected, actual in _unequal(sent, kept, tabular=tabular)
    )
    return list(islice(found, MAX_DIFFERENCES))


def first_rows(content: bytes, format_name: str, count: int) -> list[dict[str, Any]]:
    """Read the first records of an object."""
    batches = get_codec(format_name).read(io.BytesIO(content))
    return list(islice((record for batch in batches for record in batch), count))


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
    elif expected != actual or not _may_become(type(expected), type(actual), tabular=tabular):
        yield where, expected, actual


def _may_become(served: type, stored: type, *, tabular: bool) -> bool:
    return served is stored or (tabular and (served, stored) == (int, float))


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
