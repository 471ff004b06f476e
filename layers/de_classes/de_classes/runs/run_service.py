"""A run from end to end: begun once, gone on with as often as it takes, committed once."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from de_classes.api.receipt import PARTIAL
from de_classes.errors import (
    AmbiguousKeyError,
    DeClassesError,
    EndMovedError,
    IncompleteRunError,
    InvalidInputError,
    MalformedDataError,
    PaginationLoopError,
    SourceChangedError,
)
from de_classes.pipelines.described import DropDuplicatesStep
from de_classes.runs.context import RunContext, Runtime
from de_classes.runs.destination import Gathered
from de_classes.runs.forecast import FirstPage, RunCounts, forecast
from de_classes.runs.progress import BrokenPartsError
from de_classes.runs.ranges import PageRangeOfRun, RangeOutcome, RangeSizes
from de_classes.runs.source_pass import SealedByAnotherError, SourcePass
from de_classes.utils.page_range import PageSet

if TYPE_CHECKING:
    from de_classes.api.receipt import Figures, IngestReceipt
    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.runs.context import Spending
    from de_classes.runs.destination import Destination, Output
    from de_classes.runs.journal import RunJournal
    from de_classes.runs.plan import RunPlan
    from de_classes.runs.progress import RunProgress, SealedPart

MAX_PASSES = 5
MAX_READINGS = 4
"""Without keys: once, and at most three times anew."""


class AnotherPassError(DeClassesError):
    """The source changed while it was read: its ranges are to be carried out once more, and then the commit.

    Attributes:
        ranges: Which.
    """

    def __init__(self, message: str, ranges: tuple[PageRangeOfRun, ...]) -> None:
        super().__init__(message)
        self.ranges = ranges


class RunService:
    """Carries runs out: the pages of a source into a dataset or an object, nothing lost and nothing doubled.

    What a run into a dataset has done is in the bucket, so that it goes on from there: after a time limit, a
    crash or ``kill -9``, on this machine or another. Carrying out a run that is complete gives its receipt
    again. One object has one part and no manifest; its run begins anew where it was stopped.

    Example:
        >>> runs = RunService(client, DatasetDestination(store, "lake"))
        >>> receipt = runs.carry_out(plan)  # a RunPlan; again, if it was stopped
        >>> receipt.status, receipt.records, receipt.end.by
        ('complete', 5, 'total')

    Args:
        client: The source: it gets the pages, and its deadline ends the invocation in time.
        destination: Where to: a ``DatasetDestination``, or an ``ObjectDestination``.
        concurrency: Pages fetched at once; the client's own if None.
        strict: Take nothing for complete that is not proved: every page is asked for twice.
        runtime: The process around it: logger, clock, progress.
    """

    def __init__(
        self,
        client: UnstableAPIClient,
        destination: Destination,
        *,
        concurrency: int | None = None,
        strict: bool = False,
        runtime: Runtime | None = None,
    ) -> None:
        self._client = client
        self._destination = destination
        self._concurrency = concurrency
        self._strict = strict
        self._runtime = runtime or Runtime()
        self._logger = self._runtime.logger

    def look_ahead(self, plan: RunPlan) -> Figures:
        """What a run will take, told from its first page. Nothing else is fetched, and nothing written.

        Raises:
            IncompleteRunError: The first page cannot be had.
            InvalidInputError: The source makes a job first, whose pages nobody has seen.
            FatalError: The source refuses, or cannot be trusted.
        """
        if self._client.endpoint.job is not None:
            raise InvalidInputError(
                "what the run would take is told from a first page, and this source makes a job before there "
                "are any: run it"
            )
        # A page at a time, or another might be fetched ahead.
        context = replace(
            self._context(self._destination.open(plan, self._client, self._runtime.clock)), concurrency=1
        )
        began = context.spending()
        run = context.start_pass(None)
        for page in run:
            first = FirstPage.of(
                page,
                run.ledger,
                context.spending().since(began),
                endpoint=self._client.endpoint,
                strict=self._strict,
            )
            return forecast(first, self._runtime.terms)
        raise IncompleteRunError("the source has no first page", missing_pages=(plan.pages.start,))

    def carry_out(
        self,
        plan: RunPlan,
        *,
        allow_partial: bool = False,
        accept_shrink: bool = False,
        passes_in_ranges: bool = False,
        resume: bool = False,
    ) -> IngestReceipt:
        """Begin a run, or go on with it, and commit it.

        Args:
            plan: What the run is. One that was begun before keeps its dataset.
            allow_partial: Commit without the pages that cannot be had, if others can.
            accept_shrink: Commit although the dataset becomes much smaller by it.
            passes_in_ranges: Of a run that was cut, leave another pass over the source to its ranges.
            resume: Go on although somebody cancelled the run.

        Raises:
            AnotherPassError: Ranges are to be carried out once more, see ``passes_in_ranges``.
            RunCancelledError: Somebody cancelled the run; what came is sealed, and ``resume`` goes on.
            IncompleteRunError: Pages are missing, and which; if it has a ``run_id``, what came is sealed, and
                carrying out the same plan again fetches only the rest.
            InvalidInputError: The run was begun with another plan; nothing was done.
            ConfigurationError: A transform of the plan names a function that there is not; nothing was done.
            NewerLayoutError: A newer version has written there what this one cannot read; nothing was done.
            ObjectExistsError: Another run has committed to this dataset, which takes no other, or the key is
                taken that was to be free; nothing was changed.
            ShrunkDatasetError: The dataset would become much smaller; nothing was changed.
            StorageError: The destination does not do what was asked; what was sealed stays.
            TransformError: A transform cannot be applied to a record; what was sealed stays.
            FatalError: The source refuses, or cannot be trusted; what was sealed stays.
            KeyboardInterrupt: Somebody pressed Ctrl-C; it says what there is.
        """
        for step in plan.transforms:
            step.transform()  # a function that is not there is known before anything is asked
        with closing(self._destination.open(plan, self._client, self._runtime.clock)) as output:
            try:
                receipt = output.begin()
                if receipt is not None:
                    self._logger.info("run %s was complete before, and nothing was fetched", plan.run_id)
                    return replace(receipt, complete_before=True)
                output.check_cancelled(lift=resume)
                with self._client.watched(output.between_pages):
                    receipt = self._fetched_and_committed(
                        self._context(output),
                        allow_partial=allow_partial,
                        accept_shrink=accept_shrink,
                        passes_in_ranges=passes_in_ranges,
                    )
            except KeyboardInterrupt as interrupt:
                output.ended(interrupt)
                raise KeyboardInterrupt(output.left()) from interrupt
            except Exception as error:
                output.ended(None if isinstance(error, AnotherPassError) else error)
                raise
            if receipt.status == PARTIAL:
                output.ended(None)
        if receipt.run_id is None:
            self._logger.info(
                "stored %d records at %s in %.1f s", receipt.records, receipt.uri, receipt.seconds
            )
        else:
            self._logger.info("run %s is %s: %d records", receipt.run_id, receipt.status, receipt.records)
        return receipt

    def cut(
        self, plan: RunPlan, sizes: RangeSizes | None = None, *, resume: bool = False
    ) -> tuple[PageRangeOfRun, ...]:
        """Begin a run that several workers carry out: take its first page, and cut the rest into ranges.

        Asking again gives the same ranges. ``carry_out_range`` brings each of them, ``carry_out`` what they
        did not bring, and commits.

        Args:
            plan: What the run is.
            sizes: How large ranges are to be.
            resume: Go on although somebody cancelled the run.

        Returns:
            The ranges; none where the run is complete, was begun by one worker, or has no other page.

        Raises:
            RunCancelledError: Somebody cancelled the run.
            IncompleteRunError: The first page cannot be had.
            InvalidInputError: The destination keeps no journal for others to go on by; or as ``carry_out``.
            DeClassesError: As ``carry_out``.
        """
        journal = self._destination.journal(plan.run_id)
        with closing(self._destination.open(plan, self._client, self._runtime.clock)) as output:
            if output.begin() is not None:
                return ()
            try:
                output.check_cancelled(lift=resume)
                ranges = journal.ranges()
                if not ranges:
                    with self._client.watched(output.between_pages):
                        ranges = self._cut(self._context(output), journal, sizes or RangeSizes())
            except (Exception, KeyboardInterrupt) as error:
                output.ended(error)
                raise
            output.ended(None)
            return ranges

    def _cut(self, context: RunContext, journal: RunJournal, sizes: RangeSizes) -> tuple[PageRangeOfRun, ...]:
        self._client.note_jobs_in(journal)
        context = replace(context, begins_pass=True)
        if not journal.progress().sealed:
            self._say_that_it_begins(context)
            SourcePass(replace(context, concurrency=1), 1).carry_out()
        progress = journal.progress()
        state = progress.state(1, stand_alone=self._client.pages_stand_alone)
        if state is None or state.place is None or not all(part.begins_pass for part in progress.parts):
            return ()
        start, to_come = state.place.number, context.start_pass(state).ledger.pages_to_come
        stands_alone = self._client.random_access and not any(map(_remembers, context.plan.transforms))
        if stands_alone and to_come is not None:
            run_id, last = context.plan.run_id, context.plan.pages.start + to_come - 1
            return journal.cut(sizes.cut(run_id, start, last))
        return journal.cut([PageRangeOfRun(run_id=context.plan.run_id, range=1, first=start)])

    def carry_out_range(self, plan: RunPlan, of: PageRangeOfRun) -> RangeOutcome:
        """Bring a range of a run, or go on with it, as far as the time goes. Nothing is proved or committed.

        Args:
            plan: What the whole run is.
            of: The range, as ``cut`` gave it.

        Raises:
            InvalidInputError: The run was begun with another plan, or not in ranges; nothing was done.
            RunCancelledError: Somebody cancelled the run; what came is sealed.
            DeClassesError: As ``carry_out``; but that pages are missing, or the source changed, is told by
                the outcome, and written down.
        """
        with closing(self._destination.open_range(plan, self._client, self._runtime.clock, of)) as output:
            if output.begin() is not None:
                return RangeOutcome(status="done", pages=0)
            try:
                output.check_cancelled()
                self._client.note_jobs_in(output.journal)
                with self._client.watched(output.between_pages):
                    outcome = self._range(self._context(output), of)
            except (Exception, KeyboardInterrupt) as error:
                output.ended(error)
                raise
            output.ended(outcome.error)
            return outcome

    def _passes_before(self, plan: RunPlan, pass_: int) -> tuple[SealedPart, ...]:
        """What all ranges brought on the passes before, where records of these are told by their keys."""
        if pass_ == 1 or not plan.key_fields:
            return ()
        parts = self._destination.journal(plan.run_id).progress().parts
        return tuple(part for part in parts if part.pass_ < pass_)

    def _range(self, context: RunContext, of: PageRangeOfRun) -> RangeOutcome:
        opening = self._destination.journal(of.run_id).opening()
        if opening is None:
            raise InvalidInputError(f"run {of.run_id!r} was not begun in ranges")
        context = replace(context, range=of)
        if of.last is not None:
            plan = replace(context.plan, pages=of.pages)
            before = self._passes_before(context.plan, opening.pass_)
            context = replace(context, plan=plan, first=opening.entries[0], before=before)
        error: DeClassesError | None = None
        status: Literal["done", "again", "left"] = "again"
        for _ in range(MAX_PASSES):
            over = SourcePass(context, opening.pass_, opening.drift)
            try:
                self._to_its_end(over)
                if over.gaps:  # asked for once more, as at the end of a pass
                    self._to_its_end(over)
                status = "done" if over.is_at_end and not over.gaps else "left"
            except BrokenPartsError as broken:
                stand_alone = self._client.pages_stand_alone
                context.output.journal.strike(
                    context.output.journal.progress().to_strike(broken.parts, stand_alone=stand_alone)
                )
                continue
            except (SourceChangedError, PaginationLoopError) as change:
                context.output.journal.note_change(opening.pass_, str(change))
                status, error = "left", change
            except IncompleteRunError as cut_short:
                error = cut_short
            break
        came = {
            entry.number
            for part in over.progress.parts
            if part.pass_ == opening.pass_
            for entry in part.entries
            if entry.number in of.pages
        }
        missing = PageSet() if of.last is None else PageSet.of(n for n in of.pages.pages() if n not in came)
        if of.last is not None and status == "done" and missing:
            status = "left"
        self._logger.info("range %d of run %s is %s: %d pages", of.range, of.run_id, status, len(came))
        return RangeOutcome(
            status=status,
            pages=len(came),
            missing_pages=missing.ranges(),
            reason=str(error or ""),
            error=error,
        )

    def _context(self, output: Output) -> RunContext:
        return RunContext(
            plan=output.plan,
            client=self._client,
            output=output,
            runtime=self._runtime,
            concurrency=self._concurrency,
            strict=self._strict,
        )

    def _fetched_and_committed(
        self,
        context: RunContext,
        *,
        allow_partial: bool,
        accept_shrink: bool,
        passes_in_ranges: bool,
    ) -> IngestReceipt:
        """Go over the source and commit; what turns out to be broken is struck, and its pages come again."""
        began = context.spending()
        self._client.begin_timeline()
        self._client.note_jobs_in(context.output.journal)
        self._say_that_it_begins(context)
        for tries_left in reversed(range(MAX_PASSES)):
            try:
                progress = self._told_apart(context)
                over = self._go_over(
                    context, progress, allow_partial=allow_partial, passes_in_ranges=passes_in_ranges
                )
                gathered = self._gathered(context, over, began)
                return context.output.commit(replace(gathered, accepts_shrink=accept_shrink))
            except BrokenPartsError as error:
                if not tries_left:
                    raise
                self._logger.warning("%s; fetching it again", error)
                progress = context.output.journal.progress()
                stand_alone = self._client.pages_stand_alone
                context.output.journal.strike(progress.to_strike(error.parts, stand_alone=stand_alone))
        raise AssertionError  # pragma: no cover - the last try returns or raises

    def _told_apart(self, context: RunContext) -> RunProgress:
        """What was sealed; where ranges were read at once, each part without a key of a part before it.

        A range does not know the keys of the others. A part that has one of them is struck, and its pages
        come once more, in knowledge of all.
        """
        journal = context.output.journal
        progress = journal.progress()
        if not (progress.side_by_side and context.plan.key_fields):
            return progress
        from de_classes.utils.key_set import HashSet  # noqa: PLC0415 - only where there are keys

        repeating = []
        with HashSet() as seen:
            for part in progress.parts:
                if part.keys is None:
                    continue
                hashes = context.output.kept_hashes(part.sequence, part.keys)
                if hashes is None:
                    raise BrokenPartsError([part], "the file of keys in the run's journal")
                if seen.holds_any(hashes):
                    repeating.append(part)
                else:
                    seen.recall(hashes)
        if not repeating:
            return progress
        self._logger.info("%d parts have records of other ranges, by their key", len(repeating))
        journal.strike(repeating)
        return journal.progress()

    def _conflicts(self, context: RunContext, over: SourcePass) -> int:
        """How many records of a pass have the key of another and are not the same, whoever read them."""
        if not over.progress.side_by_side or over.number == 1:
            return over.conflicts
        from de_classes.utils.key_set import FirstRecords  # noqa: PLC0415 - only where there are keys

        found = 0
        with FirstRecords() as first:
            for part in over.progress.parts:
                if part.pass_ != over.number or part.compared is None:
                    continue
                compared = context.output.kept_hashes(part.sequence, part.compared)
                if compared is None:
                    raise BrokenPartsError([part], "the file of compared records in the run's journal")
                found += first.recall(compared)
        return found

    def _say_that_it_begins(self, context: RunContext) -> None:
        if context.output.resumes:  # nobody goes on with one object
            parts = len(context.output.journal.progress().sealed)
            how = f"goes on behind {parts} parts" if parts else "begins"
            self._logger.info("run %s %s", context.plan.run_id, how)

    def _gathered(self, context: RunContext, over: SourcePass, began: Spending) -> Gathered:
        """What is to be committed."""

        def spent() -> RunCounts:
            """By other invocations as they wrote it down; by this one, everything until now."""
            others = (
                part.counts for part in over.progress.sealed if part.invocation != context.output.invocation
            )
            return RunCounts.total((*others, context.spending().since(began)))

        return Gathered(
            plan=context.plan,
            pass_=over.number,
            progress=over.progress,
            kept=over.kept,
            ledger=over.ledger,
            evidence=over.evidence(),
            invocation=context.output.invocation,
            terms=self._runtime.terms,
            spent=spent,
            declared=context.declared,
            timeline=self._client.timeline,
            doubts=self._client.job_doubts,
        )

    def _go_over(
        self,
        context: RunContext,
        progress: RunProgress,
        *,
        allow_partial: bool,
        passes_in_ranges: bool,
    ) -> SourcePass:
        """Pass after pass, until one finds the source as it was when the pass began."""
        over = SourcePass(context, progress.pass_, progress.drift)
        most = MAX_PASSES if context.plan.key_fields else MAX_READINGS
        found = progress.changed.get(over.number)
        is_left = passes_in_ranges and progress.side_by_side
        for _ in range(most):
            change: DeClassesError | None
            if found is None:
                change = self._run_pass(over, allow_partial=allow_partial)
            else:
                change, found = SourceChangedError(found), None
            conflicts = self._conflicts(context, over) if over.found_what_the_pass_before_found else 0
            if conflicts:
                raise AmbiguousKeyError(
                    f"{' and '.join(context.plan.key_fields)} (--key-field, primary_key) tells no records "
                    f"apart: {conflicts} have the key of another and are not the same, on pages that "
                    "stand unchanged; name the fields that do, or none"
                )
            brought_all = bool(context.plan.key_fields) and over.brought_nothing_new
            is_settled = brought_all or over.found_what_the_pass_before_found
            if change is None or (is_settled and not isinstance(change, EndMovedError)):
                return over
            is_loop = not isinstance(change, SourceChangedError)
            if is_loop and (over.number > 1 or not context.plan.key_fields):
                raise change
            self._logger.warning("pass %d: %s; going over the source again", over.number, change)
            # It finds what slid by; without keys nothing is kept of those before it.
            over = over.again(f"pass {over.number}: {change}")
            if is_left and over.number > most:
                break
            if is_left:
                self._leave_to_ranges(context, over, change)
        raise IncompleteRunError(
            f"the source changed on {most} passes, at last: {change}; {over.cure}",
            missing_pages=getattr(change, "missing_pages", ()),
            run_id=context.plan.run_id if context.output.resumes else None,
        ) from change

    def _leave_to_ranges(self, context: RunContext, over: SourcePass, change: DeClassesError) -> None:
        """Take the first page of another pass, behind which the ranges go on; none if it is the only one.

        Raises:
            AnotherPassError: They are to be carried out.
            IncompleteRunError: The first page cannot be had.
        """
        ranges = self._destination.journal(context.plan.run_id).ranges()
        if not ranges or ranges[0].last is None:
            return
        SourcePass(replace(context, concurrency=1, begins_pass=True), over.number, over.drift).carry_out()
        raise AnotherPassError(f"{change}; the ranges are to be carried out once more", ranges)

    def _run_pass(self, over: SourcePass, *, allow_partial: bool) -> DeClassesError | None:
        """Carry a pass out; what changed at the source meanwhile, or None if it stood still.

        Pages that could not be had are asked for once more at its end.
        """
        try:
            for is_last_try in (False, True):
                try:
                    self._to_its_end(over)
                    break
                except SourceChangedError:
                    raise
                except IncompleteRunError as error:
                    has_only_gaps = over.is_at_end and over.gaps
                    if not has_only_gaps or (is_last_try and not allow_partial):
                        raise over.resumable(error) from error.__cause__  # it may be the same error
                    if is_last_try:
                        self._logger.warning("committing what came: %s", error)
                    else:
                        self._logger.info("%s; asking for them once more", error)
        except (SourceChangedError, PaginationLoopError) as error:
            return error
        if over.number == 1 and over.progress.duplicates:
            return SourceChangedError(f"{over.progress.duplicates} records came twice, by their key")
        return None

    def _to_its_end(self, over: SourcePass) -> None:
        """Carry a pass out, together with whoever else is at it."""
        known = -1
        while True:
            try:
                over.carry_out()
            except SealedByAnotherError as error:
                if len(over.progress.sealed) <= known:
                    raise MalformedDataError(
                        f"{error}, but no listing of the run's journal shows it"
                    ) from error
                known = len(over.progress.sealed)
                self._logger.info("%s; going on from there", error)
                continue
            return


def _remembers(step: object) -> bool:
    """Whether a transform leaves out what came before, wherever that was in the run."""
    return isinstance(step, DropDuplicatesStep)
