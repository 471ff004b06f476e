"""One ingestion, as a request asks for it: a configured source into the configured bucket."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from de_classes.configs.ingest import IngestRequest
from de_classes.configs.settings import validate
from de_classes.errors import AuthenticationError
from de_classes.utils.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.api.api_data_service import ApiDataService
    from de_classes.api.receipt import IngestReceipt
    from de_classes.configs.ingest import SourceSettings, WorkerSettings
    from de_classes.utils.clock import Clock

_EXTENSIONS = {"csv": "csv", "json": "json", "jsonl": "jsonl", "parquet": "parquet"}


class ServiceFactory(Protocol):
    """Puts together the service for one run, with counters of its own."""

    def __call__(self, source: SourceSettings, *, deadline: float | None) -> ApiDataService:
        """A service that reads this source and begins nothing after the deadline."""
        ...


@dataclass(frozen=True, slots=True)
class Ingestion:
    """Carries out requests, one at a time.

    Attributes:
        settings: Where to write, and which sources there are.
        service_for: Puts together what a run needs.
        clock: Dates the keys, and measures.
        forget_logins: Called when a login is refused: the next run reads the credentials anew, so a
            password that was rotated does not keep a warm process failing.
    """

    settings: WorkerSettings
    service_for: ServiceFactory
    clock: Clock = field(default_factory=SystemClock)
    forget_logins: Callable[[], None] = lambda: None

    def read(self, payload: object) -> IngestRequest:
        """Check a request, against its type and against the sources that are configured.

        Args:
            payload: JSON text, or what was parsed from it.

        Raises:
            InvalidInputError: Its ``problems`` name all that is wrong.
        """
        return validate(IngestRequest, payload, also=self.settings.problems_of)

    def run(self, request: IngestRequest, *, run_id: str, seconds_left: float | None = None) -> IngestReceipt:
        """Fetch what was asked for and store it as one object.

        Args:
            request: What is wanted; what it leaves out comes from the settings.
            run_id: Names the object if the request does not: the same id gives the same key.
            seconds_left: After how many seconds this process is stopped, or None.

        Raises:
            InvalidInputError: There is no such source; nothing was done yet.
            DeClassesError: Whatever keeps the run from being complete; nothing was stored.
        """
        source = self.settings.source(request.source)
        service = self.service_for(source, deadline=self._deadline(seconds_left))
        name = request.format or self.settings.default_format
        try:
            return service.fetch_all_to_storage(
                self.settings.bucket,
                self._key(request, name, run_id),
                name,
                limit=request.limit or self.settings.page_limit,
                pages=request.page_range(),
                concurrency=self.settings.concurrency,
            )
        except AuthenticationError:
            self.forget_logins()
            raise

    def _deadline(self, seconds_left: float | None) -> float:
        allowed = self.settings.max_elapsed_seconds
        if seconds_left is not None:
            allowed = min(allowed, seconds_left - self.settings.reserve_seconds)
        return self.clock.monotonic() + max(0.0, allowed)

    def _key(self, request: IngestRequest, name: str, run_id: str) -> str:
        prefix = self.settings.key_prefix
        if request.key is not None:
            relative = request.key.removeprefix(f"{prefix}/") if prefix else request.key
        else:
            source = request.source or self.settings.default_source
            relative = f"{source}/{partition(self.clock.now())}/{run_id}.{_EXTENSIONS[name]}"
        return f"{prefix}/{relative}" if prefix else relative


def partition(moment: float) -> str:
    """The part of a key that tells the day of the run, in UTC: ``ingest_date=2026-11-23``."""
    return f"ingest_date={datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"
