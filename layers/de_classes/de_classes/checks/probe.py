"""Single requests to a source, to look at what it answers: a page, or why there is none."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import structs

from de_classes.api.counters import ClientCounters
from de_classes.api.http_transport import HttpClientTransport
from de_classes.api.jobs import SourceJob
from de_classes.api.page_fetcher import Opened, PageFetcher
from de_classes.api.pagination.per_parent import PerParentPagination
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.checks.likeness import limit_headers
from de_classes.errors import ConfigurationError, DeClassesError, RetriesExhaustedError
from de_classes.utils.clock import SystemClock
from de_classes.utils.values import Mutable, Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from de_classes.api.auth.kept_secrets import Secrets
    from de_classes.api.endpoint import Endpoint
    from de_classes.api.increments import Incremental
    from de_classes.api.messages import HttpRequest, HttpResponse
    from de_classes.api.page import Page
    from de_classes.api.pagination.strategy import PageRequest
    from de_classes.api.source.binding import Resource
    from de_classes.api.transport import Transport
    from de_classes.utils.clock import Clock
    from de_classes.utils.run_records import Increment, Reached

# A source that errs now and then is asked again; one that errs each time is described wrongly.
PATIENCE: Final = RetryPolicy(max_attempts=4, max_elapsed=150.0, max_corrupt=2)
_PARENTS: Final = 3


class Recorder(Mutable):
    """A transport that counts, and remembers the last request and its answer.

    Attributes:
        transport: Reaches the network.
        count: Requests that were sent.
        request: The last one.
        response: Its answer; None if none came.
        headers: Every header that told of a limit.
        limit_header: The one that the description names.
    """

    transport: Transport
    count: int = 0
    request: HttpRequest | None = None
    response: HttpResponse | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    limit_header: str | None = None

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        """See ``Transport``."""
        self.count += 1
        self.request, self.response = request, None
        self.response = self.transport.send(request, timeout=timeout)
        self.headers |= limit_headers(self.response.headers, self.limit_header)
        return self.response


class Asked(Value):
    """What came of one request for a page.

    Attributes:
        request: What was asked.
        page: What came, or None.
        error: Why nothing came, or None.
        response: The answer as it came, or None.
        url: Where the answer came from.
    """

    request: PageRequest
    page: Page | None = None
    error: DeClassesError | None = None
    response: HttpResponse | None = None
    url: str = ""

    @property
    def records(self) -> list[dict[str, Any]]:
        """Those of the page; none if there is no page."""
        return [] if self.page is None else list(self.page.records)


class Probe:
    """Asks one resource for single pages, by few requests.

    Example:
        >>> probe = Probe(Source.load("shop.toml")["shop.orders"], secrets=FileSecrets("shop.json"))
        >>> probe.resource.name
        'shop.orders'

    Args:
        resource: What is to be asked.
        parameters: As ``Resource.client`` takes them, like all that follow.
        secrets: See there.
        base_url: See there.
        allow_insecure: See there.
        transport: See there.
        clock: See there.
        timeout: See there.
        logger: See there.

    Attributes:
        resource: What is asked.
        is_rehearsal: Whether a stand-in at ``base_url`` is asked in the source's place.
        endpoint: How; whoever knows better than the description replaces it.
        pages: Records the requests for pages.
        logins: Records the requests for tokens, and for parents.
        job: What makes the pages, or None.

    Raises:
        ConfigurationError: A parameter or a secret is missing or unfit.
    """

    def __init__(
        self,
        resource: Resource,
        *,
        parameters: Mapping[str, Any] | None = None,
        secrets: Secrets | None = None,
        base_url: str | None = None,
        allow_insecure: bool = False,
        transport: Transport | None = None,
        clock: Clock | None = None,
        timeout: float = 30.0,
        logger: logging.Logger | None = None,
    ) -> None:
        self.resource = resource
        self.is_rehearsal = base_url is not None
        transport, self._clock = transport or HttpClientTransport(), clock or SystemClock()
        self._logger = logger or logging.getLogger(__name__)
        self._timeout = timeout
        self.logins = Recorder(transport)
        self.pages = Recorder(transport, limit_header=resource.source.rate_limit.remaining)
        self._options: dict[str, Any] = {
            "parameters": parameters,
            "secrets": secrets,
            "base_url": base_url,
            "allow_insecure": allow_insecure,
            "limits": ClientLimits(timeout=timeout, retry_policy=PATIENCE),
            "runtime": ClientRuntime(self.logins, self._clock, self._logger),
        }
        self.endpoint = resource.client(**self._options).endpoint
        pagination = self.endpoint.pagination
        if isinstance(pagination, PerParentPagination):
            few = structs.replace(pagination, parents=pagination.parents.first(_PARENTS))
            self.endpoint = structs.replace(self.endpoint, pagination=few)
        self._opened = Opened()
        bound = self.endpoint.job
        self.job = None if bound is None else SourceJob(bound.described)
        self._run = self._fetcher(self.endpoint).new_context()

    @property
    def requests(self) -> int:
        """How many were sent."""
        return self.pages.count + self.logins.count

    def now(self) -> float:
        """The time, in seconds since the epoch."""
        return self._clock.now()

    def ask(self, request: PageRequest, endpoint: Endpoint | None = None) -> Asked:
        """One page, or why there is none.

        Args:
            request: Which.
            endpoint: In place of the probe's own.

        Raises:
            ConfigurationError: Something is missing that the caller has to say; nothing was sent.
        """
        before = self.requests
        self.pages.response = None
        try:
            page = self._fetcher(endpoint or self.endpoint).fetch(request, self._run)
        except ConfigurationError as error:
            if self.requests == before:
                raise
            return self._failed(request, error)
        except RetriesExhaustedError as error:
            cause = error.__cause__
            return self._failed(request, cause if isinstance(cause, DeClassesError) else error)
        except DeClassesError as error:
            return self._failed(request, error)
        return Asked(request, page, response=self.pages.response, url=page.url)

    def make_job(self) -> str | None:
        """Make the job that the pages come of, and wait for it; what came of it, None where there is none.

        Raises:
            DeClassesError: It cannot be had.
        """
        if self.job is None:
            return None
        began = self._clock.monotonic()
        self._fetcher(self.endpoint).make_job_ready(threading.Event())
        seconds, total = self._clock.monotonic() - began, self.job.total
        has = "" if total is None else f", of {total} records by its own count"
        return f"job {self.job.values['job.id']} was made, and done after {seconds:.0f} s{has}"

    def ask_for_new(self, said: Incremental, reached: Reached, limit: int) -> tuple[Asked | None, Increment]:
        """The first page of what is new behind a place, None if there is none; and what was asked for."""
        increment = said.begin(reached, now=self._clock.now())
        options = {**self._options, "auth": self.endpoint.auth, "increment": increment}
        endpoint = self.resource.client(**options).endpoint
        request = endpoint.pagination.request_for(1, limit)
        return (None if request is None else self.ask(request, endpoint)), increment

    def read_again(self, asked: Asked) -> Asked:
        """The same answer, read by what the endpoint says now."""
        if asked.response is None:
            return asked
        try:
            page = self.endpoint.page(asked.response, asked.request, url=asked.url, now=self._clock.now())
        except DeClassesError as error:
            return structs.replace(asked, page=None, error=error)
        return structs.replace(asked, page=page, error=None)

    def _failed(self, request: PageRequest, error: DeClassesError) -> Asked:
        sent = self.pages.request
        return Asked(request, error=error, response=self.pages.response, url="" if sent is None else sent.url)

    def _fetcher(self, endpoint: Endpoint) -> PageFetcher:
        return PageFetcher(
            endpoint=endpoint,
            transport=self.pages,
            policy=PATIENCE,
            timeout=self._timeout,
            per_second=endpoint.rate_limit.per_second,
            deadline=None,
            clock=self._clock,
            counters=ClientCounters(),
            logger=self._logger,
            opened=self._opened,
            job=self.job,
        )
