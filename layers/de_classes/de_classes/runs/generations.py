"""What a dataset lists after a run: its own parts, and what stays of those that other runs have committed."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Final

from msgspec import UNSET, structs

from de_classes.api.increments import place_of, reached_by
from de_classes.api.receipt import DatasetChange
from de_classes.errors import InvalidInputError, ObjectExistsError, ShrunkDatasetError
from de_classes.storage.datasets.part_writer import WrittenPart
from de_classes.storage.datasets.places import PlacesOfParents
from de_classes.storage.datasets.reconcile import Left, reconcile
from de_classes.storage.format.schema import Schema, merge
from de_classes.utils.page_range import PageRange
from de_classes.utils.run_records import Reached
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from de_classes.api.evidence import Evidence
    from de_classes.api.pagination import PaginationStrategy
    from de_classes.runs.plan import RunPlan
    from de_classes.runs.progress import RunProgress
    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.storage.datasets.manifest import Manifest, ManifestPart

SHRINKS: Final = 0.1
"""The share of a dataset's records by which a commit may make it smaller without being asked."""

_COUNTED: Final = frozenset({"total", "counted"})
_STILL: Final = frozenset({"by key", "read twice"})
_NO_PROOF: Final = frozenset({"unproven", "declared"})


class Listed(Value):
    """The parts of a generation.

    Attributes:
        own: Those of the run that commits.
        before: Those of other runs, each with its run.
        schema: What all of them share.
        change: What became of the dataset; None where it is the run's alone.
    """

    own: tuple[ManifestPart, ...]
    before: tuple[ManifestPart, ...]
    schema: Schema
    change: DatasetChange | None = None


class Generations:
    """Makes of a run's parts, and of the commit before, what the next commit lists.

    Args:
        store: Where the parts are.
        bucket: The bucket there.
        plan: What the run is.
        escape_formulas: As the parts are written.
    """

    def __init__(self, store: ObjectStore, bucket: str, plan: RunPlan, *, escape_formulas: bool) -> None:
        self._store = store
        self._bucket = bucket
        self._plan = plan
        self._escape_formulas = escape_formulas
        self._places = PlacesOfParents(store, bucket, plan.dataset)

    def check(self, before: Manifest | None) -> None:
        """Make sure that the run can be committed on top of what is there.

        Raises:
            InvalidInputError: The dataset has another format, or was read from another source.
            ObjectExistsError: The dataset is another run's alone, or lacks pages that are to come first.
        """
        plan = self._plan
        if before is None or before.run_id == plan.run_id:
            return
        if plan.write is None:
            raise ObjectExistsError(
                f"run {before.run_id!r} has committed to {plan.dataset}: name another dataset, or say by "
                "--write how it takes more runs; nothing was changed"
            )
        if plan.write == "snapshot":
            return
        if before.format != plan.format:
            raise InvalidInputError(
                f"{plan.dataset} is {before.format}, and not {plan.format}: ask for its format, or name "
                "another dataset"
            )
        if plan.write == "upsert":
            self._check_place(before)
        if before.status == "partial" and not self._comes_again(before):
            raise ObjectExistsError(
                f"run {before.run_id!r} has left out pages {', '.join(before.missing_pages)} of "
                f"{plan.dataset}: replay it before more is added; nothing was changed"
            )

    def _comes_again(self, before: Manifest) -> bool:
        """Whether what a run before left out is asked for again by this one."""
        if self._plan.write == "append" or self._plan.pages != PageRange():
            return False
        increment = self._plan.incremental
        if increment is None or before.incremental is UNSET:
            return True
        return place_of(increment.from_) <= place_of(before.incremental.from_)

    def _check_place(self, before: Manifest) -> None:
        """Make sure that the dataset is as it was when the run began, and read of the same source.

        What a run read before another committed may be older than what that one has put there, and no later
        run would ask for it again.
        """
        increment = self._plan.incremental
        reached = None if before.incremental is UNSET else before.incremental
        if increment is None and reached is None:
            return
        to = None if reached is None else reached.to
        if before.generation != self._plan.after or (increment is not None and to != increment.since):
            raise ObjectExistsError(
                f"run {before.run_id!r} has committed to {self._plan.dataset} since this one began, and it "
                "goes on from there: begin another run; nothing was changed"
            )
        if increment is None or reached is None or increment.is_asked:
            return
        if reached.source != self._plan.source_hash:
            raise InvalidInputError(
                f"{self._plan.dataset} was read from another source, or by another description, so the place "
                "that it reached may not be a place of this one: name another dataset, or say by --from "
                "where to begin"
            )

    def reached(
        self,
        before: Manifest | None,
        kept: RunProgress,
        evidence: Evidence | None,
        pagination: PaginationStrategy,
        *,
        is_repeated: bool,
    ) -> Reached | None:
        """How far the dataset is read once the run is committed; None if it is not read like that.

        Where each parent has a place of its own, the places are written; the commit names them.

        Args:
            before: The latest commit, be it by this run.
            kept: What the run brought.
            evidence: What its being complete rests on; None if it is partial.
            pagination: Knows the parents, if there are any.
            is_repeated: Whether records came twice, or the source changed meanwhile.

        Raises:
            MalformedDataError: The places until now are gone, or not what was written.
            StorageError: The store refuses, or does not answer.
        """
        known = None if before is None or before.incremental is UNSET else before.incremental
        plan, increment = self._plan, self._plan.incremental
        if increment is None and known is not None and plan.write != "snapshot":
            return self._without_parents_gone(known, evidence, pagination)
        if increment is None:
            return None
        if known is not None and known.source != plan.source_hash:
            increment = structs.replace(increment, since=None)
        # Of one whose end is not known, what was not seen may lie before the furthest that was.
        is_whole = evidence is not None and evidence.end.by != "unproven" and plan.pages == PageRange()
        # A number that grows with every change has no end known before: of a record that came twice the first
        # was kept, and what it has become may lie before the furthest number.
        moves = is_whole and not (isinstance(increment.from_, int) and is_repeated)
        source = plan.source_hash
        each, parents = pagination.asks_from, pagination.parent_keys()
        if each is None or parents is None:
            to = reached_by(increment, (part.reached for part in kept.parts), is_whole=moves)
            return Reached(field=increment.field, from_=increment.from_, to=to, source=source)
        found: dict[str, int] = {}
        for part in kept.last_pass().parts:  # over each parent that is there, to its end
            for parent, place in part.reached_of.items():
                found[parent] = max(place, found.get(parent, place))
        places = each.reached(parents, found, is_whole=moves)
        to = min(places.values(), key=place_of, default=increment.since)
        return Reached(
            field=increment.field,
            from_=increment.from_,
            to=to,
            source=source,
            places=self._places.write(places, before=each.places),
        )

    def _without_parents_gone(
        self, known: Reached, evidence: Evidence | None, pagination: PaginationStrategy
    ) -> Reached:
        """How far a dataset is read after a read of everything.

        What belonged to parents that are gone was deleted by it: one that comes back is read from the start.
        """
        parents = pagination.parent_keys()
        if known.places is UNSET or parents is None or not is_everything(self._plan, evidence):
            return known
        before = self._places.read(known.places)
        places = {parent: before[parent] for parent in parents if parent in before}
        return structs.replace(known, places=self._places.write(places, before=before))

    def listed(
        self,
        before: Manifest | None,
        own: Sequence[WrittenPart],
        *,
        declared: Schema,
        keys: Iterable[bytes],
        reads_all: bool,
    ) -> Listed:
        """What is to be listed.

        Args:
            before: The latest commit, be it by this run.
            own: The run's parts, in order.
            declared: The columns known before the first record.
            keys: The keys of all records that came, in any pieces, each as ``HashSet.recall`` takes it.
            reads_all: Whether the run is a proven read of everything, so that what did not come is gone.

        Raises:
            InvalidInputError: Records cannot be found again by their keys.
            StorageError: The store refuses, or does not answer; nothing is visible.
        """
        plan = self._plan
        if plan.write is None:
            return self._as_one((), own, declared)
        others = () if before is None else before.parts_of_others(plan.run_id)
        schema = Schema() if before is None or not others else before.schema
        left = Left(tuple(WrittenPart(part, schema) for part in others))
        if plan.write == "snapshot":
            left = Left((), deleted=sum(part.records for part in others))
        elif plan.write == "upsert":
            left = self._upserted(before, others, own, declared, keys, reads_all=reads_all)
        listed = self._as_one(left.parts, own, declared)
        stays = {part.key for part in (*others, *(each.part for each in left.parts))}
        again = [part for part in listed.before if part.key not in stays]  # for a column that is new
        change = DatasetChange(
            write=plan.write,
            records_before=sum(part.records for part in others),
            records=sum(part.records for part in (*listed.before, *listed.own)),
            replaced=left.replaced,
            deleted=left.deleted,
            parts=len(listed.before) + len(listed.own),
            parts_rewritten=left.parts_rewritten + len(again),
            bytes_rewritten=left.bytes_rewritten + sum(part.size for part in again),
            bytes_read=left.bytes_read,
        )
        return Listed(own=listed.own, before=listed.before, schema=listed.schema, change=change)

    def _upserted(
        self,
        before: Manifest | None,
        others: Sequence[ManifestPart],
        own: Sequence[WrittenPart],
        declared: Schema,
        keys: Iterable[bytes],
        *,
        reads_all: bool,
    ) -> Left:
        # only where there are keys
        from de_classes.storage.datasets.upsert import Upsert  # noqa: PLC0415
        from de_classes.utils.key_set import HashSet  # noqa: PLC0415

        plan = self._plan
        upsert = Upsert(
            self._store,
            self._bucket,
            plan.dataset,
            plan.format,
            fields=plan.key_fields,
            run_id=plan.run_id,
            escape_formulas=self._escape_formulas,
        )
        with HashSet() as came:
            for each in keys:
                came.recall(each)
            upsert.check_keys((each.part for each in own), came)
            if before is None or not others:
                return Left(())
            if before.primary_key != plan.key_fields:  # it was written otherwise until now
                upsert.check_keys(others)
            union = reduce(merge, (each.schema for each in own), merge(declared, before.schema))
            return upsert.apply(others, came, before=before.schema, schema=union, keeps_rest=not reads_all)

    def _as_one(self, before: Sequence[WrittenPart], own: Sequence[WrittenPart], declared: Schema) -> Listed:
        """All under the union of their schemas: those sealed under a narrower one are written again."""
        one = reconcile(
            self._store,
            self._bucket,
            self._plan.dataset,
            self._plan.format,
            [*before, *own],
            schema=declared,
            escape_formulas=self._escape_formulas,
            run_id=self._plan.run_id if self._plan.write else "",
        )
        parts = tuple(each.part for each in one.parts)
        return Listed(own=parts[len(before) :], before=parts[: len(before)], schema=one.schema)


def is_everything(plan: RunPlan, evidence: Evidence | None) -> bool:
    """Whether a run is a proven read of all that the source has: what did not come then is gone.

    That some pages were looked at again is not enough: of a source whose rows slid meanwhile a record may be
    on none, and it would go for good, since nothing about it is new.

    Args:
        plan: What was asked for.
        evidence: What its being complete rests on; None if it is partial.
    """
    if plan.incremental is not None or evidence is None or evidence.warnings or plan.pages != PageRange():
        return False
    still = evidence.still
    saw_all_twice = still.by in _STILL or 0 < still.of <= still.pages
    return evidence.end.by not in _NO_PROOF and saw_all_twice


def check_shrink(plan: RunPlan, change: DatasetChange | None, evidence: Evidence | None) -> None:
    """Make sure that a dataset does not lose much by a run that brought little.

    A source that counts its records has said itself how many there are.

    Args:
        plan: What the run is.
        change: What it would make of the dataset.
        evidence: What its being complete rests on.

    Raises:
        ShrunkDatasetError: More is lost than may be without a word.
    """
    if change is None or change.records >= change.records_before * (1 - SHRINKS):
        return
    if evidence is not None and evidence.end.by in _COUNTED:
        return
    raise ShrunkDatasetError(
        f"{plan.dataset} has {change.records_before} records and would have {change.records}, more than "
        f"{SHRINKS:.0%} less, of a source that does not count them: if that is right, go on by "
        "--accept-shrink; nothing was committed",
        run_id=plan.run_id,
    )
