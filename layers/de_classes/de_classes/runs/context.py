"""What one invocation of a run works with: the source, what it writes to, and the process around it."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import msgspec

from de_classes.api.increments import Furthest
from de_classes.pipelines.described import DescribedTransforms
from de_classes.runs.forecast import LambdaTerms, RunCounts
from de_classes.runs.progress import BrokenPartsError
from de_classes.storage.format.blocks import RecordBlock
from de_classes.storage.format.pinned import violation_error
from de_classes.storage.format.schema import Schema
from de_classes.utils.clock import SystemClock
from de_classes.utils.run_records import RunPlace
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from de_classes.api.counters import Counts
    from de_classes.api.page import Page
    from de_classes.api.page_pass import PagePass
    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.pipelines.described import StepRows
    from de_classes.runs.destination import Output
    from de_classes.runs.plan import RunPlan
    from de_classes.runs.progress import RunProgress, SealedPart
    from de_classes.runs.ranges import PageRangeOfRun
    from de_classes.storage.format.blocks import SharedDecoder
    from de_classes.storage.format.pinned import PinnedSchema
    from de_classes.storage.format.schema import Record
    from de_classes.utils.clock import Clock
    from de_classes.utils.key_set import HashSet, KeySet
    from de_classes.utils.run_records import PageEntry, RunState


class Runtime(Value):
    """The process that a run is carried out in.

    Example:
        >>> numbers = []
        >>> runtime = Runtime(on_page=lambda page: numbers.append(page.number))
        >>> _ = RunService(client, DatasetDestination(store, "lake"), runtime=runtime).carry_out(plan)
        >>> numbers
        [1, 2, 3]

    Attributes:
        logger: Told how runs go.
        clock: What to measure with.
        on_page: Called with every page, in order, once its records are taken: a place for progress.
        terms: What the process is given and what it costs; the receipt reckons with it.
    """

    logger: logging.Logger = logging.getLogger("de_classes.runs")
    clock: Clock = msgspec.field(default_factory=SystemClock)
    on_page: Callable[[Page], None] = lambda _: None
    terms: LambdaTerms = LambdaTerms()


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
        plan: What the run is, as it was begun.
        client: Gets the pages.
        output: What it writes to.
        runtime: The process around it.
        concurrency: Pages fetched at once; the client's own if None.
        strict: Whether nothing is complete that is not proved.
        range: The range of the run that is carried out; None for all of it. The ``plan`` asks for its pages.
        first: The first page of the run, where it is a range with an end.
        before: What the passes before brought, where that is not in the journal of a range.
        begins_pass: Whether only the first page is to be had, since ranges bring those behind it.
    """

    plan: RunPlan
    client: UnstableAPIClient
    output: Output
    runtime: Runtime
    concurrency: int | None = None
    strict: bool = False
    range: PageRangeOfRun | None = None
    first: PageEntry | None = None
    before: tuple[SealedPart, ...] = ()
    begins_pass: bool = False

    @property
    def is_range(self) -> bool:
        """Whether other pages of the run are read by others, perhaps now."""
        return self.first is not None

    def way_behind(self, number: int) -> RunPlace | None:
        """Where the run goes on behind the last page of a range; None if that is elsewhere, or not known."""
        is_behind = self.range is not None and number == self.range.last and not self.range.is_last
        return RunPlace(number=number + 1) if is_behind else None

    @property
    def declared(self) -> Schema:
        """The columns known before the first record."""
        plan = self.plan
        return plan.pinned.to_schema() if plan.pinned else Schema.of_columns(plan.columns)

    @property
    def stores_as_received(self) -> bool:
        """Whether every record is written as it came, so that none need be made an object."""
        return not self.plan.transforms

    def start_pass(
        self, state: RunState | None, current: SharedDecoder | None = None, *, trusts_total: bool = True
    ) -> PagePass:
        """The pages from where a pass stands; one that cannot be had is skipped where others still can."""
        return self.client.start_pass(
            self.plan.limit,
            pages=self.plan.pages,
            concurrency=self.concurrency,
            state=state,
            skip_failed=self.output.resumes and self.client.random_access,
            current=current,
            strict=self.strict,
            seen_before=self.output.seen_before,
            trusts_total=trusts_total,
            first=self.first,
            proves=self.range is None and not self.begins_pass,
        )

    def spending(self) -> Spending:
        """What was spent until now."""
        return Spending(self.client.counts(), self.runtime.clock.monotonic())

    @contextmanager
    def record_filter(self, progress: RunProgress, pass_: int) -> Iterator[RecordFilter]:
        """Tells records apart as if this invocation had seen all that was sealed before.

        Args:
            progress: What was sealed.
            pass_: The pass that comes now. From the second on, records of one key are compared.
        """
        keys, transforms = None, None
        with ExitStack() as files:
            if self.plan.key_fields:
                from de_classes.utils.key_set import KeySet  # noqa: PLC0415 - only where there are keys

                keys = files.enter_context(KeySet(self.plan.key_fields, compares=pass_ > 1))
            if self.plan.transforms:
                transforms = files.enter_context(DescribedTransforms(self.plan.transforms))
            asked, each = self.plan.incremental, self.client.endpoint.pagination.asks_from
            furthest = None if asked is None else Furthest(asked, each)
            quarantines = self.plan.on_violation == "quarantine"
            record_filter = RecordFilter(keys, transforms, self.plan.pinned, quarantines, furthest)
            known = progress if keys is not None else progress.of_pass(pass_)
            self._recall(record_filter, (*self.before, *known.parts))
            yield record_filter

    def _recall(self, record_filter: RecordFilter, parts: Iterable[SealedPart]) -> None:
        broken = []
        for part in parts:
            for seen, key in record_filter.kept_with(part):
                hashes = self.output.kept_hashes(part.sequence, key)
                if hashes is None:
                    broken.append(part)
                    break
                seen.recall(hashes)
        if broken:
            raise BrokenPartsError(broken, "the file of keys in the run's journal")


class FilteredRecords(Value):
    """A page's records, told apart.

    Attributes:
        kept: Those that are written.
        aside: Those that do not fit the pinned schema, as quarantine keeps them.
        duplicates: How many were dropped because their key had come before.
    """

    kept: Sequence[Record]
    aside: list[Record]
    duplicates: int


class RecordFilter(Value):
    """Which of a page's records are kept, and as what: not those that came before, nor those that do not fit.

    Attributes:
        keys: The keys that came before; None if records are not told apart by key.
        transforms: What becomes of the records that are new; None if they are stored as they came.
        pinned: The schema to fit after that; None if it follows the records.
        quarantines: Whether a record that does not fit is set aside; otherwise it ends the run.
        furthest: How far the records reach; None if the run brings all there is.
    """

    keys: KeySet | None = None
    transforms: DescribedTransforms | None = None
    pinned: PinnedSchema | None = None
    quarantines: bool = False
    furthest: Furthest | None = None

    def reach(self) -> tuple[int | None, int, dict[str, int]]:
        """See ``Furthest.take``."""
        return (None, 0, {}) if self.furthest is None else self.furthest.take()

    def fresh_keys(self) -> bytes:
        """The keys of the records since this was asked last, see ``HashSet.take_fresh``."""
        return b"" if self.keys is None else self.keys.take_fresh()

    def compared(self) -> bytes:
        """The hashes of the records by their keys since this was asked last, where they are compared."""
        return b"" if self.keys is None else self.keys.take_compared()

    def step_rows(self) -> tuple[StepRows, ...]:
        """What went through each transform since this was asked last."""
        return () if self.transforms is None else self.transforms.take_rows()

    @property
    def conflicts(self) -> int:
        """How many records had the key of another, where they are compared."""
        return 0 if self.keys is None else self.keys.conflicts

    def kept_with(self, part: SealedPart) -> Iterator[tuple[HashSet, str]]:
        """What remembers the hashes that were kept with a part, and where they are."""
        if self.keys is not None and part.keys is not None:
            yield self.keys, part.keys
        remembered = () if self.transforms is None else self.transforms.remembered
        for seen, step in zip(remembered, part.transforms, strict=False):
            if seen is not None and step.keys is not None:
                yield seen, step.keys

    def apply(self, page: Page, parent: str | None = None) -> FilteredRecords:
        """Tell a page's records apart.

        Args:
            page: What came.
            parent: The hashed key of the parent that it belongs to, where each has a place of its own.

        Raises:
            MalformedDataError: A record lacks a key field.
            TransformError: A transform cannot be applied to a record.
            SchemaViolationError: A record does not fit the pinned schema, and is not to be set aside.
            ProtocolError: No record says when it changed last, where that is needed.
        """
        if self.furthest is not None:
            known = _column(page.records, self.furthest.field)
            self.furthest.look(page.records, parent, column=known)
        records = page.records
        if self.keys is not None:
            columns = records.values(self.keys.fields) if isinstance(records, RecordBlock) else None
            records = self.keys.new_among(records, columns)
        duplicates = len(page.records) - len(records)
        if self.transforms is not None:
            records = self.transforms.apply(records, page.number)
        if self.pinned is None:
            return FilteredRecords(records, [], duplicates)
        kept, violations = self.pinned.split(records)
        if violations and not self.quarantines:
            raise violation_error(violations, page.number)
        return FilteredRecords(kept, [each.set_aside(page.number) for each in violations], duplicates)


def _column(records: Sequence[Record], field: str) -> Sequence[object] | None:
    """What each record says in a field, if that is known without making objects; None if it is not."""
    if not isinstance(records, RecordBlock) or not field.isidentifier():  # others are paths
        return None
    columns = records.values((field,))
    return None if columns is None else columns[0]
