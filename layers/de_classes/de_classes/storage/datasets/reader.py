"""Reading a dataset: by its manifest, part after part, and nothing that is not in it."""

from __future__ import annotations

import io
import shutil
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from de_classes.errors import MalformedDataError, ObjectNotFoundError
from de_classes.storage.clients.object_store import PIECE_BYTES, Content, ContentMeter
from de_classes.storage.clients.spool import Spool
from de_classes.storage.datasets.commits import DatasetCommits
from de_classes.storage.datasets.manifest import (
    dataset_name,
    manifest_key,
    manifest_prefix,
    parse_manifest_key,
)
from de_classes.storage.format.codec import get_codec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pandas as pd

    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.storage.datasets.manifest import Manifest, ManifestPart
    from de_classes.storage.format.schema import Record


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
        _compare(spool.content, part, key)
        yield spool.reader()


def _compare(found: Content, part: ManifestPart, key: str) -> None:
    if found != Content(part.size, part.sha256):
        raise MalformedDataError(
            f"{key} is not what was sealed there: {found.size} bytes with SHA-256 "
            f"{found.sha256}, not {part.size} with {part.sha256}; "
            "restore it, or ingest into another dataset"
        )


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


class DatasetReader:
    """One commit of a dataset. It reads the same however many commits follow.

    Example:
        >>> _ = RunService(client, DatasetDestination(store, "lake")).carry_out(plan)
        >>> [record["id"] for batch in DatasetReader(store, "lake", "orders").records() for record in batch]
        [1, 2, 3, 4, 5]

    Args:
        client: Any object store.
        bucket: Its bucket.
        dataset: The dataset's key prefix, or the key of one of its manifests.
        generation: Which commit; the latest by default. A manifest's key says so itself.
        spool_dir: Where one part at a time is held; the system's directory by default.

    Attributes:
        manifest: The commit.

    Raises:
        ObjectNotFoundError: Nothing was committed there, or not that generation.
        MalformedDataError: Something else has the manifest's key.
    """

    def __init__(
        self,
        client: ObjectStore,
        bucket: str,
        dataset: str,
        *,
        generation: int | None = None,
        spool_dir: Path | None = None,
    ) -> None:
        named = parse_manifest_key(dataset) or (dataset, generation)
        self._client = client
        self._bucket = bucket
        self._dataset = dataset_name(named[0])
        self._spool_dir = spool_dir
        self.manifest = self._find(named[1])
        self._codec = get_codec(self.manifest.format)

    @property
    def uri(self) -> str:
        """The address of the manifest."""
        return self._client.uri(self._bucket, manifest_key(self._dataset, self.manifest.generation))

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the parts, in order: for tools that take a list of files."""
        return tuple(f"{self._dataset}/{part.key}" for part in self.manifest.parts)

    def records(self) -> Iterator[list[Record]]:
        """Yield the records in batches of bounded size, in the order of the pages.

        Raises:
            MalformedDataError: A part is not the one that was committed. None of its records were given.
            ObjectNotFoundError: A part is gone.
        """
        return chain.from_iterable(map(self._codec.read, self.sources()))

    def frame(self) -> pd.DataFrame:
        """Read everything into a DataFrame, the same as of one object with these records.

        Raises:
            MalformedDataError: A part is not the one that was committed.
            ObjectNotFoundError: A part is gone.
        """
        return self._codec.load_frames(self.sources() if self.manifest.parts else [self._empty()])

    def sources(self) -> Iterator[BinaryIO]:
        """Open one part after another, each compared with the manifest before; a part is closed by the next.

        Raises:
            MalformedDataError: A part is not the one that was committed.
            ObjectNotFoundError: A part is gone.
        """
        parts = self.manifest.parts
        return open_parts(self._client, self._bucket, self._dataset, parts, spool_dir=self._spool_dir)

    def open(self, part: ManifestPart) -> BinaryIO:
        """Open one part, seen to be what was sealed, where it lies if that is a file; the caller closes it.

        Raises:
            MalformedDataError: It is not the one that was committed.
            ObjectNotFoundError: It is gone.
        """
        key = f"{self._dataset}/{part.key}"
        stream = self._client.open_object(self._bucket, key)
        with ExitStack() as unless_fit:
            unless_fit.callback(stream.close)
            if stream.seekable():
                meter = ContentMeter()
                while piece := stream.read(PIECE_BYTES):
                    meter.add(piece)
                _compare(meter.content(), part, key)
                stream.seek(0)
                unless_fit.pop_all()
                return stream
            with Spool(self._spool_dir) as spool:
                shutil.copyfileobj(stream, spool, PIECE_BYTES)
                _compare(spool.content, part, key)
                return spool.set_aside()

    def _find(self, generation: int | None) -> Manifest:
        commits = DatasetCommits(self._client, self._bucket, self._dataset)
        manifest = commits.latest() if generation is None else commits.read(generation)
        if manifest is None:
            raise ObjectNotFoundError(
                f"{manifest_prefix(self._dataset)}*: nothing was committed there; check the key, "
                "or finish the run that writes it"
            )
        return manifest

    def _empty(self) -> BinaryIO:
        target = io.BytesIO()
        self._codec.open_writer(target, schema=self.manifest.schema).close()
        target.seek(0)
        return target


def read_parts(
    client: ObjectStore,
    bucket: str,
    dataset: str,
    format: str,  # noqa: A002 - the same name as everywhere in this library
    parts: Iterable[ManifestPart],
    *,
    spool_dir: Path | None = None,
) -> Iterator[list[Record]]:
    """Yield the records of parts in batches of bounded size, committed or not.

    Raises:
        MalformedDataError: A part is not what was sealed. None of its records were given.
        ObjectNotFoundError: A part is gone.
    """
    codec = get_codec(format)
    sources = open_parts(client, bucket, dataset, parts, spool_dir=spool_dir)
    return chain.from_iterable(map(codec.read, sources))
