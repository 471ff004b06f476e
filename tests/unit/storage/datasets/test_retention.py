"""What is kept of a dataset's commits, and that whatever is kept is whole, wherever cleaning up stops."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.errors import InvalidInputError, ObjectExistsError, ObjectNotFoundError
from de_classes.runs.dataset import buried_commit
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.datasets import (
    DatasetCommits,
    DatasetReader,
    Manifest,
    find_leftovers,
    manifest_key,
    remove_leftovers,
)
from de_classes.storage.datasets.manifest import commit_receipt_key
from de_classes.utils.clock import ManualClock
from tests.fakes.datasets import BUCKET, DATASET, commit, make_manifest, seal
from tests.fakes.fake_s3 import FakeS3, client_error
from tests.fakes.runs import KilledError

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR, DAY = 3600.0, 86_400.0
NOW = 1_795_392_000.0
COUNT = 5


@pytest.fixture
def s3() -> FakeS3:
    fake = FakeS3()
    fake.create_bucket(Bucket=BUCKET)
    return fake


@pytest.fixture
def client(s3: FakeS3) -> BaseS3Client:
    return client_of(s3)


def client_of(s3: Any) -> BaseS3Client:
    return BaseS3Client(s3, logging.getLogger("tests.retention"), clock=ManualClock())


def written(s3: FakeS3, key: str, at: float) -> None:
    s3.buckets[BUCKET][key].modified = datetime.fromtimestamp(at, UTC)


def commit_days(
    s3: FakeS3, count: int = COUNT, *, shares: bool = False, dataset: str = DATASET
) -> list[Manifest]:
    """A commit a day, the last one now, of a part each; with ``shares`` of those before, too."""
    client, made = client_of(s3), []
    before: tuple[Any, ...] = ()
    for number in range(1, count + 1):
        at = NOW - (count - number) * DAY
        known = set(s3.buckets[BUCKET])
        own = seal(client, [[{"id": number}]], dataset=dataset)
        manifest = Manifest.of(
            [part.part for part in own],
            run_id=f"run-{number}",
            generation=number,
            format="jsonl",
            schema=own[0].schema,
            before=before,
        )
        client.put_object(BUCKET, commit_receipt_key(dataset, manifest), b"{}")
        DatasetCommits(client, BUCKET, dataset).commit(manifest)
        if shares:
            before = manifest.parts_of_others("another")
        for key in set(s3.buckets[BUCKET]) - known:
            written(s3, key, at)
        made.append(manifest)
    return made


def found(client: BaseS3Client, *, older_than: float = 0, now: float = NOW, **words: Any) -> list[str]:
    leftovers = find_leftovers(client, BUCKET, "raw", older_than=older_than, now=now, **words)
    return [info.key for info in leftovers]


def gone(client: BaseS3Client, **words: Any) -> list[int]:
    keys = found(client, **words)
    return [n for n in range(1, COUNT + 1) if manifest_key(DATASET, n) in keys]


def remove(client: BaseS3Client, *, now: float = NOW, **words: Any) -> Iterator[Any]:
    clock = ManualClock(now=now)
    return remove_leftovers(client, BUCKET, "raw", **{"older_than": 0, "clock": clock, "grace": 0, **words})


def ids(client: BaseS3Client, generation: int) -> list[int]:
    reader = DatasetReader(client, BUCKET, DATASET, generation=generation)
    return [record["id"] for batch in reader.records() for record in batch]


def test_the_last_commits_are_kept_and_those_before_go_oldest_first(s3: FakeS3, client: BaseS3Client) -> None:
    made = commit_days(s3)
    keys = [
        each
        for manifest in made[:3]
        for each in (manifest_key(DATASET, manifest.generation), commit_receipt_key(DATASET, manifest))
    ]
    parts = sorted(f"{DATASET}/{part.key}" for manifest in made[:3] for part in manifest.parts)
    assert found(client, keep=2, grace=0) == [*keys, *parts]
    assert [info.key for info in remove(client, keep=2)] == [*keys, *parts]
    assert DatasetCommits(client, BUCKET, DATASET).generations() == [4, 5]
    assert [ids(client, n) for n in (4, 5)] == [[4], [5]]
    assert found(client, keep=2, grace=0) == []


def test_parts_that_a_kept_commit_lists_stay(s3: FakeS3, client: BaseS3Client) -> None:
    commit_days(s3, shares=True)
    keys = [info.key for info in remove(client, keep=1)]
    assert len(keys) == 2 * (COUNT - 1)
    assert not any("/part-" in key for key in keys)
    assert ids(client, COUNT) == [1, 2, 3, 4, 5]


def test_without_a_number_every_commit_stays(s3: FakeS3, client: BaseS3Client) -> None:
    commit_days(s3)
    assert found(client) == found(client, superseded=False) == []


@pytest.mark.parametrize("keep", [0, -1])
def test_the_latest_commit_always_stays(s3: FakeS3, client: BaseS3Client, keep: int) -> None:
    commit_days(s3)
    with pytest.raises(InvalidInputError, match="keep 1 or more"):
        found(client, keep=keep)
    assert gone(client, keep=1, grace=0) == [1, 2, 3, 4]
    assert gone(client, keep=COUNT, grace=0) == gone(client, keep=100, grace=0) == []


@pytest.mark.parametrize(
    ("older_than", "grace", "expected"),
    [
        (0, 0, [1, 2, 3]),
        (2.5 * DAY, 0, [1]),  # 2 was replaced two days ago
        (2 * DAY, 0, [1, 2]),
        (0, HOUR, [1, 2]),  # 3 was pushed out of the last two just now
        (0, DAY, [1, 2]),
        (0, 1.5 * DAY, [1]),
        (0, 3 * DAY, []),
    ],
)
def test_a_commit_goes_that_was_replaced_and_pushed_out_long_enough_ago(
    s3: FakeS3, client: BaseS3Client, older_than: float, grace: float, expected: list[int]
) -> None:
    commit_days(s3)
    assert gone(client, keep=2, older_than=older_than, grace=grace) == expected


def test_who_reads_the_latest_manifest_has_a_day_unless_it_is_said_otherwise(
    s3: FakeS3, client: BaseS3Client
) -> None:
    commit_days(s3)
    reader = DatasetReader(client, BUCKET, DATASET)
    commit(client, [[{"id": 6}]], run_id="next", generation=COUNT + 1)
    written(s3, manifest_key(DATASET, COUNT + 1), NOW)
    list(remove_leftovers(client, BUCKET, "raw", older_than=0, clock=ManualClock(now=NOW + DAY - 1), keep=1))
    assert [record["id"] for batch in reader.records() for record in batch] == [COUNT]
    list(remove_leftovers(client, BUCKET, "raw", older_than=0, clock=ManualClock(now=NOW + DAY), keep=1))
    with pytest.raises(ObjectNotFoundError):
        list(reader.records())


def begin(client: BaseS3Client, s3: FakeS3, run_id: str, at: float, dataset: str = DATASET) -> None:
    key = f"raw/_runs/{run_id}/plan.json"
    client.put_object(BUCKET, key, f'{{"dataset": "{dataset}"}}'.encode())
    written(s3, key, at)


def test_nothing_of_a_dataset_goes_while_a_run_is_at_work_there(s3: FakeS3, client: BaseS3Client) -> None:
    commit_days(s3)
    begin(client, s3, "at-work", NOW - HOUR + 1)
    assert found(client, keep=1, grace=0) == []
    begin(client, s3, "at-work", NOW - HOUR + 1, dataset="raw/other")
    assert gone(client, keep=1, grace=0) == [1, 2, 3, 4]


def test_a_run_that_may_be_resumed_finds_what_it_committed(s3: FakeS3, client: BaseS3Client) -> None:
    commit_days(s3)
    begin(client, s3, "run-2", NOW - 3 * DAY)
    assert gone(client, keep=1, grace=0, older_than=2 * DAY) == [1, 2]
    begin(client, s3, "run-2", NOW - 1.5 * DAY)
    assert gone(client, keep=1, grace=0, older_than=2 * DAY) == [1]
    assert gone(client, keep=1, grace=0, older_than=0) == [1, 2, 3, 4]


def test_progress_goes_before_the_commit_of_its_run(s3: FakeS3, client: BaseS3Client) -> None:
    commit_days(s3)
    begin(client, s3, "run-1", NOW - 4 * DAY)
    keys = found(client, keep=4, grace=0)
    assert keys[:2] == ["raw/_runs/run-1/plan.json", manifest_key(DATASET, 1)]


def test_receipts_of_lost_races_and_of_commits_that_are_gone_go_too(s3: FakeS3, client: BaseS3Client) -> None:
    commit_days(s3)
    lost = [
        f"{DATASET}/_receipt-0000000{n}-lost-0a1b2c3d4e5f.{kind}" for n in (1, 5) for kind in ("json", "html")
    ]
    for key in lost:
        client.put_object(BUCKET, key, b"{}")
        written(s3, key, NOW - 2 * DAY)
    s3.buckets[BUCKET].pop(manifest_key(DATASET, 1))
    keys = found(client, keep=4, grace=0)
    assert {*keys} >= {*lost[:2]}
    assert not {*keys} & {*lost[2:]}


def test_of_a_place_each_dataset_keeps_its_own(s3: FakeS3, client: BaseS3Client) -> None:
    commit_days(s3)
    commit_days(s3, dataset="raw/day/below")
    commit_days(s3, 2, dataset="raw/few")
    list(remove(client, keep=3))
    kept = {
        name: DatasetCommits(client, BUCKET, name).generations()
        for name in (DATASET, "raw/day/below", "raw/few")
    }
    assert kept == {DATASET: [3, 4, 5], "raw/day/below": [3, 4, 5], "raw/few": [1, 2]}


@pytest.mark.parametrize("whose", ["", "raw/other"])
def test_progress_beside_a_dataset_is_looked_at_and_stays(
    s3: FakeS3, client: BaseS3Client, whose: str
) -> None:
    commit_days(s3)
    begin(client, s3, "run-1", NOW - 3 * DAY, dataset=whose)
    begin(client, s3, "own", NOW - 3 * DAY)
    words: dict[str, Any] = {"older_than": 0, "now": NOW, "keep": 4, "grace": 0, "runs_in": ["raw/_runs/"]}
    keys = [info.key for info in find_leftovers(client, BUCKET, f"{DATASET}/", **words)]
    assert keys[:2] == ["raw/_runs/own/plan.json", manifest_key(DATASET, 1)]
    assert "raw/_runs/run-1/plan.json" not in keys
    begin(client, s3, "own", NOW)
    assert list(find_leftovers(client, BUCKET, f"{DATASET}/", **words)) == []


class Mortal:
    """S3, asked by a process that is killed at one of its requests, before or after that takes effect."""

    def __init__(self, s3: FakeS3, die_at: float) -> None:
        self._s3 = s3
        self._die_at = die_at
        self.moments = 0.0
        self.meta = s3.meta

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._s3, name)

        def ask(**words: Any) -> Any:
            self._tick()
            answer = asked(**words)
            self._tick()
            return answer

        return ask

    def get_paginator(self, operation: str) -> Mortal:
        del operation
        return self

    def paginate(self, **words: Any) -> Iterator[Any]:
        self._tick()
        yield from self._s3.paginate(**words)

    def _tick(self) -> None:
        self.moments += 1
        if self.moments >= self._die_at:
            raise KilledError


@pytest.mark.parametrize(
    ("shares", "step"),
    [
        (True, 6),
        pytest.param(True, 1, marks=pytest.mark.slow),
        pytest.param(False, 1, marks=pytest.mark.slow),
    ],
)
def test_killed_at_any_request_every_commit_that_is_there_is_whole(*, shares: bool, step: int) -> None:
    moment = 0
    while True:
        moment += step
        s3 = FakeS3()
        s3.create_bucket(Bucket=BUCKET)
        commit_days(s3, shares=shares)
        mortal, client = Mortal(s3, moment), client_of(s3)
        try:
            list(remove(client_of(mortal), keep=2))
        except KilledError:
            was_killed = True
        else:
            was_killed = False
        there = DatasetCommits(client, BUCKET, DATASET).generations()
        assert there == list(range(there[0], COUNT + 1))
        assert {4, 5} <= {*there}
        for generation in there:
            assert ids(client, generation) == (list(range(1, generation + 1)) if shares else [generation])
        list(remove(client, keep=2))
        assert DatasetCommits(client, BUCKET, DATASET).generations() == [4, 5]
        left = [key for key in s3.buckets[BUCKET] if "/part-" in key or "/_receipt-" in key]
        assert len(left) == (COUNT if shares else 2) + 2
        if not was_killed:
            break
    assert moment > 20


class Overtaken(BaseS3Client):
    """A process that stands still between looking and writing, once."""

    meanwhile: Any = None

    def put_object(self, bucket: str, key: str, body: bytes, **options: Any) -> Any:
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()
        return super().put_object(bucket, key, body, **options)


@pytest.mark.parametrize("may_delete", [True, False])
@pytest.mark.parametrize("generation", [1, 3])
def test_who_stood_still_while_its_key_was_taken_and_cleaned_away_has_lost(
    s3: FakeS3, client: BaseS3Client, generation: int, *, may_delete: bool
) -> None:
    commit_days(s3, generation - 1)
    late = make_manifest(client, [[{"id": 99}]], run_id="late", generation=generation)

    def days_later() -> None:
        for number in range(generation, generation + 3):
            commit(client, [[{"id": number}]], run_id=f"other-{number}", generation=number)
            written(s3, manifest_key(DATASET, number), NOW + number * DAY)
        list(remove(client, keep=1, now=NOW + 10 * DAY))
        assert DatasetCommits(client, BUCKET, DATASET).generations() == [generation + 2]
        s3.writes_at = datetime.fromtimestamp(NOW + 11 * DAY, UTC)
        if not may_delete:
            s3.fail("DeleteObject", client_error("DeleteObject", "AccessDenied", 403))

    sleeper = Overtaken(s3, logging.getLogger("tests.retention"), clock=ManualClock())
    sleeper.meanwhile = days_later
    latest = generation + 2
    with pytest.raises(ObjectExistsError, match=f"{latest} is the commit of run 'other"):
        DatasetCommits(sleeper, BUCKET, DATASET).commit(late)
    there = [latest] if may_delete else [generation, latest]
    assert DatasetCommits(client, BUCKET, DATASET).generations() == there
    with pytest.raises(ObjectExistsError, match=f"{latest} is the commit of run 'other"):
        DatasetCommits(client, BUCKET, DATASET).commit(late)
    client.put_object(BUCKET, commit_receipt_key(DATASET, late), b"{}")
    assert buried_commit(client, BUCKET, DATASET, "late") is None
