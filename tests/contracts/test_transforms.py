"""What every transform keeps to, the plain function included. A new one is a line in VARIANTS."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from de_classes.pipelines.steps import Transform, as_transform
from de_classes.pipelines.transforms import Cast, DropDuplicates, Filter, Flatten, Rename, Select

VARIANTS = {
    "select": Select("id", "at"),
    "rename": Rename({"id": "key"}),
    "cast": Cast({"id": "str"}),
    "filter": Filter(lambda record: record["id"] % 2),
    "flatten": Flatten(),
    "drop_duplicates": DropDuplicates("id"),
    "function": as_transform(lambda batch: [{**record, "more": 1} for record in batch]),
}


@pytest.fixture(params=VARIANTS, name="transform")
def each_transform(request: pytest.FixtureRequest) -> Transform:
    return VARIANTS[request.param]


def batches(count: int = 5) -> list[list[dict[str, Any]]]:
    return [
        [{"id": 2 * page + place, "at": {"x": 1.5, "y": [page]}, "n": None} for place in range(2)]
        for page in range(count)
    ]


def test_an_empty_run_stays_empty(transform: Transform) -> None:
    assert list(transform.apply(iter([]))) == []


def test_the_records_that_came_in_are_left_as_they_are(transform: Transform) -> None:
    given = batches()
    before = copy.deepcopy(given)
    assert list(transform.apply(given))
    assert given == before


def test_nothing_is_remembered_from_one_run_to_the_next(transform: Transform) -> None:
    first = list(transform.apply(batches()))
    assert first
    assert list(transform.apply(batches())) == first


def test_no_batch_comes_out_empty(transform: Transform) -> None:
    assert all(transform.apply([[{"id": 2, "at": {}}], [], [{"id": 2, "at": {}}]]))


def test_batches_are_drawn_one_at_a_time(transform: Transform) -> None:
    drawn = []

    def source() -> Iterator[list[dict[str, Any]]]:
        for number, batch in enumerate(batches()):
            drawn.append(number)
            yield batch

    results = iter(transform.apply(source()))
    assert next(results)
    assert len(drawn) == 1
