from __future__ import annotations

from typing import Any

import pandas as pd  # imported, so that `array_of` has nothing to save here
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.storage.format.arrow_arrays import array_of, from_buffers
from tests.architecture.test_footprint import run_python
from tests.fakes.sources import LIBRARY

PERSON = pa.struct([("name", pa.string()), ("tags", pa.list_(pa.string())), ("none", pa.null())])
TYPES = [
    pa.null(),
    pa.bool_(),
    pa.int64(),
    pa.float64(),
    pa.string(),
    pa.list_(pa.field("element", pa.int64())),
    pa.list_(pa.list_(pa.float64())),
    PERSON,
    pa.list_(PERSON),
]
FLAT = TYPES[:5]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text(st.characters(codec=None)),
    lambda parts: (
        st.lists(parts, max_size=4)
        | st.dictionaries(st.sampled_from(["name", "tags", "none", "other"]), parts)
    ),
    max_leaves=8,
)


def fitting(arrow_type: pa.DataType) -> st.SearchStrategy[Any]:
    """Values of a type, nulls among them."""
    if pa.types.is_list(arrow_type):
        return st.none() | st.lists(fitting(arrow_type.value_type), max_size=4)
    if pa.types.is_struct(arrow_type):
        return st.none() | st.fixed_dictionaries({}, optional={f.name: fitting(f.type) for f in arrow_type})
    return (
        st.none()
        | {
            pa.null(): st.none(),
            pa.bool_(): st.booleans(),
            pa.int64(): st.integers(-(2**63), 2**63 - 1),
            pa.float64(): st.floats() | st.integers(-(2**53), 2**53),
            pa.string(): st.text(),
        }[arrow_type]
    )


def outcome(make: Any, values: list[Any], arrow_type: pa.DataType) -> Any:
    """What comes out: an array's values, exactly, or the error."""
    try:
        array = make(values, arrow_type)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        return type(error), str(error)
    array.validate(full=True)
    return repr(array.to_pylist()), array.null_count, array.type


def built(values: list[Any], arrow_type: pa.DataType) -> pa.Array:
    array = from_buffers(values, arrow_type)
    return pa.array(values, arrow_type) if array is None else array


@pytest.mark.parametrize("arrow_type", TYPES, ids=str)
@given(data=st.data())
def test_plain_values_are_built_as_pyarrow_would(arrow_type: pa.DataType, data: st.DataObject) -> None:
    values = data.draw(st.lists(fitting(arrow_type), max_size=40))
    array, expected = from_buffers(values, arrow_type), pa.array(values, arrow_type)
    assert array is not None
    assert outcome(lambda *_: array, values, arrow_type) == outcome(pa.array, values, arrow_type)
    if arrow_type in FLAT:
        assert array.nbytes == expected.nbytes  # row groups end by size


@pytest.mark.parametrize("arrow_type", TYPES, ids=str)
@given(data=st.data())
def test_whatever_else_comes_is_taken_or_refused_as_pyarrow_does(
    arrow_type: pa.DataType, data: st.DataObject
) -> None:
    values = data.draw(st.lists(fitting(arrow_type) | VALUES, max_size=6))
    assert outcome(built, values, arrow_type) == outcome(pa.array, values, arrow_type)


@pytest.mark.parametrize(
    ("values", "arrow_type"),
    [
        ([2**63], pa.int64()),
        ([True], pa.int64()),
        ([2.0], pa.int64()),
        ([2**53 + 2], pa.float64()),
        ([True], pa.float64()),
        ([1], pa.bool_()),
        ([1], pa.null()),
        (["a\ud800"], pa.string()),
        (["\ud83d", "\ude00"], pa.string()),
        ([b"a"], pa.string()),
        ([("a",)], pa.list_(pa.string())),
        ([["a", 1]], pa.list_(pa.string())),
        ([{"name": 1}], PERSON),
        ([[("name", "a")]], PERSON),
    ],
)
def test_what_is_not_plain_is_left_to_pyarrow(values: list[Any], arrow_type: pa.DataType) -> None:
    assert from_buffers(values, arrow_type) is None
    assert outcome(array_of, values, arrow_type) == outcome(pa.array, values, arrow_type)


def test_an_array_stays_what_it_is() -> None:
    array = pa.array([1, None])
    assert array_of(array, pa.int64()) is array


def test_other_sequences_and_types_go_to_pyarrow() -> None:
    assert array_of(pd.Series([1, 2]), pa.int64()).to_pylist() == [1, 2]
    assert array_of([1, 2], pa.int8()).type == pa.int8()


def test_pandas_is_not_imported_for_plain_values() -> None:
    code = (
        "import sys, pyarrow as pa; from de_classes.storage.format.arrow_arrays import array_of;"
        "array_of(['a', None], pa.string()); assert 'pandas' not in sys.modules"
    )
    done = run_python(code, LIBRARY.parent)
    assert (done.returncode, done.stderr) == (0, "")
