"""What a client works within and with: its limits, and the network, the clock and the logger around it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from de_classes.api.http_transport import HttpClientTransport
from de_classes.api.retry import RetryPolicy
from de_classes.utils.clock import SystemClock
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from de_classes.api.pace import Neighbours
    from de_classes.api.transport import Transport
    from de_classes.utils.clock import Clock


class ClientLimits(Value):
    """How much a client may ask at once, how long it waits, and how often it tries.

    Example:
        >>> hasty = ClientLimits(concurrency=4, timeout=5.0, retry_policy=RetryPolicy(max_attempts=3))
        >>> [number for number, _ in UnstableAPIClient(api.base_url, auth, limits=hasty).iterate_all_pages(2)]
        [1, 2, 3]

    Attributes:
        concurrency: Pages fetched at once at the most, 1 to 64, where they can be asked for by number. How
            many it really is follows the source, see ``Pace``. Of others one is fetched ahead, but not at 1.
        timeout: Seconds for one request, and for a login of a described source; see ``Transport.send``.
        retry_policy: Ceilings on attempts and time, backoff, jitter.
        deadline: Moment on the clock's monotonic time after which no other attempt is made, or None.
        share: How many clients ask the source at once, this one among them: its limits are divided by it.
        longest_wait: Seconds that are waited here at a time for a job of the source; without end if None.
    """

    concurrency: int = 1
    timeout: float = 30.0
    retry_policy: RetryPolicy = RetryPolicy()
    deadline: float | None = None
    share: int = 1
    longest_wait: float | None = None


class ClientRuntime(Value):
    """The process that a client works in: a test gives it a transport that answers and a clock that jumps.

    Example:
        >>> runtime = ClientRuntime(logger=logger)
        >>> client = UnstableAPIClient(api.base_url, auth, runtime=runtime)
        >>> len(client.fetch_page(1, limit=2).records)
        2

    Attributes:
        transport: How to reach the network.
        clock: What to measure and to wait with.
        logger: Told of retries and logins.
        neighbours: Other clients that ask the same source now, for the same run; None if there are none.
    """

    transport: Transport = msgspec.field(default_factory=HttpClientTransport)
    clock: Clock = msgspec.field(default_factory=SystemClock)
    logger: logging.Logger = logging.getLogger("de_classes.api")
    neighbours: Neighbours | None = None
