"""What nobody needs any more: parts that no commit names, the progress of runs that are over, old commits.

An object is a leftover if it is older than a limit and is named

- as progress, and so is all else of its run: that run is over, or given up;
- as a part, and neither a commit names it nor the progress of a run that still has younger progress. Parts
  that were rewritten are such, and those of runs that lost or gave up. So it is with the places of parents.

The limit must be longer than any pause after which a run may still be resumed. A run that is not complete
and has written anything down within an hour is alive, whatever the limit: its progress is spared, and so is
every part of its dataset, and every commit.

Where it is said how many commits of a dataset are kept, those before them are leftovers too, each with its
receipt and the parts that no kept one lists, as soon as

- the commit that replaced it is older than the limit, and the progress of its run is a leftover, or gone;
- the commit that pushed it out of the kept ones is older than the grace: whoever read its manifest while it
  was the latest, or another of those that are kept, has had so long to read its parts.

The oldest goes first, and one that stays keeps all behind it: commits never have a gap, see ``commits``.

Nothing else is ever named here: no other manifest or receipt, and nothing that somebody else put below the
prefix. And nothing at all where a document is of a later layout than this code knows: it may count on all.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import UNSET, structs

from de_classes.errors import InvalidInputError, ObjectNotFoundError
from de_classes.storage.datasets.commits import ALIVE, announced
from de_classes.storage.datasets.manifest import (
    LISTED_NAME,
    decode_manifest,
    is_listed_key,
    is_plan_key,
    is_receipt_key,
    parse_commit_receipt_key,
    parse_journal_key,
    parse_manifest_key,
)
from de_classes.utils import layouts
from de_classes.utils.values import Mutable, Value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from de_classes.storage.clients.object_store import ObjectInfo, ObjectStore
    from de_classes.utils.clock import Clock


GRACE: Final = 86_400.0
"""Seconds for which a commit stays that is kept no longer, for those who are reading it."""


def find_leftovers(
    client: ObjectStore,
    bucket: str,
    prefix: str,
    *,
    older_than: float,
    now: float,
    superseded: bool = False,
    keep: int | None = None,
    grace: float = GRACE,
    runs_in: Sequence[str] = (),
) -> Iterator[ObjectInfo]:
    """Yield what can be deleted, in the order in which it is to be deleted.

    Progress comes before commits, and the last of a run before the first; commits come before parts, and the
    oldest first: wherever deleting stops, no progress and no commit tells of a part that is gone, and neither
    has a hole. Names are held in memory, contents are not. To delete, use ``remove_leftovers``: runs are not
    told of a mere look.

    Args:
        client: Any object store.
        bucket: Its bucket.
        prefix: Where both datasets and their runs are, empty for the whole bucket. Below a narrower one
            the progress of a run under way is not seen, and its oldest parts look left over.
        older_than: The age limit in seconds.
        now: The time, in seconds since the epoch.
        superseded: Also name the parts that only replaced commits name, where the commit that counts is
            older than the limit. The replaced ones can be read no more then.
        keep: How many commits of each dataset stay, 1 or more; all of them if it is None.
        grace: Seconds for which a commit stays that is not among those any more.
        runs_in: Where else progress lies, if the prefix is narrower: what its keys begin with. Only runs of
            datasets below the prefix are leftovers there.

    Raises:
        InvalidInputError: Not even one commit is to be kept.
        MalformedDataError: Something is named as a manifest and is none: nothing is safe to delete.
        NewerLayoutError: A plan, a journal, a manifest or a receipt has a later layout; the same holds.
    """
    if keep is not None and keep < 1:
        raise InvalidInputError("the latest commit of a dataset always stays: keep 1 or more")
    limit = now - older_than
    # Parts are listed before anything that may name them: a commit in between is seen.
    parts = [i for i in client.list_objects(bucket, prefix) if is_listed_key(i.key) and _is_old(i, limit)]
    others = [info for info in client.list_objects(bucket, prefix) if not is_listed_key(info.key)]
    runs = [*_runs(others), *_runs_elsewhere(client, bucket, prefix, runs_in)]
    commits = _commits(others)
    begun = {run.id for run in runs if not run.is_over(min(limit, now - ALIVE))}
    retired = (
        {name: [*_retired(each, keep, limit, now - grace, begun)] for name, each in commits.items()}
        if keep
        else {}
    )
    committed, complete = _committed(client, commits, retired, limit if superseded else None)
    young = [(run, run.dataset(client)) for run in runs if not run.is_over(now - ALIVE)]
    alive = [(run, dataset) for run, dataset in young if (dataset, run.id) not in complete]
    live_runs, live_datasets = [run for run, _ in alive], {dataset for _, dataset in alive}
    over = [run for run in runs if run.is_over(limit) and run not in live_runs]
    wanted = set(_wanted(client, (run for run in runs if run not in over)))
    _check_layouts(client, (info for run in over for info in run.backwards()))
    _check_layouts(client, (info for info in others if is_receipt_key(info.key)))
    yield from chain.from_iterable(run.backwards() for run in over if not run.is_anybodys)
    for name in sorted(retired.keys() - live_datasets):
        yield from _with_receipts(commits[name], retired[name], limit)
    yield from (
        info
        for info in parts
        if info.key not in committed
        and _folder(info.key)  # at the top of a bucket lies no dataset: somebody took one for a bucket
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
    keep: int | None = None,
    grace: float = GRACE,
    runs_in: Sequence[str] = (),
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
        keep: How many commits of each dataset stay.
        grace: Seconds for which a commit stays that is not among those any more.
        runs_in: Where else progress lies.

    Raises:
        ObjectChangedError: One was replaced since it was found. Somebody is at work there, so nothing after
            it is deleted either.
        MalformedDataError: As ``find_leftovers``, and so are ``InvalidInputError`` and ``NewerLayoutError``.
    """

    def look() -> Iterator[ObjectInfo]:
        return find_leftovers(
            client,
            bucket,
            prefix,
            older_than=older_than,
            now=clock.now(),
            superseded=superseded,
            keep=keep,
            grace=grace,
            runs_in=runs_in,
        )

    told = {_folder(info.key) for info in look() if parse_journal_key(info.key) is None}
    with announced(client, bucket, sorted(told), clock) as still_at_it:
        for info in look():
            if parse_journal_key(info.key) is None and _folder(info.key) not in told:
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
    is_anybodys: bool = False
    """Whether it lies elsewhere and does not say whose it is: what it counts on is spared, and so is it."""

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


class _Commits(Mutable):
    """What there is of the commits of a dataset, by generation; receipts each with the run."""

    manifests: dict[int, ObjectInfo]
    receipts: dict[int, list[tuple[str, ObjectInfo]]]


def _commits(infos: Iterable[ObjectInfo]) -> dict[str, _Commits]:
    datasets: dict[str, _Commits] = defaultdict(lambda: _Commits({}, {}))
    for info in infos:
        if found := parse_manifest_key(info.key):
            datasets[found[0]].manifests[found[1]] = info
        elif receipt := parse_commit_receipt_key(info.key):
            datasets[receipt[0]].receipts.setdefault(receipt[1], []).append((receipt[2], info))
    return {name: commits for name, commits in datasets.items() if commits.manifests}


def _retired(
    commits: _Commits, keep: int, limit: float, pushed_out_by: float, begun: set[str]
) -> Iterator[int]:
    """The generations that may go, the oldest first, up to the first one that may not.

    Args:
        commits: Of a dataset.
        keep: How many stay.
        limit: When what replaced one must have been there.
        pushed_out_by: When what pushed one out of those that stay must have been there.
        begun: Runs that may still be resumed: they find what they committed.
    """
    numbers = sorted(commits.manifests)
    for number, replaced_by, pushed_out in zip(numbers, numbers[1:], numbers[keep:], strict=False):
        is_replaced = _is_old(commits.manifests[replaced_by], limit)
        is_unread = _is_old(commits.manifests[pushed_out], pushed_out_by)
        is_wanted = any(run in begun for run, _ in commits.receipts.get(number, ()))
        if is_wanted or not (is_replaced and is_unread):
            return
        yield number


def _with_receipts(commits: _Commits, retired: list[int], limit: float) -> Iterator[ObjectInfo]:
    """Manifests, each before its receipts; and receipts that a cleaning or a lost race has left there."""
    first_kept = min(commits.manifests.keys() - set(retired))
    for number in sorted(commits.manifests.keys() | commits.receipts.keys()):
        if number in retired:
            yield commits.manifests[number]
        if number < first_kept:
            yield from (info for _, info in commits.receipts.get(number, ()) if _is_old(info, limit))


def _runs_elsewhere(client: ObjectStore, bucket: str, prefix: str, runs_in: Sequence[str]) -> Iterator[_Run]:
    """Of the runs below other prefixes those that write below this one, or do not say where they do."""
    infos = chain.from_iterable(client.list_objects(bucket, each) for each in runs_in)
    for run in _runs(infos):
        dataset = run.dataset(client)
        if not dataset:
            yield structs.replace(run, is_anybodys=True)
        elif f"{dataset}/".startswith(prefix):
            yield run


def _committed(
    client: ObjectStore,
    datasets: Mapping[str, _Commits],
    retired: Mapping[str, Collection[int]],
    limit: float | None,
) -> tuple[set[str], set[tuple[str, str]]]:
    """The keys that commits name, and which runs of which datasets are complete.

    Those that retire name none. With a limit only the keys of the latest commit count, where it is older.
    """
    named: set[str] = set()
    complete: set[tuple[str, str]] = set()
    for dataset, commits in datasets.items():
        latest = commits.manifests[max(commits.manifests)]
        is_alone = limit is not None and _is_old(latest, limit)
        for number, info in commits.manifests.items():
            manifest = decode_manifest(client.get_object(info.bucket, info.key), info.key)
            if info is latest or not (is_alone or number in retired.get(dataset, ())):
                parts = (*manifest.parts, *manifest.quarantine)
                named.update(f"{dataset}/{part.key}" for part in parts)
                if manifest.incremental is not UNSET and manifest.incremental.places is not UNSET:
                    named.add(f"{dataset}/{manifest.incremental.places.key}")
            if manifest.status == "complete":
                complete.add((dataset, manifest.run_id))
    return named, complete
