from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from de_classes.errors import InvalidInputError, MalformedDataError
from de_classes.runs.forecast import RunCounts
from de_classes.runs.progress import SealedPart
from de_classes.storage.format.pinned import PinnedSchema
from de_classes.utils.page_range import PageRange
from de_classes.utils.run_records import PageEntry, RunPlace
from tests.fakes.runs import BUCKET, PLAN, journal, plan
from tests.fakes.worker import lake

if TYPE_CHECKING:
    from pathlib import Path

PART = SealedPart(
    sequence=1,
    invocation="a",
    entries=(PageEntry(number=1, records=10, sha256="00", total_pages=3, mark="ff"),),
    gaps=(2,),
    place=RunPlace(number=3, tail=("aa", "bb")),
    counts=RunCounts(requests_by_outcome={"200": 1, "unfinished": -2}, seconds=0.5),
    drift=("pass 1: slid",),
)


def test_a_plan_is_written_once_and_read_back(tmp_path: Path) -> None:
    store = lake(tmp_path)
    assert journal(store).plan() is None
    assert journal(store).begin(PLAN) == PLAN
    assert journal(store).begin(PLAN) == journal(store).plan() == PLAN


def test_every_document_says_in_which_layout_it_is(tmp_path: Path) -> None:
    store = lake(tmp_path)
    journal(store).begin(PLAN)
    journal(store).note_invocation("abc")
    journal(store).seal(PART)
    documents = [json.loads(store.get_object(BUCKET, info.key)) for info in store.list_objects(BUCKET)]
    assert [document["version"] for document in documents] == [1, 1, 1]


def test_a_run_keeps_the_dataset_that_it_was_begun_with(tmp_path: Path) -> None:
    store = lake(tmp_path)
    journal(store).begin(PLAN)
    assert journal(store).begin(plan(dataset="raw/another-day")) == PLAN


def test_another_plan_is_refused_and_every_difference_is_named(tmp_path: Path) -> None:
    store = lake(tmp_path)
    journal(store).begin(PLAN)
    pinned = PinnedSchema.parse({"id": "int64"})
    other = plan(format="csv", limit=5, pages=PageRange(2), key_fields=("id",), pinned=pinned)
    with pytest.raises(InvalidInputError) as caught:
        journal(store).begin(other)
    assert caught.value.problems[:-1] == (
        "format is 'csv', but the run was begun with 'jsonl'",
        "limit is 5, but the run was begun with 10",
        "pages is '2-', but the run was begun with '1-'",
        "key_fields is ('id',), but the run was begun with ()",
        "pinned is {'id': 'int64'}, but the run was begun with None",
    )
    assert "a new run" in caught.value.problems[-1]
    assert journal(store).plan() == PLAN


def test_a_plan_is_written_as_text_and_read_back_as_what_it_means(tmp_path: Path) -> None:
    store = lake(tmp_path)
    asked = plan(
        pages=PageRange(3, 7), pinned=PinnedSchema.parse({"id": "int64!", "at": "struct<lat:float64>"})
    )
    journal(store).begin(asked)
    written = json.loads(store.get_object(BUCKET, journal(store).plan_key))
    assert (written["pages"], written["pinned"]) == ("3-7", {"id": "int64!", "at": "struct<lat: float64>"})
    assert journal(store).plan() == asked


@pytest.mark.parametrize(
    "wrong", [{"pages": "7-3"}, {"pages": [1]}, {"pinned": {"id": "int65"}}, {"pinned": "id"}]
)
def test_a_plan_that_says_what_cannot_be_is_none(tmp_path: Path, wrong: dict[str, object]) -> None:
    store = lake(tmp_path)
    journal(store).begin(PLAN)
    said = {**json.loads(store.get_object(BUCKET, journal(store).plan_key)), **wrong}
    store.put_object(BUCKET, journal(store).plan_key, json.dumps(said).encode())
    with pytest.raises(MalformedDataError, match=r"plan\.json is no RunPlan that this version can read"):
        journal(store).plan()


def test_a_part_is_sealed_by_the_first_who_tries(tmp_path: Path) -> None:
    store = lake(tmp_path)
    other = structs.replace(PART, invocation="b", entries=(*PART.entries, *PART.entries))
    assert journal(store).seal(PART) == PART
    assert journal(store).seal(other) == PART
    assert journal(store).seal(PART) == PART
    assert journal(store).progress().parts == (PART,)


def test_every_run_has_a_journal_of_its_own(tmp_path: Path) -> None:
    store = lake(tmp_path)
    journal(store, "run").seal(PART)
    assert journal(store, "run-2").progress().parts == ()
    assert [info.key for info in store.list_objects(BUCKET)] == ["raw/_runs/run/part-00000001.json"]


def test_what_is_no_part_is_refused_by_its_key(tmp_path: Path) -> None:
    store = lake(tmp_path)
    store.put_object(BUCKET, "raw/_runs/run/part-00000001.json", b'{"sequence": "one"}')
    with pytest.raises(MalformedDataError, match=r"part-00000001\.json is no SealedPart"):
        journal(store).progress()
