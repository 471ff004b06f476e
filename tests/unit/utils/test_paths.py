from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from de_classes.errors import InvalidInputError
from de_classes.utils.paths import MISSING, find, finder, placed, plain_names, records_finder, standing_there

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER: dict[str, Any] = {"data": {"items": [{"id": 1}], "next": None}, "a-b": {"c_d": 2}, "ok": False}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("@", ANSWER),
        ("data.items", [{"id": 1}]),
        ("data.next", None),
        ("data.none", MISSING),
        ("data.items.id", MISSING),
        ("a-b.c_d", 2),
        ("ok", False),
        ("data.items[0].id", 1),
        ("ok == `false`", True),
        ("data.items[5]", MISSING),
        ("length(ok)", MISSING),
    ],
)
def test_a_path_finds_what_stands_there_or_that_nothing_does(path: str, found: Any) -> None:
    assert find(ANSWER, path) == found or (find(ANSWER, path) is MISSING and found is MISSING)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("edges[].node", [{"id": 1}, None, None]),
        ("edges[*].node", [{"id": 1}, None, None]),
        ("edges[?node].node", [{"id": 1}]),
        ("edges[?at > `1`].node", [None]),
        ("edges[].node.{key: id}", [{"key": 1}, None, None]),
        ("by_name.*", [{"id": 1}, None]),
        ("orders[].lines[]", [{"id": 1}, None, {"id": 2}]),
        ("orders[*]", [{"lines": [{"id": 1}, None]}, {"lines": None}, {}, {"lines": [{"id": 2}]}]),
        ("edges[0:1].node", [{"id": 1}]),
        ("by_name", {"a": {"id": 1}, "b": None}),
        ("values(by_name)", [{"id": 1}, None]),
        ("nothing[].node", MISSING),
        ("nothing.*", MISSING),
        ("edges[?length(at) == `1`].node", MISSING),
    ],
)
def test_a_record_that_is_null_is_not_left_out_of_what_a_path_finds(path: str, found: Any) -> None:
    answer = {
        "edges": [{"node": {"id": 1}, "at": 1}, {"node": None, "at": 2}, {"error": "gone"}],
        "by_name": {"a": {"id": 1}, "b": None},
        "orders": [{"lines": [{"id": 1}, None]}, {"lines": None}, {}, {"lines": [{"id": 2}]}],
    }
    assert records_finder(path)(answer) == found or records_finder(path)(answer) is found


@pytest.mark.parametrize("look_up", [finder, records_finder])
def test_what_is_no_path_is_refused_for_records_too(look_up: Callable[[str], object]) -> None:
    with pytest.raises(InvalidInputError, match="is no path"):
        look_up("a[].b..")


def test_what_is_no_path_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="is no path"):
        find(ANSWER, "a..b[")


def test_names_and_dots_are_told_from_expressions() -> None:
    assert [plain_names(path) for path in ("@", "a", "a.b-c", "a[0]", "a | b", "@.a")] == [
        (),
        ("a",),
        ("a", "b-c"),
        None,
        None,
        None,
    ]


def test_a_value_is_put_at_a_path_and_nothing_is_changed_in_place() -> None:
    before = {"a": {"b": 1}}
    assert placed(before, "a.c", 2) == {"a": {"b": 1, "c": 2}}
    assert placed(before, "x.y.z", [1]) == {"a": {"b": 1}, "x": {"y": {"z": [1]}}}
    assert before == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": [], "b": {"c": 1, "d": 2}, "e": 1}, "a (a list), b {c, d}, e"),
        ({}, "an empty object"),
        ([1], "a list at the top"),
        (None, "nothing"),
        ("x", "a str"),
        ({f"n{i}": 1 for i in range(10)}, "n0, n1, n2, n3, n4, n5, n6, n7 and 2 more"),
    ],
)
def test_what_stands_there_is_said_without_its_values(value: Any, said: str) -> None:
    assert standing_there(value) == said
