from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.cli.watched_storage import WatchedStorage
from de_classes.storage.clients import LocalClient
from de_classes.storage.format import DataFormatService

if TYPE_CHECKING:
    from pathlib import Path

LOGGER = logging.getLogger("test")


class InterruptedClient(LocalClient):
    """Somebody presses Ctrl-C while the object is written."""

    def upload_stream(self, *args: Any, **options: Any) -> Any:
        raise KeyboardInterrupt


def outcome(client: LocalClient, *, commit: bool) -> str:
    client.create_bucket("lake")
    with pytest.raises(KeyboardInterrupt) as caught:
        interrupted_run(WatchedStorage(client, DataFormatService(), LOGGER), commit=commit)
    return str(caught.value)


def interrupted_run(storage: WatchedStorage, *, commit: bool) -> None:
    with storage.telling_of_interrupts():
        with storage.open_sink("lake", "a.jsonl") as sink:
            sink.write([{"id": 1}])
            if commit:
                sink.commit()
        raise KeyboardInterrupt


def test_an_interrupt_before_the_commit_stored_nothing(tmp_path: Path) -> None:
    assert outcome(LocalClient(tmp_path, LOGGER), commit=False) == "nothing was stored"
    assert not (tmp_path / "lake" / "a.jsonl").exists()


def test_an_interrupt_during_the_commit_says_what_is_not_known(tmp_path: Path) -> None:
    said = outcome(InterruptedClient(tmp_path, LOGGER), commit=True)
    assert said == "it was being stored just then: the object is there whole, or as it was before"


def test_an_interrupt_after_the_commit_says_where_the_object_is(tmp_path: Path) -> None:
    said = outcome(LocalClient(tmp_path, LOGGER), commit=True)
    assert said == f"the run was complete before, and is stored at {(tmp_path / 'lake' / 'a.jsonl').as_uri()}"
