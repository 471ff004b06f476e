"""What a reviewer broke, held from now on: keys, sources, cleaning, interrupts and reserved names."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.answers import PageReader
from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination import OffsetPagination
from de_classes.errors import (
    IncompleteRunError,
    InvalidInputError,
    MalformedDataError,
)
from de_classes.runs.plan import RunPlan
from de_classes.storage.clients import LocalClient
from de_classes.storage.datasets.leftovers import remove_leftovers
from de_classes.storage.datasets.manifest import is_reserved
from de_classes.storage.format.pinned import PinnedSchema
from de_classes.utils.clock import ManualClock, SystemClock
from de_classes.utils.key_set import KeySet
from de_classes.utils.page_range import PageRange
from tests.fakes.runs import BUCKET, LOGGER, KilledError, given_again, ids, memory, plan, rows, service
from tests.fakes.transports import FakePagedApi, FakeTransport, json_response

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.api.messages import HttpRequest
    from de_classes.storage.clients import ObjectStore

DOWN = [HttpResponse(503)] * 99


def with_ids(*values: object) -> FakeTransport:
    """Two records a page, with these ids."""

    def answer(request: HttpRequest) -> HttpResponse:
        start = (int(request.params["page"]) - 1) * 2
        total = -(-len(values) // 2)
        body = {"total_pages": total, "data": [{"id": value} for value in values[start : start + 2]]}
        return json_response(body)

    return FakeTransport(answer)


@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("pinned", [None, PinnedSchema.parse({"id": "float64"})])
@pytest.mark.parametrize("values", [(1, 2, 2.5, 3, 4, 1, 2, 5), ("=a", "b", "=a", "c", "b", "d")])
def test_F42_keys_are_known_after_a_resume_as_they_came_and_not_as_they_were_written(
    name: str, pinned: PinnedSchema | None, values: tuple[object, ...]
) -> None:
    if pinned and isinstance(values[0], str):
        pinned = PinnedSchema.parse({"id": "string"})
    wanted = plan(format=name, limit=2, key_fields=("id",), pinned=pinned)
    store = memory()
    with pytest.raises(KilledError):
        service(store, with_ids(*values), part_pages=1, die_after=3).carry_out(wanted)
    receipt = service(store, with_ids(*values), part_pages=1).carry_out(wanted)
    whole = memory()
    undisturbed = service(whole, with_ids(*values), part_pages=1).carry_out(wanted)
    assert rows(store, receipt) == rows(whole, undisturbed)
    assert (receipt.records, receipt.duplicates) == (len(set(values)), len(values) - len(set(values)))


def test_the_keys_of_a_part_can_be_recalled_and_nothing_else_can() -> None:
    with KeySet(["id"]) as first, KeySet(["id"]) as second:
        first.new_among([{"id": 1}, {"id": 2}, {"id": 1}])
        fresh = first.take_fresh()
        assert (len(fresh), first.take_fresh()) == (32, b"")
        second.recall(fresh)
        assert second.new_among([{"id": 1}, {"id": 3}]) == [{"id": 3}]
        assert len(second) == 3
        with pytest.raises(MalformedDataError, match="no hashes"):
            second.recall(b"short")


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://api.example/data?type=refunds"},
        {"style": OffsetPagination()},
        {"reader": PageReader("rows")},
    ],
)
def test_a_run_does_not_go_on_with_another_source(change: dict[str, Any]) -> None:
    def endpoint(url: str = "https://api.example/data", **options: Any) -> Endpoint:
        return Endpoint.at(url, **options)

    options = {"pagination" if name == "style" else name: value for name, value in change.items()}
    prints = {endpoint().fingerprint, endpoint(**options).fingerprint}
    assert len(prints) == 2
    assert endpoint().fingerprint in prints
    first, second = prints
    with pytest.raises(InvalidInputError, match="the source's address"):
        plan(fingerprint=first).check_same(plan(fingerprint=second))


def later(store: ObjectStore, days: float) -> int:
    """Clean as if so many days had passed."""
    clock = ManualClock(now=SystemClock().now() + days * 86_400)
    return len(list(remove_leftovers(store, BUCKET, "", older_than=7 * 86_400, clock=clock)))


def directory(path: Path) -> LocalClient:
    store = LocalClient(path, LOGGER)
    store.create_bucket(BUCKET)
    return store


def test_what_a_run_needs_is_spared_while_somebody_is_at_it(tmp_path: Path) -> None:
    store = directory(tmp_path)
    with pytest.raises(KilledError):
        service(store, FakePagedApi(40), die_after=3).carry_out(plan())
    assert later(store, days=6) == 0
    assert later(store, days=8) == 4  # the plan, the invocation, the part's entry and the part


@pytest.mark.parametrize(
    "changed", [{"format": "csv"}, {"limit": 5}, {"pages": PageRange(1, 2)}, {"source": "https://x.example"}]
)
def test_a_committed_run_without_its_progress_is_still_itself_alone(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    store = directory(tmp_path)
    receipt = service(store, FakePagedApi(40)).carry_out(plan())
    assert later(store, days=8) > 0
    api = FakePagedApi(40)
    assert service(store, api).carry_out(plan()) == given_again(receipt)
    with pytest.raises(InvalidInputError, match="another request"):
        service(store, api).carry_out(plan(**changed))
    assert api.requests == []


def test_a_partial_run_without_its_progress_says_so(tmp_path: Path) -> None:
    store = directory(tmp_path)
    service(store, FakePagedApi(40, {2: DOWN})).carry_out(plan(), allow_partial=True)
    later(store, days=8)
    with pytest.raises(InvalidInputError, match="cleaned away"):
        service(store, FakePagedApi(40)).carry_out(plan())


class Interrupted(FakeTransport):
    """Somebody presses Ctrl-C while a page is on its way."""

    def __init__(self, total: int, at: int) -> None:
        self._api = FakePagedApi(total)
        self._at = at
        super().__init__(self._answer)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.params["page"] == str(self._at):
            raise KeyboardInterrupt
        return self._api.send(request, timeout=1.0)


@pytest.mark.parametrize("at", [1, 2, 5, 6, 10])
def test_a_run_that_was_interrupted_goes_on(at: int) -> None:
    store = memory()
    with pytest.raises(KeyboardInterrupt):
        service(store, Interrupted(100, at), part_pages=4).carry_out(plan())
    api = FakePagedApi(100)
    receipt = service(store, api, part_pages=4).carry_out(plan())
    assert ids(store, receipt) == list(range(100))
    assert str(at - 2) not in {request.params["page"] for request in api.requests}


def test_an_interrupt_is_told_although_another_sealed_first() -> None:
    store = memory()
    service(store, FakePagedApi(100, {10: DOWN}), part_pages=4)

    class BothAtOnce(Interrupted):
        def _answer(self, request: HttpRequest) -> HttpResponse:
            if request.params["page"] == str(self._at):
                service(store, FakePagedApi(100)).carry_out(plan())
            return super()._answer(request)

    with pytest.raises(KeyboardInterrupt):
        service(store, BothAtOnce(100, 3), part_pages=9).carry_out(plan())


@pytest.mark.parametrize(
    "key",
    [
        "_runs/r/plan.json",
        "raw/_runs/r/part-00000001.json",
        "d/_manifest-00000001.json",
        "d/_receipt-x.json",
        "d/_quarantine-1-00000001-00000002-0a1b2c3d4e5f.jsonl",
        "d/_symlink/manifest.txt",
        "d/part-1-00000001-00000002-0a1b2c3d4e5f.csv",
    ],
)
def test_what_runs_write_under_is_nobody_elses(key: str) -> None:
    assert is_reserved(key)


@pytest.mark.parametrize(
    "key", ["orders.csv", "a/part-time.csv", "runs/r.json", "my_manifest-1.json", "a/b/c.jsonl"]
)
def test_any_other_key_is_free(key: str) -> None:
    assert not is_reserved(key)


def test_pages_that_could_not_be_had_are_asked_for_once_more_at_the_end() -> None:
    store = memory()
    receipt = service(store, FakePagedApi(50, {3: [HttpResponse(503)] * 3})).carry_out(plan())
    assert (receipt.status, receipt.invocations) == ("complete", 1)
    assert ids(store, receipt) == list(range(50))


def shrinking(before: int, after: int, at: int) -> FakeTransport:
    """The source has fewer records from the n-th request on."""
    sources = FakePagedApi(before), FakePagedApi(after)
    sent = []

    def answer(request: HttpRequest) -> HttpResponse:
        sent.append(request)
        return sources[len(sent) >= at].send(request, timeout=1.0)

    return FakeTransport(answer)


def test_F23_a_run_whose_pages_do_not_fit_together_begins_anew() -> None:
    store = memory()
    receipt = service(store, shrinking(100, 45, at=3)).carry_out(plan())
    assert (receipt.status, receipt.passes, ids(store, receipt)) == ("complete", 2, list(range(45)))
    assert receipt.still is not None
    assert receipt.still.by == "begun anew"


@pytest.mark.parametrize("keys", [(), ("id",)])
def test_F26_a_partial_commit_does_not_hide_that_the_source_changed(keys: tuple[str, ...]) -> None:
    store = memory()
    with pytest.raises(IncompleteRunError):
        service(store, restless()).carry_out(plan(key_fields=keys, limit=500), allow_partial=True)
    assert [info.key for info in store.list_objects(BUCKET) if "_manifest" in info.key] == []


def test_F26_a_source_that_changed_once_is_committed_whole_where_a_part_would_do() -> None:
    store = memory()
    receipt = service(store, shrinking(100, 93, at=7)).carry_out(plan(), allow_partial=True)
    assert (receipt.status, receipt.passes, ids(store, receipt)) == ("complete", 2, list(range(93)))


def test_F26_with_keys_passes_end_once_one_brings_no_new_key_although_the_source_goes_on_changing() -> None:
    sizes = iter(range(1000, 0, -1))

    def answer(request: HttpRequest) -> HttpResponse:
        return FakePagedApi(next(sizes)).send(request, timeout=1.0)

    store = memory()
    receipt = service(store, FakeTransport(answer)).carry_out(plan(key_fields=("id",), limit=500))
    assert receipt.still is not None
    assert (receipt.status, receipt.passes, receipt.still.by) == ("complete", 2, "repaired")
    assert ids(store, receipt) == list(range(999))


def restless() -> FakeTransport:
    """A thousand records, and one more in front of them at every request."""
    asked = count(1)

    def answer(request: HttpRequest) -> HttpResponse:
        records = [{"id": number} for number in range(-next(asked), 1000)]
        number, limit = int(request.params["page"]), int(request.params["limit"])
        pages, data = -(-len(records) // limit), records[(number - 1) * limit : number * limit]
        return json_response(
            {"page": number, "total_pages": pages, "total_records": len(records), "data": data}
        )

    return FakeTransport(answer)


def test_a_source_that_is_never_calm_may_be_asked_for_again_by_its_run() -> None:
    store = memory()
    wanted = plan(key_fields=("id",), limit=500)
    with pytest.raises(IncompleteRunError, match=r"on 5 passes.*ask again when it is calm") as caught:
        service(store, restless()).carry_out(wanted)
    assert caught.value.run_id == "run"
    receipt = service(store, FakePagedApi(900)).carry_out(wanted)
    assert receipt.status == "complete"
    assert {record["id"] for record in rows(store, receipt)} >= set(range(900))
    assert len(rows(store, receipt)) == receipt.records == len({row["id"] for row in rows(store, receipt)})


def test_a_source_whose_pages_overlap_by_nature_is_committed_once_it_is_seen_to_stand_still() -> None:
    store = memory()
    values = (1, 2, 2, 3, 3, 4)
    receipt = service(store, with_ids(*values)).carry_out(plan(key_fields=("id",), limit=2))
    assert (receipt.status, ids(store, receipt), receipt.duplicates) == ("complete", [1, 2, 3, 4], 2)
    assert receipt.passes == 2


def test_a_plan_says_what_it_is_for_in_every_term() -> None:
    assert set(RunPlan.__struct_fields__) >= {
        "fingerprint",
        "format",
        "limit",
        "pages",
        "key_fields",
        "pinned",
    }
