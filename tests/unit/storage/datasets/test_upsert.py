"""Records that make room for others of their key."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.errors import InvalidInputError, MalformedDataError, MissingKeyError
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.datasets.manifest import ManifestPart
from de_classes.storage.datasets.reader import read_parts
from de_classes.storage.datasets.upsert import Upsert, _windows
from de_classes.utils.clock import ManualClock
from de_classes.utils.key_set import HashSet, hash_of_key
from tests.fakes.datasets import BUCKET, DATASET, seal
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.runs import LOGGER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from de_classes.storage.datasets.reconcile import Left
    from de_classes.storage.format.schema import Record

PAGES = [[{"id": n, "text": f"row {n}"} for n in range(first, first + 10)] for first in (0, 10, 20)]


@pytest.fixture
def store() -> BaseS3Client:
    s3 = FakeS3()
    s3.create_bucket(Bucket=BUCKET)
    return BaseS3Client(s3, LOGGER, clock=ManualClock())


@pytest.fixture
def came() -> Iterator[HashSet]:
    with HashSet() as hashes:
        yield hashes


def upsert(store: BaseS3Client, name: str = "jsonl") -> Upsert:
    return Upsert(store, BUCKET, DATASET, name, fields=("id",), run_id="run")


def add(came: HashSet, ids: Iterable[Any]) -> None:
    for each in ids:
        came.add_hash(hash_of_key({"id": each}, ("id",)))


def apply(store: BaseS3Client, came: HashSet, name: str = "jsonl", **options: Any) -> Left:
    written = seal(store, PAGES, format=name)
    schema = written[0].schema
    parts = [each.part for each in written]
    return upsert(store, name).apply(parts, came, before=schema, schema=schema, **options)


def rows(store: BaseS3Client, left: Left, name: str = "jsonl") -> list[Record]:
    parts = [each.part for each in left.parts]
    return [record for batch in read_parts(store, BUCKET, DATASET, name, parts) for record in batch]


@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet", "json"])
def test_only_parts_that_hold_a_key_that_came_are_written_again(
    store: BaseS3Client, came: HashSet, name: str
) -> None:
    add(came, [3, 4, 25, 99])
    left = apply(store, came, name)
    assert [row["id"] for row in rows(store, left, name)] == [n for n in range(30) if n not in {3, 4, 25}]
    assert (left.replaced, left.deleted, left.parts_rewritten) == (3, 0, 2)
    assert left.parts[1].part == seal(store, PAGES, format=name)[1].part
    assert left.bytes_rewritten == left.parts[0].part.size + left.parts[2].part.size
    assert left.parts[0].part.key != left.parts[2].part.key


def test_twice_is_as_once_so_that_a_commit_may_be_tried_again(store: BaseS3Client, came: HashSet) -> None:
    add(came, [3])
    assert apply(store, came) == apply(store, came)


def test_where_the_rest_is_gone_nothing_is_left_and_nothing_is_written(
    store: BaseS3Client, came: HashSet
) -> None:
    add(came, range(25))
    left = apply(store, came, keeps_rest=False)
    assert (left.parts, left.replaced, left.deleted, left.parts_rewritten) == ((), 25, 5, 0)


def test_a_part_that_is_not_what_was_sealed_is_seen(store: BaseS3Client, came: HashSet) -> None:
    (part, *_) = seal(store, PAGES)
    store.put_object(BUCKET, f"{DATASET}/{part.part.key}", b"{}")
    with pytest.raises(MalformedDataError, match="is not what was sealed there"):
        upsert(store).apply([part.part], came, before=part.schema, schema=part.schema)


def test_a_stored_record_without_its_key_is_named(store: BaseS3Client, came: HashSet) -> None:
    (part,) = seal(store, [[{"text": "row"}]])
    with pytest.raises(MissingKeyError, match="'id' is not there"):
        upsert(store).apply([part.part], came, before=part.schema, schema=part.schema)


def test_keys_are_checked_across_parts_and_against_what_came(store: BaseS3Client, came: HashSet) -> None:
    parts = [each.part for each in seal(store, [[{"id": 1}], [{"id": 2}, {"id": 1}]])]
    with pytest.raises(InvalidInputError, match="another record has"):
        upsert(store).check_keys(parts)
    add(came, [1])
    with pytest.raises(InvalidInputError, match="is not stored as the source gives it"):
        upsert(store).check_keys(parts, came)


def test_memory_does_not_grow_with_the_records(store: BaseS3Client, came: HashSet) -> None:
    def peak(records: int) -> int:
        page = [{"id": n, "text": "x" * 50} for n in range(records)]
        written = seal(store, [page])
        del page
        tracemalloc.start()
        upsert(store).check_keys([each.part for each in written])
        upsert(store).apply(
            [each.part for each in written], came, before=written[0].schema, schema=written[0].schema
        )
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    add(came, [5])
    stored_twice = 2 * 70 * 3_600  # the store is in memory, too: the part that is written again
    assert peak(4_000) < peak(400) + stored_twice


def test_small_parts_are_fetched_together_and_a_large_one_alone() -> None:
    def part(number: int, size: int) -> ManifestPart:
        return ManifestPart(
            key=f"part-{number}", pass_=1, first_page=1, last_page=1, records=1, size=size, sha256=""
        )

    sizes = [1] * 10 + [40 * 2**20, 1, 20 * 2**20, 20 * 2**20]
    parts = [part(number, size) for number, size in enumerate(sizes)]
    found = [[each.size for each in window] for window in _windows(parts)]
    assert found == [[1] * 8, [1, 1], [40 * 2**20], [1, 20 * 2**20], [20 * 2**20]]
