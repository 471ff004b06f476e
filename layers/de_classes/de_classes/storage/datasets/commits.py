"""Committing a dataset: the manifest is written last, once, and never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.errors import InvalidInputError, ObjectExistsError, ObjectNotFoundError
from de_classes.storage.datasets.keys import (
    dataset_name,
    manifest_key,
    manifest_prefix,
    parse_manifest_key,
    symlink_key,
)
from de_classes.storage.datasets.manifest import CONTENT_TYPE, decode_manifest, encode_manifest

if TYPE_CHECKING:
    from de_classes.storage.clients.object_store import ObjectInfo, ObjectStore
    from de_classes.storage.datasets.manifest import Manifest


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

    def _write(self, manifest: Manifest) -> None:
        key = manifest_key(self._dataset, manifest.generation)
        body = encode_manifest(manifest)
        try:
            self._client.put_object(self._bucket, key, body, content_type=CONTENT_TYPE, if_none_match=True)
        except ObjectExistsError as error:
            raise self._conflict(manifest) from error

    def _is_committed(self, manifest: Manifest) -> bool:
        try:
            return self.read(manifest.generation) == manifest
        except ObjectNotFoundError:
            return False

    def _conflict(self, manifest: Manifest) -> ObjectExistsError:
        latest = self.latest()
        holder = f"{latest.generation} is the commit of run {latest.run_id!r}" if latest else "it was removed"
        return ObjectExistsError(
            f"run {manifest.run_id!r} cannot commit generation {manifest.generation} of {self._dataset}: "
            f"{holder}; its parts are untouched"
        )

    def _list_parts(self, manifest: Manifest) -> ObjectInfo:
        keys = (f"{self._dataset}/{part.key}" for part in manifest.parts)
        uris = (self._client.uri(self._bucket, key) for key in keys)
        body = "".join(f"{uri}\n" for uri in uris).encode()
        return self._client.put_object(
            self._bucket, symlink_key(self._dataset), body, content_type="text/plain; charset=utf-8"
        )
