"""Where a run writes: what every destination keeps to, and what has one part and no manifest.

That is one object, or a list in memory.
"""

from __future__ import annotations

import math
import sys
import uuid
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final, Protocol

from msgspec import structs

from de_classes.api.jobs import JobNotes, NotesInMemory
from de_classes.api.receipt import COMPLETE, IngestReceipt, PageHash, StoredPart, TransformRows
from de_classes.errors import InvalidInputError
from de_classes.pipelines.described import plain
from de_classes.runs.journal import Unsealed
from de_classes.runs.progress import RunProgress
from de_classes.storage.format.schema import Schema
from de_classes.storage.services.object_sink import StoredObject
from de_classes.utils.values import Value
from de_classes.version import versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from de_classes.api.counters import Timeline
    from de_classes.api.evidence import Evidence
    from de_classes.api.ledger import RunLedger
    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.runs.forecast import LambdaTerms, RunCounts
    from de_classes.runs.journal import RunJournal
    from de_classes.runs.plan import RunPlan
    from de_classes.runs.progress import SealedPart
    from de_classes.runs.ranges import PageRangeOfRun
    from de_classes.storage.datasets.part_writer import WrittenPart
    from de_classes.storage.format.blocks import ColumnDecoder
    from de_classes.storage.format.schema import Record
    from de_classes.storage.services.storage_data_service import StorageDataService
    from de_classes.utils.clock import Clock

MEBIBYTE = 2**20
_NO_RANGES: Final = "a dataset alone is written by several workers, not one object: leave out the key"


class PartLimits(Value):
    """When a part is sealed: as soon as one of these is reached.

    Small parts lose less when a process is killed; large ones are faster to read.

    Example:
        >>> lake = DatasetDestination(store, "lake", limits=PartLimits(pages=2))
        >>> RunService(client, lake).carry_out(plan).parts[-1].first_page
        3

    Attributes:
        pages: Pages in a part.
        size: Bytes, as far as they are known before the part is complete.
        seconds: Seconds since its first page.
    """

    pages: int = 1_000
    size: int = 64 * MEBIBYTE
    seconds: float = 120.0

    def __post_init__(self) -> None:
        if self.pages < 1 or self.size < 1 or self.seconds <= 0:
            raise InvalidInputError("a part needs at least one page, one byte and some time")


class PageWriter(Protocol):
    """What takes the records of some pages; ``PartWriter`` is one."""

    @property
    def size(self) -> int:
        """Bytes until now."""
        ...

    @property
    def decoder(self) -> ColumnDecoder | None:
        """How to decode straight what is written next, see ``SegmentedWriter``."""
        ...

    def write(self, records: Sequence[Record]) -> None:
        """Take records."""
        ...

    def seal(self, pass_: int, first_page: int, last_page: int) -> WrittenPart | None:
        """Store them; None if that has to wait for the commit, or there are none."""
        ...

    def abort(self) -> None:
        """Forget them, unless they are sealed."""
        ...


class Gathered(Value):
    """What a run has brought when nothing is left to fetch.

    Attributes:
        plan: What the run is.
        pass_: The last pass over the source, from 1.
        progress: All that was sealed.
        kept: Those parts of it that are committed.
        ledger: What came on the last pass, against what should.
        evidence: What the run's being complete rests on; None if it is committed for what it is.
        invocation: Which go of the run commits it.
        terms: What the run costs is reckoned with.
        spent: What was spent until now, over all invocations.
        declared: The columns known before the first record.
        timeline: When requests of this invocation ended, and what came.
        accepts_shrink: Whether a dataset may become much smaller by it.
        doubts: What may be left behind at the source, a sentence each.
    """

    plan: RunPlan
    pass_: int
    progress: RunProgress
    kept: RunProgress
    ledger: RunLedger
    evidence: Evidence | None
    invocation: str
    terms: LambdaTerms
    spent: Callable[[], RunCounts]
    declared: Schema
    timeline: Callable[[], Timeline]
    accepts_shrink: bool = False
    doubts: tuple[str, ...] = ()

    def receipt(self, spent: RunCounts, **stored: Any) -> IngestReceipt:  # noqa: ANN401 - the fields that are left
        """The receipt.

        Args:
            spent: Over all invocations.
            **stored: What the destination alone knows: where it lies, its parts and columns, its checksum.
        """
        pages, evidence = self.progress.pages(self.pass_), self.evidence
        steps = plain(self.plan.transforms)
        rows = self.kept.transformed() or [(0, 0)] * len(steps)  # where no page was sealed
        return IngestReceipt(
            source=self.plan.source,
            pages=len(pages),
            expected_pages=self.ledger.expected_pages,
            expected_records=self.ledger.expected_records,
            duplicates=self.progress.duplicates,
            transforms=[TransformRows.of(step, *counts) for step, counts in zip(steps, rows, strict=True)],
            drift=list(self.progress.drift),
            passes=self.pass_,
            end=evidence.end if evidence else None,
            still=evidence.still if evidence else None,
            warnings=[*(evidence.warnings if evidence else ()), *self.doubts],
            invocations=len(self.progress.invocations | {self.invocation}),
            requests=sum(spent.requests_by_outcome.values()),
            requests_by_outcome=spent.requests_by_outcome,
            logins=spent.logins,
            retries=sum(spent.retries_by_cause.values()),
            retries_by_cause=spent.retries_by_cause,
            seconds=spent.seconds,
            seconds_waited=spent.seconds_waited,
            seconds_working=spent.seconds_working,
            page_hashes=[PageHash(page.number, page.records, page.sha256) for page in pages],
            versions=versions(),
            timeline=self.timeline(),
            **stored,
        )


class Journal(JobNotes, Protocol):
    """What a run has done until now; ``RunJournal`` keeps it in the bucket."""

    def progress(self) -> RunProgress:
        """What was sealed until now, by this invocation or another."""
        ...

    def sequence_behind(self, progress: RunProgress) -> int:
        """The place of the part that is sealed next."""
        ...

    def seal(self, sealed: SealedPart) -> SealedPart:
        """Remember a part; what comes back is another's if somebody else was first."""
        ...

    def strike(self, parts: Iterable[SealedPart]) -> None:
        """Remember that parts are broken, for good."""
        ...

    def note_change(self, pass_: int, reason: str) -> None:
        """Remember that the source changed under a range, so that whoever commits goes over it again."""
        ...


class Output(ABC):
    """What one invocation of a run writes to: begun, filled part by part, committed once, and closed.

    Attributes:
        plan: What the run is, as it was begun.
        journal: What was sealed.
        limits: When a part is sealed.
        resumes: Whether another invocation goes on from what was sealed. A page that cannot be had is then
            skipped for the time being; otherwise it ends the run.
        seen_before: An earlier run that followed the source's way on, see ``WaysOn``; None if none is known.
        invocation: A name of its own.
        unsealed: Tells what was done since a part was sealed; whoever goes over the source sets it.
    """

    journal: Journal
    limits: PartLimits
    resumes: bool
    seen_before: str | None = None

    def __init__(self, plan: RunPlan) -> None:
        self.plan = plan
        self.invocation = uuid.uuid4().hex
        self.unsealed: Callable[[], Unsealed] = Unsealed

    @abstractmethod
    def begin(self) -> IngestReceipt | None:
        """Make sure that everything can be written there, and begin, or find that it was begun before.

        Returns:
            The receipt, if the run was complete before; nothing is to be done then.
        """

    def check_cancelled(self, *, lift: bool = False) -> None:  # noqa: B027 - nobody can cancel what is not noted
        """Go no further with a run that is cancelled.

        Args:
            lift: Go on all the same, and let others go on.

        Raises:
            RunCancelledError: It is.
        """

    def between_pages(self, *, is_sealed: bool = False) -> None:  # noqa: B027 - as above
        """Say now and then that somebody is at it, and look whether the run is cancelled; safe among threads.

        Args:
            is_sealed: Whether a part was sealed just now.

        Raises:
            RunCancelledError: It is.
        """

    def ended(self, error: BaseException | None) -> None:  # noqa: B027 - as above
        """Note how this invocation ended, where the run is not complete.

        Args:
            error: What ended it; None if it has done its share, and others go on, or may.
        """

    @abstractmethod
    def part(self, pass_: int, schema: Schema) -> PageWriter:
        """For the records of the next part.

        Args:
            pass_: The pass that they come on, from 1.
            schema: The columns known before.
        """

    @abstractmethod
    def aside(self) -> PageWriter:
        """For the records of the next part that do not fit the pinned schema."""

    @abstractmethod
    def keep_hashes(self, sequence: int, hashes: bytes) -> str | None:
        """Store the keys of a part's records, so that another invocation knows them as they came.

        Args:
            sequence: Which part it is of.
            hashes: What ``HashSet.take_fresh`` gave, or another file of hashes.

        Returns:
            Where; None if there are none, or no other invocation goes on.
        """

    @abstractmethod
    def kept_hashes(self, sequence: int, key: str) -> bytes | None:
        """What ``keep_hashes`` was given for a part; None if it is gone, or not what was kept."""

    @abstractmethod
    def commit(self, gathered: Gathered) -> IngestReceipt:
        """Make everything visible at once.

        Raises:
            BrokenPartsError: What was sealed is not there any more, or not as it was: nothing was committed.
            StorageError: The store refuses, or does not answer; nothing is visible of this commit.
        """

    @abstractmethod
    def left(self) -> str:
        """What there is if somebody presses Ctrl-C now, in words."""

    def close(self) -> None:  # noqa: B027 - as a rule nothing is left open
        """Let go of what was not committed and does not last."""


class Destination(ABC):
    """Where runs write: a ``DatasetDestination``, an ``ObjectDestination`` or a ``MemoryDestination``."""

    @abstractmethod
    def open(self, plan: RunPlan, client: UnstableAPIClient, clock: Clock) -> Output:
        """What one invocation of a run writes to. Nothing is done before ``Output.begin``.

        Args:
            plan: What the run is asked for.
            client: Gets the pages.
            clock: Tells whether somebody's cleaning is still going on.
        """

    def open_range(
        self, plan: RunPlan, client: UnstableAPIClient, clock: Clock, of: PageRangeOfRun
    ) -> Output:
        """What one invocation of a range of a run writes to: parts, and a journal of its own.

        Args:
            plan: What the whole run is.
            client: Gets the pages.
            clock: Tells whether somebody's cleaning is still going on.
            of: The range.

        Raises:
            InvalidInputError: One object has no ranges.
        """
        del plan, client, clock, of
        raise InvalidInputError(_NO_RANGES)

    def journal(self, run_id: str) -> RunJournal:
        """What a run has done, kept where others go on by it.

        Raises:
            InvalidInputError: Nothing is kept.
        """
        del run_id
        raise InvalidInputError(_NO_RANGES)


class ObjectDestination(Destination):
    """One object: it is visible only once it is whole, and a run that is stopped begins anew.

    Nothing else is written, but for the receipt if that is asked for. The plan's ``dataset`` is its key, and
    a plan with keys or a pinned schema needs a dataset.

    Example:
        >>> storage = StorageDataService(store, DataFormatService(), logger)
        >>> one = RunPlan(run_id="one", source=client.url, dataset="orders.csv", format="csv", limit=2)
        >>> RunService(client, ObjectDestination(storage, "lake")).carry_out(one).records
        5

    Args:
        storage: Writes the object.
        bucket: Where to.
        overwrite: Replace what has the key; otherwise the key must be free.
        keep_receipt: Store the receipt too, at ``receipt_key(key)``, once the object is there.
    """

    def __init__(
        self,
        storage: StorageDataService,
        bucket: str,
        *,
        overwrite: bool = True,
        keep_receipt: bool = False,
    ) -> None:
        self._storage = storage
        self._bucket = bucket
        self._overwrite = overwrite
        self._keep_receipt = keep_receipt

    def open(self, plan: RunPlan, client: UnstableAPIClient, clock: Clock) -> Output:
        """See ``Destination``."""
        del client, clock  # what is noted of a run is in memory

        def sink(schema: Schema) -> Sink:
            return self._storage.open_sink(
                self._bucket, plan.dataset, plan.format, overwrite=self._overwrite, schema=schema
            )

        def keep(receipt: IngestReceipt) -> None:
            if self._keep_receipt:
                self._storage.client.put_object(
                    self._bucket,
                    receipt_key(receipt.key),
                    receipt.to_json().encode(),
                    content_type="application/json",
                )

        return _OutputOfOnePart(plan, sink, keep)


class MemoryDestination(Destination):
    """A list of all records, in the source's order, once the run is complete; nothing is written.

    Example:
        >>> memory = MemoryDestination()
        >>> RunService(client, memory).carry_out(plan).records == len(memory.records) == 5
        True

    Attributes:
        records: Those of the last run that was complete.
    """

    def __init__(self) -> None:
        self.records: list[Record] = []

    def open(self, plan: RunPlan, client: UnstableAPIClient, clock: Clock) -> Output:
        """See ``Destination``."""
        del client, clock
        return _OutputOfOnePart(plan, lambda _: _ListSink(plan.format, self.records), lambda _: None)


class Sink(Protocol):
    """What takes the records of one pass, all of them; ``ObjectSink`` is one."""

    @property
    def is_sealed(self) -> bool:
        """Whether its commit has begun."""
        ...

    @property
    def stored(self) -> StoredObject | None:
        """What was committed; None as long as nothing was."""
        ...

    @property
    def decoder(self) -> ColumnDecoder | None:
        """See ``PageWriter``."""
        ...

    def write(self, records: Sequence[Record]) -> None:
        """Take records."""
        ...

    def commit(self) -> StoredObject:
        """Make them visible."""
        ...

    def abort(self) -> None:
        """Forget them, unless they are committed."""
        ...


class _ListSink:
    """Keeps records, and puts them into a list at the end."""

    is_sealed = False
    decoder = None
    stored = None

    def __init__(self, format_name: str, target: list[Record]) -> None:
        self._format = format_name
        self._target = target
        self._records: list[Record] = []

    def write(self, records: Sequence[Record]) -> None:
        self._records.extend(records)

    def commit(self) -> StoredObject:
        self._target[:] = self._records
        return StoredObject(
            bucket="",
            key="",
            uri="memory",
            size=0,
            sha256="",
            records=len(self._records),
            format=self._format,
            content_type="",
            schema=Schema(),
            widenings=(),
            rounded={},
            values={},
            etag=None,
            version_id=None,
        )

    def abort(self) -> None:
        self._records = []


class _OutputOfOnePart(Output):
    """One sink for each pass over the source; what the last one took is committed."""

    limits = PartLimits(pages=sys.maxsize, size=sys.maxsize, seconds=math.inf)
    resumes = False

    def __init__(
        self, plan: RunPlan, sink: Callable[[Schema], Sink], keep: Callable[[IngestReceipt], None]
    ) -> None:
        super().__init__(plan)
        self._open = sink
        self._keep = keep
        self._sink: Sink | None = None
        self._pass = 1
        self.journal = _JournalInMemory()

    def begin(self) -> IngestReceipt | None:
        if self.plan.key_fields or self.plan.pinned:
            raise InvalidInputError("keys and a pinned schema go with a dataset, not with one object")
        self._sink = self._open(Schema.of_columns(self.plan.columns))
        return None

    def part(self, pass_: int, schema: Schema) -> PageWriter:
        if pass_ != self._pass:  # nothing is kept of the pass before
            self.close()
            self._sink, self._pass = self._open(schema), pass_
        return _SinkWriter(self._begun())

    def aside(self) -> PageWriter:
        raise InvalidInputError("what does not fit is set aside in a dataset alone")

    def keep_hashes(self, sequence: int, hashes: bytes) -> str | None:
        del sequence, hashes
        return None

    def kept_hashes(self, sequence: int, key: str) -> bytes | None:
        del sequence, key
        return None

    def commit(self, gathered: Gathered) -> IngestReceipt:
        stored = self._begun().commit()
        pages = gathered.progress.pages(gathered.pass_)
        asked = {"limit": self.plan.limit, "pages": str(self.plan.pages)}
        steps = plain(self.plan.transforms)
        receipt = gathered.receipt(
            gathered.spent(),
            status=COMPLETE,
            parameters={**asked, "transforms": steps} if steps else asked,
            records=stored.records,
            format=stored.format,
            bucket=stored.bucket,
            key=stored.key,
            uri=stored.uri,
            bytes=stored.size,
            sha256=stored.sha256,
            content_type=stored.content_type,
            columns=stored.schema.describe(),
            widenings=[str(widening) for widening in stored.widenings],
            rounded=stored.rounded,
            values=stored.values,
            parts=[_as_part(stored, pages[0].number, pages[-1].number)] if pages else [],
        )
        self._keep(receipt)
        return receipt

    def left(self) -> str:
        if self._sink is None or not self._sink.is_sealed:
            return "nothing was stored"
        if self._sink.stored is not None:
            return f"the run was complete before, and is stored at {self._sink.stored.uri}"
        return "it was being stored just then: the object is there whole, or as it was before"

    def close(self) -> None:
        if self._sink is not None:
            self._sink.abort()

    def _begun(self) -> Sink:
        if self._sink is None:
            raise LookupError("the output was not begun")
        return self._sink


class _JournalInMemory(NotesInMemory):
    """What a run has done that nobody else goes on with."""

    def __init__(self) -> None:
        super().__init__()
        self._progress = RunProgress(())

    def progress(self) -> RunProgress:
        return self._progress

    def sequence_behind(self, progress: RunProgress) -> int:
        return len(progress.sealed) + 1

    def seal(self, sealed: SealedPart) -> SealedPart:
        self._progress = self._progress.plus(sealed)
        return sealed

    def note_change(self, pass_: int, reason: str) -> None:
        self._progress = structs.replace(self._progress, changed={**self._progress.changed, pass_: reason})

    def strike(self, parts: Iterable[SealedPart]) -> None:
        struck = self._progress.struck | {part.sequence for part in parts}
        self._progress = structs.replace(self._progress, struck=struck)


class _SinkWriter:
    """The only part: it has no end before the commit, which stores it."""

    size = 0

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    @property
    def decoder(self) -> ColumnDecoder | None:
        return self._sink.decoder

    def write(self, records: Sequence[Record]) -> None:
        self._sink.write(records)

    def seal(self, pass_: int, first_page: int, last_page: int) -> WrittenPart | None:
        del pass_, first_page, last_page
        return None

    def abort(self) -> None:
        self._sink.abort()


def receipt_key(key: str) -> str:
    """The key of the receipt of a single object: beside it, by a name that tables do not read as data."""
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}_receipt-{name}.json"


def _as_part(stored: StoredObject, first_page: int, last_page: int) -> StoredPart:
    return StoredPart(
        key=stored.key,
        size=stored.size,
        sha256=stored.sha256,
        records=stored.records,
        first_page=first_page,
        last_page=last_page,
    )
