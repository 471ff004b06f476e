from __future__ import annotations

import json
import resource
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.errors import InvalidInputError, MalformedDataError, MissingKeyError, StorageUnavailableError
from de_classes.utils import strict_json
from de_classes.utils.digests import digest
from de_classes.utils.key_set import HashSet, KeySet, hash_of_key

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
        many.new_among([{"id": value} for value in before])
        records = [{"id": value, "at": at} for at, value in enumerate(now)]
        assert many.new_among(records) == [record for record in records if one.add(record)]
        assert len(one) == len(many)


@given(st.lists(st.lists(st.integers(0, 300), max_size=12), max_size=60), st.integers(1, 9))
def test_hashes_are_known_again_wherever_they_lie(pages: list[list[int]], in_memory: int) -> None:
    seen: set[bytes] = set()
    with HashSet(in_memory=in_memory) as hashes, HashSet(in_memory=in_memory) as recalled:
        for page in pages:
            keys = [digest(number, 16) for number in page]
            expected = [key not in seen and key not in keys[:place] for place, key in enumerate(keys)]
            assert hashes.add_hashes(keys) == expected
            seen.update(keys)
            recalled.recall(hashes.take_fresh())
        asked = [digest(number, 16) for number in range(301)]
        assert hashes.holds(asked) == recalled.holds(asked) == [key in seen for key in asked]
        assert len(hashes) == len(recalled) == len(seen)
        assert not any(recalled.add_hashes(sorted(seen)))


PAGES = st.one_of(
    st.tuples(st.integers(0, 40), st.integers(0, 6)).map(lambda at: [*range(at[0] * 5, at[0] * 5 + at[1])]),
    st.lists(st.integers(0, 300), max_size=4),
    st.lists(FEW_VALUES, max_size=3),
)


@given(pages=st.lists(PAGES, max_size=12), asked=st.lists(PAGES, max_size=4), in_columns=st.booleans())
def test_pages_of_integers_are_told_apart_as_all_others_are(
    pages: list[list[Any]], asked: list[list[Any]], *, in_columns: bool
) -> None:
    seen: set[str] = set()
    kept = []
    with KeySet(["id"]) as key_set, KeySet(["id"]) as resumed:
        for page in pages:
            new = [value for value in page if canonical([value]) not in seen]
            new = [value for place, value in enumerate(new) if is_first(new, place)]
            columns = [page] if in_columns else None
            assert repr([each["id"] for each in key_set.new_among(as_records(page), columns)]) == repr(new)
            seen |= {canonical([value]) for value in new}
            kept.append(key_set.take_fresh())
            resumed.recall(kept[-1])
        assert len(key_set) == len(resumed) == len(seen)
        for page in asked:
            is_known = [canonical([value]) in seen for value in page]
            with KeySet(["id"]) as other, HashSet(in_memory=3) as whole:
                other.new_among(as_records(page))
                fresh = other.take_fresh()
                for each in kept:
                    whole.recall(each)
                assert whole.holds_any(fresh) is any(is_known)
                assert whole.holds([hash_of_key(each, ["id"]) for each in as_records(page)]) == is_known
        everything = [value for page in (*pages, *asked) for value in page]
        for page in asked:
            resumed.new_among(as_records(page))
        assert len(resumed) == len({canonical([value]) for value in everything})


def as_records(values: list[Any]) -> list[dict[str, Any]]:
    return [{"id": value} for value in values]


def is_first(values: list[Any], place: int) -> bool:
    return canonical([values[place]]) not in {canonical([value]) for value in values[:place]}


def test_integers_in_order_are_kept_as_they_are_and_hashed_once_a_page_may_repeat_some() -> None:
    with KeySet(["id"]) as key_set:
        key_set.new_among(as_records([1, 2, 3]))
        key_set.new_among(as_records([9, 5, 7]))
        assert len(key_set.take_fresh()) == 1 + 6 * 8
        assert key_set.take_fresh() == b""
        key_set.new_among(as_records([11]))
        assert key_set.new_among(as_records([2, 10])) == [{"id": 10}]
        assert key_set.take_fresh() == digest([11], 16) + digest([10], 16)


@pytest.mark.parametrize("kept", [b"i1234567", b"j12345678", b"123"])
def test_what_no_set_gave_is_refused(kept: bytes) -> None:
    with HashSet() as hashes:
        with pytest.raises(MalformedDataError, match="no hashes of keys"):
            hashes.recall(kept)
        with pytest.raises(MalformedDataError, match="no hashes of keys"):
            hashes.holds_any(kept)


def test_a_disk_that_is_full_of_integers_is_a_typed_error() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with KeySet(["id"]) as key_set:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
        try:
            with pytest.raises(StorageUnavailableError, match="make room"):
                key_set.new_among(as_records([*range(70_000)]))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_hash_that_is_found_across_two_others_is_none_of_them() -> None:
    one, other = (bytes([7, *[last] * 7, 7, *[last + 1] * 7]) for last in (1, 3))
    across = one[8:] + other[:8]
    marked_alike = bytes(8) + other[:8]  # so that the file is looked into
    with HashSet(in_memory=3) as hashes:
        hashes.add_hashes([one, other, marked_alike])
        assert hashes.add_hashes([across, one, other]) == [True, False, False]


def test_a_disk_that_is_full_is_a_typed_error() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with HashSet(in_memory=100) as hashes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
        try:
            with pytest.raises(StorageUnavailableError, match="make room"):
                hashes.add_hashes([digest(number, 16) for number in range(101)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@given(st.lists(st.tuples(FEW_VALUES, FEW_VALUES), max_size=30))
def test_columns_of_keys_are_as_the_records_they_are_of(keys: list[tuple[Any, Any]]) -> None:
    records = [{"a": a, "b": b} for a, b in keys]
    columns = [[a for a, _ in keys], [b for _, b in keys]]
    with KeySet(["a", "b"]) as by_records, KeySet(["a", "b"]) as by_columns:
        assert by_columns.new_among(records, columns) == by_records.new_among(records)
        assert by_columns.take_fresh() == by_records.take_fresh()


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
@pytest.mark.parametrize("kind", [int, str])
def test_memory_does_not_grow_with_the_keys(kind: type) -> None:
    with KeySet(["id"]) as key_set:
        key_set.new_among([{"id": kind(n)} for n in range(300_000)])
        key_set.take_fresh()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for start in range(300_000, 1_000_000, 10_000):
            key_set.new_among([{"id": kind(n)} for n in range(start, start + 10_000)])
            key_set.take_fresh()
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert len(key_set) == 1_000_000
    assert grown < 12 * 1024
