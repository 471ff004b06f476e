"""A run from end to end: begun once, gone on with as often as it takes, committed once."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from msgspec.structs import replace

from de_classes.errors import (
    AmbiguousKeyError,
    EndMovedError,
    IncompleteRunError,
    InvalidInputError,
    MalformedDataError,
    PaginationLoopError,
    SourceChangedError,
)
from de_classes.runs.context import RunContext, Runtime
from de_classes.runs.destination import Gathered
from de_classes.runs.forecast import FirstPage, RunCounts, forecast
from de_classes.runs.progress import BrokenPartsError
from de_classes.runs.source_pass import SealedByAnotherError, SourcePass

if TYPE_CHECKING:
    from de_classes.api.receipt import Figures, IngestReceipt
    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.errors import DeClassesError
    from de_classes.runs.context import Spending
    from de_classes.runs.destination import Destination, Output
    from de_classes.runs.plan import RunPlan
    from de_classes.runs.progress import RunProgress

MAX_PASSES = 5
MAX_READINGS = 4
"""Without keys: once, and at most three times anew."""


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
        self, plan: RunPlan, *, allow_partial: bool = False, accept_shrink: bool = False
    ) -> IngestReceipt:
        """Begin a run, or go on with it, and commit it.

        Args:
            plan: What the run is. One that was begun before keeps its dataset.
            allow_partial: Commit without the pages that cannot be had, if others can.
            accept_shrink: Commit although the dataset becomes much smaller by it.

        Raises:
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
                receipt = self._fetched_and_committed(
                    self._context(output), allow_partial=allow_partial, accept_shrink=accept_shrink
                )
            except KeyboardInterrupt as interrupt:
                raise KeyboardInterrupt(output.left()) from interrupt
        if receipt.run_id is None:
            self._logger.info(
                "stored %d records at %s in %.1f s", receipt.records, receipt.uri, receipt.seconds
            )
        else:
            self._logger.info("run %s is %s: %d records", receipt.run_id, receipt.status, receipt.records)
        return receipt

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
        self, context: RunContext, *, allow_partial: bool, accept_shrink: bool
    ) -> IngestReceipt:
        """Go over the source and commit; what turns out to be broken is struck, and its pages come again."""
        began = context.spending()
        self._client.begin_timeline()
        self._client.note_jobs_in(context.output.journal)
        self._say_that_it_begins(context)
        for tries_left in reversed(range(MAX_PASSES)):
            progress = context.output.journal.progress()
            try:
                over = self._go_over(context, progress, allow_partial=allow_partial)
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

    def _go_over(self, context: RunContext, progress: RunProgress, *, allow_partial: bool) -> SourcePass:
        """Pass after pass, until one finds the source as it was when the pass began."""
        over = SourcePass(context, progress.pass_, progress.drift)
        most = MAX_PASSES if context.plan.key_fields else MAX_READINGS
        for _ in range(most):
            change = self._run_pass(over, allow_partial=allow_partial)
            if over.conflicts and over.found_what_the_pass_before_found:
                raise AmbiguousKeyError(
                    f"{' and '.join(context.plan.key_fields)} (--key-field, primary_key) tells no records "
                    f"apart: {over.conflicts} have the key of another and are not the same, on pages that "
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
        raise IncompleteRunError(
            f"the source changed on {most} passes, at last: {change}; {over.cure}",
            missing_pages=getattr(change, "missing_pages", ()),
            run_id=context.plan.run_id if context.output.resumes else None,
        ) from change

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
