"""A Singer tap by the Meltano SDK: its RECORD messages, to a file; a target is not part of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import PageNumberPaginator

from benchmarks.clients.fetching import ATTEMPTS
from benchmarks.clients.task import given
from scoreboard.adapters.protocol import printed_to

if TYPE_CHECKING:
    import requests

TYPES = {
    **dict.fromkeys(("code", "email", "country", "coupon", "placed_at", "note"), th.StringType),
    **dict.fromkeys(("id", "quantity"), th.IntegerType),
    "amount": th.NumberType,
    "paid": th.BooleanType,
}


class Pages(PageNumberPaginator):
    """Goes by the total that every page states."""

    def has_more(self, response: requests.Response) -> bool:
        """Whether there are pages after this one."""
        body = response.json()
        return bool(body["page"] < body["total_pages"])


class Records(RESTStream[int]):
    """The stream, with the SDK's own policy but for the number of tries."""

    name = "records"
    path = "/data"
    records_jsonpath = "$.data[*]"
    schema = th.PropertiesList(*(th.Property(name, kind) for name, kind in TYPES.items())).to_dict()

    @property
    def url_base(self) -> str:
        """Where the API is."""
        return str(self.config["url"])

    def backoff_max_tries(self) -> int:
        """More than the five of the default, which end on a page that fails six times."""
        return ATTEMPTS

    def get_new_paginator(self) -> PageNumberPaginator:
        """Pages from 1."""
        return Pages(start_value=1)

    def get_url_params(self, context: Any, next_page_token: int | None) -> dict[str, Any]:
        """Which page, and how large."""
        return {"page": next_page_token, "limit": self.config["limit"]}


class Shop(Tap):
    """The tap."""

    name = "tap-shop"
    config_jsonschema = th.PropertiesList(
        th.Property("url", th.StringType), th.Property("limit", th.IntegerType)
    ).to_dict()

    def discover_streams(self) -> list[Any]:
        """The one stream."""
        return [Records(self)]


def main() -> None:
    """Run the tap with its stdout in a file."""
    task = given()
    with printed_to(Path(task.folder, "records.jsonl")):
        Shop(config={"url": task.url, "limit": task.limit}).sync_all()


if __name__ == "__main__":
    main()
