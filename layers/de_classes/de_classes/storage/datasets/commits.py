"""Committing a dataset: the manifest is written last, once, and never changed.

Cleaning up and committing keep out of each other's way, by two marks.

Who cleans up leaves a mark in every dataset before looking for runs that are alive; a run says that it is
alive before looking for that mark, and only then makes sure of its parts and commits. So of the two at least
one sees the other: cleaning spares a run that it sees, and a run that sees cleaning ends and says so. It
rests on a store in which whoever reads sees what was written before, as S3 is.

Where old commits are cleaned away, their keys are free again. Nobody writes there but a process that found
one of them to be next, and then stood still for days, while others committed it and more. Once it has
written, it looks: if there are later ones, from before it wrote, it takes its own back, and has lost.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from de_classes.errors import (
    InvalidInputError,
    ObjectExistsError,
    ObjectNotFoundError,
    PermissionDeniedError,
    StorageUnavailableError,
)
from de_classes.storage.datasets.manifest import (
    CONTENT_TYPE,
    cleaning_key,
    dataset_name,
    decode_manifest,
    encode_manifest,
    manifest_key,
    manifest_prefix,
    parse_manifest_key,
    symlink_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from de_classes.storage.clients.object_store import ObjectInfo, ObjectStore
    from de_classes.storage.datasets.manifest import Manifest
    from de_classes.utils.clock import Clock

ALIVE: Final = 3600.0
"""Seconds for which a mark counts: who left it and is still at work has renewed it by then."""

_RENEWED_AFTER: Final = ALIVE / 6
_CLOCKS: Final = 60.0
"""Seconds by which the clocks of those who write into one directory may differ."""


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


class DatasetCommits:
    """The generations of one dataset. On AWS this needs ``s3:ListBucket`` beside reading and writing.

    Example:
        >>> _ = RunService(client, DatasetDestination(store, "lake")).carry_out(plan)
        >>> commits = DatasetCommits(store, "lake", "orders")
        >>> commits.generations(), commits.latest().run_id
        ([1], 'monday')

    Args:
        client: Any object store.
        bucket: Its bucket.
        dataset: The key prefix of the dataset.
    """

    def __init__(self, client: ObjectStore, bucket: str, dataset: str) -> None:
        self._client = client
        self._bucket = bucket
        self._dataset = dataset_name(dataset)

    def generations(self) -> list[int]:
        """Those that there are, ascending."""
        listed = self._client.list_objects(self._bucket, manifest_prefix(self._dataset))
        parsed = (parse_manifest_key(info.key) for info in listed)
        return sorted(found[1] for found in parsed if found is not None)

    def latest(self) -> Manifest | None:
        """The commit that counts; None if nothing was committed yet.

        Raises:
            MalformedDataError: Something else has its key.
        """
        generations = self.generations()
        return self.read(generations[-1]) if generations else None

    def read(self, generation: int) -> Manifest:
        """One commit.

        Raises:
            ObjectNotFoundError: There is no such generation.
            MalformedDataError: Something else has its key.
        """
        key = manifest_key(self._dataset, generation)
        return decode_manifest(self._client.get_object(self._bucket, key), key)

    def commit(self, manifest: Manifest) -> Manifest:
        """Make these parts the dataset, unless another run has done so with other parts.

        A manifest names its generation, and so the one it replaces. Of many writers of one generation exactly
        one succeeds, together with all that write the very same manifest. Call it again after a failure.

        Raises:
            ObjectExistsError: Another run has committed this generation, or a later one.
            InvalidInputError: There is no generation for this one to replace.
        """
        latest = (self.generations() or [0])[-1]
        if manifest.generation > latest + 1:
            raise InvalidInputError(
                f"generation {manifest.generation} of {self._dataset} replaces none: the latest is {latest}"
            )
        if manifest.generation == latest + 1:
            self._write(manifest)
        elif not self._is_committed(manifest):
            raise self._conflict(manifest)
        self.publish(manifest)
        return manifest

    def publish(self, manifest: Manifest) -> ObjectInfo:
        """List the parts for engines that read ``SymlinkTextInputFormat``; asking again repairs the list.

        Args:
            manifest: The commit. If a later one has replaced it, that one is listed.
        """
        while True:
            info = self._list_parts(manifest)
            latest = self.latest() or manifest
            if latest.generation <= manifest.generation:
                return info
            manifest = latest

    def is_late(self, generation: int) -> bool:
        """Whether a manifest came when later ones had been there for long: its key was free again.

        It counts for nothing, whoever wrote it, and can only be read by its number.
        """
        listed = self._client.list_objects(self._bucket, manifest_prefix(self._dataset))
        times = {found[1]: info.modified for info in listed if (found := parse_manifest_key(info.key))}
        own = times.get(generation) or 0.0
        return any(number > generation and own - (at or own) > _CLOCKS for number, at in times.items())

    def _write(self, manifest: Manifest) -> None:
        key = manifest_key(self._dataset, manifest.generation)
        body = encode_manifest(manifest)
        try:
            written = self._client.put_object(
                self._bucket, key, body, content_type=CONTENT_TYPE, if_none_match=True
            )
        except ObjectExistsError as error:
            raise self._conflict(manifest) from error
        if self.is_late(manifest.generation):
            with suppress(PermissionDeniedError):  # a worker may not: it counts for nothing all the same
                self._client.delete_object(self._bucket, key, if_unchanged=written)
            raise self._conflict(manifest)

    def _is_committed(self, manifest: Manifest) -> bool:
        try:
            found = self.read(manifest.generation)
        except ObjectNotFoundError:
            return False
        return found == manifest and not self.is_late(manifest.generation)

    def _conflict(self, manifest: Manifest) -> ObjectExistsError:
        latest = self.latest()
        holder = f"{latest.generation} is the commit of run {latest.run_id!r}" if latest else "it was removed"
        return ObjectExistsError(
            f"run {manifest.run_id!r} cannot commit generation {manifest.generation} of {self._dataset}: "
            f"{holder}; its parts are untouched"
        )

    def list_alone(self, manifest: Manifest) -> ObjectInfo:
        """List the parts of one commit where no other is ever listed, for a table that shows just that one.

        A commit never changes, and so neither does its list: to write it again does no harm.
        """
        return self._list_parts(manifest, manifest.generation)

    def _list_parts(self, manifest: Manifest, generation: int | None = None) -> ObjectInfo:
        keys = (f"{self._dataset}/{part.key}" for part in manifest.parts)
        uris = (self._client.uri(self._bucket, key) for key in keys)
        body = "".join(f"{uri}\n" for uri in uris).encode()
        key = symlink_key(self._dataset, generation)
        return self._client.put_object(self._bucket, key, body, content_type="text/plain; charset=utf-8")
