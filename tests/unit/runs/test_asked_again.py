"""A run that is asked for again: what it finds, what it writes, and what it says without its progress."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from de_classes.api.messages import HttpResponse
from de_classes.errors import InvalidInputError
from de_classes.runs.dataset import DatasetDestination
from de_classes.storage.format.pinned import PinnedSchema
from de_classes.utils.page_range import PageRange
from tests.fakes.receipts import RECEIPT
from tests.fakes.runs import BUCKET, given_again, ids, memory, plan, service
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from de_classes.api.receipt import IngestReceipt
    from de_classes.storage.clients import BaseS3Client

RUN = "raw/_runs/run/"


@pytest.fixture
def store() -> BaseS3Client:
    return memory()


def keys(store: BaseS3Client) -> set[str]:
    return {info.key for info in store.list_objects(BUCKET)}


def clean_away_progress(store: BaseS3Client) -> None:
    for key in keys(store):
        if key.startswith(RUN):
            store.delete_object(BUCKET, key)


def partial(store: BaseS3Client) -> IngestReceipt:
    api = FakePagedApi(95, {4: [HttpResponse(503)] * 99})
    return service(store, api).carry_out(plan(), allow_partial=True)


def test_a_run_leaves_word_of_who_went_on_with_it(
    store: BaseS3Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        service(store, FakePagedApi(95)).carry_out(plan())
    assert len([key for key in keys(store) if key.startswith(f"{RUN}invocation-")]) == 1
    assert "run run is complete: 95 records" in caplog.text


def test_F43_a_complete_run_asked_for_again_asks_and_writes_nothing_at_all(store: BaseS3Client) -> None:
    first = service(store, FakePagedApi(95)).carry_out(plan())
    before, api = keys(store), FakePagedApi(95)
    assert service(store, api).carry_out(plan()) == given_again(first)
    assert (keys(store), api.requests) == (before, [])


@pytest.mark.parametrize(
    "changes", [{}, {"key_fields": ("id",)}, {"columns": ("id",)}, {"pages": PageRange(2, 3)}]
)
def test_a_complete_run_whose_progress_was_cleaned_away_still_has_its_receipt(
    store: BaseS3Client, changes: dict[str, Any]
) -> None:
    first = service(store, FakePagedApi(95)).carry_out(plan(**changes))
    clean_away_progress(store)
    before, api = keys(store), FakePagedApi(95)
    assert service(store, api).carry_out(plan(**changes)) == given_again(first)
    assert (keys(store), api.requests) == (before, [])


def test_what_a_receipt_is_not_of_is_refused_though_the_progress_is_gone(store: BaseS3Client) -> None:
    service(store, FakePagedApi(95)).carry_out(plan())
    clean_away_progress(store)
    with pytest.raises(InvalidInputError):
        service(store, FakePagedApi(95)).carry_out(plan(limit=5))


def test_a_partial_run_whose_progress_was_cleaned_away_cannot_be_gone_on_with(store: BaseS3Client) -> None:
    assert partial(store).status == "partial"
    clean_away_progress(store)
    with pytest.raises(InvalidInputError, match="was cleaned away: begin another run"):
        service(store, FakePagedApi(95)).carry_out(plan())


def test_a_partial_run_asked_for_again_in_vain_keeps_its_commit(store: BaseS3Client) -> None:
    first = partial(store)
    again = partial(store)
    assert (again.sha256, again.missing_pages) == (first.sha256, ["4"])
    whole = service(store, FakePagedApi(95)).carry_out(plan())
    assert (whole.status, whole.missing_pages, ids(store, whole)) == ("complete", [], list(range(95)))


def test_looking_ahead_asks_for_one_page_and_writes_nothing(store: BaseS3Client) -> None:
    api = FakePagedApi(95)
    figures = service(store, api).look_ahead(plan())
    assert (api.pages_asked(), keys(store)) == ([1], set())
    assert structs.asdict(figures)["requests"] >= 10


def test_only_a_run_that_was_begun_can_be_asked_for_by_its_id(store: BaseS3Client) -> None:
    with pytest.raises(InvalidInputError, match="no run 'run' was begun there"):
        DatasetDestination(store, BUCKET, prefix="raw").check_begun("run")
    service(store, FakePagedApi(5)).carry_out(plan())
    DatasetDestination(store, BUCKET, prefix="raw").check_begun("run")


def test_a_receipt_whose_schema_was_written_with_other_spaces_is_of_the_same_run() -> None:
    asked = plan(pinned=PinnedSchema.parse({"at": "struct<lat: float64>"}))
    receipt = structs.replace(RECEIPT, source=asked.source, parameters=asked.parameters())
    asked.check_receipt(receipt)
    asked.check_receipt(
        structs.replace(receipt, parameters={**asked.parameters(), "pinned": {"at": "struct<lat:float64>"}})
    )
    with pytest.raises(InvalidInputError, match="another request"):
        asked.check_receipt(
            structs.replace(receipt, parameters={**asked.parameters(), "pinned": {"at": "json"}})
        )
