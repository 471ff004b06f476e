"""A run from end to end: begun once, gone on with as often as it takes, committed once."""

from __future__ import annotations

import logging
import uuid
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
from de_classes.runs.commit import RunCommit
from de_classes.runs.context import RunContext
from de_classes.runs.forecast import FirstPage, LambdaTerms, forecast
from de_classes.runs.journal import RunJournal
from de_classes.runs.open_part import PartLimits
from de_classes.runs.pass_over import PassOver, SealedByAnotherError
from de_classes.runs.proof import BrokenPartsError
from de_classes.runs.ways_on import WaysOn
from de_classes.storage.datasets.commits import DatasetCommits
from de_classes.storage.format.pinned import PinnedSchema
from de_classes.utils.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.api.page import Page
    from de_classes.api.receipt import Figures, IngestReceipt
    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.errors import DeClassesError
    from de_classes.runs.plan import RunPlan
    from de_classes.runs.progress import RunProgress
    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.utils.clock import Clock

MAX_PASSES = 5
MAX_READINGS = 4
"""Without keys: once, and at most three times anew."""


class RunService:
    """Carries runs out: pages into parts, parts into a dataset, with nothing lost and nothing doubled.

    What a run has done is in the bucket, so that it goes on from there: after a time limit, a crash or
    ``kill -9``, on this machine or another. Carrying out a run that is complete gives its receipt again.

    Example:
        >>> receipt = RunService(client, store, "lake").carry_out(plan)  # a RunPlan; again, if it was stopped
        >>> receipt.status, receipt.records, receipt.end.by
        ('complete', 5, 'total')

    Args:
        client: Gets the pages; its deadline ends the invocation in time.
        store: Where everything is written.
        bucket: The bucket.
        prefix: What the journal's keys begin with, without a slash at the end; may be empty.
        logger: Told how runs go; defaults to this module's logger.
        limits: When a part is sealed.
        concurrency: Pages fetched at once; the client's own if None.
        escape_formulas: Write CSV for spreadsheets, see ``DataFormatService``.
        on_page: Called with every page that is taken: a place for progress.
        terms: What the process is given and what it costs; the receipt reckons with it.
        strict: Take nothing for complete that is not proved: every page is asked for twice.
        clock: What to measure with.
    """

    def __init__(
        self,
        client: UnstableAPIClient,
        store: ObjectStore,
        bucket: str,
        *,
        prefix: str = "",
        logger: logging.Logger | None = None,
        limits: PartLimits | None = None,
        concurrency: int | None = None,
        escape_formulas: bool = False,
        on_page: Callable[[Page], None] = lambda _: None,
        terms: LambdaTerms | None = None,
        strict: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self._store = store
        self._bucket = bucket
        self._prefix = prefix
        self._logger = logger or logging.getLogger(__name__)
        self._limits = limits or PartLimits()
        self._concurrency = concurrency
        self._escape_formulas = escape_formulas
        self._on_page = on_page
        self._terms = terms or LambdaTerms()
        self._strict = strict
        self._clock = clock or SystemClock()

    def check_begun(self, run_id: str) -> None:
        """Make sure that there is such a run.

        Raises:
            InvalidInputError: There is none.
        """
        if self._journal(run_id).plan() is None:
            raise InvalidInputError(f"no run {run_id!r} was begun there: check its id and the destination")

    def look_ahead(self, plan: RunPlan) -> Figures:
        """What a run will take, told from its first page. Nothing else is fetched, and nothing written.

        Raises:
            IncompleteRunError: The first page cannot be had.
            FatalError: The source refuses, or cannot be trusted.
        """
        context = self._context(plan, self._journal(plan.run_id))
        began = context.spending()
        run = replace(context, concurrency=1).start_run(None)  # or a page might be fetched ahead
        for page in run:
            first = FirstPage.of(
                page,
                run.ledger,
                context.spending().since(began),
                endpoint=self._client.endpoint,
                strict=self._strict,
            )
            return forecast(first, self._terms)
        raise IncompleteRunError("the source has no first page", missing_pages=(plan.page_range().start,))

    def carry_out(self, plan: RunPlan, *, allow_partial: bool = False) -> IngestReceipt:
        """Begin a run, or go on with it, and commit it.

        Args:
            plan: What the run is. One that was begun before keeps its dataset.
            allow_partial: Commit without the pages that cannot be had, if others can.

        Raises:
            IncompleteRunError: Pages are missing, and which; what came is sealed, and carrying out the
                same plan again fetches only the rest.
            InvalidInputError: The run was begun with another plan; nothing was done.
            ConfigurationError: A transform of the plan names a function that there is not; nothing was done.
            NewerLayoutError: A newer version has written there what this one cannot read; nothing was done.
            ObjectExistsError: Another run has committed to this dataset; nothing was changed.
            StorageError: The destination does not do what was asked; what was sealed stays.
            TransformError: A transform cannot be applied to a record; what was sealed stays.
            FatalError: The source refuses, or cannot be trusted; what was sealed stays.
        """
        for step in plan.transforms:
            step.transform()  # a function that is not there is known before anything is asked
        self._store.check_writable(self._bucket, f"{plan.dataset}/part")
        journal = self._journal(plan.run_id)
        if journal.plan() is None and (receipt := self._committed(plan, journal)):
            return receipt
        context = self._context(journal.begin(self._as_begun(plan, journal)), journal)
        commit = self._commit(context)
        before = commit.latest()
        if before is not None and before.status == "complete":
            return commit.receipt_of(before)
        journal.progress()  # before anything is written: it may be a newer version's
        context.announce()
        receipt = self._fetched_and_committed(context, commit, allow_partial=allow_partial)
        self._logger.info("run %s is %s: %d records", receipt.run_id, receipt.status, receipt.records)
        return receipt

    def _fetched_and_committed(
        self, context: RunContext, commit: RunCommit, *, allow_partial: bool
    ) -> IngestReceipt:
        """Go over the source and commit; what turns out to be broken is struck, and its pages come again."""
        began = context.spending()
        self._client.begin_timeline()
        ways_on = WaysOn(self._store, self._bucket, self._prefix, self._client)
        context = replace(context, seen_before=ways_on.followed_by())
        for tries_left in reversed(range(MAX_PASSES)):
            progress = context.journal.progress()
            try:
                over = self._go_over(context, progress, allow_partial=allow_partial)
                receipt = commit.carry_out(over, began)
            except BrokenPartsError as error:
                if not tries_left:
                    raise
                self._logger.warning("%s; fetching it again", error)
                progress = context.journal.progress()
                stand_alone = self._client.pages_stand_alone
                context.journal.strike(progress.to_strike(error.parts, stand_alone=stand_alone))
            else:
                ways_on.note(context.plan.run_id, receipt.pages)
                return receipt
        raise AssertionError  # pragma: no cover - the last try returns or raises

    def _as_begun(self, plan: RunPlan, journal: RunJournal) -> RunPlan:
        """The plan, with the source known by the hash that version 0.1 began the run with, if it did."""
        begun = journal.plan()
        is_known = begun is not None and begun.fingerprint == self._client.first_fingerprint
        return replace(plan, fingerprint=begun.fingerprint) if begun and is_known else plan

    def _committed(self, plan: RunPlan, journal: RunJournal) -> IngestReceipt | None:
        """What a run has committed whose progress was cleaned away since."""
        commit = self._commit(self._context(plan, journal))
        before = commit.latest()
        if before is None:
            return None
        receipt = commit.receipt_of(before)
        plan.check_receipt(receipt)
        if before.status == "partial":
            raise InvalidInputError(
                f"the progress of run {plan.run_id!r} was cleaned away: begin another run"
            )
        return receipt

    def _go_over(self, context: RunContext, progress: RunProgress, *, allow_partial: bool) -> PassOver:
        """Pass after pass, until one finds the source as it was when the pass began."""
        over = PassOver(context, progress.pass_, progress.drift)
        most = MAX_PASSES if context.plan.key_fields else MAX_READINGS
        for _ in range(most):
            change = self._change_under(over, allow_partial=allow_partial)
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
            over = self._next_pass(over, change, context.plan)
        advice = (
            "ask again when it is calm"
            if context.plan.key_fields
            else ("name the fields that tell records apart, or ask again when it is calm")
        )
        raise IncompleteRunError(
            f"the source changed on {most} passes, at last: {change}; {advice}",
            missing_pages=getattr(change, "missing_pages", ()),
            run_id=context.plan.run_id,
        ) from change

    def _change_under(self, over: PassOver, *, allow_partial: bool) -> DeClassesError | None:
        """What changed at the source during a pass; None if it stood still."""
        try:
            self._one_pass(over, allow_partial=allow_partial)
        except (SourceChangedError, PaginationLoopError) as error:
            return error
        if over.number == 1 and over.progress.duplicates:
            return SourceChangedError(f"{over.progress.duplicates} records came twice, by their key")
        return None

    def _next_pass(self, over: PassOver, error: DeClassesError, plan: RunPlan) -> PassOver:
        """The pass that finds what slid by; without keys nothing is kept of those before it."""
        is_loop = not isinstance(error, SourceChangedError)
        if is_loop and (over.number > 1 or not plan.key_fields):
            raise error
        self._logger.warning("pass %d: %s; going over the source again", over.number, error)
        return over.again(f"pass {over.number}: {error}")

    def _one_pass(self, over: PassOver, *, allow_partial: bool) -> None:
        """Carry a pass out; pages that could not be had are asked for once more at its end."""
        try:
            self._to_its_end(over)
        except SourceChangedError:
            raise
        except IncompleteRunError as error:
            if not (over.is_at_end and over.gaps):
                raise over.resumable(error) from error.__cause__  # it may be the same error
            self._logger.info("%s; asking for them once more", error)
            self._ask_for_gaps(over, allow_partial=allow_partial)

    def _ask_for_gaps(self, over: PassOver, *, allow_partial: bool) -> None:
        try:
            self._to_its_end(over)
        except SourceChangedError:
            raise
        except IncompleteRunError as error:
            if not (allow_partial and over.is_at_end and over.gaps):
                raise over.resumable(error) from error.__cause__  # it may be the same error
            self._logger.warning("committing what came: %s", error)

    def _to_its_end(self, over: PassOver) -> None:
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

    def _commit(self, context: RunContext) -> RunCommit:
        return RunCommit(context, DatasetCommits(self._store, self._bucket, context.plan.dataset))

    def _journal(self, run_id: str) -> RunJournal:
        return RunJournal(self._store, self._bucket, self._prefix, run_id)

    def _context(self, plan: RunPlan, journal: RunJournal) -> RunContext:
        pinned = PinnedSchema.parse(plan.pinned) if plan.pinned else None
        return RunContext(
            plan=plan,
            journal=journal,
            client=self._client,
            store=self._store,
            bucket=self._bucket,
            limits=self._limits,
            clock=self._clock,
            invocation=uuid.uuid4().hex,
            pinned=pinned,
            concurrency=self._concurrency,
            escape_formulas=self._escape_formulas,
            on_page=self._on_page,
            terms=self._terms,
            strict=self._strict,
        )
