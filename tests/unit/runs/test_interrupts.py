"""What is said of one object when somebody presses Ctrl-C."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.endpoint import Endpoint
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.runs.context import Runtime
from de_classes.runs.destination import ObjectDestination
from de_classes.runs.run_service import RunService
from de_classes.storage.clients import LocalClient
from de_classes.storage.format import DataFormatService
from de_classes.storage.services import StorageDataService
from de_classes.utils.clock import ManualClock
from tests.fakes.runs import BASE, LOGGER, plan
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from de_classes.api.page import Page


def interrupt(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


class InterruptedUpload(LocalClient):
    """Somebody presses it while the object is written."""

    upload_stream = interrupt


class InterruptedReceipt(LocalClient):
    """Somebody presses it while the receipt is."""

    put_object = interrupt


def said(client: LocalClient, on_page: Callable[[Page], None] = lambda _: None) -> str:
    client.create_bucket("lake")
    storage = StorageDataService(client, DataFormatService(), LOGGER)
    api = UnstableAPIClient(
        Endpoint.at(f"{BASE}/data", look_back="none"),
        limits=ClientLimits(concurrency=1),
        runtime=ClientRuntime(transport=FakePagedApi(30), clock=ManualClock()),
    )
    runs = RunService(
        api, ObjectDestination(storage, "lake", keep_receipt=True), runtime=Runtime(on_page=on_page)
    )
    with pytest.raises(KeyboardInterrupt) as caught:
        runs.carry_out(plan(dataset="a.jsonl"))
    return str(caught.value)


def test_an_interrupt_before_the_commit_stored_nothing(tmp_path: Path) -> None:
    assert said(LocalClient(tmp_path, LOGGER), interrupt) == "nothing was stored"
    assert list((tmp_path / "lake").iterdir()) == []


def test_an_interrupt_during_the_commit_says_what_is_not_known(tmp_path: Path) -> None:
    assert said(InterruptedUpload(tmp_path, LOGGER)) == (
        "it was being stored just then: the object is there whole, or as it was before"
    )


def test_an_interrupt_after_the_commit_says_where_the_object_is(tmp_path: Path) -> None:
    uri = (tmp_path / "lake" / "a.jsonl").as_uri()
    told = said(InterruptedReceipt(tmp_path, LOGGER))
    assert told == f"the run was complete before, and is stored at {uri}"
