"""What nobody needs any more: parts that no commit names, and the progress of runs that are over.

An object is a leftover if it is older than a limit and is named

- as progress, and so is all else of its run: that run is over, or given up;
- as a part, and neither a commit names it nor the progress of a run that still has younger progress. Parts
  that were rewritten are such, and those of runs that lost or gave up.

The limit must be longer than any pause after which a run may still be resumed. Nothing else is ever named
here: no manifest, no receipt, and nothing that somebody else put below the prefix. And nothing at all where
a document is of a later layout than this code knows: it may count on anything.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

from de_classes.errors import ObjectNotFoundError
from de_classes.storage.datasets.keys import (
    PART_NAME,
    is_part_key,
    is_plan_key,
    is_receipt_key,
    parse_journal_key,
    parse_manifest_key,
)
from de_classes.storage.datasets.manifest import decode_manifest
from de_classes.utils import layouts
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from de_classes.storage.clients.object_store import ObjectInfo, ObjectStore
    from de_classes.storage.datasets.manifest import Manifest


def find_leftovers(
    client: ObjectStore,
    bucket: str,
    prefix: str,
    *,
    older_than: float,
    now: float,
    superseded: bool = False,
) -> Iterator[ObjectInfo]:
    """Yield what can be deleted, in the order in which it is to be deleted.

    Progress comes before parts, and the last of a run before the first: wherever deleting stops, no progress
    tells of a part that is gone, and none has a hole. Names are held in memory, contents are not.

    Args:
        client: Any object store.
        bucket: Its bucket.
        prefix: Where both datasets and their runs are, empty for the whole bucket. Below a narrower one
            the progress of a run under way is not seen, and its oldest parts look left over.
        older_than: The age limit in seconds.
        now: The time, in seconds since the epoch.
        superseded: Also name the parts that only replaced commits name, where the commit that counts is
            older than the limit. The replaced ones can be read no more then.

    Raises:
        MalformedDataError: Something is named as a manifest and is none: nothing is safe to delete.
        NewerLayoutError: A plan, a journal, a manifest or a receipt has a later layout; the same holds.
    """
    limit = now - older_than
    # Parts are listed before anything that may name them: a commit in between is seen.
    parts = [i for i in client.list_objects(bucket, prefix) if is_part_key(i.key) and _is_old(i, limit)]
    others = [info for info in client.list_objects(bucket, prefix) if not is_part_key(info.key)]
    runs = _runs(others)
    committed = set(_committed(client, others, limit if superseded else None))
    wanted = set(_wanted(client, (run for run in runs if not run.is_over(limit))))
    _check_layouts(client, (info for run in runs if run.is_over(limit) for info in run.backwards()))
    _check_layouts(client, (info for info in others if is_receipt_key(info.key)))
    yield from chain.from_iterable(run.backwards() for run in runs if run.is_over(limit))
    yield from (info for info in parts if info.key not in committed and _name(info.key) not in wanted)


def remove_leftovers(client: ObjectStore, leftovers: Iterable[ObjectInfo]) -> int:
    """Delete leftovers in the order they come, and nothing that took the place of one; how many.

    Raises:
        ObjectChangedError: One was replaced since it was found. Somebody is at work there, so nothing after
            it is deleted either.
    """
    removed = 0
    for info in leftovers:
        client.delete_object(info.bucket, info.key, if_unchanged=info)
        removed += 1
    return removed


class _Run(Value):
    """The progress of one run, each with its place in the order of sealing."""

    records: list[tuple[int, ObjectInfo]]

    def is_over(self, limit: float) -> bool:
        return all(_is_old(info, limit) for _, info in self.records)

    def backwards(self) -> list[ObjectInfo]:
        """The last first; of one place, what names others (``part-``) before what it names (``keys-``)."""
        ordered = sorted(self.records, key=lambda record: (record[0], record[1].key), reverse=True)
        return [info for _, info in ordered]


def _is_old(info: ObjectInfo, limit: float) -> bool:
    return info.modified is not None and info.modified <= limit


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _runs(infos: Iterable[ObjectInfo]) -> list[_Run]:
    runs: dict[str, list[tuple[int, ObjectInfo]]] = defaultdict(list)
    for info in infos:
        if found := parse_journal_key(info.key):
            folder, position = found
            runs[folder].append((position, info))
    return [_Run(records) for records in runs.values()]


def _wanted(client: ObjectStore, runs: Iterable[_Run]) -> Iterator[str]:
    """The names of the parts that runs count on: whatever their progress spells that is named so."""
    documents = (info for run in runs for info in run.backwards() if info.key.endswith(".json"))
    for info in documents:
        yield from PART_NAME.findall(_body(client, info).decode(errors="replace"))


def _check_layouts(client: ObjectStore, infos: Iterable[ObjectInfo]) -> None:
    """Look into documents that keep nothing, as far as this code knows."""
    for info in infos:
        if info.key.endswith(".json"):
            with suppress(ObjectNotFoundError):  # it may have been deleted since it was listed
                _body(client, info)


def _body(client: ObjectStore, info: ObjectInfo) -> bytes:
    """A document of a run, or a receipt, of a layout that is known."""
    newest = layouts.RECEIPT if is_receipt_key(info.key) else layouts.JOURNAL
    body = client.get_object(info.bucket, info.key)
    layouts.check_layout(body, info.key, layouts.PLAN if is_plan_key(info.key) else newest)
    return body


def _committed(client: ObjectStore, infos: Iterable[ObjectInfo], limit: float | None) -> Iterator[str]:
    """The keys that commits name; with a limit only those of the latest, where it is older than that."""
    datasets: dict[str, dict[int, ObjectInfo]] = defaultdict(dict)
    for info in infos:
        if found := parse_manifest_key(info.key):
            dataset, generation = found
            datasets[dataset][generation] = info
    for dataset, generations in datasets.items():
        latest = generations[max(generations)]
        is_alone = limit is not None and _is_old(latest, limit)
        for info in generations.values():
            manifest = decode_manifest(client.get_object(info.bucket, info.key), info.key)
            if info is latest or not is_alone:
                yield from _keys(dataset, manifest)


def _keys(dataset: str, manifest: Manifest) -> Iterator[str]:
    return (f"{dataset}/{part.key}" for part in (*manifest.parts, *manifest.quarantine))
