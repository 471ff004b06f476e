"""What every store promises whose buckets can be managed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from de_classes.errors import BucketNotFoundError, InvalidInputError, StorageError
from tests.fakes.object_stores import BUCKET_VARIANTS, VARIANTS, params

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from de_classes.storage.clients import BucketStore


pytestmark = pytest.mark.xdist_group("object_stores")  # one emulator, so one process


@pytest.fixture(params=params(BUCKET_VARIANTS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BucketStore]:
    with VARIANTS[request.param](tmp_path) as case:
        yield cast("BucketStore", case.store)


def test_a_bucket_is_made_if_it_is_absent(store: BucketStore) -> None:
    store.create_bucket("made-here")
    store.put_object("made-here", "a", b"kept")
    store.create_bucket("made-here")
    assert store.get_object("made-here", "a") == b"kept"
    store.remove_bucket("made-here", force=True)


def test_buckets_are_listed_in_order(store: BucketStore) -> None:
    before = store.list_buckets()
    for name in ("second", "first"):
        store.create_bucket(name)
    assert store.list_buckets() == sorted([*before, "first", "second"])
    for name in ("second", "first"):
        store.remove_bucket(name)
    assert store.list_buckets() == before


def test_a_bucket_with_something_in_it_is_removed_only_by_force(store: BucketStore) -> None:
    store.create_bucket("full")
    store.put_object("full", "a/b", b"")
    with pytest.raises(StorageError, match="not empty"):
        store.remove_bucket("full")
    assert store.object_exists("full", "a/b")
    store.remove_bucket("full", force=True)
    assert "full" not in store.list_buckets()


def test_a_bucket_whose_objects_were_deleted_is_empty(store: BucketStore) -> None:
    store.create_bucket("emptied")
    store.put_object("emptied", "a/b", b"")
    store.delete_object("emptied", "a/b")
    store.remove_bucket("emptied")
    assert "emptied" not in store.list_buckets()


def test_an_absent_bucket_cannot_be_removed(store: BucketStore) -> None:
    with pytest.raises(BucketNotFoundError):
        store.remove_bucket("absent", force=True)


@pytest.mark.parametrize("name", ["", "..", "a/b"])
def test_an_impossible_name_is_a_typed_error(store: BucketStore, name: str) -> None:
    with pytest.raises(InvalidInputError):
        store.create_bucket(name)
    with pytest.raises(InvalidInputError):
        store.remove_bucket(name)
