from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from pandas.testing import assert_frame_equal

from de_classes.errors import MalformedDataError, ObjectNotFoundError
from de_classes.storage.clients import LocalClient
from de_classes.storage.datasets import DatasetReader, manifest_key
from de_classes.storage.format import format_names, get_codec
from de_classes.storage.format.schema import Field, Kind, Schema
from tests.fakes.datasets import BUCKET, DATASET, commit
from tests.fakes.format_samples import EARTHQUAKES, same_records, write

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.storage.datasets import Manifest

PAGES = [[quake] for quake in EARTHQUAKES]


@pytest.fixture
def store(tmp_path: Path) -> LocalClient:
    client = LocalClient(tmp_path / "root", logging.getLogger("tests.datasets"))
    client.create_bucket(BUCKET)
    return client


@pytest.mark.parametrize("name", format_names())
def test_records_and_frame_are_those_of_one_object(store: LocalClient, name: str) -> None:
    commit(store, PAGES, format=name)
    reader = DatasetReader(store, BUCKET, DATASET)
    codec = get_codec(name)
    assert_frame_equal(reader.frame(), codec.load_frame(write(codec, PAGES)))
    assert same_records([record for batch in reader.records() for record in batch], EARTHQUAKES)


@pytest.mark.parametrize("name", format_names())
def test_a_dataset_without_records_reads_as_one_object_without_any(store: LocalClient, name: str) -> None:
    schema = Schema((Field("id", Kind.INT53), Field("name", Kind.STRING)))
    commit(store, [[], []], format=name, schema=schema)
    reader = DatasetReader(store, BUCKET, DATASET)
    codec = get_codec(name)
    assert_frame_equal(reader.frame(), codec.load_frame(write(codec, [], schema=schema)))
    assert list(reader.records()) == []
    assert reader.manifest.columns == {"id": "int64", "name": "string"}
    assert reader.keys == ()


def damage(store: LocalClient, manifest: Manifest, number: int, body: bytes) -> None:
    store.put_object(BUCKET, f"{DATASET}/{manifest.parts[number].key}", body)


def test_a_part_that_was_changed_is_named_and_none_of_its_records_given(store: LocalClient) -> None:
    manifest = commit(store, [[{"id": 1}], [{"id": 2}]])
    damage(store, manifest, 1, b'{"id": 3}\n')
    batches = DatasetReader(store, BUCKET, DATASET).records()
    assert next(batches) == [{"id": 1}]
    with pytest.raises(MalformedDataError, match=manifest.parts[1].key):
        next(batches)


def test_a_part_that_was_cut_or_taken_away_is_an_error_and_no_short_frame(store: LocalClient) -> None:
    manifest = commit(store, [[{"id": 1}], [{"id": 2}]])
    damage(store, manifest, 0, b"")
    with pytest.raises(MalformedDataError, match="0 bytes"):
        DatasetReader(store, BUCKET, DATASET).frame()
    store.delete_object(BUCKET, f"{DATASET}/{manifest.parts[0].key}")
    with pytest.raises(ObjectNotFoundError, match=manifest.parts[0].key):
        DatasetReader(store, BUCKET, DATASET).frame()


def test_a_manifest_is_found_by_prefix_by_key_and_by_generation(store: LocalClient) -> None:
    commit(store, PAGES[:1])
    commit(store, PAGES, generation=2)
    by_key = DatasetReader(store, BUCKET, manifest_key(DATASET, 1))
    assert by_key.manifest == DatasetReader(store, BUCKET, DATASET, generation=1).manifest
    assert by_key.manifest.generation == 1
    assert DatasetReader(store, BUCKET, f"{DATASET}/").manifest.generation == 2
    with pytest.raises(ObjectNotFoundError):
        DatasetReader(store, BUCKET, DATASET, generation=3)


def test_the_keys_are_those_of_the_parts_in_the_order_of_pages(store: LocalClient) -> None:
    commit(store, [[{"id": number}] for number in range(12)])
    reader = DatasetReader(store, BUCKET, DATASET)
    assert [key.split("-")[2] for key in reader.keys] == [f"{page:08}" for page in range(1, 13)]
    assert all(store.object_exists(BUCKET, key) for key in reader.keys)


def test_a_reader_leaves_no_temporary_file(store: LocalClient, tmp_path: Path) -> None:
    spool_dir = tmp_path / "spool"
    spool_dir.mkdir()
    commit(store, PAGES)
    batches = DatasetReader(store, BUCKET, DATASET, spool_dir=spool_dir).records()
    next(iter(batches))
    assert list(spool_dir.iterdir()) == []
