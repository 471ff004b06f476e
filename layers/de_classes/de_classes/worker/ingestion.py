"""One ingestion, as a request asks for it: a configured source into the configured bucket."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from de_classes.configs.ingest import IngestRequest
from de_classes.configs.settings import validate
from de_classes.errors import AuthenticationError, InvalidInputError
from de_classes.runs.context import Runtime
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.destination import ObjectDestination, PartLimits
from de_classes.runs.forecast import LambdaTerms, base_megabytes
from de_classes.runs.increments import next_increment
from de_classes.runs.plan import RunPlan
from de_classes.runs.run_service import RunService
from de_classes.storage.datasets.manifest import is_reserved
from de_classes.utils.clock import SystemClock
from de_classes.utils.page_range import PageRange
from de_classes.utils.values import Value

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping

    from de_classes.api.receipt import IngestReceipt
    from de_classes.api.source import Resource, Source
    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.configs.ingest import WorkerSettings
    from de_classes.runs.destination import Destination
    from de_classes.storage.services.storage_data_service import StorageDataService
    from de_classes.utils.clock import Clock
    from de_classes.utils.run_records import Increment


class ClientFactory(Protocol):
    """Puts together the client for one run, with counters of its own."""

    def __call__(
        self,
        resource: Resource,
        parameters: Mapping[str, Any],
        *,
        deadline: float | None,
        increment: Increment | None = None,
    ) -> UnstableAPIClient:
        """A client that reads this resource, or what is new of it, and begins nothing after the deadline."""
        ...


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
        client = self.client_for(resource, parameters, deadline=deadline, increment=increment)
        try:
            plan = self._plan(request, begun, name=name, run_id=run_id, client=client, resource=resource)
            if request.key is None and increment is not None:
                plan = msgspec.structs.replace(plan, incremental=increment)
            terms = self._terms(resource, plan.format, seconds)
            runtime = Runtime(logger=self.logger, clock=self.clock, terms=terms)
            runs = RunService(client, self._destination(request), strict=request.strict, runtime=runtime)
            return runs.carry_out(
                plan, allow_partial=request.allow_partial, accept_shrink=request.accept_shrink
            )
        except AuthenticationError:
            self.forget_logins()
            raise

    def _increment(
        self, request: IngestRequest, resource: Resource, name: str, run_id: str
    ) -> Increment | None:
        """What is asked for of a resource that is read only as far as it is new."""
        said = resource.described.incremental
        if said is None:
            if request.from_ is not None or request.until is not None:
                raise InvalidInputError(f"from and until go with what is incremental, and {name} is not")
            return None
        asked: Any = {"now": self.clock.now(), "asked_from": request.from_, "asked_until": request.until}
        if request.key is not None:
            return said.begin(None, **asked)
        dataset = self._below_prefix(self._dataset(request, resource, name, run_id))
        return next_increment(said, self._datasets(), dataset, run_id=run_id, **asked)

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


def partition(moment: float) -> str:
    """The part of a key that tells the day of the run, in UTC: ``ingest_date=2026-11-23``."""
    return f"ingest_date={datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"
