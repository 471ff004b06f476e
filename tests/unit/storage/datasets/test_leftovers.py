from __future__ import annotations

import logging
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from de_classes.errors import MalformedDataError, ObjectChangedError
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.datasets import (
    DatasetCommits,
    DatasetReader,
    Manifest,
    PartWriter,
    find_leftovers,
    manifest_key,
    remove_leftovers,
)
from de_classes.utils.clock import ManualClock
from tests.fakes.datasets import BUCKET, DATASET, commit, seal
from tests.fakes.fake_s3 import FakeS3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.storage.clients import ObjectInfo
    from de_classes.storage.datasets import WrittenPart

NOW = 1_000_000.0
LIMIT = 10_000.0
OLD, YOUNG = NOW - LIMIT - 1, NOW - LIMIT + 1
PAGES = [[{"id": 1}], [{"id": 2}]]


@pytest.fixture
def s3() -> FakeS3:
    fake = FakeS3()
    fake.create_bucket(Bucket=BUCKET)
    return fake


@pytest.fixture
def client(s3: FakeS3) -> BaseS3Client:
    return BaseS3Client(s3, logging.getLogger("tests.datasets"), clock=ManualClock())


def age(s3: FakeS3, prefix: str, written: float) -> None:
    for key, stored in s3.buckets[BUCKET].items():
        if key.startswith(prefix):
            stored.modified = datetime.fromtimestamp(written, UTC)


def note(client: BaseS3Client, run_id: str, *parts: WrittenPart) -> list[str]:
    """The progress of a run, as far as keys and names go; the keys."""
    folder = f"raw/_runs/{run_id}"
    client.put_object(BUCKET, f"{folder}/plan.json", b"{}")
    for stored in parts:
        body = f'{{"part":{{"key":"{stored.part.key}"}}}}'.encode()
        client.put_object(BUCKET, f"{folder}/part-{stored.part.first_page:08}.json", body)
    return [f"{folder}/part-{each.part.first_page:08}.json" for each in parts] + [f"{folder}/plan.json"]


def leftovers(client: BaseS3Client, *, prefix: str = "raw", superseded: bool = False) -> list[str]:
    found = find_leftovers(client, BUCKET, prefix, older_than=LIMIT, now=NOW, superseded=superseded)
    return [info.key for info in found]


def remove(client: BaseS3Client) -> Iterator[ObjectInfo]:
    return remove_leftovers(client, BUCKET, "raw", older_than=LIMIT, clock=ManualClock(now=NOW))


def keys_of(parts: list[WrittenPart]) -> list[str]:
    return [f"{DATASET}/{stored.part.key}" for stored in parts]


def test_parts_that_no_commit_names_are_left_over_once_they_are_old(s3: FakeS3, client: BaseS3Client) -> None:
    commit(client, PAGES)
    lost = seal(client, [[{"id": 8}], [{"id": 9}]])
    age(s3, "raw", OLD)
    assert leftovers(client) == keys_of(lost)
    age(s3, "raw", YOUNG)
    assert leftovers(client) == []


def test_what_commits_name_is_never_left_over(s3: FakeS3, client: BaseS3Client) -> None:
    commit(client, PAGES)
    with PartWriter(client, BUCKET, DATASET, "jsonl", is_quarantine=True) as writer:
        writer.write([{"id": 3}])
        aside = writer.seal(1, 1, 1)
    kept = seal(client, [[{"id": 4}]])
    assert aside is not None
    DatasetCommits(client, BUCKET, DATASET).commit(
        Manifest.of(
            [kept[0].part],
            run_id="later",
            generation=2,
            format="jsonl",
            schema=kept[0].schema,
            quarantine=[aside.part],
        )
    )
    age(s3, "raw", OLD)
    assert leftovers(client) == []


def test_a_run_with_young_progress_keeps_its_parts_however_old(s3: FakeS3, client: BaseS3Client) -> None:
    parts = seal(client, PAGES)
    lost = seal(client, [[{"id": 9}]])
    journal = note(client, "live", *parts)
    age(s3, "raw", OLD)
    age(s3, journal[1], YOUNG)
    assert leftovers(client) == keys_of(lost)


def test_a_run_that_gave_up_goes_with_its_progress_last_record_first(
    s3: FakeS3, client: BaseS3Client
) -> None:
    parts = seal(client, PAGES)
    first, second, plan = note(client, "lost", *parts)
    age(s3, "raw", OLD)
    assert leftovers(client) == [second, first, plan, *keys_of(parts)]


def test_what_says_that_a_run_was_asked_for_or_cancelled_goes_with_it(
    s3: FakeS3, client: BaseS3Client
) -> None:
    first, second, plan = note(client, "lost", *seal(client, PAGES))
    said = [f"raw/_runs/lost/{name}.json" for name in ("started", "cancelled")]
    queued = "raw/_runs/queued/started.json"
    for key in (*said, queued):
        client.put_object(BUCKET, key, b"{}")
    age(s3, "raw", OLD)
    started, cancelled = said
    assert leftovers(client)[:6] == [second, first, started, plan, cancelled, queued]
    age(s3, cancelled, YOUNG)  # the cancel of a run that may still go on
    assert leftovers(client) == [queued]


def test_the_progress_of_a_committed_run_goes_and_its_parts_stay(s3: FakeS3, client: BaseS3Client) -> None:
    parts = seal(client, PAGES)
    journal = note(client, "run", *parts)
    manifest = commit(client, PAGES)
    age(s3, "raw", OLD)
    assert sorted(leftovers(client)) == sorted(journal)
    assert len(list(remove(client))) == 3
    assert leftovers(client) == []
    assert DatasetReader(client, BUCKET, DATASET).manifest == manifest
    assert len(DatasetReader(client, BUCKET, DATASET).frame()) == 2


def test_parts_that_were_written_again_are_left_over(s3: FakeS3, client: BaseS3Client) -> None:
    narrow = seal(client, [[{"a": 1}]], format="csv")
    commit(client, [[{"a": 1}], [{"a": 2, "late": 3}]], format="csv")
    age(s3, "raw", OLD)
    assert leftovers(client) == keys_of(narrow)


def test_what_only_replaced_commits_name_goes_when_asked_for(s3: FakeS3, client: BaseS3Client) -> None:
    first = commit(client, PAGES)
    commit(client, [PAGES[0], [{"id": 3}]], run_id="later", generation=2)
    age(s3, "raw", OLD)
    assert leftovers(client) == []
    assert leftovers(client, superseded=True) == [f"{DATASET}/{first.parts[1].key}"]
    age(s3, manifest_key(DATASET, 2), YOUNG)
    assert leftovers(client, superseded=True) == []


def test_nothing_else_below_the_prefix_is_touched(s3: FakeS3, client: BaseS3Client) -> None:
    commit(client, PAGES)
    for key in (
        "raw/day/part-00000.csv",
        "raw/day/_receipt-00000001.json",
        "raw/_runs/r/notes.json",
        "raw/x",
    ):
        client.put_object(BUCKET, key, b"{}")
    age(s3, "", OLD)
    assert leftovers(client, prefix="") == []


def test_a_manifest_that_cannot_be_read_makes_nothing_safe_to_delete(
    s3: FakeS3, client: BaseS3Client
) -> None:
    seal(client, PAGES)
    client.put_object(BUCKET, manifest_key(DATASET, 1), b"{}")
    age(s3, "raw", OLD)
    with pytest.raises(MalformedDataError, match="_manifest-00000001"):
        leftovers(client)


def test_F42_deleting_that_stops_in_between_goes_on_later(s3: FakeS3, client: BaseS3Client) -> None:
    note(client, "lost", *seal(client, PAGES))
    age(s3, "raw", OLD)
    assert len(list(islice(remove(client), 2))) == 2
    assert len(list(remove(client))) == 3
    assert list(client.list_objects(BUCKET)) == []


@pytest.mark.parametrize("deletes_regardless", [False, True])
def test_what_was_replaced_since_it_was_found_stays_and_so_does_all_after_it(
    *, deletes_regardless: bool
) -> None:
    s3 = FakeS3(deletes_regardless=deletes_regardless)
    s3.create_bucket(Bucket=BUCKET)
    client = BaseS3Client(s3, logging.getLogger("tests.datasets"), clock=ManualClock())
    note(client, "lost", *seal(client, PAGES))
    age(s3, "raw", OLD)
    found = list(find_leftovers(client, BUCKET, "raw", older_than=LIMIT, now=NOW))
    removing = remove(client)
    assert next(removing) == found[0]
    client.put_object(BUCKET, found[1].key, b"{}")
    with pytest.raises(ObjectChangedError):
        next(removing)
    assert {info.key for info in client.list_objects(BUCKET)} == {info.key for info in found[1:]}
