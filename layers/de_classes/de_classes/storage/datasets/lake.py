"""What datasets there are below a prefix: found by their manifests, and not by looking at every object.

Folders are listed one by one, each without what lies in the folders below it, and a dataset's parts are
passed over: a dataset takes two listings of a thousand names at the most, however many parts it has, and one
more for each thousand commits. Two of its documents are read: the latest manifest and its receipt.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import UNSET, Struct

from de_classes.errors import MalformedDataError, NewerLayoutError, ObjectNotFoundError
from de_classes.storage.datasets.manifest import (
    commit_receipt_key,
    dataset_name,
    decode_manifest,
    manifest_key,
    parse_commit_receipt_key,
    parse_manifest_key,
)
from de_classes.utils import layouts
from de_classes.utils.run_records import Reached

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.storage.clients.object_store import ObjectInfo, ObjectStore
    from de_classes.storage.datasets.manifest import Manifest

_NOT_DATASETS: Final = ("_runs/", "_ways-on/", "_symlink/", "_symlink-")
_PARTS: Final = re.compile(r"(?:part|_quarantine)-\d+-")
"""What the names of the parts of one pass begin with; no dataset is called so."""
_PATIENCE: Final = 500
"""Parts in a row after which the rest of them is passed over: it takes a request, which tells a thousand."""


class Generation(Struct, frozen=True):
    """One commit of a dataset that is still there.

    Attributes:
        number: From 1.
        committed: When, in seconds since the epoch, by the store's clock; None where it does not say.
        runs: Whose receipts lie beside it: the run that made it, and those that tried to.
    """

    number: int
    committed: float | None
    runs: tuple[str, ...] = ()


class CataloguedDataset(Struct, frozen=True, kw_only=True):
    """What is known of a dataset without reading its parts.

    Example:
        >>> _ = RunService(client, DatasetDestination(store, "lake")).carry_out(plan)
        >>> (orders,) = Lake(store, "lake").datasets()
        >>> orders.name, orders.records, orders.evidence
        ('orders', 5, ('total', 'sampled'))

    Attributes:
        name: Its key prefix.
        uri: Where its latest manifest is.
        generations: Its commits that are still there, ascending; the last counts.
        status: Of the latest: ``complete``, ``partial``, or ``unreadable``, and then the rest is not known.
        problem: Why it is unreadable; None if it is not.
        runs: Whose records the latest lists.
        records: In the latest.
        bytes: Of the latest's parts, quarantine included; what older commits keep besides is not counted.
        parts: How many objects these are.
        format: The parts' format.
        primary_key: The fields by which no two records are the same, if any.
        incremental: How far it is read; None where it is read as a whole.
        evidence: By what the run that made the latest knew the end, and by what that the source stood still;
            None where it is partial, or has no receipt.
        warnings: How many sentences in the receipt weaken that.
    """

    name: str
    uri: str
    generations: tuple[Generation, ...]
    status: str
    problem: str | None = None
    runs: tuple[str, ...] = ()
    records: int = 0
    bytes: int = 0
    parts: int = 0
    format: str = ""
    primary_key: tuple[str, ...] = ()
    incremental: Reached | None = None
    evidence: tuple[str, str] | None = None
    warnings: int = 0

    @property
    def committed(self) -> float | None:
        """When the latest commit was made, in seconds since the epoch."""
        return self.generations[-1].committed


class Lake:
    """A catalogue of the datasets below a prefix. On AWS it needs ``s3:ListBucket`` and ``s3:GetObject``.

    What is no longer needed of them, ``remove_leftovers`` deletes.

    Example:
        >>> _ = RunService(client, DatasetDestination(store, "lake")).carry_out(plan)
        >>> [(each.name, each.records, each.status) for each in Lake(store, "lake").datasets()]
        [('orders', 5, 'complete')]

    Args:
        client: Any object store.
        bucket: Its bucket.
        prefix: Where the datasets are, with or without a slash at its end; the whole bucket if it is empty.
    """

    def __init__(self, client: ObjectStore, bucket: str, prefix: str = "") -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{dataset_name(prefix)}/" if prefix else ""

    def datasets(self) -> Iterator[CataloguedDataset]:
        """Every dataset, each looked at when it is asked for; those in a dataset's folder come behind it.

        Raises:
            BucketNotFoundError: There is no such bucket.
            StorageError: The store refuses.
        """
        folders = [self._prefix]
        while folders:
            folder = folders.pop()
            below, generations = self._look(folder)
            if generations:
                yield self._catalogued(folder.removesuffix("/"), generations)
            folders.extend(reversed(below))

    def is_dataset(self) -> bool:
        """Whether the prefix is a dataset itself, and not only a place of some."""
        found = self._client.list_folder(self._bucket, f"{self._prefix}_manifest-")
        return any(not isinstance(each, str) and _manifest(each) for each in found)

    def _look(self, folder: str) -> tuple[list[str], tuple[Generation, ...]]:
        """The folders in a folder, and its own commits if it is a dataset."""
        below: list[str] = []
        manifests: dict[int, ObjectInfo] = {}
        runs: dict[int, dict[str, None]] = {}
        for found in self._without_parts(folder):
            if isinstance(found, str):
                if not found.removeprefix(folder).startswith(_NOT_DATASETS):
                    below.append(found)
            elif generation := _manifest(found):
                manifests[generation] = found
            elif receipt := parse_commit_receipt_key(found.key):
                runs.setdefault(receipt[1], {})[receipt[2]] = None
        is_root = not folder  # a bucket as a whole is no dataset: none has an empty name
        numbers = [] if is_root else sorted(manifests)
        return below, tuple(Generation(n, manifests[n].modified, (*runs.get(n, ()),)) for n in numbers)

    def _without_parts(self, folder: str) -> Iterator[ObjectInfo | str]:
        behind: str | None = ""
        while behind is not None:
            listed = self._client.list_folder(self._bucket, folder, start_after=behind)
            behind = None
            parts = 0
            for found in listed:
                name = "" if isinstance(found, str) else found.key.removeprefix(folder)
                named = _PARTS.match(name)
                parts = parts + 1 if named else 0
                if named and parts > _PATIENCE:
                    behind = f"{folder}{named[0][:-1]}."  # the next character behind the hyphen
                    break
                if not named:
                    yield found

    def _catalogued(self, name: str, generations: tuple[Generation, ...]) -> CataloguedDataset:
        key = manifest_key(name, generations[-1].number)
        uri = self._client.uri(self._bucket, key)
        try:
            manifest = decode_manifest(self._client.get_object(self._bucket, key), key)
        except (MalformedDataError, NewerLayoutError, ObjectNotFoundError) as error:
            return CataloguedDataset(
                name=name, uri=uri, generations=generations, status="unreadable", problem=str(error)
            )
        receipt = self._receipt(name, manifest)
        stored = (*manifest.parts, *manifest.quarantine)
        runs = (manifest.run_id if part.run_id is UNSET else part.run_id for part in manifest.parts)
        return CataloguedDataset(
            name=name,
            uri=uri,
            generations=generations,
            status=manifest.status,
            runs=tuple(dict.fromkeys(runs)) or (manifest.run_id,),
            records=manifest.records,
            bytes=sum(part.size for part in stored),
            parts=len(stored),
            format=manifest.format,
            primary_key=() if manifest.primary_key is UNSET else manifest.primary_key,
            incremental=None if manifest.incremental is UNSET else manifest.incremental,
            evidence=(receipt.end.by, receipt.still.by) if receipt.end and receipt.still else None,
            warnings=len(receipt.warnings),
        )

    def _receipt(self, name: str, manifest: Manifest) -> _Receipt:
        """What the receipt says of evidence; nothing if there is none that this version can read."""
        key = commit_receipt_key(name, manifest)
        with suppress(ObjectNotFoundError, NewerLayoutError, msgspec.MsgspecError, UnicodeDecodeError):
            body = self._client.get_object(self._bucket, key)
            layouts.check_layout(body, key, layouts.RECEIPT)
            return _RECEIPTS.decode(body)
        return _Receipt()


class _By(Struct):
    by: str


class _Receipt(Struct):
    """What is needed of a receipt, which a layer above this one describes."""

    end: _By | None = None
    still: _By | None = None
    warnings: list[str] = []


_RECEIPTS: Final = msgspec.json.Decoder(_Receipt)


def _manifest(info: ObjectInfo) -> int | None:
    """The generation of a manifest, whatever folder it is in; None if it is none."""
    found = parse_manifest_key(f"folder/{info.key.rpartition('/')[2]}")
    return found[1] if found else None
