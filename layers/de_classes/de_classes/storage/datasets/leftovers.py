"""What nobody needs any more: parts that no commit names, and the progress of runs that are over.

An object is a leftover if it is older than a limit and is named

- as progress, and so is all else of its run: that run is over, or given up;
- as a part, and neither a commit names it nor the progress of a run that still has younger progress. Parts
  that were rewritten are such, and those of runs that lost or gave up. So it is with the places of parents.

The limit must be longer than any pause after which a run may still be resumed. A run that is not complete
and has written anything down within an hour is alive, whatever the limit: its progress is spared, and so is
every part of its dataset.

Nothing else is ever named here: no manifest, no receipt, and nothing that somebody else put below the prefix.
And nothing at all where a document is of a later layout than this code knows: it may count on anything.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import UNSET

from de_classes.errors import ObjectNotFoundError
from de_classes.storage.datasets.commits import ALIVE, announced
from de_classes.storage.datasets.manifest import (
    LISTED_NAME,
    decode_manifest,
    is_listed_key,
    is_plan_key,
    is_receipt_key,
    parse_journal_key,
    parse_manifest_key,
)
from de_classes.utils import layouts
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from de_classes.storage.clients.object_store import ObjectInfo, ObjectStore
    from de_classes.utils.clock import Clock


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
    tells of a part that is gone, and none has a hole. Names are held in memory, contents are not. To delete,
    use ``remove_leftovers``: runs are not told of a mere look.

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
    parts = [i for i in client.list_objects(bucket, prefix) if is_listed_key(i.key) and _is_old(i, limit)]
    others = [info for info in client.list_objects(bucket, prefix) if not is_listed_key(info.key)]
    runs = _runs(others)
    committed, complete = _committed(client, others, limit if superseded else None)
    young = [(run, run.dataset(client)) for run in runs if not run.is_over(now - ALIVE)]
    alive = [(run, dataset) for run, dataset in young if (dataset, run.id) not in complete]
    live_runs, live_datasets = [run for run, _ in alive], {dataset for _, dataset in alive}
    over = [run for run in runs if run.is_over(limit) and run not in live_runs]
    wanted = set(_wanted(client, (run for run in runs if run not in over)))
    _check_layouts(client, (info for run in over for info in run.backwards()))
    _check_layouts(client, (info for info in others if is_receipt_key(info.key)))
    yield from chain.from_iterable(run.backwards() for run in over)
    yield from (
        info
        for info in parts
        if info.key not in committed
        and _name(info.key) not in wanted
        and _folder(info.key) not in live_datasets
    )


def remove_leftovers(
    client: ObjectStore,
    bucket: str,
    prefix: str,
    *,
    older_than: float,
    clock: Clock,
    superseded: bool = False,
) -> Iterator[ObjectInfo]:
    """Delete leftovers, and nothing that took the place of one; yields each that is gone.

    It looks twice: runs are told before the look that counts, see ``commits``.

    Args:
        client: As for ``find_leftovers``, and so are all others.
        bucket: Its bucket.
        prefix: Where both datasets and their runs are.
        older_than: The age limit in seconds.
        clock: Tells how old things are.
        superseded: Also delete the parts that only replaced commits name.

    Raises:
        ObjectChangedError: One was replaced since it was found. Somebody is at work there, so nothing after
            it is deleted either.
        MalformedDataError: As ``find_leftovers``, and so is ``NewerLayoutError``.
    """

    def look() -> Iterator[ObjectInfo]:
        now = clock.now()
        return find_leftovers(client, bucket, prefix, older_than=older_than, now=now, superseded=superseded)

    told = {_folder(info.key) for info in look() if is_listed_key(info.key)}
    with announced(client, bucket, sorted(told), clock) as still_at_it:
        for info in look():
            if is_listed_key(info.key) and _folder(info.key) not in told:
                continue
            still_at_it()
            client.delete_object(bucket, info.key, if_unchanged=info)
            yield info


class _Plan(msgspec.Struct):
    """What is needed of a run's plan."""

    dataset: str = ""


_PLANS: Final = msgspec.json.Decoder(_Plan)


class _Run(Value):
    """The progress of one run, each with its place in the order of sealing."""

    folder: str
    records: list[tuple[int, ObjectInfo]]

    def is_over(self, limit: float) -> bool:
        return all(_is_old(info, limit) for _, info in self.records)

    @property
    def id(self) -> str:
        return _name(self.folder)

    def dataset(self, client: ObjectStore) -> str:
        """Where it writes to, as its plan says; nothing if it has none that says so."""
        for _, info in self.records:
            if is_plan_key(info.key):
                with suppress(ObjectNotFoundError, msgspec.MsgspecError):
                    return _PLANS.decode(_body(client, info)).dataset
        return ""

    def backwards(self) -> list[ObjectInfo]:
        """The last first; of one place, what names others (``part-``) before what it names (``keys-``)."""
        ordered = sorted(self.records, key=lambda record: (record[0], record[1].key), reverse=True)
        return [info for _, info in ordered]


def _is_old(info: ObjectInfo, limit: float) -> bool:
    return info.modified is not None and info.modified <= limit


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _folder(key: str) -> str:
    return key.rpartition("/")[0]


def _runs(infos: Iterable[ObjectInfo]) -> list[_Run]:
    runs: dict[str, list[tuple[int, ObjectInfo]]] = defaultdict(list)
    for info in infos:
        if found := parse_journal_key(info.key):
            folder, position = found
            runs[folder].append((position, info))
    return [_Run(folder, records) for folder, records in runs.items()]


def _wanted(client: ObjectStore, runs: Iterable[_Run]) -> Iterator[str]:
    """The names of the parts that runs count on: whatever their progress spells that is named so."""
    documents = (info for run in runs for info in run.backwards() if info.key.endswith(".json"))
    for info in documents:
        yield from LISTED_NAME.findall(_body(client, info).decode(errors="replace"))


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


def _committed(
    client: ObjectStore, infos: Iterable[ObjectInfo], limit: float | None
) -> tuple[set[str], set[tuple[str, str]]]:
    """The keys that commits name, and which runs of which datasets are complete.

    With a limit only those keys of the latest commit count, where it is older than that.
    """
    datasets: dict[str, dict[int, ObjectInfo]] = defaultdict(dict)
    for info in infos:
        if found := parse_manifest_key(info.key):
            dataset, generation = found
            datasets[dataset][generation] = info
    named: set[str] = set()
    complete: set[tuple[str, str]] = set()
    for dataset, generations in datasets.items():
        latest = generations[max(generations)]
        is_alone = limit is not None and _is_old(latest, limit)
        for info in generations.values():
            manifest = decode_manifest(client.get_object(info.bucket, info.key), info.key)
            if info is latest or not is_alone:
                parts = (*manifest.parts, *manifest.quarantine)
                named.update(f"{dataset}/{part.key}" for part in parts)
                if manifest.incremental is not UNSET and manifest.incremental.places is not UNSET:
                    named.add(f"{dataset}/{manifest.incremental.places.key}")
            if manifest.status == "complete":
                complete.add((dataset, manifest.run_id))
    return named, complete
