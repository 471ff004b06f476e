"""A Singer tap by the Meltano SDK, its RECORD messages taken as a target would.

By default as its code samples have it: ``RESTStream``, ``PageNumberPaginator`` with ``has_more``, an
``OAuthAuthenticator``. Tuned, each by a documented override: more tries, a wait by ``Retry-After``, 408, a
timeout, no redirects, a fresh token on a 401, ``validate_response`` for an answer that is no page, a
paginator that goes on after an empty page, and a primary key that the target merges by.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import OAuthAuthenticator
from singer_sdk.exceptions import RetriableAPIError
from singer_sdk.pagination import PageNumberPaginator

from scoreboard.adapters import protocol

if TYPE_CHECKING:
    import requests

_UNAUTHORIZED = 401


class Login(OAuthAuthenticator):
    """The SDK's OAuth class, with the body that this API's login wants."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(
            auth_endpoint=f"{config['base_url']}/login",
            oauth_headers={"Content-Type": "application/json"},
            client_id=config["username"],
            client_secret=config["password"],
        )
        # Logins are retried over https, as the SDK comes; the server here is on loopback, without it.
        self._session.mount("http://", self._session.get_adapter("https://"))

    @property
    def oauth_request_payload(self) -> Any:  # noqa: ANN401 - the SDK hands it to requests as it is
        """What is posted for a token."""
        return json.dumps({"username": self.client_id, "password": self.client_secret})


class Pages(PageNumberPaginator):
    """Goes by the total that every page states."""

    def has_more(self, response: requests.Response) -> bool:
        """Whether there are pages after this one."""
        body = response.json()
        return bool(body["page"] < body["total_pages"])


class PagesUntilEmpty(PageNumberPaginator):
    """Goes on until a page is empty, where none says how many there are."""

    def has_more(self, response: requests.Response) -> bool:
        """Whether this one holds any record."""
        return bool(response.json()["data"])


class AllPages(Pages):
    """The same, past a page without records."""

    def continue_if_empty(self, response: requests.Response) -> bool:
        """An empty page is not the end, unless it is the last."""
        return True


class Orders(RESTStream[int]):
    """The stream, with the SDK's own policy."""

    name = "orders"
    path = "/data"
    records_jsonpath = "$.data[*]"
    schema = th.PropertiesList(th.Property("id", th.IntegerType)).to_dict()

    @property
    def url_base(self) -> str:
        """Where the API is."""
        return str(self.config["base_url"])

    @property
    def authenticator(self) -> Login:
        """One for the stream, so that its token is kept."""
        if not hasattr(self, "_login"):
            self._login = Login(dict(self.config))
        return self._login

    def get_new_paginator(self) -> PageNumberPaginator:
        """Pages from 1."""
        return Pages(start_value=1) if self.config["states_pages"] else PagesUntilEmpty(start_value=1)

    def get_url_params(self, context: Any, next_page_token: int | None) -> dict[str, Any]:  # noqa: ANN401 - the SDK's
        """Which page, and how large."""
        return {"page": next_page_token, "limit": self.config["limit"]}


class TunedOrders(Orders):
    """The stream, with the policy that the documentation shows how to write."""

    primary_keys = ("id",)
    extra_retry_statuses = protocol.RETRIED_STATUSES
    allow_redirects = False

    @property
    def timeout(self) -> int:
        """Seconds for one wait on the server."""
        return protocol.TIMEOUT_SECONDS

    def get_new_paginator(self) -> PageNumberPaginator:
        """Pages from 1, whatever is on them."""
        return AllPages(start_value=1) if self.config["states_pages"] else PagesUntilEmpty(start_value=1)

    def backoff_max_tries(self) -> int:
        """More than the five of the default."""
        return protocol.ATTEMPTS

    def backoff_wait_generator(self) -> Any:  # noqa: ANN401 - the SDK's
        """Wait as the API asks."""
        return self.backoff_runtime(value=asked_wait)

    def validate_response(self, response: requests.Response) -> None:
        """A refused token is worth another login, and an answer that is no page another try."""
        if response.status_code == _UNAUTHORIZED:
            self.authenticator.last_refreshed = None
            raise RetriableAPIError("the token is refused", response)
        super().validate_response(response)
        if not is_page(response):
            raise RetriableAPIError("no page of records", response)


class Shop(Tap):
    """The tap."""

    name = "tap-shop"
    config_jsonschema = th.PropertiesList(
        *(th.Property(each, th.StringType) for each in ("base_url", "username", "password")),
        th.Property("limit", th.IntegerType),
        th.Property("tuned", th.BooleanType),
        th.Property("states_pages", th.BooleanType),
    ).to_dict()

    def discover_streams(self) -> list[Any]:
        """The one stream."""
        return [TunedOrders(self) if self.config["tuned"] else Orders(self)]


def asked_wait(error: Exception) -> float:
    """Seconds that ``Retry-After`` asks for, within reason; one without it."""
    response = getattr(error, "response", None)
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    return min(int(asked), protocol.PATIENCE_SECONDS) if asked.isdecimal() else 1


def is_page(response: requests.Response) -> bool:
    """Whether an answer holds a list of records."""
    try:
        return isinstance(response.json().get("data"), list)
    except (ValueError, AttributeError, RecursionError):
        return False


def run(task: protocol.Task) -> list[dict[str, Any]]:
    """Run the tap with its stdout in a file, and take the records from there."""
    names = ("base_url", "username", "password", "limit", "tuned", "states_pages")
    path = Path(task.folder, "messages")
    with protocol.printed_to(path):
        Shop(config={name: getattr(task, name) for name in names}).sync_all()
    records = [each["record"] for each in protocol.printed_messages(path, "RECORD")]
    return protocol.merged(records, "id") if task.tuned else records


if __name__ == "__main__":
    protocol.carry_out(run)
