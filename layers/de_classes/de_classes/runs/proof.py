"""Whether what a run has kept is still what it kept: looked at before anything is built on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.errors import ObjectNotFoundError, StorageError
from de_classes.storage.clients.object_store import sha256_of_stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.runs.progress import RunProgress
    from de_classes.runs.sealed_part import SealedPart
    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.storage.datasets.manifest import ManifestPart


class BrokenPartsError(StorageError):
    """Parts of a run are not what was sealed, or are gone: their pages have to be fetched again.

    Attributes:
        parts: Which.
    """

    def __init__(self, parts: Sequence[SealedPart], what: str) -> None:
        pages = ", ".join(f"{part.first_page}-{part.last_page}" for part in parts)
        super().__init__(f"{what} of pages {pages} is gone, or not what was kept there")
        self.parts = tuple(parts)


def check_parts(store: ObjectStore, bucket: str, dataset: str, progress: RunProgress, *, own: str) -> None:
    """Make sure that every object of a run has the size and the SHA-256 that were written down.

    Those that this very invocation has written need only be there: to read them again would cost a run that
    was never stopped a tenth of its time.

    The store's own word for the checksum is taken where it has one: S3 compared it with the content when the
    object was written, and its writer put it beside it. Otherwise, and in a directory, the content is read.

    Args:
        store: Holds the parts.
        bucket: Where.
        dataset: The prefix of their keys.
        progress: What was sealed.
        own: The invocation that asks.

    Raises:
        BrokenPartsError: Some have not.
        StorageError: The store refuses, or does not answer.
    """
    broken = [
        sealed
        for sealed in progress.parts
        if not all(
            store.object_exists(bucket, f"{dataset}/{part.key}")
            if sealed.invocation == own
            else is_whole(store, bucket, f"{dataset}/{part.key}", part)
            for part in (sealed.part, sealed.quarantine)
            if part is not None
        )
    ]
    if broken:
        raise BrokenPartsError(broken, f"the data below {dataset}/")


def is_whole(store: ObjectStore, bucket: str, key: str, part: ManifestPart) -> bool:
    """Whether the object is the one that was written down."""
    try:
        found = store.head_object(bucket, key)
        if found.size != part.size:
            return False
        if found.checksum is not None:
            return found.checksum == part.sha256
        with store.open_object(bucket, key) as stream:  # somebody else wrote it
            return sha256_of_stream(stream) == part.sha256
    except ObjectNotFoundError:
        return False
