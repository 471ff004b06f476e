"""Transforms as a description says them: what each does, and what is refused before anything is asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.errors import ConfigurationError, InvalidInputError, TransformError
from de_classes.pipelines.described import (
    TRANSFORMS,
    CastStep,
    DescribedTransforms,
    DropDuplicatesStep,
    FilterStep,
    FlattenStep,
    FunctionStep,
    RenameStep,
    SelectStep,
    StepRows,
    plain,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.pipelines.described import TransformDescription

Record = dict[str, Any]

STEPS: dict[str, tuple[TransformDescription, list[Record], list[Record]]] = {
    "select": (SelectStep(columns=("b", "a")), [{"a": 1, "b": 2, "c": 3}], [{"b": 2, "a": 1}]),
    "select null": (SelectStep(columns=("a", "b"), missing="null"), [{"a": 1}], [{"a": 1, "b": None}]),
    "rename": (RenameStep(columns={"a": "b", "b": "a"}), [{"a": 1, "b": 2}], [{"b": 1, "a": 2}]),
    "rename skip": (RenameStep(columns={"x": "y"}, missing="skip"), [{"a": 1}], [{"a": 1}]),
    "cast": (
        CastStep(columns={"a": "float", "b": "int", "c": "str", "d": "bool"}),
        [{"a": "1.5", "b": "2", "c": 3, "d": "true", "e": None}],
        [{"a": 1.5, "b": 2, "c": "3", "d": True, "e": None}],
    ),
    "filter": (
        FilterStep(where="status == 'paid' && total.value > `5`"),
        [
            {"status": "paid", "total": {"value": 6}},
            {"status": "paid", "total": {"value": 5}},
            {"status": "void", "total": {"value": 9}},
        ],
        [{"status": "paid", "total": {"value": 6}}],
    ),
    "filter column": (
        FilterStep(where="is_open"),
        [{"is_open": True}, {"is_open": False}],
        [{"is_open": True}],
    ),
    "flatten": (FlattenStep(separator="."), [{"a": {"b": {"c": 1}}}], [{"a.b.c": 1}]),
    "flatten once": (FlattenStep(max_depth=1), [{"a": {"b": {"c": 1}}}], [{"a_b": {"c": 1}}]),
    "drop_duplicates": (
        DropDuplicatesStep(columns=("a",)),
        [{"a": 1, "b": 1}, {"a": None}, {"a": 1, "b": 2}, {"a": None}, {"a": "1"}],
        [{"a": 1, "b": 1}, {"a": None}, {"a": "1"}],
    ),
    "drop_duplicates whole": (
        DropDuplicatesStep(),
        [{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1}],
        [{"a": 1, "b": 2}, {"a": 1}],
    ),
    "function": (FunctionStep(name="tests.fakes.steps:doubled"), [{"a": 1}], [{"a": 1}, {"a": 1}]),
}


def through(*steps: TransformDescription, records: list[Record], page: int = 1) -> list[Record]:
    with DescribedTransforms(steps) as transforms:
        return transforms.apply(records, page)


@pytest.mark.parametrize("name", STEPS)
def test_each_kind_of_step_does_what_it_says(name: str) -> None:
    step, records, expected = STEPS[name]
    found = through(step, records=records)
    assert [list(record.items()) for record in found] == [list(record.items()) for record in expected]


def test_every_kind_that_is_registered_is_among_them() -> None:
    assert {type(step) for step, _, _ in STEPS.values()} == set(TRANSFORMS)


def test_steps_follow_one_another_and_their_rows_are_counted_until_they_are_asked_for() -> None:
    steps = (
        RenameStep(columns={"id": "n"}),
        FilterStep(where="n > `1`"),
        FunctionStep(name="tests.fakes.steps:doubled"),
    )
    with DescribedTransforms(steps) as transforms:
        assert transforms.apply([{"id": 1}, {"id": 2}], 1) == [{"n": 2}, {"n": 2}]
        assert transforms.apply([{"id": 3}], 2) == [{"n": 3}, {"n": 3}]
        assert transforms.take_rows() == (
            StepRows(3, 3, 0, b""),
            StepRows(3, 2, 0, b""),
            StepRows(2, 4, 0, b""),
        )
        assert transforms.take_rows() == (StepRows(0, 0, 0, b""),) * 3


def test_what_came_before_is_known_on_every_page_and_in_another_process() -> None:
    steps = (DropDuplicatesStep(columns=("id",)),)
    with DescribedTransforms(steps) as first, DescribedTransforms(steps) as second:
        assert first.apply([{"id": 1}, {"id": 2}, {"id": 1}], 1) == [{"id": 1}, {"id": 2}]
        assert first.apply([{"id": 2}, {"id": 3}], 2) == [{"id": 3}]
        (rows,) = first.take_rows()
        assert (rows.rows_in, rows.rows_out, rows.repeats, len(rows.keys)) == (5, 3, 2, 3 * 16)
        (seen,) = second.remembered
        assert seen is not None
        seen.recall(rows.keys)
        assert second.apply([{"id": 1}, {"id": 4}], 3) == [{"id": 4}]


def test_a_step_for_which_nothing_is_left_is_not_asked() -> None:
    steps = (FilterStep(where="a > `5`"), FunctionStep(name="tests.fakes.steps:first"))
    assert through(*steps, records=[{"a": 6}, {"a": 7}]) == [{"a": 6}]
    assert through(*steps, records=[{"a": 1}]) == []
    assert through(*steps, records=[]) == []


def test_a_function_gets_copies_since_the_page_is_still_compared_with_others() -> None:
    records = [{"id": 7, "tags": ["a"]}]
    assert through(FunctionStep(name="tests.fakes.steps:spoiling"), records=records) == [
        {"id": -7, "tags": []}
    ]
    assert records == [{"id": 7, "tags": ["a"]}]


WRONG: dict[str, Callable[[], TransformDescription]] = {
    "columns must name one at least": lambda: SelectStep(columns=()),
    "columns names a twice": lambda: SelectStep(columns=("a", "b", "a")),
    "columns names x twice": lambda: RenameStep(columns={"a": "x", "b": "x"}),
    "columns must name one": lambda: CastStep(columns={}),
    "columns names id twice": lambda: DropDuplicatesStep(columns=("id", "id")),
    "where is no JMESPath": lambda: FilterStep(where="status = 'paid'"),
    "name must be a module's name, a colon": lambda: FunctionStep(name="json.dumps"),
}


@pytest.mark.parametrize("message", WRONG)
def test_a_step_that_cannot_be_right_is_refused_when_it_is_made(message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        WRONG[message]()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tests.fakes.no_such_module:f", "cannot be imported: No module named"),
        ("tests.fakes.steps:no_such_function", "tests.fakes.steps has no such function"),
        ("tests.fakes.steps:NOT_CALLABLE", "tests.fakes.steps has no such function"),
    ],
)
def test_a_function_that_there_is_not_is_known_before_any_record(name: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        DescribedTransforms([FunctionStep(name=name)])


@pytest.mark.parametrize(
    ("step", "good", "bad", "message"),
    [
        (SelectStep(columns=("b",)), {"b": 1}, {"a": 1}, "Select, record 2: there is no column 'b', only a"),
        (
            CastStep(columns={"a": "int"}),
            {"a": 1},
            {"a": "x"},
            "Cast, record 2: column 'a': 'x': ",
        ),
        (FilterStep(where="a > `0`"), {"a": 1}, {"b": 1}, "Filter(a > `0`), record 2: it gives nothing"),
        (FilterStep(where="a > `0`"), {"a": 1}, {"a": "9"}, "Filter(a > `0`), record 2: TypeError: "),
        (
            FilterStep(where="a"),
            {"a": True},
            {"a": "yes"},
            "Filter(a), record 2: it gives a value",
        ),
        (RenameStep(columns={"a": "b"}), {"a": 1}, {"a": 1, "b": 2}, "Rename, record 2: two columns would"),
        (FlattenStep(), {"a": {"b": 1}}, {"a": {"b": 1}, "a_b": 2}, "Flatten, record 2: two columns would"),
        (
            DropDuplicatesStep(columns=("a",)),
            {"a": 1},
            {"b": 1},
            "DropDuplicates, record 2: there is no",
        ),
    ],
)
def test_a_record_that_a_step_cannot_take_is_named_with_its_page_step_and_column(
    step: TransformDescription, good: Record, bad: Record, message: str
) -> None:
    with pytest.raises(TransformError, match="^" + re.escape(f"page 7, transforms[1]: {message}")):
        through(DropDuplicatesStep(), step, records=[good, bad], page=7)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("numbers", "tests.fakes.steps:numbers gave int where a record, a dict, belongs"),
        ("needs_a_name", "tests.fakes.steps:needs_a_name, records 1 to 1: no column 'name'"),
    ],
)
def test_a_function_that_gives_no_records_or_stumbles_is_named(name: str, message: str) -> None:
    with pytest.raises(TransformError, match=message):
        through(FunctionStep(name=f"tests.fakes.steps:{name}"), records=[{"id": 1}])


def test_steps_are_said_in_plain_json_as_a_description_says_them() -> None:
    steps = (SelectStep(columns=("a",)), FlattenStep(), FilterStep(where="a"))
    assert plain(steps) == [
        {"type": "select", "columns": ["a"]},
        {"type": "flatten"},
        {"type": "filter", "where": "a"},
    ]
