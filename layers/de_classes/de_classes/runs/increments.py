"""Where a run begins that brings only what is new: behind the latest commit of its dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from de_classes.errors import BucketNotFoundError
from de_classes.storage.datasets.commits import DatasetCommits
from de_classes.storage.datasets.places import PlacesOfParents

if TYPE_CHECKING:
    from de_classes.api.increments import Incremental
    from de_classes.runs.dataset import DatasetDestination
    from de_classes.utils.run_records import Increment


def places_before(increment: Increment, to: DatasetDestination, dataset: str) -> dict[str, str | int]:
    """The places that were reached for each parent when a run began; none where it has none.

    Raises:
        MalformedDataError: The document that holds them is gone, or not what was written.
        StorageError: The store does not answer.
    """
    if increment.places is None:
        return {}
    return PlacesOfParents(to.store, to.bucket, dataset).read(increment.places)


def next_increment(
    said: Incremental,
    to: DatasetDestination,
    dataset: str,
    *,
    run_id: str | None,
    now: float,
    asked_from: str | None = None,
    asked_until: str | None = None,
    is_each: bool = False,
) -> Increment:
    """What a run asks for: what it was begun with, or what is new since the latest commit.

    Args:
        said: How the source is asked.
        to: Where the dataset is.
        dataset: Its key prefix.
        run_id: The run, if it has a name that may have been used before.
        now: The time, in seconds since the epoch.
        asked_from: Where to begin instead.
        asked_until: Where to end instead.
        is_each: Whether each of several parents has a place of its own.

    Raises:
        InvalidInputError: What was asked for is no place, or the dataset was read by another field.
        StorageError: The store does not answer.
    """
    try:
        begun = None if run_id is None else to.begun(run_id)
        latest = DatasetCommits(to.store, to.bucket, dataset).latest()
    except BucketNotFoundError:
        begun = latest = None
    if begun is not None and begun.incremental is not None and asked_from is None and asked_until is None:
        return begun.incremental
    reached = None if latest is None or latest.incremental is UNSET else latest.incremental
    return said.begin(reached, now=now, asked_from=asked_from, asked_until=asked_until, is_each=is_each)
