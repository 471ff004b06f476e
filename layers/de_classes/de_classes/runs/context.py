"""What one invocation of a run works with: the source, the store, the journal and the limits."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from de_classes.errors import ObjectNotFoundError
from de_classes.pipelines.described import DescribedTransforms
from de_classes.runs.forecast import RunCounts
from de_classes.runs.proof import BrokenPartsError
from de_classes.runs.sifter import Sifter
from de_classes.storage.datasets.commits import refuse_while_cleaning
from de_classes.storage.datasets.part_writer import PartWriter
from de_classes.storage.format.schema import Schema
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from de_classes.api.counters import Counts
    from de_classes.api.page import Page
    from de_classes.api.page_run import PageRun
    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.runs.forecast import LambdaTerms
    from de_classes.runs.journal import RunJournal
    from de_classes.runs.open_part import PartLimits
    from de_classes.runs.plan import RunPlan
    from de_classes.runs.progress import RunProgress
    from de_classes.runs.sealed_part import SealedPart
    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.storage.format.blocks import CurrentShape
    from de_classes.storage.format.pinned import PinnedSchema
    from de_classes.utils.clock import Clock
    from de_classes.utils.key_set import HashSet
    from de_classes.utils.run_records import RunState


class Spending(Value):
    """What an invocation had spent at some moment.

    Attributes:
        counts: The client's counters.
        at: The moment, on the clock's monotonic time.
    """

    counts: Counts
    at: float

    def since(self, earlier: Spending) -> RunCounts:
        """What was spent after an earlier moment."""
        return RunCounts.of(self.counts.since(earlier.counts), self.at - earlier.at)


class RunContext(Value):
    """One invocation of a run.

    Attributes:
        plan: What the run is.
        journal: Its progress.
        client: Gets the pages.
        store: Holds the parts.
        bucket: Where.
        limits: When a part is sealed.
        clock: What to measure with.
        invocation: A name of its own.
        pinned: The schema that every record must fit, if there is one.
        concurrency: Pages fetched at once; the client's own if None.
        escape_formulas: Whether CSV is written for spreadsheets.
        on_page: Told of every page that is taken.
        terms: What it costs.
        strict: Whether nothing is complete that is not proved.
        seen_before: The run that followed the source's way on before, see ``WaysOn``; or None.
    """

    plan: RunPlan
    journal: RunJournal
    client: UnstableAPIClient
    store: ObjectStore
    bucket: str
    limits: PartLimits
    clock: Clock
    invocation: str
    pinned: PinnedSchema | None
    concurrency: int | None
    escape_formulas: bool
    on_page: Callable[[Page], None]
    terms: LambdaTerms
    strict: bool = False
    seen_before: str | None = None

    @property
    def declared(self) -> Schema:
        """The columns known before the first record."""
        return self.pinned.to_schema() if self.pinned else Schema.of_columns(self.plan.columns)

    @property
    def keeps_all(self) -> bool:
        """Whether every record is written as it came, so that none need be looked at by itself."""
        return self.pinned is None and not self.plan.key_fields and not self.plan.transforms

    def start_run(
        self, state: RunState | None, current: CurrentShape | None = None, *, trusts_total: bool = True
    ) -> PageRun:
        """The pages from where a pass stands; one that cannot be had is skipped where others still can."""
        return self.client.start_run(
            self.plan.limit,
            pages=self.plan.page_range(),
            concurrency=self.concurrency,
            state=state,
            skip_failed=self.client.random_access,
            current=current,
            strict=self.strict,
            seen_before=self.seen_before,
            trusts_total=trusts_total,
        )

    def spending(self) -> Spending:
        """What was spent until now."""
        return Spending(self.client.counts(), self.clock.monotonic())

    def part_writer(self, schema: Schema) -> PartWriter:
        """For the records of the next part."""
        return PartWriter(
            self.store,
            self.bucket,
            self.plan.dataset,
            self.plan.format,
            schema=schema,
            escape_formulas=self.escape_formulas,
        )

    def quarantine_writer(self) -> PartWriter:
        """For what is set aside of the next part."""
        return PartWriter(self.store, self.bucket, self.plan.dataset, "jsonl", is_quarantine=True)

    @contextmanager
    def sifter(self, progress: RunProgress, pass_: int) -> Iterator[Sifter]:
        """Tells records apart as if this invocation had seen all that was sealed before.

        Args:
            progress: What was sealed.
            pass_: The pass that comes now. From the second on, records of one key are compared.
        """
        keys, transforms = None, None
        with ExitStack() as files:
            if self.plan.key_fields:
                from de_classes.utils.key_set import KeySet  # noqa: PLC0415 - SQLite only where there are keys

                keys = files.enter_context(KeySet(self.plan.key_fields, compares=pass_ > 1))
            if self.plan.transforms:
                transforms = files.enter_context(DescribedTransforms(self.plan.transforms))
            sifter = Sifter(keys, transforms, self.pinned, self.plan.on_violation == "quarantine")
            self._recall(sifter, progress if keys is not None else progress.of_pass(pass_))
            yield sifter

    def _recall(self, sifter: Sifter, progress: RunProgress) -> None:
        broken = [
            part
            for part in progress.parts
            if not all(self._recalled(seen, part.sequence, key) for seen, key in _kept_with(part, sifter))
        ]
        if broken:
            raise BrokenPartsError(broken, f"the file of keys in {self.journal.folder}")

    def _recalled(self, seen: HashSet, sequence: int, key: str) -> bool:
        """Take a part's keys in, if they are those that were kept: their hash is in the name."""
        try:
            hashes = self.store.get_object(self.bucket, key)
        except ObjectNotFoundError:
            return False
        if self.journal.keys_key(sequence, hashes) != key:
            return False
        seen.recall(hashes)
        return True

    def keep_keys(self, sequence: int, hashes: bytes) -> str | None:
        """Store the keys of a part's records, so that another invocation knows them as they came.

        Returns:
            Where; None if there are none.
        """
        if not hashes:
            return None
        key = self.journal.keys_key(sequence, hashes)
        self.store.put_object(self.bucket, key, hashes)
        return key

    def announce(self) -> None:
        """Say that this invocation is at it, so that nothing of the run is cleaned away for an hour.

        Raises:
            StorageUnavailableError: Somebody is cleaning the dataset up, and may have begun before.
        """
        self.journal.note_invocation(self.invocation)
        refuse_while_cleaning(self.store, self.bucket, self.plan.dataset, now=self.clock.now())


def _kept_with(part: SealedPart, sifter: Sifter) -> Iterator[tuple[HashSet, str]]:
    """What remembers the hashes that were kept with a part, and where they are."""
    if sifter.keys is not None and part.keys is not None:
        yield sifter.keys, part.keys
    remembered = () if sifter.transforms is None else sifter.transforms.remembered
    for seen, step in zip(remembered, part.transforms, strict=False):
        if seen is not None and step.keys is not None:
            yield seen, step.keys
