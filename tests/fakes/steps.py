"""Functions that a run's transforms may name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.storage.format.schema import Record

NOT_CALLABLE = 5


def doubled(batch: list[Record]) -> Iterable[Record]:
    """Every record twice."""
    return (record for record in batch for _ in range(2))


def spoiling(batch: list[Record]) -> list[Record]:
    """Takes the records apart that it was given, down to what is nested in them."""
    for record in batch:
        record["tags"].clear()
        record["id"] = -record["id"]
    return batch


def first(batch: list[Record]) -> list[Record]:
    """Only the first record, and there must be one."""
    return [batch[0]]


def numbers(batch: list[Record]) -> list[int]:
    """No records."""
    return [record["id"] for record in batch]


def needs_a_name(batch: list[Record]) -> list[Record]:
    """Stumbles over records without a name."""
    return [{"name": record["name"]} for record in batch]
