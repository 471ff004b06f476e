"""What a dataset promises, over every object store: one commit, whole, and only what it names."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from de_classes.errors import ObjectExistsError, ObjectNotFoundError
from de_classes.storage.datasets import (
    DatasetCommits,
    DatasetReader,
    Lake,
    PartWriter,
    manifest_key,
    remove_leftovers,
)
from de_classes.storage.datasets.manifest import symlink_key
from de_classes.storage.format import DataFormatService
from de_classes.storage.services import StorageDataService
from de_classes.utils.clock import ManualClock
from tests.fakes.datasets import DATASET, commit, make_manifest
from tests.fakes.object_stores import ATOMIC_VARIANTS, LOGGER, VARIANTS, params

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from de_classes.storage.datasets import Manifest
    from de_classes.storage.format.schema import Record
    from tests.fakes.object_stores import StoreCase

pytestmark = pytest.mark.xdist_group("object_stores")  # one emulator, so one process

WRITERS = 50
PAGES: list[list[Record]] = [[{"id": 1, "a": 1}], [{"id": 2, "a": 2.5, "late": "x"}], [], [{"id": 3}]]
ROWS = pd.DataFrame(
    {"id": [1, 2, 3], "a": [1.0, 2.5, None], "late": pd.Series([None, "x", None], dtype="str")}
)


@pytest.fixture(params=params(VARIANTS))
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreCase]:
    with VARIANTS[request.param](tmp_path) as case:
        yield case


@pytest.fixture(params=params(ATOMIC_VARIANTS))
def atomic_case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreCase]:
    with VARIANTS[request.param](tmp_path) as case:
        yield case


def ids(case: StoreCase) -> list[int]:
    reader = DatasetReader(case.store, case.bucket, DATASET)
    return [record["id"] for batch in reader.records() for record in batch]


def manifests(case: StoreCase) -> list[str]:
    listed = case.store.list_objects(case.bucket, f"{DATASET}/_manifest-")
    return [info.key for info in listed]


def test_a_dataset_reads_as_one_object_would(case: StoreCase) -> None:
    commit(case.store, PAGES, format="parquet", bucket=case.bucket)
    service = StorageDataService(case.store, DataFormatService(), LOGGER)
    for key in (f"{DATASET}/", DATASET, manifest_key(DATASET, 1)):
        assert_frame_equal(service.download_df(case.bucket, key), ROWS)


def test_F48_of_50_runs_at_one_dataset_exactly_one_commits(atomic_case: StoreCase) -> None:
    case = atomic_case

    def run(number: int) -> int | None:
        pages = [[{"id": number}], [{"id": number + 1000}]]
        try:
            commit(case.store, pages, run_id=f"run-{number}", bucket=case.bucket)
        except ObjectExistsError:
            return None
        return number

    with ThreadPoolExecutor(WRITERS) as pool:
        (winner,) = [number for number in pool.map(run, range(WRITERS)) if number is not None]
    assert ids(case) == [winner, winner + 1000]
    assert DatasetReader(case.store, case.bucket, DATASET).manifest.run_id == f"run-{winner}"
    assert manifests(case) == [manifest_key(DATASET, 1)]


def test_F43_of_50_runners_of_one_run_all_succeed_with_one_commit(atomic_case: StoreCase) -> None:
    case = atomic_case

    def run(_: int) -> Manifest:
        return commit(case.store, PAGES, bucket=case.bucket)

    with ThreadPoolExecutor(WRITERS) as pool:
        told = list(pool.map(run, range(WRITERS)))
    assert all(manifest == told[0] for manifest in told)
    assert manifests(case) == [manifest_key(DATASET, 1)]
    assert ids(case) == [1, 2, 3]


def test_F42_parts_without_a_manifest_are_invisible(case: StoreCase) -> None:
    make_manifest(case.store, PAGES, bucket=case.bucket)
    assert DatasetCommits(case.store, case.bucket, DATASET).latest() is None
    with pytest.raises(ObjectNotFoundError, match="nothing was committed"):
        DatasetReader(case.store, case.bucket, DATASET)


def test_F42_parts_that_no_manifest_names_are_invisible_beside_those_it_names(case: StoreCase) -> None:
    commit(case.store, PAGES, bucket=case.bucket)
    with PartWriter(case.store, case.bucket, DATASET, "jsonl") as writer:
        writer.write([{"id": 4}])
        assert writer.seal(1, 5, 5) is not None
    assert ids(case) == [1, 2, 3]


def test_F43_a_generation_replaces_the_one_before_which_can_still_be_read(case: StoreCase) -> None:
    commit(case.store, PAGES, bucket=case.bucket)
    before = DatasetReader(case.store, case.bucket, DATASET)
    second = commit(case.store, [[{"id": 9}]], run_id="later", generation=2, bucket=case.bucket)
    assert ids(case) == [9]
    assert len(before.frame()) == 3
    assert len(DatasetReader(case.store, case.bucket, DATASET, generation=1).frame()) == 3
    assert listed_parts(case) == [second.parts[0].key]


def test_a_catalogue_tells_of_each_dataset_below_a_place(case: StoreCase) -> None:
    commit(case.store, PAGES, bucket=case.bucket)
    commit(case.store, [[{"id": 9}]], run_id="later", generation=2, bucket=case.bucket)
    commit(case.store, PAGES, dataset="raw/day/below", format="csv", bucket=case.bucket)
    commit(case.store, PAGES, dataset="other", bucket=case.bucket)
    case.store.put_object(case.bucket, "raw/_runs/run/plan.json", b"{}")
    case.store.put_object(case.bucket, "raw/notes.txt", b"none of ours")
    told = {each.name: each for each in Lake(case.store, case.bucket).datasets()}
    assert [*told] == ["other", "raw/day", "raw/day/below"]
    day = told["raw/day"]
    assert [each.number for each in day.generations] == [1, 2]
    assert (day.status, day.records, day.parts, day.runs, day.format) == (
        "complete",
        1,
        1,
        ("later",),
        "jsonl",
    )
    assert day.uri == case.store.uri(case.bucket, manifest_key(DATASET, 2))
    assert [each.name for each in Lake(case.store, case.bucket, "raw/").datasets()] == [*told][1:]
    assert list(Lake(case.store, case.bucket, "rawer").datasets()) == []


def test_of_its_commits_the_last_are_kept_and_are_whole(case: StoreCase) -> None:
    made = [
        commit(case.store, [[{"id": 1}], [{"id": n}]], run_id=f"run-{n}", generation=n, bucket=case.bucket)
        for n in range(1, 5)
    ]
    later = ManualClock(now=time.time() + 48 * 3600)
    words = {"older_than": 24 * 3600, "clock": later, "keep": 2}
    gone = [info.key for info in remove_leftovers(case.store, case.bucket, "raw", **words)]
    parts = sorted(f"{DATASET}/{made[n].parts[-1].key}" for n in (0, 1))
    assert gone == [manifest_key(DATASET, 1), manifest_key(DATASET, 2), *parts]
    assert DatasetCommits(case.store, case.bucket, DATASET).generations() == [3, 4]
    for generation in (3, 4):
        reader = DatasetReader(case.store, case.bucket, DATASET, generation=generation)
        assert [r["id"] for batch in reader.records() for r in batch] == [1, generation]
    assert list(remove_leftovers(case.store, case.bucket, "raw", **words)) == []


def test_F43_a_generation_is_never_written_over(case: StoreCase) -> None:
    first = commit(case.store, PAGES, bucket=case.bucket)
    commit(case.store, [[{"id": 9}]], run_id="second", generation=2, bucket=case.bucket)
    with pytest.raises(ObjectExistsError, match=r"run 'late' cannot commit generation 1.*run 'second'"):
        commit(case.store, [[{"id": 8}]], run_id="late", bucket=case.bucket)
    assert DatasetCommits(case.store, case.bucket, DATASET).commit(first) == first
    assert ids(case) == [9]


def listed_parts(case: StoreCase) -> list[str]:
    text = case.store.get_object(case.bucket, symlink_key(DATASET)).decode()
    return [line.rpartition("/")[2] for line in text.splitlines()]


def test_the_parts_are_listed_one_address_a_line(case: StoreCase) -> None:
    manifest = commit(case.store, PAGES, bucket=case.bucket)
    lines = case.store.get_object(case.bucket, symlink_key(DATASET)).decode().splitlines()
    assert lines == [case.store.uri(case.bucket, f"{DATASET}/{part.key}") for part in manifest.parts]


def test_F42_a_list_that_a_crash_left_out_is_made_by_the_next_try(case: StoreCase) -> None:
    manifest = commit(case.store, PAGES, bucket=case.bucket)
    case.store.delete_object(case.bucket, symlink_key(DATASET))
    commits = DatasetCommits(case.store, case.bucket, DATASET)
    commits.publish(manifest)
    assert listed_parts(case) == [part.key for part in manifest.parts]
    case.store.delete_object(case.bucket, symlink_key(DATASET))
    commits.commit(manifest)
    assert listed_parts(case) == [part.key for part in manifest.parts]


def test_a_late_list_is_of_the_latest_commit(case: StoreCase) -> None:
    first = commit(case.store, PAGES, bucket=case.bucket)
    second = commit(case.store, [[{"id": 9}]], run_id="later", generation=2, bucket=case.bucket)
    DatasetCommits(case.store, case.bucket, DATASET).publish(first)
    assert listed_parts(case) == [part.key for part in second.parts]
