"""An auth that would have every refusal sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from de_classes.api.auth.scheme import StaticScheme
from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.page_fetcher import MOST_RENEWALS
from de_classes.api.runtime import ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import AuthenticationError
from tests.fakes.transports import FakeTransport

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest


class NeverTired(StaticScheme):
    """Thinks that whatever was refused is worth sending again."""

    def renew(self, request: HttpRequest, refusal: HttpResponse, *, is_again: bool = False) -> bool:
        return True


def test_a_request_that_is_refused_for_ever_is_sent_a_bounded_number_of_times() -> None:
    transport = FakeTransport(lambda _: HttpResponse(401))
    endpoint = Endpoint("https://api.example/data", auth=NeverTired(lambda request: request))
    with pytest.raises(AuthenticationError):
        UnstableAPIClient(endpoint, runtime=ClientRuntime(transport=transport)).fetch_page(1)
    assert len(transport.requests) == MOST_RENEWALS + 1
