"""One ingestion, as a request asks for it: a configured source into the configured bucket."""

from __future__ import annotations

import uuid
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from de_classes.api.receipt import CatalogEntry
from de_classes.configs.ingest import IngestRequest
from de_classes.configs.settings import validate
from de_classes.errors import (
    AuthenticationError,
    DeClassesError,
    InvalidInputError,
    NothingToShowError,
)
from de_classes.redaction import shared_filter
from de_classes.runs.context import Runtime
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.destination import ObjectDestination, PartLimits
from de_classes.runs.forecast import LambdaTerms, base_megabytes
from de_classes.runs.increments import next_increment, places_before
from de_classes.runs.journal import Documents, RunJournal
from de_classes.runs.liveness import RunCancellation, how_it_failed
from de_classes.runs.neighbours import HoldInBucket
from de_classes.runs.plan import RunPlan, as_text
from de_classes.runs.ranges import RangeSizes
from de_classes.runs.run_service import RunService
from de_classes.runs.status import StartedRun, read_status, started_key
from de_classes.storage.datasets.manifest import is_reserved
from de_classes.utils.clock import SystemClock
from de_classes.utils.page_range import PageRange
from de_classes.utils.values import Value

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping

    from de_classes.api.pace import Neighbours
    from de_classes.api.page import Page
    from de_classes.api.receipt import IngestReceipt
    from de_classes.api.source import Resource, Source
    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.configs.ingest import WorkerSettings
    from de_classes.pipelines.glue import GlueTable
    from de_classes.runs.destination import Destination
    from de_classes.runs.ranges import PageRangeOfRun
    from de_classes.runs.status import RunStatus
    from de_classes.storage.services.storage_data_service import StorageDataService
    from de_classes.utils.clock import Clock
    from de_classes.utils.run_records import Increment
    from de_classes.worker.starting import RunStarter

_MAY_DIFFER = frozenset({"allow_partial", "strict", "accept_shrink", "workers"})


class ClientFactory(Protocol):
    """Puts together the client for one run, with counters of its own."""

    def __call__(
        self,
        resource: Resource,
        parameters: Mapping[str, Any],
        *,
        deadline: float | None,
        increment: Increment | None = None,
        places: Mapping[str, str | int] | None = None,
        share: int = 1,
        neighbours: Neighbours | None = None,
    ) -> UnstableAPIClient:
        """A client that reads this resource, or what is new of it, and begins nothing after the deadline.

        So many clients share the source's limits, and ``neighbours`` tells them of each other.
        """
        ...


class Prepared(Value):
    """A request, read against what there is: who carries it out, and as what.

    Attributes:
        runs: Carries it out.
        plan: What the run is.
    """

    runs: RunService
    plan: RunPlan


class Cutter(Protocol):
    """Puts what a run asks for into slices, see ``Resource.cut``."""

    def __call__(
        self,
        resource: Resource,
        parameters: Mapping[str, Any],
        /,
        *,
        deadline: float | None,
        increment: Increment,
    ) -> Increment:
        """The same in slices, or as it is."""
        ...


class Ingestion(Value):
    """Carries out requests, one at a time.

    A request that names a key gets one object there, whole or not at all. Any other gets a dataset: parts
    and a manifest, written by a run that goes on where it was stopped when it is asked for again.

    Attributes:
        settings: Where to write.
        sources: What can be ingested.
        client_for: Puts together what gets the pages.
        storage: Writes objects.
        logger: Told how runs go.
        clock: Dates the keys, and measures.
        memory_megabytes: What the function is given; the receipt reckons with it.
        table_for: Gives the table of the catalog that shows the dataset of a resource, by its name; None
            where no catalog is kept.
        cut: Puts what is new into slices, where the source gives no more than a window of any query.
        forget_logins: Called when a login is refused: the next run reads the credentials anew, so a
            password that was rotated does not keep a warm process failing.
    """

    settings: WorkerSettings
    sources: Source
    client_for: ClientFactory
    storage: StorageDataService
    logger: logging.Logger
    clock: Clock = msgspec.field(default_factory=SystemClock)
    memory_megabytes: float = 1024.0
    forget_logins: Callable[[], None] = lambda: None
    table_for: Callable[[str], GlueTable] | None = None
    cut: Cutter = lambda _resource, _parameters, *, deadline, increment: increment  # noqa: ARG005

    def read(self, payload: object) -> IngestRequest:
        """Check a request, against its type and against the sources that are configured.

        Args:
            payload: JSON text, or what was parsed from it.

        Raises:
            InvalidInputError: Its ``problems`` name all that is wrong.
        """
        return validate(IngestRequest, payload, also=self._problems_of)

    def _problems_of(self, request: Mapping[str, object]) -> list[str]:
        """What is wrong with a request here, though it might be right elsewhere."""
        named = "transforms" in request  # they may name code
        refused = ["transforms are the description's to say, never the request's"] if named else []
        return [*refused, *self._problems_of_source(request)]

    def _problems_of_source(self, request: Mapping[str, object]) -> list[str]:
        """What is wrong with its source and the parameters of that."""
        name, parameters = request.get("source") or self.settings.default_source, request.get("parameters")
        if not isinstance(name, str) or (request.get("run_id") and not request.get("source")):
            return []
        try:
            resource = self.resource(name)
        except InvalidInputError as error:
            return [f"source is not one that is packaged here: {error}"]
        fixed = (
            resource.address_parameters()
            | self.settings.source_parameters.get(resource.source_name, {}).keys()
        )
        named = sorted(fixed & (parameters.keys() if isinstance(parameters, dict) else set()))
        return [f"parameters.{each} is the deployment's to say, not the request's" for each in named]

    def resource(self, name: str) -> Resource:
        """A resource by its name, or the first of a source.

        Raises:
            InvalidInputError: There is none of that name.
        """
        return self.sources[name] if "." in name else self.sources.resources(name, in_order=True)[0]

    def resource_of(self, request: IngestRequest) -> str:
        """Which resource a request is about, by its whole name.

        Raises:
            DeClassesError: There is no such one, or the run that it goes on with cannot be looked up.
        """
        begun = self._begun(request) if request.source is None else None
        name = request.source or (begun.source_name if begun else None) or self.settings.default_source
        return self.resource(name).name

    def run(self, request: IngestRequest, *, run_id: str, seconds_left: float | None = None) -> IngestReceipt:
        """Fetch what was asked for and store it.

        Args:
            request: What is wanted; what it leaves out comes from the run that it goes on with, or else from
                the settings.
            run_id: What to call the run by, if the request does not say: the same id is the same run.
            seconds_left: After how many seconds this process is stopped, or None.

        Raises:
            InvalidInputError: There is no such source, or the run was begun with another request; nothing
                was done.
            IncompleteRunError: Pages are missing, and which. If it has a ``run_id``, what came is kept, and
                asking again with that id fetches the rest.
            DeClassesError: Whatever else keeps the run from being complete; nothing was committed.
        """
        with self.prepared(request, run_id=run_id, seconds_left=seconds_left) as ready:
            receipt = ready.runs.carry_out(
                ready.plan,
                allow_partial=request.allow_partial,
                accept_shrink=request.accept_shrink,
                resume=request.resume,
            )
        return self.shown(ready.plan, receipt)

    def status(self, run_id: str) -> RunStatus:
        """Where a run stands.

        Raises:
            RunNotFoundError: No such run was begun here.
        """
        store, settings = self.storage.client, self.settings
        return read_status(store, settings.bucket, settings.key_prefix, run_id, now=self.clock.now())

    def start(self, request: IngestRequest, *, run_id: str, starter: RunStarter) -> RunStatus:
        """Have a run carried out by others, unless somebody is at it or it is complete.

        Asking again by the same run's id is one run.

        Args:
            request: What is wanted, of a dataset.
            run_id: What to call the run by, if the request does not say.
            starter: Has it carried out.

        Returns:
            Where the run stands.

        Raises:
            InvalidInputError: The run was asked for with another request; nothing was done.
            RunCancelledError: The run was cancelled, and the request does not say that it is to go on.
            DeClassesError: It cannot be begun.
        """
        run_id = request.run_id or run_id
        resource = self.resource(request.source or self.settings.default_source)
        if request.run_id is None or request.source is not None:
            _check_window(request, resource)
        said = {**_as_said(request), "run_id": run_id}
        place = (self.storage.client, self.settings.bucket, self.settings.key_prefix, run_id)
        begun, documents = RunJournal(*place).plan(), Documents(*place[:2])
        key = started_key(self.settings.key_prefix, run_id)
        if begun is None:
            _check_same(documents.put_once(key, StartedRun(request=said)).request, said)
        else:
            before = documents.find(key, StartedRun)
            told = {"format": begun.format, "pages": str(begun.pages), "source": begun.source_name}
            _check_same({**told, **(before.request if before else {})}, said)
        status = self.status(run_id)
        if status.state == "complete":
            return status
        if request.resume:
            RunCancellation(*place).lift()
        RunCancellation(*place).check()
        if status.state != "running":
            starter.start(said, go=status.invocations + 1)
        return self.status(run_id)

    def _note_unbegun(self, run_id: str, error: DeClassesError) -> None:
        """Say in the journal of a run for which nobody waits why it was not even begun."""
        store, settings = self.storage.client, self.settings
        with suppress(DeClassesError):
            started = Documents(store, settings.bucket).find(
                started_key(settings.key_prefix, run_id), StartedRun
            )
            journal = RunJournal(store, settings.bucket, settings.key_prefix, run_id)
            if started is not None and journal.plan() is None:
                journal.note_invocation(uuid.uuid4().hex, outcome="incomplete", **how_it_failed(error))

    def shown(self, plan: RunPlan, receipt: IngestReceipt) -> IngestReceipt:
        """A receipt that says what the table of the dataset shows, if there is to be one.

        The run is committed, whatever becomes of that.

        Args:
            plan: What was carried out.
            receipt: That of the commit.
        """
        if self.table_for is None or plan.write is None or plan.source_name is None:
            return receipt
        table = self.table_for(plan.source_name)
        try:
            shown = table.register(self.storage.client, receipt.bucket, plan.dataset, allow_partial=True)
            entry = CatalogEntry(table=shown.table, generation=shown.generation)
        except NothingToShowError:
            return receipt
        except DeClassesError as error:
            told = {"table": str(table.address), "error": type(error).__name__, "reason": str(error)}
            self.logger.error("committed, and not shown by its table", extra=told)  # noqa: TRY400 - ours
            problem = (
                f"{type(error).__name__}: {error}; the run is committed, and its table is shown it by the "
                f"next run, or by `load s3://{receipt.bucket}/{plan.dataset} "
                f"--to glue://{table.address.database}/{table.address.table}`"
            )
            entry = CatalogEntry(table=str(table.address), problem=shared_filter().text(problem))
        return msgspec.structs.replace(receipt, catalog=entry)

    @contextmanager
    def prepared(
        self,
        request: IngestRequest,
        *,
        run_id: str,
        seconds_left: float | None = None,
        of: PageRangeOfRun | None = None,
        on_page: Callable[[Page], None] = lambda _: None,
    ) -> Iterator[Prepared]:
        """What carries a request out, and the plan that it is: for ``run``, or by ranges.

        Args:
            request: As for ``run``, and so are the others.
            run_id: What to call the run by, if the request does not say.
            seconds_left: After how many seconds this process is stopped, or None.
            of: The range of the run that is carried out: others ask the source at the same time.
            on_page: Told of every page that was taken.

        Raises:
            InvalidInputError: There is no such source, or the run was begun with another request.
        """
        try:
            with self._prepared(
                request, run_id=run_id, seconds_left=seconds_left, of=of, on_page=on_page
            ) as ready:
                yield ready
        except DeClassesError as error:
            if request.key is None:
                self._note_unbegun(request.run_id or run_id, error)
            raise

    @contextmanager
    def _prepared(
        self,
        request: IngestRequest,
        *,
        run_id: str,
        seconds_left: float | None,
        of: PageRangeOfRun | None,
        on_page: Callable[[Page], None],
    ) -> Iterator[Prepared]:
        begun = self._begun(request)
        name = request.source or (begun.source_name if begun else None) or self.settings.default_source
        resource = self.resource(name)
        seconds = self._seconds_to_use(seconds_left)
        deadline = None if seconds is None else self.clock.monotonic() + seconds
        parameters = request.parameters or (begun.source_parameters if begun else {})
        run_id = request.run_id or run_id
        increment = self._increment(request, resource, name, run_id)
        if increment is not None:
            increment = self.cut(resource, parameters, deadline=deadline, increment=increment)
        places = self._places(request, resource, name, run_id, increment)
        client = self.client_for(
            resource,
            parameters,
            deadline=deadline,
            increment=increment,
            places=places,
            share=1 if of is None else of.at_once,
            neighbours=None if of is None else self._neighbours(of),
        )
        try:
            plan = self._plan(request, begun, name=name, run_id=run_id, client=client, resource=resource)
            if request.key is None and increment is not None:
                plan = msgspec.structs.replace(plan, incremental=increment)
            terms = self._terms(resource, plan.format, seconds)
            runtime = Runtime(logger=self.logger, clock=self.clock, terms=terms, on_page=on_page)
            runs = RunService(client, self._destination(request), strict=request.strict, runtime=runtime)
            yield Prepared(runs, plan)
        except AuthenticationError:
            self.forget_logins()
            raise

    def range_sizes(self, request: IngestRequest) -> RangeSizes:
        """How a run is cut: into as many ranges at once as there are workers, and as the source allows."""
        begun = self._begun(request)
        name = request.source or (begun.source_name if begun else None) or self.settings.default_source
        most = self.resource(name).source.rate_limit.concurrency
        workers = request.workers or self.settings.workers
        return RangeSizes(
            at_once=workers if most is None else min(workers, most), pages=self.settings.range_pages
        )

    def journal_place(self, run_id: str) -> tuple[str, str]:
        """The bucket and the key of a run's ranges."""
        return self.settings.bucket, self._datasets().journal(run_id).ranges_key

    def _neighbours(self, of: PageRangeOfRun) -> Neighbours | None:
        if of.at_once == 1:
            return None
        key = self._datasets().journal(of.run_id).hold_key
        return HoldInBucket(self.storage.client, self.settings.bucket, key, self.clock, self.logger)

    def _increment(
        self, request: IngestRequest, resource: Resource, name: str, run_id: str
    ) -> Increment | None:
        """What is asked for of a resource that is read only as far as it is new."""
        said = resource.described.incremental
        _check_window(request, resource)
        if said is None:
            return None
        asked: Any = {"now": self.clock.now(), "asked_from": request.from_, "asked_until": request.until}
        asked["is_each"] = resource.described.is_each
        if request.key is not None:
            return said.begin(None, **asked)
        dataset = self._below_prefix(self._dataset(request, resource, name, run_id))
        return next_increment(said, self._datasets(), dataset, run_id=run_id, **asked)

    def _places(
        self,
        request: IngestRequest,
        resource: Resource,
        name: str,
        run_id: str,
        increment: Increment | None,
    ) -> dict[str, str | int]:
        """The places that were reached for each parent, where each has its own."""
        if increment is None or request.key is not None:
            return {}
        dataset = self._below_prefix(self._dataset(request, resource, name, run_id))
        return places_before(increment, self._datasets(), dataset)

    def _dataset(self, request: IngestRequest, resource: Resource, name: str, run_id: str) -> str:
        """Where a resource's dataset is: one for all runs where it takes them, else one for each."""
        of_all = request.dataset or name.replace(".", "/")
        if resource.described.write:
            return of_all
        return f"{of_all}/{partition(self.clock.now())}/{run_id}"

    def _destination(self, request: IngestRequest) -> Destination:
        if request.key is None:
            if request.dataset is not None and is_reserved(self._below_prefix(f"{request.dataset}/")):
                raise InvalidInputError(f"dataset {request.dataset!r} is where runs write: choose another")
            return self._datasets()
        if is_reserved(self._below_prefix(request.key)):
            raise InvalidInputError(
                f"key {request.key!r} is one that runs and commits write under: choose another"
            )
        return ObjectDestination(self.storage, self.settings.bucket, keep_receipt=True)

    def _datasets(self) -> DatasetDestination:
        return DatasetDestination(
            self.storage.client,
            self.settings.bucket,
            prefix=self.settings.key_prefix,
            limits=PartLimits(pages=self.settings.part_pages, seconds=self.settings.part_seconds),
            escape_formulas=self.settings.escape_formulas,
        )

    def _terms(self, resource: Resource, format_name: str, seconds: float | None) -> LambdaTerms:
        terms = LambdaTerms(
            base_megabytes=base_megabytes(format_name),
            memory_megabytes=self.memory_megabytes,
            concurrency=self.settings.concurrency,
            requests_per_second=resource.source.rate_limit.per_second,
            part_pages=self.settings.part_pages,
        )
        return msgspec.structs.replace(terms, seconds_per_invocation=seconds) if seconds else terms

    def _begun(self, request: IngestRequest) -> RunPlan | None:
        return None if request.run_id is None else self._datasets().begun(request.run_id)

    def _plan(
        self,
        request: IngestRequest,
        begun: RunPlan | None,
        *,
        name: str,
        run_id: str,
        client: UnstableAPIClient,
        resource: Resource,
    ) -> RunPlan:
        """What the request says, over what the run was begun with, over the settings."""
        described, is_dataset = resource.described, request.key is None
        return RunPlan(
            run_id=run_id,
            source=client.url,
            fingerprint=client.fingerprint,
            source_name=name,
            dataset=self._below_prefix(request.key or self._dataset(request, resource, name, run_id)),
            format=request.format or (begun.format if begun else self.settings.default_format),
            limit=self._limit(request.limit or (begun.limit if begun else None), client, resource),
            pages=request.pages or (begun.pages if begun else PageRange()),
            key_fields=described.primary_key if is_dataset else (),
            transforms=described.transforms,
            pinned=resource.pinned if is_dataset else None,
            on_violation=described.on_violation,
            write=described.write if is_dataset else None,
            source_parameters=request.parameters or (begun.source_parameters if begun else {}),
        )

    def _limit(self, asked: int | None, client: UnstableAPIClient, resource: Resource) -> int:
        return client.endpoint.limit(asked or self.settings.page_limit or resource.default_limit)

    def _seconds_to_use(self, seconds_left: float | None) -> float | None:
        """What this invocation may work for; None if nothing stops it."""
        usable = None if seconds_left is None else max(0.0, seconds_left - self.settings.reserve_seconds)
        limits = [each for each in (usable, self.settings.max_elapsed_seconds) if each is not None]
        return min(limits, default=None)

    def _below_prefix(self, key: str) -> str:
        prefix = self.settings.key_prefix
        return f"{prefix}/{key.removeprefix(f'{prefix}/')}" if prefix else key


def _check_window(request: IngestRequest, resource: Resource) -> None:
    """Refuse a window of what is read as a whole."""
    is_window = request.from_ is not None or request.until is not None
    if is_window and resource.described.incremental is None:
        name = request.source or resource.source_name
        raise InvalidInputError(f"from and until go with what is incremental, and {name} is not")


def _as_said(request: IngestRequest) -> dict[str, Any]:
    """A request as an event has it, without what concerns its caller alone, and what it leaves out."""
    said: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(request, enc_hook=as_text))
    return {name: value for name, value in said.items() if value and name not in {"wait", "resume"}}


def _check_same(before: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    """Make sure that a run which was asked for before is asked for again, and no other by its name."""
    names = sorted(before.keys() & said.keys() - _MAY_DIFFER)
    problems = [
        f"{name} is {said[name]!r}, but the run was asked for with {before[name]!r}"
        for name in names
        if said[name] != before[name]
    ]
    if problems:
        problems.append("ask for the same, or by another run_id for another run")
        raise InvalidInputError("; ".join(problems), problems=problems)


def partition(moment: float) -> str:
    """The part of a key that tells the day of the run, in UTC: ``ingest_date=2026-11-23``."""
    return f"ingest_date={datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"
