"""A pagination that somebody else wrote: what it has to say, and what a run makes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from de_classes.api.answers import PageReader
from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination.strategy import PageRequest, PaginationStrategy
from de_classes.api.runtime import ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest
    from de_classes.api.page import Page

ROWS = [{"id": number} for number in range(5)]


class RowsLeft(PaginationStrategy, kw_only=True, tag_field="type", tag="rows_left"):
    """``?skip=2``, as long as a header says that rows are left."""

    def request_after(
        self, page: Page, limit: int, *, url: str, asked: PageRequest | None = None
    ) -> PageRequest | None:
        if page.headers["x-rows-left"] == "0":
            return None
        skipped = asked.values.get("query.skip", 0) if asked else 0
        return PageRequest(page.number + 1, {"query.skip": skipped + len(page.records)}, size=limit)


class Api:
    """Gives two rows at a time, and says in a header how many are left."""

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        skipped = int(str(request.params.get("skip", "0")))
        rows = ROWS[skipped : skipped + 2]
        left = str(len(ROWS) - skipped - len(rows))
        return HttpResponse(200, {"x-rows-left": left}, json.dumps({"data": rows}).encode())


def test_an_end_that_only_the_strategy_knows_is_not_called_probed() -> None:
    endpoint = Endpoint(
        "https://api.example/rows",
        pagination=RowsLeft(),
        reader=PageReader(total_pages_field=None, total_records_field=None),
    )
    run = UnstableAPIClient(endpoint, runtime=ClientRuntime(transport=Api())).start_pass(2)
    assert [record for page in run for record in page.records] == ROWS
    assert run.evidence_if_still is not None
    end = run.evidence_if_still.end
    assert (end.by, end.saw) == ("marker", "no way on on page 3, twice")


def test_pages_that_can_be_asked_for_by_number_have_to_say_what_the_number_counts() -> None:
    """A short page of a strategy by offsets lost rows, and the run was complete."""
    with pytest.raises(TypeError, match="Silent says random_access and has to say counts_records too"):

        class Silent(PaginationStrategy, kw_only=True, tag_field="type", tag="silent"):
            random_access = True


def test_what_was_said_once_holds_for_kinds_made_of_it() -> None:
    class Counted(PaginationStrategy, kw_only=True, tag_field="type", tag="counted"):
        random_access = True
        counts_records = True

    class Derived(Counted, kw_only=True, tag_field="type", tag="derived"):
        pass

    assert Derived.counts_records
