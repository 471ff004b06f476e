"""A dataset as a destination: parts in a bucket, a journal beside them, one schema, and the commit."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from msgspec import UNSET, structs

from de_classes.api.receipt import IngestReceipt, StoredPart
from de_classes.errors import (
    BucketNotFoundError,
    InvalidInputError,
    ObjectExistsError,
    ObjectNotFoundError,
    RunNotFoundError,
)
from de_classes.runs.destination import Destination, Output, PartLimits
from de_classes.runs.forecast import actual, forecast
from de_classes.runs.generations import Generations, check_shrink, is_everything
from de_classes.runs.journal import Documents, RunJournal, WaysOn
from de_classes.runs.liveness import Liveness, RunCancellation
from de_classes.runs.progress import BrokenPartsError
from de_classes.storage.clients.object_store import sha256_of_stream
from de_classes.storage.datasets.commits import DatasetCommits, refuse_while_cleaning
from de_classes.storage.datasets.manifest import (
    Manifest,
    commit_receipt_key,
    manifest_key,
    manifest_sha256,
)
from de_classes.storage.datasets.part_writer import PartWriter, WrittenPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.runs.destination import Gathered
    from de_classes.runs.generations import Listed
    from de_classes.runs.plan import RunPlan
    from de_classes.runs.progress import RunProgress
    from de_classes.runs.ranges import PageRangeOfRun
    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.storage.datasets.manifest import ManifestPart
    from de_classes.storage.format.schema import Schema
    from de_classes.utils.clock import Clock

_ENOUGH_TRIES: Final = 10
_DIGEST_CHARS: Final = 12
_EARLY: Final = (
    "{} records changed before the time that was asked for: the source takes ${{incremental.from}} in "
    "another form or zone, or not at all"
)


class DatasetDestination(Destination):
    """Datasets in a bucket: parts and a manifest each, with all that a run needs to go on beside them.

    Which dataset, and in which format, is the plan's to say.

    Example:
        >>> lake = DatasetDestination(store, "lake")
        >>> RunService(client, lake).carry_out(plan).records
        5
        >>> lake.begun(plan.run_id) == plan
        True

    Args:
        store: Where everything is written.
        bucket: The bucket.
        prefix: What the journal's keys begin with, without a slash at the end; may be empty.
        limits: When a part is sealed.
        escape_formulas: Write CSV for spreadsheets, see ``DataFormatService``.
    """

    def __init__(
        self,
        store: ObjectStore,
        bucket: str,
        *,
        prefix: str = "",
        limits: PartLimits | None = None,
        escape_formulas: bool = False,
    ) -> None:
        self.store = store
        self.bucket = bucket
        self.prefix = prefix
        self.limits = limits or PartLimits()
        self.escape_formulas = escape_formulas

    def begun(self, run_id: str) -> RunPlan | None:
        """What a run was begun with; None if there is no such run."""
        return self.journal(run_id).plan()

    def check_begun(self, run_id: str) -> None:
        """Make sure that there is such a run.

        Raises:
            RunNotFoundError: There is none.
        """
        with suppress(BucketNotFoundError):
            if self.begun(run_id) is not None:
                return
        raise RunNotFoundError(f"no run {run_id!r} was begun there: check its id and the destination")

    def open(self, plan: RunPlan, client: UnstableAPIClient, clock: Clock) -> Output:
        """See ``Destination``."""
        return _DatasetOutput(self, plan, client, clock)

    def journal(self, run_id: str, *, of: PageRangeOfRun | None = None) -> RunJournal:
        """What a run has done, or a range of it.

        Args:
            run_id: Which run.
            of: The range; None for the run itself.
        """
        return RunJournal(self.store, self.bucket, self.prefix, run_id, of=of)

    def open_range(
        self, plan: RunPlan, client: UnstableAPIClient, clock: Clock, of: PageRangeOfRun
    ) -> Output:
        """What one invocation of a range writes to: the parts of the dataset, and a journal of its own.

        Args:
            plan: What the whole run is, as it was begun.
            client: Gets the pages.
            clock: Tells whether somebody's cleaning is still going on.
            of: The range.
        """
        return _DatasetOutput(self, plan, client, clock, of=of)


class _DatasetOutput(Output):
    """One invocation's share of a run into a dataset."""

    resumes = True
    journal: RunJournal

    def __init__(
        self,
        to: DatasetDestination,
        plan: RunPlan,
        client: UnstableAPIClient,
        clock: Clock,
        *,
        of: PageRangeOfRun | None = None,
    ) -> None:
        super().__init__(plan)
        self.limits = to.limits
        self._escape_formulas = to.escape_formulas
        self._store = to.store
        self._bucket = to.bucket
        self._first_fingerprint = client.first_fingerprint
        self._pagination = client.endpoint.pagination
        self._clock = clock
        self.journal = to.journal(plan.run_id, of=of)
        self._is_range = of is not None
        self._cancellation = RunCancellation(to.store, to.bucket, to.prefix, plan.run_id)
        self._liveness = Liveness(self.journal, self._cancellation, self.invocation, clock)
        self._ways_on = WaysOn(to.store, to.bucket, to.prefix, client)
        self._documents = Documents(to.store, to.bucket)
        self._commits = DatasetCommits(to.store, to.bucket, plan.dataset)
        self._generations = self._generations_of(plan)

    def begin(self) -> IngestReceipt | None:
        """See ``Output``.

        Raises:
            InvalidInputError: The run was begun with another plan.
            ObjectExistsError: Another run has committed to this dataset.
            StorageUnavailableError: Somebody is cleaning the dataset up, and may have begun before.
        """
        self._store.check_writable(self._bucket, f"{self.plan.dataset}/part")
        begun, asked = self.journal.plan(), self.plan
        if begun is None and self._is_range:
            raise InvalidInputError(f"run {asked.run_id!r} was not begun in ranges")
        if begun is None and asked.write is not None:
            latest = self._commits.latest()
            asked = structs.replace(asked, after=latest.generation if latest else 0)
            self._generations = self._generations_of(asked)
        if begun is None:  # it may have committed, and its progress was cleaned away since
            _, before = self._latest()
            if before is not None:
                receipt = self._receipt_of(before)
                asked.check_receipt(receipt)
                if before.status == "complete":
                    return receipt
                raise InvalidInputError(
                    f"the progress of run {asked.run_id!r} was cleaned away: begin another run"
                )
        elif begun.fingerprint == self._first_fingerprint:  # as version 0.1 knew the source
            asked = structs.replace(asked, fingerprint=begun.fingerprint)
        self.plan = self.journal.begin(asked)
        self._commits = DatasetCommits(self._store, self._bucket, self.plan.dataset)  # as it was begun
        self._generations = self._generations_of(self.plan)
        _, before = self._latest()
        if before is not None and before.status == "complete":
            return self._receipt_of(before)
        self.journal.progress()  # before anything is written: it may be a newer version's
        self._announce()
        self.seen_before = self._ways_on.followed_by()
        return None

    def _announce(self) -> None:
        """Say that this invocation is at it, so that nothing of the run is cleaned away for an hour."""
        self._liveness.note(self.unsealed())
        refuse_while_cleaning(self._store, self._bucket, self.plan.dataset, now=self._clock.now())

    def check_cancelled(self, *, lift: bool = False) -> None:
        if lift:
            self._cancellation.lift()
        self._liveness.look()

    def between_pages(self, *, is_sealed: bool = False) -> None:
        self._liveness.between_pages(self.unsealed, is_sealed=is_sealed)

    def ended(self, error: BaseException | None) -> None:
        self._liveness.end(self.unsealed(), error)

    def part(self, pass_: int, schema: Schema) -> PartWriter:
        del pass_
        return PartWriter(
            self._store,
            self._bucket,
            self.plan.dataset,
            self.plan.format,
            schema=schema,
            escape_formulas=self._escape_formulas,
            run_id=self._own_names,
        )

    def aside(self) -> PartWriter:
        return PartWriter(
            self._store,
            self._bucket,
            self.plan.dataset,
            "jsonl",
            is_quarantine=True,
            run_id=self._own_names,
        )

    def keep_hashes(self, sequence: int, hashes: bytes) -> str | None:
        if not hashes:
            return None
        key = self.journal.keys_key(sequence, hashes)
        self._store.put_object(self._bucket, key, hashes)
        return key

    def kept_hashes(self, sequence: int, key: str) -> bytes | None:
        try:
            hashes = self._store.get_object(self._bucket, key)
        except ObjectNotFoundError:
            return None
        if self.journal.keys_key(sequence, hashes) != key:  # their hash is in the name
            return None
        return hashes

    def commit(self, gathered: Gathered) -> IngestReceipt:
        """See ``Output``.

        Raises:
            BrokenPartsError: What was sealed is not there any more, or not as it was: nothing was committed.
            InvalidInputError: The records cannot be put among those that are there.
            ObjectExistsError: Another run was first, and the dataset takes no other.
            RunCancelledError: Somebody cancelled the run.
            ShrunkDatasetError: The dataset would become much smaller.
            StorageError: The store refuses, or does not answer; nothing is visible of this commit.
        """
        self._announce()
        self._liveness.look()
        self._check_parts(gathered.kept)
        for _ in range(_ENOUGH_TRIES):
            latest, mine = self._latest()
            if mine and mine.status == "complete":
                receipt = self._receipt_of(mine)
                break
            listed = self._listed(gathered, latest)
            manifest = self._manifest(gathered, listed, latest)
            if mine and _says_the_same(mine, manifest):
                receipt = self._receipt_of(mine)
                break
            if not gathered.accepts_shrink:
                check_shrink(self.plan, listed.change, gathered.evidence)
            receipt = self._receipt(gathered, manifest, listed)
            self._documents.replace(commit_receipt_key(self.plan.dataset, manifest), receipt)
            try:
                self._commits.commit(manifest)
            except ObjectExistsError:
                continue  # by another process at this run, or by another run: the next look tells
            break
        else:
            raise ObjectExistsError(f"{self.plan.dataset} is being committed to again and again: try later")
        self._ways_on.note(self.plan.run_id, receipt.pages)
        return receipt

    def left(self) -> str:
        return f"what came is kept, and run {self.plan.run_id} goes on from there"

    def _check_parts(self, kept: RunProgress) -> None:
        """Make sure that every object of the run has the size and the SHA-256 that were written down.

        Those that this very invocation has written need only be there: to read them again would cost a run
        that was never stopped a tenth of its time.
        """
        broken = [
            sealed
            for sealed in kept.parts
            if not all(
                self._store.object_exists(self._bucket, f"{self.plan.dataset}/{part.key}")
                if sealed.invocation == self.invocation
                else self._is_whole(part)
                for part in (sealed.part, sealed.quarantine)
                if part is not None
            )
        ]
        if broken:
            raise BrokenPartsError(broken, f"the data below {self.plan.dataset}/")

    def _is_whole(self, part: ManifestPart) -> bool:
        """Whether an object is the one that was written down.

        The store's own word for the checksum is taken where it has one: S3 compared it with the content when
        the object was written, and its writer put it beside it. Otherwise, and in a directory, the content is
        read.
        """
        key = f"{self.plan.dataset}/{part.key}"
        try:
            found = self._store.head_object(self._bucket, key)
            if found.size != part.size:
                return False
            if found.checksum is not None:
                return found.checksum == part.sha256
            with self._store.open_object(self._bucket, key) as stream:  # somebody else wrote it
                return sha256_of_stream(stream) == part.sha256
        except ObjectNotFoundError:
            return False

    @property
    def _own_names(self) -> str:
        """What sets the names of this run's parts apart, where the dataset takes those of others."""
        return self.plan.run_id if self.plan.write else ""

    def _generations_of(self, plan: RunPlan) -> Generations:
        return Generations(self._store, self._bucket, plan, escape_formulas=self._escape_formulas)

    def _latest(self) -> tuple[Manifest | None, Manifest | None]:
        """The latest commit of the dataset, and what this run has committed, if anything.

        Raises:
            InvalidInputError: The run cannot be committed to this dataset.
            ObjectExistsError: Another run has, and it takes no other, or not yet.
        """
        latest = self._commits.latest()
        if latest is None or latest.run_id == self.plan.run_id:
            return latest, latest
        mine = self._buried()
        if mine is None and latest.parts_of(self.plan.run_id):
            raise InvalidInputError(
                f"run {self.plan.run_id!r} has committed to {self.plan.dataset}, and that commit was cleaned "
                "away since; its records are still listed: for more, begin another run"
            )
        if mine is None:
            self._generations.check(latest)
        elif mine.status == "partial":
            raise ObjectExistsError(
                f"run {latest.run_id!r} has committed to {self.plan.dataset} since {self.plan.run_id!r} left "
                f"out pages {', '.join(mine.missing_pages)}: begin another run; nothing was changed"
            )
        return latest, mine

    def _buried(self) -> Manifest | None:
        """What this run has committed below the commits of others."""
        if self.plan.write is None:
            return None
        return buried_commit(self._store, self._bucket, self.plan.dataset, self.plan.run_id)

    def _receipt_of(self, manifest: Manifest) -> IngestReceipt:
        """The receipt that was stored with a commit; what a crash left undone after that is done."""
        receipt = self._documents.get(commit_receipt_key(self.plan.dataset, manifest), IngestReceipt)
        self._commits.publish(manifest)
        return receipt

    def _listed(self, gathered: Gathered, latest: Manifest | None) -> Listed:
        kept = gathered.kept
        return self._generations.listed(
            latest,
            [WrittenPart(part.part, part.schema) for part in kept.in_page_order() if part.part],
            declared=gathered.declared,
            keys=self._keys(kept),
            reads_all=is_everything(self.plan, gathered.evidence),
        )

    def _keys(self, kept: RunProgress) -> Iterator[bytes]:
        """The keys of all records that came, as they were kept."""
        for part in kept.parts:
            if part.keys is not None:
                hashes = self.kept_hashes(part.sequence, part.keys)
                if hashes is None:
                    raise BrokenPartsError([part], "the file of keys in the run's journal")
                yield hashes

    def _manifest(self, gathered: Gathered, listed: Listed, latest: Manifest | None) -> Manifest:
        in_order, missing = gathered.kept.in_page_order(), gathered.ledger.missing_pages
        reached = self._generations.reached(
            latest,
            gathered.kept,
            gathered.evidence,
            self._pagination,
            is_repeated=gathered.pass_ > 1 or gathered.progress.duplicates > 0,
        )
        return Manifest.of(
            listed.own,
            run_id=self.plan.run_id,
            generation=latest.generation + 1 if latest else 1,
            format=self.plan.format,
            schema=listed.schema,
            missing_pages=missing.ranges(),
            quarantine=tuple(part.quarantine for part in in_order if part.quarantine is not None),
            before=listed.before,
            primary_key=self.plan.key_fields if self.plan.write == "upsert" else UNSET,
            incremental=UNSET if reached is None else reached,
        )

    def _receipt(self, gathered: Gathered, manifest: Manifest, listed: Listed) -> IngestReceipt:
        key, kept = manifest_key(self.plan.dataset, manifest.generation), gathered.kept
        own = manifest.parts_of(manifest.run_id)
        records = sum(part.records for part in own)
        spent, first = gathered.spent(), gathered.progress.first
        receipt = gathered.receipt(
            spent,
            status=manifest.status,
            run_id=manifest.run_id,
            parameters=self.plan.parameters(),
            missing_pages=list(manifest.missing_pages),
            records=records,
            repaired=records - gathered.progress.records_of(1) if self.plan.key_fields else 0,
            quarantined=sum(part.records for part in manifest.quarantine),
            format=manifest.format,
            bucket=self._bucket,
            key=key,
            uri=self._store.uri(self._bucket, key),
            bytes=sum(part.size for part in own),
            sha256=manifest_sha256(manifest),
            content_type=manifest.content_type,
            columns=manifest.columns,
            widenings=kept.widenings,
            rounded=kept.rounded,
            values=kept.values,
            parts=stored_parts(self.plan.dataset, own),
            quarantine=stored_parts(self.plan.dataset, manifest.quarantine),
            dataset=listed.change,
            incremental=None if manifest.incremental is UNSET else manifest.incremental,
        )
        proof = sum(known.requests for known in (receipt.end, receipt.still) if known)
        early = sum(part.before for part in kept.parts)
        return structs.replace(
            receipt,
            warnings=[*receipt.warnings, *([_EARLY.format(early)] if early else [])],
            forecast=forecast(first, gathered.terms) if first else None,
            actual=actual(spent, receipt.pages, proof, receipt.invocations, gathered.terms),
        )


def commit_of(store: ObjectStore, bucket: str, plan: RunPlan) -> Manifest | None:
    """What a run has committed, be it below the commits of others; None if nothing.

    Args:
        store: Where the dataset is.
        bucket: Its bucket.
        plan: The run, as it was begun.
    """
    latest = DatasetCommits(store, bucket, plan.dataset).latest()
    if latest is None or latest.run_id == plan.run_id:
        return latest
    return buried_commit(store, bucket, plan.dataset, plan.run_id) if plan.write else None


def buried_commit(store: ObjectStore, bucket: str, dataset: str, run_id: str) -> Manifest | None:
    """A run's commit below those of others, which its receipts tell by their names; None if there is none."""
    prefix = f"{dataset}/_receipt-"
    name = re.compile(rf"(\d{{8,}})-{re.escape(run_id)}-[0-9a-f]{{{_DIGEST_CHARS}}}\.json")
    found = [
        int(match[1])
        for info in store.list_objects(bucket, prefix)
        if (match := name.fullmatch(info.key.removeprefix(prefix)))
    ]
    commits = DatasetCommits(store, bucket, dataset)
    for generation in sorted(set(found), reverse=True):  # it is written before, and may not have won
        with suppress(ObjectNotFoundError):
            manifest = commits.read(generation)
            if manifest.run_id == run_id and not commits.is_late(generation):
                return manifest
    return None


def stored_parts(dataset: str, parts: Iterable[ManifestPart]) -> list[StoredPart]:
    """The parts of a dataset as a receipt lists them, under their whole keys."""
    return [
        StoredPart(
            key=f"{dataset}/{part.key}",
            size=part.size,
            sha256=part.sha256,
            records=part.records,
            first_page=part.first_page,
            last_page=part.last_page,
            pass_=part.pass_,
        )
        for part in parts
    ]


def _says_the_same(before: Manifest, manifest: Manifest) -> bool:
    """Whether a commit has nothing to add to the one it would replace."""
    return structs.replace(manifest, generation=before.generation) == before
