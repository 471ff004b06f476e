"""A client of an API in memory, for the tests of clients: with what is seldom said left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from de_classes.api.endpoint import Endpoint
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.utils.clock import ManualClock

if TYPE_CHECKING:
    from de_classes.api.answers import PageReader
    from de_classes.api.auth_client import AuthClient
    from de_classes.api.pagination.strategy import PaginationStrategy
    from de_classes.api.transport import Transport
    from de_classes.utils.page_range import PageRange

BASE = "https://api.example/v1"


def client_of(
    transport: Transport,
    clock: ManualClock | None = None,
    *,
    auth: AuthClient | None = None,
    pagination: PaginationStrategy | None = None,
    reader: PageReader | None = None,
    pages: PageRange | None = None,
    **limits: Any,
) -> UnstableAPIClient:
    """It asks for no page again at the end; ``limits`` are those of ``ClientLimits``."""
    return UnstableAPIClient(
        Endpoint.at(f"{BASE}/data", pagination=pagination, reader=reader, look_back="none"),
        auth,
        pages=pages,
        limits=ClientLimits(**limits),
        runtime=ClientRuntime(transport, clock or ManualClock()),
    )
