"""The end of a run: one schema for all parts, a receipt, and the manifest, which is the commit."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from de_classes.api import receipt as receipts
from de_classes.api.receipt import IngestReceipt, PageHash
from de_classes.errors import ObjectExistsError
from de_classes.runs.documents import Documents
from de_classes.runs.sealed_part import RunCounts
from de_classes.storage.datasets.keys import manifest_key
from de_classes.storage.datasets.manifest import Manifest, encode_manifest
from de_classes.storage.datasets.part_writer import StoredPart
from de_classes.storage.datasets.reconcile import reconcile
from de_classes.version import versions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.api.ledger import RunLedger
    from de_classes.runs.context import RunContext, Spending
    from de_classes.runs.progress import RunProgress
    from de_classes.storage.datasets.commits import DatasetCommits
    from de_classes.storage.datasets.manifest import ManifestPart
    from de_classes.storage.datasets.reconcile import Reconciled

_ENOUGH_TRIES: Final = 10


def receipt_key(dataset: str, generation: int, run_id: str) -> str:
    """The key of the receipt of a commit: beside it, and of this run alone."""
    return f"{dataset}/_receipt-{generation:08d}-{run_id}.json"


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
        """The receipt that was stored with a commit."""
        key = receipt_key(self._plan.dataset, manifest.generation, manifest.run_id)
        return self._documents.get(key, IngestReceipt)

    def carry_out(self, progress: RunProgress, ledger: RunLedger, began: Spending) -> IngestReceipt:
        """Commit what was sealed.

        Args:
            progress: The parts.
            ledger: What came, against what should.
            began: The moment at which this invocation began.

        Raises:
            ObjectExistsError: Another run was first.
            StorageError: The store refuses, or does not answer; nothing is visible of this commit.
        """
        missing = ledger.missing_pages.ranges()
        stored = self._one_schema(progress)
        parts = tuple(part.part for part in stored.parts)
        for _ in range(_ENOUGH_TRIES):
            before = self.latest()
            if before is not None and (before.status == "complete" or before.parts == parts):
                return self.receipt_of(before)
            manifest = self._manifest(progress, stored, missing, before)
            receipt = self._receipt(progress, ledger, manifest, self._spent(progress, began))
            self._documents.replace(
                receipt_key(self._plan.dataset, manifest.generation, manifest.run_id), receipt
            )
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

    def _manifest(
        self,
        progress: RunProgress,
        stored: Reconciled,
        missing: tuple[str, ...],
        before: Manifest | None,
    ) -> Manifest:
        return Manifest.of(
            (part.part for part in stored.parts),
            run_id=self._plan.run_id,
            generation=1 if before is None else before.generation + 1,
            format=self._plan.format,
            schema=stored.schema,
            missing_pages=missing,
            quarantine=_present(part.quarantine for part in progress.in_page_order()),
        )

    def _spent(self, progress: RunProgress, began: Spending) -> RunCounts:
        """By other invocations as they wrote it down; by this one, everything until now."""
        own = self._context.invocation
        others = (part.counts for part in progress.parts if part.invocation != own)
        return RunCounts.total((*others, self._context.spending().since(began)))

    def _receipt(
        self, progress: RunProgress, ledger: RunLedger, manifest: Manifest, spent: RunCounts
    ) -> IngestReceipt:
        bucket, key = self._context.bucket, manifest_key(self._plan.dataset, manifest.generation)
        pages = progress.pages(progress.pass_)
        return IngestReceipt(
            status=manifest.status,
            run_id=manifest.run_id,
            source=self._plan.source,
            parameters=self._plan.parameters(),
            pages=len(pages),
            expected_pages=ledger.expected_pages,
            missing_pages=list(manifest.missing_pages),
            records=manifest.records,
            expected_records=ledger.expected_records,
            duplicates=progress.duplicates,
            repaired=manifest.records - progress.records_of(1),
            quarantined=sum(part.records for part in manifest.quarantine),
            drift=list(progress.drift),
            passes=progress.pass_,
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
            sha256=hashlib.sha256(encode_manifest(manifest)).hexdigest(),
            content_type=manifest.content_type,
            columns=manifest.columns,
            widenings=progress.widenings,
            parts=[self._stored(part) for part in manifest.parts],
            quarantine=[self._stored(part) for part in manifest.quarantine],
            page_hashes=[PageHash(page.number, page.records, page.sha256) for page in pages],
            versions=versions(),
        )

    def _stored(self, part: ManifestPart) -> receipts.StoredPart:
        return receipts.StoredPart(
            key=f"{self._plan.dataset}/{part.key}",
            size=part.size,
            sha256=part.sha256,
            records=part.records,
            first_page=part.first_page,
            last_page=part.last_page,
            pass_=part.pass_,
        )


def _present(parts: Iterable[ManifestPart | None]) -> tuple[ManifestPart, ...]:
    return tuple(part for part in parts if part is not None)
