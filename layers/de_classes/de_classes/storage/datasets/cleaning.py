"""Cleaning up and committing keep out of each other's way, by two marks.

Who cleans up leaves a mark in every dataset before looking for runs that are alive; a run says that it is
alive before looking for that mark, and only then makes sure of its parts and commits. So of the two at least
one sees the other: cleaning spares a run that it sees, and a run that sees cleaning ends and says so. It
rests on a store in which whoever reads sees what was written before, as S3 is.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from de_classes.errors import ObjectNotFoundError, StorageUnavailableError
from de_classes.storage.datasets.keys import cleaning_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.utils.clock import Clock

ALIVE: Final = 3600.0
"""Seconds for which a mark counts: who left it and is still at work has renewed it by then."""

_RENEWED_AFTER: Final = ALIVE / 6


@contextmanager
def announced(
    client: ObjectStore, bucket: str, datasets: Iterable[str], clock: Clock
) -> Iterator[Callable[[], None]]:
    """Leave the mark in datasets, and take it back at the end.

    Yields:
        What is to be called before each delete: it renews the marks when they grow old.
    """
    keys = [cleaning_key(dataset) for dataset in datasets]
    left_at = clock.monotonic()

    def leave() -> None:
        for key in keys:
            client.put_object(bucket, key, b"{}\n", content_type="application/json")

    def renew() -> None:
        nonlocal left_at
        if clock.monotonic() - left_at > _RENEWED_AFTER:
            left_at = clock.monotonic()
            leave()

    try:
        leave()
        yield renew
    finally:
        for key in keys:
            client.delete_object(bucket, key)


def refuse_while_cleaning(client: ObjectStore, bucket: str, dataset: str, *, now: float) -> None:
    """Make sure that nobody is cleaning a dataset up who may have begun before the run said that it is alive.

    Args:
        client: Any object store.
        bucket: Its bucket.
        dataset: The key prefix of the dataset.
        now: The time, in seconds since the epoch.

    Raises:
        StorageUnavailableError: Somebody is.
    """
    try:
        mark = client.head_object(bucket, cleaning_key(dataset))
    except ObjectNotFoundError:
        return
    if mark.modified is None or now - mark.modified < ALIVE:
        raise StorageUnavailableError(
            f"{dataset}/ is being cleaned up: go on with the run when that is over; if whoever did it died, "
            f"an hour after it left {mark.uri}"
        )
