"""One pass over a source: pages in, parts sealed, from wherever the pass stands to its end.

A part has a class for each place where it is: an ``OpenPart`` takes pages here, and a ``PartWriter`` of the
store their records, which become a ``WrittenPart``; the journal notes a ``SealedPart``, the manifest lists a
``ManifestPart`` under the dataset's key, and the receipt a ``StoredPart`` under its whole key.
"""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from de_classes.api.page import Overlap, hashes_of
from de_classes.errors import (
    DeClassesError,
    IncompleteRunError,
    ProtocolError,
    RetriesExhaustedError,
    SourceChangedError,
)
from de_classes.runs.context import RecordFilter
from de_classes.runs.forecast import FirstPage
from de_classes.runs.journal import Unsealed
from de_classes.runs.progress import RunProgress, SealedPart, StepCounts
from de_classes.storage.format.blocks import SharedDecoder
from de_classes.storage.format.schema import Schema, merge
from de_classes.utils.page_range import PageSet
from de_classes.utils.values import Mutable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from de_classes.api.evidence import Evidence, StillBy
    from de_classes.api.ledger import RunLedger
    from de_classes.api.page import Page
    from de_classes.api.page_pass import PagePass
    from de_classes.runs.context import FilteredRecords, RunContext
    from de_classes.runs.destination import PageWriter, PartLimits
    from de_classes.utils.run_records import PageEntry, RunPlace


class SealedByAnotherError(DeClassesError):
    """Another process at the same run was first to seal a part; what it sealed counts."""


class OpenPart(Mutable):
    """Pages that follow one another, with their records on the way into one object.

    Attributes:
        writer: Takes the records that are kept.
        open_aside: What takes those that are set aside, once there is one.
        began: The moment of its first page, on the clock's monotonic time.
        entries: The pages in it.
        last: The last of them.
        way_on: Where the walk goes on after that; None if it knows of no other page.
        duplicates: Records dropped because their key had come before.
        aside: Takes those that are set aside; None as long as there are none.
        head: Short hashes of the records of a range's first page, if that is in it.
    """

    writer: PageWriter
    open_aside: Callable[[], PageWriter]
    began: float
    entries: list[PageEntry] = msgspec.field(default_factory=list)
    last: Page | None = None
    way_on: RunPlace | None = None
    duplicates: int = 0
    aside: PageWriter | None = None
    head: tuple[str, ...] = ()

    @property
    def place(self) -> RunPlace | None:
        """Where a walk goes on right behind it; None if no other page was known of."""
        if self.last is None or self.way_on is None:
            return None
        overlap = Overlap(self.last.number - 1)
        overlap.step(self.last)
        return structs.replace(self.way_on, tail=overlap.tail())

    def is_followed_by(self, number: int) -> bool:
        """Whether a page comes next: parts have no holes."""
        return not self.entries or number == self.entries[-1].number + 1

    def take(self, page: Page, entry: PageEntry, way_on: RunPlace | None, filtered: FilteredRecords) -> None:
        """Add a page.

        Args:
            page: What came.
            entry: What is to be written down of it.
            way_on: Where the walk goes on after it.
            filtered: Its records.
        """
        self.writer.write(filtered.kept)
        if filtered.aside:
            self.aside = self.aside or self.open_aside()
            self.aside.write(filtered.aside)
        self.duplicates += filtered.duplicates
        self.entries.append(entry)
        self.last, self.way_on = page, way_on

    def is_full(self, limits: PartLimits, now: float) -> bool:
        """Whether it is to be sealed."""
        return (
            len(self.entries) >= limits.pages
            or self.writer.size >= limits.size
            or now - self.began >= limits.seconds
        )

    def abort(self) -> None:
        """Let go of everything."""
        self.writer.abort()
        if self.aside is not None:
            self.aside.abort()


class SourcePass:
    """Takes the pages of one pass and seals them part by part.

    Args:
        context: What this invocation of the run works with.
        number: Which pass, from 1.
        drift: What was said of the passes before.

    Attributes:
        number: Which pass, from 1.
        progress: What was sealed until now, by this invocation or another.
        drift: What was said of the passes before.
        conflicts: How many records had the key of another of the same pass, and were not the same; a first
            pass does not look.
    """

    def __init__(self, context: RunContext, number: int, drift: tuple[str, ...] = ()) -> None:
        self.number = number
        self.progress = RunProgress(())
        self.conflicts = 0
        self._context = context
        self.drift = drift
        self._filter = RecordFilter()
        self._schema = Schema()
        self._current = SharedDecoder() if context.stores_as_received else None
        self._open: OpenPart | None = None
        self._run: PagePass | None = None
        self._first: FirstPage | None = None
        self._spent_until = context.spending()
        self._job = 0

    @property
    def ledger(self) -> RunLedger:
        """What came, against what should.

        Raises:
            LookupError: The pass was not begun.
        """
        if self._run is None:
            raise LookupError("the pass was not begun")
        return self._run.ledger

    @property
    def is_at_end(self) -> bool:
        """Whether no other page is known of, so that what is missing was asked for and did not come."""
        return self._run is not None and self._run.place is None

    @property
    def found_what_the_pass_before_found(self) -> bool:
        """Whether every page came as on the pass before: what looks like change is how the source is."""
        now, before = (
            [(page.number, page.records, page.mark, page.edges) for page in self.progress.pages(number)]
            for number in (self.number, self.number - 1)
        )
        return self.is_at_end and not self.gaps and not self.ledger.falls_short and now == before

    @property
    def brought_nothing_new(self) -> bool:
        """Whether a later pass came to its end without a new record.

        One that is shorter than the pass before may have been cut, unless the source counts what it has.
        """
        if not self.is_at_end:  # be it that it was not begun, since its place is not there any more
            return False
        is_whole = not self.gaps and not self.ledger.falls_short
        before = sum(page.records for page in self.progress.pages(self.number - 1))
        may_be_cut = self.ledger.records < before and self.ledger.total_records is None
        return self.number > 1 and is_whole and not may_be_cut and not self.progress.new_of(self.number)

    @property
    def kept(self) -> RunProgress:
        """The parts that are committed: of all passes where records have keys, else of the last alone."""
        return self.progress if self._context.plan.key_fields else self.progress.last_pass()

    def evidence(self) -> Evidence | None:
        """What the pass's being complete rests on; None if it is not, and is committed for what it is.

        Raises:
            IncompleteRunError: Nothing proves the end.
            SourceChangedError: Nor, without keys, that of a source which looked changed on every pass.
            ProtocolError: The description does not fit the source.
        """
        if self._run is None or self.ledger.missing_pages:
            return None
        has_keys = bool(self._context.plan.key_fields)
        try:
            found = self._run.evidence_if_still or self._run.prove_end(has_keys=has_keys)
        except ProtocolError as error:
            if has_keys or not self.drift:
                raise
            # Rows that are on two pages may have filled the total: it is right, and leaving it out no cure.
            raise SourceChangedError(
                f"{self.drift[-1]}; and so on pass {self.number}: {self.cure}"
            ) from error
        if self.number == 1 or found is None:
            return found
        by: StillBy = "repaired" if has_keys else "begun anew"
        doubt = self._doubt_of_repeats() if has_keys else None
        if doubt is not None and self._context.strict:
            raise IncompleteRunError(f"{doubt}: that is no proof, as strict asks for")
        warnings = found.warnings if doubt is None else (*found.warnings, doubt)
        return structs.replace(found, still=structs.replace(found.still, by=by), warnings=warnings)

    @property
    def cure(self) -> str:
        """What helps where a source changes, or looks as if it did."""
        wait = "ask again when it is calm"
        if self._context.plan.key_fields:
            return wait
        where = "" if self._context.output.resumes else "store a dataset and "
        return f"{where}name the fields that tell records apart, or {wait}"

    def _doubt_of_repeats(self) -> str | None:
        """What is to be said where keys told fewer records apart than this pass had, or the source counts."""
        known = sum(part.came for part in self.kept.parts)
        counted = max(self.ledger.records, self.ledger.expected_records or 0)
        if known >= counted:
            return None
        return (
            f"{counted - known} of {counted} records have the key of another, again on the last pass: the "
            "source has them twice, or its pages are of different moments, as caches and replicas give them, "
            "and as many others may be on none; compare by another page size (--limit)"
        )

    @property
    def gaps(self) -> PageSet:
        """The pages that were given up: asking again may bring them."""
        return PageSet() if self._run is None else self._run.gaps

    def again(self, drift: str) -> SourcePass:
        """The pass after this one.

        Args:
            drift: How the source changed under this one, for the receipt.
        """
        return SourcePass(self._context, self.number + 1, (*self.drift, drift))

    def resumable(self, error: IncompleteRunError) -> IncompleteRunError:
        """The same error, with the run to ask for so that it goes on, if it can."""
        is_unproved_yet = isinstance(error.__cause__, RetriesExhaustedError)  # it can be tried again
        is_over = self.is_at_end and not self.gaps and not is_unproved_yet
        if is_over or not self._context.output.resumes:
            return error
        run_id = self._context.plan.run_id
        return IncompleteRunError(
            f"{error}; what came is kept, run {run_id!r} goes on from there",
            missing_pages=error.missing_pages,
            run_id=run_id,
            retry_after=error.retry_after,
        )

    def carry_out(self) -> None:
        """Go on to the end of the source from what was sealed.

        Raises:
            IncompleteRunError: It ended before, or pages are missing; what came is sealed.
            SealedByAnotherError: Somebody else is at it: carry out again, to go on from there.
            FatalError: The source cannot be trusted, or the store refuses; what was sealed stays.
        """
        self.progress = self._context.output.journal.progress()
        self._job = self._context.client.make_job_ready()
        if any(part.job != self._job for part in self.progress.of_pass(self.number).parts):
            raise SourceChangedError("the job is gone of which the pages are that came until now")
        is_kept = bool(self._context.plan.key_fields)  # of the passes before
        known = self.progress if is_kept else self.progress.of_pass(self.number)
        self._schema = merge(self._context.declared, known.schema)
        came_twice = self.number > 1 and self.progress.duplicates > 0
        state = self.progress.state(self.number, stand_alone=self._context.client.pages_stand_alone)
        self._context.output.unsealed = self._unsealed
        run = self._run = self._context.start_pass(state, self._current, trusts_total=not came_twice)
        with self._context.record_filter(self.progress, self.number) as self._filter, closing(self):
            for page in self._pages(run):
                self._take(run, page)
                if self._context.begins_pass:
                    self._seal(run)
                    break
            self.conflicts = self._filter.conflicts

    def _pages(self, run: PagePass) -> Iterator[Page]:
        """The pages; whatever ends them, those that came are sealed before it is told."""
        try:
            for page in run:
                yield page
                self._context.output.between_pages(is_sealed=self._open is None)
        except DeClassesError:
            self._seal(run)
            raise
        except KeyboardInterrupt:
            with suppress(SealedByAnotherError):
                self._seal(run)
            raise
        self._seal(run)

    def _take(self, run: PagePass, page: Page) -> None:
        context, clock = self._context, self._context.runtime.clock
        if self._open is not None and not self._open.is_followed_by(page.number):
            self._seal(run)
        if self._open is None:
            writer = context.output.part(self.number, self._schema)
            self._open = OpenPart(writer=writer, open_aside=context.output.aside, began=clock.monotonic())
        part = self._open
        entry, way_on = run.entry, run.way_on or context.way_behind(page.number)
        if context.is_range:
            entry = self._timed(entry, part)
            part.head = part.head or (hashes_of(page.records) if run.ledger.is_first(page) else ())
        parent = context.client.endpoint.pagination.parent_of(page.number, run.entry.at)
        part.take(page, entry, way_on, self._filter.apply(page, parent))
        if self._current is not None:
            self._current.decoder = part.writer.decoder
        if run.ledger.is_first(page) and self.number == 1:  # the run is reckoned from what this page shows
            spent = context.spending().since(self._spent_until)
            self._first = FirstPage.of(
                page, run.ledger, spent, endpoint=context.client.endpoint, strict=context.strict
            )
        context.runtime.on_page(page)
        if part.is_full(context.output.limits, clock.monotonic()):
            self._seal(run)

    @property
    def _leaves_comparing(self) -> bool:
        """Whether records of one key are compared by others too, with those that these do not know."""
        context = self._context
        return context.range is not None or context.begins_pass or self.progress.side_by_side

    def _timed(self, entry: PageEntry, part: OpenPart) -> PageEntry:
        """The page with when it came, where it tells whose total was said first."""
        before = part.entries[-1].total_records if part.entries else None
        if part.entries and before == entry.total_records:
            return entry
        return structs.replace(entry, said_at=self._context.runtime.clock.now())

    def _unsealed(self) -> Unsealed:
        """What was done since a part was sealed."""
        entries = self._open.entries if self._open else []
        return Unsealed(
            pages=len(entries),
            records=sum(entry.records for entry in entries),
            counts=self._context.spending().since(self._spent_until),
        )

    def _seal(self, run: PagePass) -> None:
        """Store the part and write it down, together with the place where the walk goes on behind it."""
        part, output = self._open, self._context.output
        if part is None or not part.entries:
            return
        first, last = part.entries[0].number, part.entries[-1].number
        place, sequence = part.place, output.journal.sequence_behind(self.progress)
        stored = part.writer.seal(self.number, first, last)
        aside = part.aside.seal(self.number, first, last) if part.aside else None
        reached, before, reached_of = self._filter.reach()
        steps = tuple(
            StepCounts(
                rows_in=rows.rows_in,
                rows_out=rows.rows_out,
                repeats=rows.repeats,
                keys=output.keep_hashes(sequence, rows.keys),
            )
            for rows in self._filter.step_rows()
        )
        keys = output.keep_hashes(sequence, self._filter.fresh_keys())
        compared = self._filter.compared()
        spent = self._context.spending()
        counts, self._spent_until = spent.since(self._spent_until), spent
        sealed = SealedPart(
            pass_=self.number,
            sequence=sequence,
            invocation=output.invocation,
            entries=tuple(part.entries),
            gaps=tuple(gap for gap in run.gaps if place is None or gap < place.number),
            place=place,
            part=stored.part if stored else None,
            quarantine=aside.part if aside else None,
            schema=stored.schema if stored else Schema(),
            widenings=tuple(map(str, stored.widenings)) if stored else (),
            rounded=stored.rounded if stored else {},
            values=stored.values if stored else {},
            duplicates=part.duplicates,
            drift=self.drift,
            transforms=steps,
            keys=keys,
            first=self._first if first == self._context.plan.pages.start else None,
            counts=counts,
            reached=reached,
            before=before,
            head=part.head,
            head_page=self._context.plan.pages.start if part.head else 0,
            compared=output.keep_hashes(sequence, compared) if self._leaves_comparing else None,
            begins_pass=self._context.begins_pass,
            reached_of=reached_of,
            job=self._job,
        )
        self._open = None
        if output.journal.seal(sealed) != sealed:
            raise SealedByAnotherError(f"pages {first}-{last} were sealed by another")
        self.progress = self.progress.plus(sealed)
        self._schema = merge(self._schema, sealed.schema)

    def close(self) -> None:
        """Let go of a part that is not sealed."""
        if self._open is not None:
            self._open.abort()
            self._open = None
