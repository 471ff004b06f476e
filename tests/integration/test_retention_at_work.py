"""Cleaning up beside those who commit and read: at every request of a run, and all at once."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.errors import DeClassesError, InvalidInputError
from de_classes.storage.clients import BaseS3Client, LocalClient
from de_classes.storage.datasets import DatasetCommits, DatasetReader, remove_leftovers
from de_classes.utils.clock import ManualClock, SystemClock
from tests.fakes.datasets import commit
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.runs import BUCKET, DATASET, LOGGER, memory, plan, service
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RECORDS = 25
HOURS = 3600.0
GRACE = 6.0  # seconds that a reader and a commit have, of whom each takes a tenth of one
PATIENCE = 240.0


class Disturbed:
    """S3 in memory, beside which something happens before one request, once."""

    def __init__(self, s3: FakeS3, at: int, happens: Callable[[], object]) -> None:
        self._s3 = s3
        self._at = at
        self._happens = happens
        self.requests = 0
        self.meta = s3.meta

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._s3, name)

        def ask(**words: Any) -> Any:
            self._pass()
            return asked(**words)

        return ask

    def get_paginator(self, operation: str) -> Disturbed:
        del operation
        return self

    def paginate(self, **words: Any) -> Iterator[Any]:
        self._pass()
        yield from self._s3.paginate(**words)

    def _pass(self) -> None:
        self.requests += 1
        if self.requests == self._at:
            self._happens()


def client_of(s3: Any) -> BaseS3Client:
    return BaseS3Client(s3, LOGGER, clock=ManualClock())


def clean_up(client: BaseS3Client, *, paused: float) -> None:
    """All but the latest commit that may go, where a run may pause for an hour more than it does."""
    clock = ManualClock(now=time.time() + paused * HOURS)
    older_than = (paused + 1) * HOURS if paused else 0
    list(remove_leftovers(client, BUCKET, "", older_than=older_than, clock=clock, keep=1, grace=0))


def read(client: BaseS3Client) -> list[int]:
    reader = DatasetReader(client, BUCKET, DATASET)
    return [record["id"] for batch in reader.records() for record in batch]


@pytest.mark.slow
@pytest.mark.parametrize("write", ["append", "upsert", "snapshot"])
@pytest.mark.parametrize(
    "paused",
    [pytest.param(0, id="while it is alive"), pytest.param(2, id="after a pause that is allowed for")],
)
def test_cleaned_at_any_request_a_run_loses_and_doubles_nothing(write: Any, paused: float) -> None:
    """It is carried out, or ends with an error, and another go at it, or another run, takes its place."""
    keys = {"key_fields": ("id",)} if write == "upsert" else {}
    before = list(range(RECORDS))
    expected = before * 2 if write == "append" else before
    at, were_cleaned_away = 0, False
    while True:
        at += 1
        s3 = FakeS3()
        s3.create_bucket(Bucket=BUCKET)
        client = client_of(s3)
        for name in ("first",) if write == "append" else ("first", "second"):
            service(client, FakePagedApi(RECORDS)).carry_out(plan(run_id=name, write=write, **keys))
        for stored in s3.buckets[BUCKET].values():
            stored.modified -= timedelta(hours=9)
        disturbed = Disturbed(s3, at, lambda client=client: clean_up(client, paused=paused))
        for store, name in ((client_of(disturbed), "third"), (client, "third"), (client, "fourth")):
            try:
                service(store, FakePagedApi(RECORDS)).carry_out(plan(run_id=name, write=write, **keys))
            except DeClassesError:
                assert sorted(read(client)) in (sorted(before), sorted(expected))
            if sorted(read(client)) == sorted(expected) and write == "append":
                break
        assert sorted(read(client)) == sorted(expected)
        there = DatasetCommits(client, BUCKET, DATASET).generations()
        assert there == list(range(there[0], there[-1] + 1))
        were_cleaned_away = were_cleaned_away or there[0] > 1
        clean_all(client)
        assert DatasetCommits(client, BUCKET, DATASET).generations() == there[-1:]
        assert sorted(read(client)) == sorted(expected)
        if disturbed.requests < at:
            break
    assert at > 20
    assert were_cleaned_away or write == "append"  # there, one commit was before, which stays the latest


def clean_all(client: BaseS3Client) -> None:
    """Whatever may go, long after everybody has gone home."""
    later = ManualClock(now=time.time() + 99 * HOURS)
    list(remove_leftovers(client, BUCKET, "", older_than=0, clock=later, keep=1))


def test_a_run_whose_commit_was_cleaned_away_is_not_appended_again() -> None:
    client = memory()
    for name in ("first", "second"):
        service(client, FakePagedApi(RECORDS)).carry_out(plan(run_id=name, write="append"))
    clean_all(client)
    with pytest.raises(
        InvalidInputError, match="'first' has committed to raw/day, and that commit was cleaned"
    ):
        service(client, FakePagedApi(RECORDS)).carry_out(plan(run_id="first", write="append"))
    assert read(client) == [*range(RECORDS), *range(RECORDS)]
    assert (
        service(client, FakePagedApi(RECORDS)).carry_out(plan(run_id="second", write="append")).records
        == RECORDS
    )
    assert read(client) == [*range(RECORDS), *range(RECORDS)]


class Crowd:
    """Who commits, reads and cleans one dataset in a directory, for some seconds.

    Attributes:
        wrong: What somebody read, or was told, that may not be.
        commits: How many there were.
        reads: How many came to their end.
        retired: How many commits were cleaned away.
    """

    def __init__(self, store: LocalClient) -> None:
        self.store = store
        self.wrong: list[object] = []
        self.commits = self.reads = self.retired = 0

    def commit(self) -> None:
        number = self.commits + 1
        pages: list[list[Any]] = [[{"id": number}], [{"id": number}]]
        commit(self.store, pages, run_id=f"run-{number}", generation=number, bucket=BUCKET)
        self.commits = number

    def read(self) -> None:
        if not self.commits:
            return
        began = time.monotonic()
        try:
            reader = DatasetReader(self.store, BUCKET, DATASET)
            time.sleep(0.1)  # while others commit, and clean
            found = [record["id"] for batch in reader.records() for record in batch]
        except DeClassesError:
            if time.monotonic() - began < GRACE:  # who takes longer has been promised nothing
                raise
            return
        if found != [reader.manifest.generation] * 2:
            self.wrong.append(found)
        self.reads += 1

    def clean(self) -> None:
        removed = remove_leftovers(
            self.store, BUCKET, "raw/", older_than=GRACE, grace=GRACE, keep=2, clock=SystemClock()
        )
        self.retired += sum("/_manifest-" in info.key for info in removed)
        time.sleep(0.05)

    def work(self, *, reads: int, retired: int) -> None:
        """Until there were so many, or somebody found something wrong."""
        until = time.monotonic() + PATIENCE

        def is_enough() -> bool:
            return bool(self.wrong) or (self.reads > reads and self.retired > retired)

        def again_and_again(work: Callable[[], None]) -> None:
            try:
                while not is_enough() and time.monotonic() < until:
                    work()
            except BaseException as error:  # noqa: BLE001 - told to who waits
                self.wrong.append(error)

        works = (self.commit, self.read, self.read, self.clean)
        threads = [threading.Thread(target=again_and_again, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@pytest.mark.slow
def test_reading_committing_and_cleaning_at_once_everybody_reads_whole_commits(tmp_path: Path) -> None:
    store = LocalClient(tmp_path, LOGGER)
    store.create_bucket(BUCKET)
    crowd = Crowd(store)
    crowd.work(reads=10, retired=20)
    assert crowd.wrong == []
    assert crowd.reads > 10
    assert crowd.retired > 20
    there = DatasetCommits(store, BUCKET, DATASET).generations()
    assert there == list(range(crowd.retired + 1, crowd.commits + 1))
    for generation in there:
        assert len(DatasetReader(store, BUCKET, DATASET, generation=generation).frame()) == 2
