from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from de_classes.errors import (
    InvalidInputError,
    MalformedDataError,
    ObjectExistsError,
    StorageUnavailableError,
)
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.datasets import DatasetCommits, manifest_key
from de_classes.storage.datasets.manifest import symlink_key
from de_classes.utils.clock import ManualClock
from tests.fakes.datasets import BUCKET, DATASET, commit, make_manifest
from tests.fakes.fake_s3 import FakeS3, client_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from de_classes.storage.clients.object_store import ObjectInfo

BUSY = client_error("PutObject", "SlowDown", 503)
KEY = manifest_key(DATASET, 1)
PAGES = [[{"id": 1}], [{"id": 2}]]


@pytest.fixture
def s3() -> FakeS3:
    fake = FakeS3()
    fake.create_bucket(Bucket=BUCKET)
    return fake


@pytest.fixture
def client(s3: FakeS3) -> BaseS3Client:
    return BaseS3Client(s3, logging.getLogger("tests.datasets"), clock=ManualClock())


@pytest.fixture
def commits(client: BaseS3Client) -> DatasetCommits:
    return DatasetCommits(client, BUCKET, f"{DATASET}/")


def test_F46_a_commit_whose_answer_was_lost_is_a_commit(
    s3: FakeS3, client: BaseS3Client, commits: DatasetCommits
) -> None:
    manifest = make_manifest(client, PAGES)
    s3.fail("PutObject", BUSY, when="after")
    assert commits.commit(manifest) == manifest
    assert commits.latest() == manifest


def test_F44_a_commit_that_the_store_refused_is_tried_again(
    s3: FakeS3, client: BaseS3Client, commits: DatasetCommits
) -> None:
    manifest = make_manifest(client, PAGES)
    s3.fail("PutObject", BUSY)
    with pytest.raises(StorageUnavailableError):
        commits.commit(manifest)
    assert commits.latest() is None
    assert commits.commit(manifest) == commits.latest()


def test_F42_a_commit_whose_list_failed_is_mended_by_the_next_try(
    s3: FakeS3, client: BaseS3Client, commits: DatasetCommits
) -> None:
    manifest = make_manifest(client, PAGES)
    commits.commit(manifest)
    s3.buckets[BUCKET].pop(symlink_key(DATASET))
    s3.fail("PutObject", BUSY)
    with pytest.raises(StorageUnavailableError):
        commits.commit(manifest)
    assert commits.latest() == manifest
    commits.commit(manifest)
    assert symlink_key(DATASET) in s3.buckets[BUCKET]


def test_a_manifest_that_replaces_nothing_is_refused(client: BaseS3Client, commits: DatasetCommits) -> None:
    with pytest.raises(InvalidInputError, match=r"generation 3 .* the latest is 0"):
        commits.commit(make_manifest(client, PAGES, generation=3))


def test_F43_a_loser_learns_who_won_and_keeps_its_parts(
    client: BaseS3Client, commits: DatasetCommits
) -> None:
    commit(client, PAGES, run_id="first")
    late = make_manifest(client, [[{"id": 9}]], run_id="second")
    with pytest.raises(ObjectExistsError, match="'first'"):
        commits.commit(late)
    assert client.object_exists(BUCKET, f"{DATASET}/{late.parts[0].key}")


def test_a_generation_that_was_removed_is_not_written_again(
    s3: FakeS3, client: BaseS3Client, commits: DatasetCommits
) -> None:
    first = commit(client, PAGES, run_id="first")
    commit(client, PAGES, run_id="second", generation=2)
    s3.buckets[BUCKET].pop(KEY)
    with pytest.raises(ObjectExistsError, match="2 is the commit of run 'second'"):
        commits.commit(first)
    assert commits.generations() == [2]


def test_generations_are_numbers_and_not_text(client: BaseS3Client, commits: DatasetCommits) -> None:
    for key in (manifest_key(DATASET, 99_999_999), manifest_key(DATASET, 100_000_000), f"{KEY}.bak"):
        client.put_object(BUCKET, key, b"")
    assert commits.generations() == [99_999_999, 100_000_000]


def test_what_lies_at_a_manifests_key_and_is_none_is_an_error(
    client: BaseS3Client, commits: DatasetCommits
) -> None:
    client.put_object(BUCKET, KEY, b"{}")
    with pytest.raises(MalformedDataError, match=KEY):
        commits.latest()


class Overtaken(BaseS3Client):
    """A store in which something happens between looking and writing, once."""

    meanwhile: Callable[[], object] | None = None

    def list_objects(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        yield from super().list_objects(bucket, prefix)
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()


@pytest.fixture
def overtaken(s3: FakeS3) -> Overtaken:
    return Overtaken(s3, logging.getLogger("tests.datasets"), clock=ManualClock())


def test_F48_who_is_overtaken_between_looking_and_writing_writes_over_nothing(
    client: BaseS3Client, overtaken: Overtaken
) -> None:
    late = make_manifest(client, [[{"id": 9}]], run_id="second")
    overtaken.meanwhile = lambda: commit(client, PAGES, run_id="first")
    commits = DatasetCommits(overtaken, BUCKET, DATASET)
    with pytest.raises(ObjectExistsError, match="1 is the commit of run 'first'; its parts are untouched"):
        commits.commit(late)
    latest = commits.latest()
    assert latest is not None
    assert latest.run_id == "first"


def test_F43_who_is_overtaken_by_another_runner_of_the_same_run_has_committed(
    client: BaseS3Client, overtaken: Overtaken
) -> None:
    manifest = make_manifest(client, PAGES)
    overtaken.meanwhile = lambda: DatasetCommits(client, BUCKET, DATASET).commit(manifest)
    assert DatasetCommits(overtaken, BUCKET, DATASET).commit(manifest) == manifest


def test_a_commit_that_is_removed_while_it_is_looked_at_is_told_as_such(
    s3: FakeS3, client: BaseS3Client, overtaken: Overtaken
) -> None:
    manifest = commit(client, PAGES)
    overtaken.meanwhile = lambda: s3.buckets[BUCKET].pop(KEY)
    with pytest.raises(ObjectExistsError, match="it was removed"):
        DatasetCommits(overtaken, BUCKET, DATASET).commit(manifest)


def test_a_commit_is_json_and_its_list_is_text(client: BaseS3Client) -> None:
    commit(client, PAGES)
    kinds = [client.head_object(BUCKET, key).content_type for key in (KEY, symlink_key(DATASET))]
    assert kinds == ["application/json", "text/plain; charset=utf-8"]


def test_a_manifest_must_be_of_the_very_next_generation(
    client: BaseS3Client, commits: DatasetCommits
) -> None:
    with pytest.raises(InvalidInputError, match="the latest is 0"):
        commits.commit(make_manifest(client, PAGES, generation=2))
    commits.commit(make_manifest(client, PAGES))
    with pytest.raises(InvalidInputError, match="the latest is 1"):
        commits.commit(make_manifest(client, PAGES, generation=3))


def listed(client: BaseS3Client) -> list[str]:
    return client.get_object(BUCKET, symlink_key(DATASET)).decode().splitlines()


def test_what_is_published_late_is_the_latest_commit(client: BaseS3Client, commits: DatasetCommits) -> None:
    first = commit(client, PAGES, run_id="first")
    second = commit(client, [[{"id": 9}]], run_id="second", generation=2)
    assert commits.publish(first).key == symlink_key(DATASET)
    assert listed(client) == [client.uri(BUCKET, f"{DATASET}/{part.key}") for part in second.parts]


def test_a_commit_that_was_removed_can_still_be_listed(s3: FakeS3, client: BaseS3Client) -> None:
    manifest = commit(client, PAGES)
    s3.buckets[BUCKET].pop(KEY)
    DatasetCommits(client, BUCKET, DATASET).publish(manifest)
    assert listed(client) == [client.uri(BUCKET, f"{DATASET}/{part.key}") for part in manifest.parts]
