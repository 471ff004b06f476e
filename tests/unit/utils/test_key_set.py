from __future__ import annotations

import json
import resource
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.errors import InvalidInputError, MissingKeyError
from de_classes.utils import strict_json
from de_classes.utils.key_set import KeySet, hash_of_key

SCALARS = st.one_of(
    st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=3)
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.text(max_size=2), SCALARS))
FEW_VALUES = st.sampled_from([0, 1, -0.0, 0.0, 1.0, "1", "0", "", True, False, 2**70, [1], ["1"], {"a": 1}])


def canonical(key: list[Any]) -> str:
    return json.dumps(key, sort_keys=True)


@given(st.lists(st.tuples(FEW_VALUES | VALUES, FEW_VALUES | VALUES), max_size=60))
def test_it_agrees_with_a_plain_set(keys: list[tuple[Any, Any]]) -> None:
    seen: set[str] = set()
    with KeySet(["a", "b"]) as key_set:
        for a, b in keys:
            is_new = canonical([a, b]) not in seen
            assert (hash_of_key({"b": b, "a": a}, ["a", "b"]) in key_set) is not is_new
            seen.add(canonical([a, b]))
            assert key_set.add({"a": a, "x": len(seen), "b": b}) is is_new
        assert len(key_set) == len(seen)


@given(st.lists(FEW_VALUES, max_size=20), st.lists(FEW_VALUES, max_size=20))
def test_many_at_once_are_as_one_by_one(before: list[Any], now: list[Any]) -> None:
    with KeySet(["id"]) as one, KeySet(["id"]) as many:
        for value in before:
            one.add({"id": value})
        many.new_among({"id": value} for value in before)
        records = [{"id": value, "at": at} for at, value in enumerate(now)]
        assert many.new_among(records) == [record for record in records if one.add(record)]
        assert len(one) == len(many)


def test_F91_numbers_that_no_float_tells_apart_are_keys_of_their_own() -> None:
    texts = ["0.12345678901234567891", "0.12345678901234567892", "0.123456789012345678910", "1e-1", "0.1"]
    ids = [strict_json.loads(text.encode()) for text in texts]
    assert len(set(ids)) == 2  # as floats
    with KeySet(["id"]) as key_set:
        assert [key_set.add({"id": each}) for each in ids] == [True, True, False, True, False]


def test_records_of_one_key_that_are_not_the_same_are_counted_where_they_are_compared() -> None:
    first = [{"id": 1, "a": 1}, {"id": 2}]
    records = [*first, {"a": 1, "id": 1}, {"id": 1, "a": 2}, {"id": 1, "a": 3}, {"id": 2}]
    for compares, conflicts in ((True, 2), (False, 0)):
        with KeySet(["id"], compares=compares) as key_set:
            assert key_set.new_among(records) == first
            assert key_set.conflicts == conflicts


def test_what_was_recalled_is_not_compared_for_its_record_is_not_known() -> None:
    with KeySet(["id"]) as before, KeySet(["id"], compares=True) as now:
        before.add({"id": 1, "a": 1})
        now.recall(before.take_fresh())
        assert now.new_among([{"id": 1, "a": 2}]) == []
        assert now.conflicts == 0


def test_keys_of_other_types_are_other_keys() -> None:
    with KeySet(["id"]) as key_set:
        assert len(key_set.new_among([{"id": value} for value in (1, "1", 1.0, True, [1])])) == 5


def test_the_order_of_fields_in_a_key_that_is_an_object_does_not_matter() -> None:
    with KeySet(["id"]) as key_set:
        assert key_set.add({"id": {"a": 1, "b": 2}})
        assert not key_set.add({"id": {"b": 2, "a": 1}})


@pytest.mark.parametrize(
    ("record", "what"), [({"a": 1}, "'b' is not there"), ({"a": 1, "b": None}, "'b' is null")]
)
def test_a_record_without_its_key_is_refused_and_the_field_is_named(
    record: dict[str, Any], what: str
) -> None:
    with KeySet(["a", "b"]) as key_set:
        with pytest.raises(MissingKeyError, match=what):
            key_set.new_among([{"a": 1, "b": 1}, record])
        assert len(key_set) == 0


def test_a_value_that_is_empty_or_zero_is_a_key() -> None:
    with KeySet(["id"]) as key_set:
        assert all(key_set.add({"id": value}) for value in ("", 0, False, [], {}))


@pytest.mark.parametrize("fields", [[], ["a", "a"]])
def test_a_key_needs_fields(fields: list[str]) -> None:
    with pytest.raises(InvalidInputError, match="at least one field"):
        KeySet(fields)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_keys() -> None:
    with KeySet(["id"]) as key_set:
        key_set.new_among({"id": n} for n in range(300_000))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for start in range(300_000, 1_000_000, 10_000):
            key_set.new_among([{"id": n} for n in range(start, start + 10_000)])
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert len(key_set) == 1_000_000
    assert grown < 12 * 1024
