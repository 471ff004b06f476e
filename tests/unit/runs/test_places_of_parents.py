"""A place for each parent: a new one is read from the start, one that is gone has none any more."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import UNSET, structs

from de_classes.errors import MalformedDataError
from de_classes.storage.datasets import remove_leftovers
from de_classes.storage.datasets.places import PlacesOfParents
from de_classes.utils.clock import ManualClock
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.mimics.serving import MimicTransport
from tests.fakes.parents_api import DATASET, TASKS, Lake, Projects, tasks_of
from tests.fakes.runs import BUCKET, KilledError
from tests.invented_days.days import Fuse, MortalS3

if TYPE_CHECKING:
    from de_classes.utils.run_records import KeptPlaces

EVERYTHING = {name: said for name, said in TASKS.items() if name not in {"incremental", "params"}}


def places_of(receipt: Any) -> KeptPlaces:
    assert receipt.incremental is not None
    assert receipt.incremental.places is not UNSET
    return receipt.incremental.places


def test_each_parent_goes_on_from_its_own_place_and_a_new_one_is_read_from_the_start() -> None:
    source = Projects({"a": [("a1", 900), ("a2", 950)], "b": [("b1", 3)]})
    lake = Lake(source)
    first = lake.run("one")
    source.tasks["b"].append(("b2", 4))
    source.tasks["c"] = [("c1", 1), ("c2", 2), ("c3", 3)]  # with numbers far below those of others
    second = lake.run("two")
    assert source.since == {"a": "950", "b": "3", "c": "0"}
    assert lake.rows() == source.truth()
    assert [each.incremental and each.incremental.to for each in (first, second)] == [3, 3]
    assert [structs.astuple(places_of(each))[2:] for each in (first, second)] == [(2, 2, 0), (3, 1, 0)]
    assert second.incremental is not None
    assert second.incremental.from_ == 3


def test_a_parent_without_children_is_asked_for_from_the_start_until_it_has_some() -> None:
    source = Projects({"a": []})
    lake = Lake(source)
    lake.run("one")
    source.tasks["a"] = [("a1", 1)]
    lake.run("two")
    assert source.since == {"a": "0"}
    assert lake.rows() == source.truth()


def test_a_parent_that_is_gone_keeps_its_children_and_is_read_from_the_start_when_it_comes_back() -> None:
    source = Projects({"a": [("a1", 1)], "b": [("b1", 7)]})
    lake = Lake(source)
    lake.run("one")
    gone = source.tasks.pop("b")
    second = lake.run("two")
    assert [row["id"] for row in lake.rows()] == ["a1", "b1"]
    assert (places_of(second).parents, places_of(second).gone) == (1, 1)
    source.tasks["b"] = gone
    lake.run("three")
    assert source.since["b"] == "0"
    assert lake.rows() == source.truth()


def test_a_read_of_everything_that_deletes_a_parents_children_forgets_its_place() -> None:
    source = Projects({"a": [("a1", 1)], "b": [("b1", 7)]})
    lake = Lake(source)
    lake.run("one")
    gone = source.tasks.pop("b")
    lake.run("all", tasks_of(EVERYTHING))
    assert [row["id"] for row in lake.rows()] == ["a1"]
    source.tasks["b"] = gone  # before any run that brings only what is new has seen that it was gone
    lake.run("two")
    assert lake.rows() == source.truth()


def test_a_window_that_is_asked_for_does_not_make_a_parent_known() -> None:
    source = Projects({"a": [("a1", 1), ("a9", 9)]})
    lake = Lake(source)
    receipt = lake.run("one", asked_from="5")
    assert places_of(receipt).parents == 0
    lake.run("two")
    assert lake.rows() == source.truth()


def test_a_dataset_that_was_read_by_one_window_for_all_is_read_from_the_start_once() -> None:
    source = Projects({"a": [("a1", 1)], "b": [("b1", 7)]})
    lake = Lake(source)
    lake.run("one")
    key = f"{DATASET}/_manifest-00000001.json"
    manifest = json.loads(lake.store.get_object(BUCKET, key))
    del manifest["incremental"]["places"]
    lake.store.put_object(BUCKET, key, json.dumps(manifest).encode())
    source.asked.clear()
    lake.run("two")
    assert source.since == {"a": "0", "b": "0"}


def test_a_run_that_goes_on_asks_for_the_same_windows() -> None:
    source = Projects({"a": [("a1", 5)], "b": [("b1", 7)]})
    lake = Lake(source)
    lake.run("one")
    source.tasks["b"].append(("b2", 8))
    fuse = Fuse()
    mortal = Lake(source, s3=MortalS3(lake.raw, fuse))
    fuse.left = 40
    with pytest.raises(KilledError):
        mortal.run("two")
    source.asked.clear()
    lake.run("two")
    assert {"a": "5", "b": "7"}.items() >= source.since.items()
    assert lake.rows() == source.truth()


@pytest.mark.parametrize("damage", ["gone", "other"])
def test_places_that_are_not_what_the_commit_names_are_refused(damage: str) -> None:
    source = Projects({"a": [("a1", 5)]})
    lake = Lake(source)
    key = f"{DATASET}/{places_of(lake.run('one')).key}"
    if damage == "gone":
        lake.store.delete_object(BUCKET, key)
    else:
        lake.store.put_object(BUCKET, key, b'{"version": 1, "places": {}}')
    with pytest.raises(MalformedDataError, match="_places-"):
        lake.run("two")


def test_places_that_no_commit_names_are_left_over() -> None:
    source = Projects({"a": [("a1", 5)]})
    lake = Lake(source)
    named = f"{DATASET}/{places_of(lake.run('one')).key}"
    left = PlacesOfParents(lake.store, BUCKET, DATASET).write({"00": 1}, before={})
    later = ManualClock(now=time.time() + 10**6)
    removed = {info.key for info in remove_leftovers(lake.store, BUCKET, "", older_than=1, clock=later)}
    assert f"{DATASET}/{left.key}" in removed
    assert named not in removed
    lake.run("two")
    assert lake.rows() == source.truth()


def deaths(step: int) -> int:
    """Kill a second run at boundaries that are so far apart, and go on with it; how often it died."""
    died = 0
    for moment in range(1, 10_000, step):
        source = Projects({"a": [("a1", 5), ("a2", 6), ("a3", 7)], "b": [("b1", 2)]})
        s3, fuse = FakeS3(), Fuse()
        s3.create_bucket(Bucket=BUCKET)
        lake = Lake(source, s3=s3)
        lake.run("one")
        old = lake.rows()
        source.tasks["a"] += [("a4", 8), ("a1", 9)]
        source.tasks["a"].remove(("a1", 5))
        source.tasks["c"] = [("c1", 1), ("c2", 1), ("c3", 2)]
        mortal = Lake(source, s3=MortalS3(s3, fuse), transport=MimicTransport(source))  # type: ignore[arg-type]
        fuse.left = moment
        try:
            mortal.run("two")
        except KilledError:
            died += 1
            fuse.left = None
            assert lake.rows() in (old, source.truth())
            lake.run("two")
            assert lake.rows() == source.truth()
            source.asked.clear()
            third = lake.run("three")
            assert source.since == {"a": "9", "b": "2", "c": "2"}
            assert (places_of(third).parents, places_of(third).new) == (3, 0)
        else:
            return died
    raise AssertionError("it has no end")


def test_F42_a_second_run_that_is_killed_at_some_boundaries_moves_no_place_before_its_commit() -> None:
    assert deaths(step=23) >= 3


@pytest.mark.slow
def test_F42_a_second_run_that_is_killed_at_every_boundary_moves_no_place_before_its_commit() -> None:
    assert deaths(step=1) >= 60
