"""A part's bytes, once it is certain that they are the ones the manifest means."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from de_classes.errors import MalformedDataError
from de_classes.storage.clients.checksums import PIECE_BYTES, Content
from de_classes.storage.clients.spool import Spool
from de_classes.storage.datasets.keys import dataset_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.storage.datasets.manifest import ManifestPart


@contextmanager
def open_part(
    client: ObjectStore, bucket: str, dataset: str, part: ManifestPart, *, spool_dir: Path | None = None
) -> Iterator[BinaryIO]:
    """Fetch a part into a temporary file, measure it, and open that: no record of a damaged part is seen.

    Memory is bounded; the disk holds this one part.

    Raises:
        MalformedDataError: Its bytes are not those that were sealed; the part is named.
        ObjectNotFoundError: It is gone.
    """
    key = f"{dataset_name(dataset)}/{part.key}"
    with Spool(spool_dir) as spool:
        with client.open_object(bucket, key) as stream:
            shutil.copyfileobj(stream, spool, PIECE_BYTES)
        if spool.content != Content(part.size, part.sha256):
            raise MalformedDataError(
                f"{key} is not what was sealed there: {spool.content.size} bytes with SHA-256 "
                f"{spool.content.sha256}, not {part.size} with {part.sha256}; restore it, or run again"
            )
        yield spool.reader()


def open_parts(
    client: ObjectStore,
    bucket: str,
    dataset: str,
    parts: Iterable[ManifestPart],
    *,
    spool_dir: Path | None = None,
) -> Iterator[BinaryIO]:
    """Open one part after another, as ``open_part`` does; each is closed when the next is asked for."""
    for part in parts:
        with open_part(client, bucket, dataset, part, spool_dir=spool_dir) as source:
            yield source
