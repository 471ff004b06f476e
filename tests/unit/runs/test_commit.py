"""One commit, whoever carries the run out, and however many at once."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from de_classes.api.messages import HttpResponse
from de_classes.errors import IncompleteRunError, ObjectExistsError
from de_classes.runs.verify import differences
from de_classes.storage.datasets import DatasetCommits
from de_classes.storage.datasets.manifest import Manifest, ManifestPart, commit_receipt_key, symlink_key
from de_classes.storage.format.schema import Schema
from tests.fakes.effort import first_of
from tests.fakes.runs import BUCKET, DATASET, given_again, ids, memory, plan, progress, service
from tests.fakes.transports import FakePagedApi, FakeTransport
from tests.fakes.worker import lake

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.api.messages import HttpRequest
    from de_classes.api.receipt import IngestReceipt
    from de_classes.storage.clients import ObjectStore

ROWS = list(range(195))


def store_of(kind: str, folder: Path) -> ObjectStore:
    return lake(folder) if kind == "local" else memory()


def unsteady(seed: int, rate: float = 0.3) -> FakeTransport:
    """Every runner meets faults of its own, so that each skips other pages."""
    api, chance, lock = FakePagedApi(len(ROWS)), random.Random(seed), threading.Lock()  # noqa: S311 - reproducible, not secret

    def answer(request: HttpRequest) -> HttpResponse:
        with lock:
            fails = chance.random() < rate
        return HttpResponse(503) if fails else api.send(request, timeout=1.0)

    return FakeTransport(answer)


def at_once(
    store: ObjectStore, runners: int, *, seed: int, allow_partial: bool = False
) -> list[IngestReceipt | IncompleteRunError]:
    """The same run by many, who take parts of different sizes and give pages up after two attempts."""
    together = threading.Barrier(runners)

    def run(number: int) -> IngestReceipt | IncompleteRunError:
        runner = service(
            store,
            unsteady(seed * 100 + number),
            part_pages=1 + number % 4,
            width=1 + number % 3,
            attempts=2,
        )
        together.wait()
        try:
            return runner.carry_out(plan(key_fields=("id",)), allow_partial=allow_partial)
        except IncompleteRunError as error:
            return error

    with ThreadPoolExecutor(runners) as pool:
        return list(pool.map(run, range(runners)))


@pytest.mark.parametrize("kind", ["local", "s3"])
@pytest.mark.parametrize("runners", [2, 8])
def test_F43_the_same_run_at_once_ends_in_one_commit(tmp_path: Path, kind: str, runners: int) -> None:
    store = store_of(kind, tmp_path)
    together = threading.Barrier(runners)

    def run(number: int) -> IngestReceipt:
        runner = service(store, FakePagedApi(len(ROWS)), part_pages=1 + number % 4, width=1 + number % 3)
        together.wait()
        return runner.carry_out(plan())

    with ThreadPoolExecutor(runners) as pool:
        receipts = list(pool.map(run, range(runners)))
    assert DatasetCommits(store, BUCKET, DATASET).generations() == [1]
    assert len({receipt.sha256 for receipt in receipts}) == 1
    for receipt in receipts:
        assert ids(store, receipt) == ROWS
        assert list(differences(receipt, store, BUCKET)) == []


@pytest.mark.parametrize("allow_partial", [False, True])
@pytest.mark.parametrize("seed", first_of(range(5)))
def test_F43_runners_who_miss_different_pages_never_count_different_parts(
    seed: int, *, allow_partial: bool
) -> None:
    store = memory()
    ended = at_once(store, 8, seed=seed, allow_partial=allow_partial)
    pages = [entry.number for part in progress(store).parts for entry in part.entries]
    assert len(pages) == len(set(pages))
    for receipt in ended:
        if not isinstance(receipt, IncompleteRunError):
            assert list(differences(receipt, store, BUCKET)) == []
    whole = service(store, FakePagedApi(len(ROWS))).carry_out(plan(key_fields=("id",)))
    assert (whole.status, ids(store, whole)) == ("complete", ROWS)
    assert list(differences(whole, store, BUCKET)) == []
    generations = DatasetCommits(store, BUCKET, DATASET)
    statuses = [generations.read(number).status for number in generations.generations()]
    assert statuses == ["partial"] * (len(statuses) - 1) + ["complete"]


@pytest.mark.parametrize("kind", ["local", "s3"])
def test_F43_of_different_runs_at_one_dataset_exactly_one_commits(tmp_path: Path, kind: str) -> None:
    store, runners = store_of(kind, tmp_path), 8
    together = threading.Barrier(runners)

    def run(number: int) -> IngestReceipt | ObjectExistsError:
        runner = service(store, FakePagedApi(len(ROWS)), part_pages=4)
        together.wait()
        try:
            return runner.carry_out(plan(run_id=f"run-{number}"))
        except ObjectExistsError as error:
            return error

    with ThreadPoolExecutor(runners) as pool:
        ended = list(pool.map(run, range(runners)))
    (winner,) = [each for each in ended if not isinstance(each, ObjectExistsError)]
    assert all(f"run {winner.run_id!r} has committed" in str(each) for each in ended if each is not winner)
    assert ids(store, winner) == ROWS
    assert list(differences(winner, store, BUCKET)) == []
    number = str(winner.run_id).removeprefix("run-")
    again = service(store, FakePagedApi(0)).carry_out(plan(run_id=f"run-{number}"))
    assert again == given_again(winner)


def test_F42_the_list_of_parts_that_a_crash_left_out_is_made_by_the_next_try() -> None:
    store = memory()
    receipt = service(store, FakePagedApi(45)).carry_out(plan())
    listed = store.get_object(BUCKET, symlink_key(DATASET))
    store.delete_object(BUCKET, symlink_key(DATASET))
    assert service(store, FakePagedApi(45)).carry_out(plan()) == given_again(receipt)
    assert store.get_object(BUCKET, symlink_key(DATASET)) == listed


def test_F43_who_commits_something_else_writes_another_receipt() -> None:
    def committed(sha256: str) -> Manifest:
        part = ManifestPart(key="p", pass_=1, first_page=1, last_page=1, records=1, size=9, sha256=sha256)
        return Manifest.of(
            [part], run_id="monday", generation=2, format="jsonl", schema=Schema(), missing_pages=()
        )

    ours, theirs = (
        commit_receipt_key("raw", committed("a" * 64)),
        commit_receipt_key("raw", committed("b" * 64)),
    )
    assert ours == commit_receipt_key("raw", committed("a" * 64))
    assert ours.startswith("raw/_receipt-00000002-monday-")
    assert ours != theirs
