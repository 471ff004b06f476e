"""A run over pages that are counted from 0, where the description says nothing of it: F61."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from de_classes.api.answers import PageReader
from de_classes.errors import IncompleteRunError
from de_classes.runs.verify import differences
from tests.fakes.every import every
from tests.fakes.runs import BUCKET, KilledError, ids, memory, plan, progress, service
from tests.fakes.transports import FakePagedApi, json_response

if TYPE_CHECKING:
    from de_classes.api.messages import HttpResponse


class FromZero(FakePagedApi):
    """Counts its pages from 0.

    Args:
        total: Records in all.
        says: Of its totals and its number, what an answer says.
        beyond: The status of what is asked for past the end.
        clamps: Whether its last page is served again past its end.
    """

    def __init__(self, total: int, says: str, *, beyond: int = 200, clamps: bool = False) -> None:
        super().__init__(total)
        self._unsaid = {"total_pages", "total_records", "page"} - set(says.split())
        self._beyond = beyond
        self._clamps = clamps

    def page(self, number: int, limit: int, **changes: object) -> HttpResponse:
        last = -(-self.total // limit) - 1
        number = min(number, last) if self._clamps else number
        if number > last and self._beyond != 200:
            return json_response({"message": "no such page"}, self._beyond)
        body = json.loads(super().page(number + 1, limit, page=number, **changes).body)
        return json_response({name: value for name, value in body.items() if name not in self._unsaid})


SAYS = ["total_pages", "total_pages page", "total_pages total_records", "total_records", "total_records page"]


@every("keys", [(), ("id",)])
@every("total", [5, 10, 11, 30, 35])
@every("says", SAYS)
def test_F61_all_of_it_is_committed_once_where_the_totals_tell_of_one_page_more(
    says: str, total: int, keys: tuple[str, ...]
) -> None:
    store = memory()
    reader = PageReader(total_pages_field="total_pages" if "total_pages" in says else None)
    receipt = service(store, FromZero(total, says), width=2, reader=reader).carry_out(plan(key_fields=keys))
    assert receipt.status == "complete"
    assert sorted(ids(store, receipt)) == list(range(total))
    assert receipt.passes == 2
    assert "pages are counted from 0, say pagination.first = 0" in receipt.drift[0]
    assert list(differences(receipt, store, BUCKET)) == []


@pytest.mark.parametrize(("beyond", "clamps"), [(404, False), (410, False), (200, True)])
def test_F61_so_it_is_where_the_page_past_the_end_is_refused_or_the_last_again(
    beyond: int, *, clamps: bool
) -> None:
    store = memory()
    api = FromZero(30, "total_pages total_records", beyond=beyond, clamps=clamps)
    receipt = service(store, api).carry_out(plan())
    assert (receipt.status, ids(store, receipt)) == ("complete", list(range(30)))


def test_F61_a_reading_from_page_0_that_is_killed_goes_on_where_it_was() -> None:
    store, says = memory(), "total_pages total_records page"
    with pytest.raises(KilledError):
        service(store, FromZero(75, says), die_after=12).carry_out(plan())
    assert progress(store).pass_ == 2
    api = FromZero(75, says)
    receipt = service(store, api).carry_out(plan())
    assert (receipt.status, receipt.passes, ids(store, receipt)) == ("complete", 2, list(range(75)))
    assert api.pages_asked() == [3, 4, 5, 6, 7]


def test_F61_a_source_that_lacks_its_last_page_and_has_none_below_the_first_is_incomplete() -> None:
    api = FakePagedApi(30)
    api.faults_for(3, [api.page(3, 10, data=[])] * 99)
    with pytest.raises(IncompleteRunError, match="page 3 is missing"):
        service(memory(), api).carry_out(plan())
