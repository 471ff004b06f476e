"""The end of a run: one schema for all parts, a receipt, and the manifest, which is the commit."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from msgspec import structs

from de_classes.api import receipt as receipts
from de_classes.api.receipt import IngestReceipt, PageHash, TransformRows
from de_classes.errors import ObjectExistsError
from de_classes.pipelines.described import plain
from de_classes.runs.documents import Documents
from de_classes.runs.forecast import RunCounts, actual, forecast
from de_classes.runs.proof import check_parts
from de_classes.storage.datasets.manifest import Manifest, encode_manifest, manifest_key
from de_classes.storage.datasets.part_writer import StoredPart
from de_classes.storage.datasets.reconcile import reconcile
from de_classes.version import versions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.api.evidence import Evidence
    from de_classes.runs.context import RunContext, Spending
    from de_classes.runs.pass_over import PassOver
    from de_classes.runs.progress import RunProgress
    from de_classes.storage.datasets.commits import DatasetCommits
    from de_classes.storage.datasets.manifest import ManifestPart
    from de_classes.storage.datasets.reconcile import Reconciled

_ENOUGH_TRIES: Final = 10
_DIGEST_CHARS: Final = 12


def receipt_key(dataset: str, manifest: Manifest) -> str:
    """The key of the receipt of a commit: beside it, and of these very bytes.

    Who is about to commit something else writes another receipt, and not over that of the one who wins.
    """
    sha256 = _sha256(manifest)[:_DIGEST_CHARS]
    return f"{dataset}/_receipt-{manifest.generation:08d}-{manifest.run_id}-{sha256}.json"


class RunCommit:
    """Commits one run to its dataset.

    Args:
        context: The invocation that commits.
        commits: The dataset's generations.
    """

    def __init__(self, context: RunContext, commits: DatasetCommits) -> None:
        self._context = context
        self._plan = context.plan
        self._commits = commits
        self._documents = Documents(context.store, context.bucket)

    def latest(self) -> Manifest | None:
        """What this run has committed; None if nothing yet.

        Raises:
            ObjectExistsError: Another run has committed to this dataset.
        """
        latest = self._commits.latest()
        if latest is not None and latest.run_id != self._plan.run_id:
            raise ObjectExistsError(
                f"run {latest.run_id!r} has committed to {self._plan.dataset}: name another dataset; "
                "nothing was changed"
            )
        return latest

    def receipt_of(self, manifest: Manifest) -> IngestReceipt:
        """The receipt that was stored with a commit; what a crash left undone after that is done."""
        receipt = self._documents.get(receipt_key(self._plan.dataset, manifest), IngestReceipt)
        self._commits.publish(manifest)
        return receipt

    def carry_out(self, over: PassOver, began: Spending) -> IngestReceipt:
        """Commit what was sealed.

        Args:
            over: The last pass over the source.
            began: The moment at which this invocation began.

        Raises:
            BrokenPartsError: What was sealed is not there any more, or not as it was: nothing was committed.
            ObjectExistsError: Another run was first.
            StorageError: The store refuses, or does not answer; nothing is visible of this commit.
        """
        evidence = over.evidence()
        self._context.announce()
        store, bucket, own = self._context.store, self._context.bucket, self._context.invocation
        check_parts(store, bucket, self._plan.dataset, over.kept, own=own)
        stored = self._one_schema(over.kept)
        for _ in range(_ENOUGH_TRIES):
            before = self.latest()
            generation = before.generation if before else 0
            manifest = self._manifest(over, stored, generation + 1)
            if before and (before.status == "complete" or _says_the_same(before, manifest)):
                return self.receipt_of(before)
            spent = self._spent(over.progress, began)
            receipt = self._receipt(over, manifest, spent, evidence)
            receipt = self._with_figures(receipt, over.progress, spent)
            self._documents.replace(receipt_key(self._plan.dataset, manifest), receipt)
            try:
                self._commits.commit(manifest)
            except ObjectExistsError:
                continue  # by another process at this run, or by another run: the next look tells
            return receipt
        raise ObjectExistsError(f"{self._plan.dataset} is being committed to again and again: try later")

    def _one_schema(self, progress: RunProgress) -> Reconciled:
        """The parts under the union of their schemas: those sealed under a narrower one are written again."""
        return reconcile(
            self._context.store,
            self._context.bucket,
            self._plan.dataset,
            self._plan.format,
            [StoredPart(part.part, part.schema) for part in progress.in_page_order() if part.part],
            schema=self._context.declared,
            escape_formulas=self._context.escape_formulas,
        )

    def _manifest(self, over: PassOver, stored: Reconciled, generation: int) -> Manifest:
        return Manifest.of(
            (part.part for part in stored.parts),
            run_id=self._plan.run_id,
            generation=generation,
            format=self._plan.format,
            schema=stored.schema,
            missing_pages=over.ledger.missing_pages.ranges(),
            quarantine=_present(part.quarantine for part in over.kept.in_page_order()),
        )

    def _spent(self, progress: RunProgress, began: Spending) -> RunCounts:
        """By other invocations as they wrote it down; by this one, everything until now."""
        own = self._context.invocation
        others = (part.counts for part in progress.sealed if part.invocation != own)
        return RunCounts.total((*others, self._context.spending().since(began)))

    def _receipt(
        self, over: PassOver, manifest: Manifest, spent: RunCounts, evidence: Evidence | None
    ) -> IngestReceipt:
        bucket, key = self._context.bucket, manifest_key(self._plan.dataset, manifest.generation)
        progress, pages = over.progress, over.progress.pages(over.number)
        return IngestReceipt(
            status=manifest.status,
            run_id=manifest.run_id,
            source=self._plan.source,
            parameters=self._plan.parameters(),
            pages=len(pages),
            expected_pages=over.ledger.expected_pages,
            missing_pages=list(manifest.missing_pages),
            records=manifest.records,
            expected_records=over.ledger.expected_records,
            duplicates=progress.duplicates,
            repaired=manifest.records - progress.records_of(1) if self._plan.key_fields else 0,
            quarantined=sum(part.records for part in manifest.quarantine),
            transforms=self._transformed(over.kept),
            drift=list(progress.drift),
            passes=over.number,
            end=evidence.end if evidence else None,
            still=evidence.still if evidence else None,
            warnings=list(evidence.warnings) if evidence else [],
            invocations=len(progress.invocations | {self._context.invocation}),
            requests=sum(spent.requests_by_outcome.values()),
            requests_by_outcome=spent.requests_by_outcome,
            logins=spent.logins,
            retries=sum(spent.retries_by_cause.values()),
            retries_by_cause=spent.retries_by_cause,
            seconds=spent.seconds,
            seconds_waited=spent.seconds_waited,
            seconds_working=spent.seconds_working,
            format=manifest.format,
            bucket=bucket,
            key=key,
            uri=self._context.store.uri(bucket, key),
            bytes=sum(part.size for part in manifest.parts),
            sha256=_sha256(manifest),
            content_type=manifest.content_type,
            columns=manifest.columns,
            widenings=over.kept.widenings,
            rounded=over.kept.rounded,
            values=over.kept.values,
            parts=stored_parts(self._plan.dataset, manifest.parts),
            quarantine=stored_parts(self._plan.dataset, manifest.quarantine),
            page_hashes=[PageHash(page.number, page.records, page.sha256) for page in pages],
            versions=versions(),
            timeline=self._context.client.timeline(),
        )

    def _transformed(self, kept: RunProgress) -> list[TransformRows]:
        steps = plain(self._plan.transforms)
        rows = kept.transformed() or [(0, 0)] * len(steps)  # where no page was sealed
        return [TransformRows.of(step, *counts) for step, counts in zip(steps, rows, strict=True)]

    def _with_figures(self, receipt: IngestReceipt, progress: RunProgress, spent: RunCounts) -> IngestReceipt:
        terms = self._context.terms
        proof = sum(known.requests for known in (receipt.end, receipt.still) if known)
        return structs.replace(
            receipt,
            forecast=forecast(progress.first, terms) if progress.first else None,
            actual=actual(spent, receipt.pages, proof, receipt.invocations, terms),
        )


def stored_parts(dataset: str, parts: Iterable[ManifestPart]) -> list[receipts.StoredPart]:
    """The parts of a dataset as a receipt lists them, under their whole keys."""
    return [
        receipts.StoredPart(
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


def _sha256(manifest: Manifest) -> str:
    return hashlib.sha256(encode_manifest(manifest)).hexdigest()


def _says_the_same(before: Manifest, manifest: Manifest) -> bool:
    """Whether a commit has nothing to add to the one it would replace."""
    return structs.replace(manifest, generation=before.generation) == before


def _present(parts: Iterable[ManifestPart | None]) -> tuple[ManifestPart, ...]:
    return tuple(part for part in parts if part is not None)
