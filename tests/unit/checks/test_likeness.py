from __future__ import annotations

from typing import Any

import pytest

from de_classes.checks import likeness

ANSWER = {
    "status": "ok",
    "count": 40,
    "page": {"size": 20, "total_pages": 2, "number": 1, "totalSize": 41},
    "paging": {"next": {"after": "abc", "link": "https://api.example/?after=abc"}, "prev": {"after": "x"}},
    "data": {
        "items": [{"id": 1}, {"id": 2}],
        "included": [{"id": 9}],
        "tags": ["a"],
        "@odata.nextLink": "/x",
    },
    "rows": [[1, 2], [3, 4]],
    "by_name": {"a": {"x": 1}, "b": {"x": 2}},
    "has_more": True,
}


def test_lists_of_objects_come_first_the_longest_first() -> None:
    assert [each.path for each in likeness.record_lists(ANSWER)] == [
        "data.items",
        "data.included",
        "rows",
        "paging",
        "by_name",
    ]
    assert [each.path for each in likeness.record_lists([{"a": 1}])] == ["@"]
    assert likeness.record_lists("text") == []


def test_a_name_with_a_dot_is_quoted_as_a_path_wants_it() -> None:
    from de_classes.utils.paths import find  # noqa: PLC0415 - here alone

    ways = [each.path for each in likeness.ways_on(ANSWER, {})]
    assert 'data."@odata.nextLink"' in ways
    assert find(ANSWER, 'data."@odata.nextLink"') == "/x"


def test_ways_on_are_tokens_and_addresses_and_not_the_way_back() -> None:
    ways = [
        str(each)
        for each in likeness.ways_on(ANSWER, {"link": '<https://x/?p=2>; rel="next"', "x-cursor": "1"})
    ]
    assert ways[0] == 'the Link header (with rel="next")'
    assert {
        "paging.next.after (a text)",
        "paging.next.link (an address)",
        "header x-cursor (a header)",
    } <= set(ways)
    assert not any("prev" in way or "has_more" in way for way in ways)


@pytest.mark.parametrize("value", [None, "", False, True, [], {}, {"start": "x"}])
def test_what_is_empty_leads_nowhere(value: object) -> None:
    assert likeness.ways_on({"meta": {"next": value}}, {}) == [] or isinstance(value, dict)


def test_totals_are_whole_numbers_of_at_least_the_records_that_came() -> None:
    assert [each.path for each in likeness.totals(ANSWER, 20)] == ["page.totalSize", "count"]
    assert [each.path for each in likeness.totals(ANSWER, 41)] == ["page.totalSize"]
    assert [each.path for each in likeness.page_counts(ANSWER)] == ["page.total_pages"]


RECORDS: list[dict[str, Any]] = [
    {
        "id": 1,
        "slug": "a",
        "kind": "x",
        "at": "2026-01-01",
        "price": 1.5,
        "parent": None,
        "updated": 1_700_000_000,
    },
    {
        "id": 2,
        "slug": "b",
        "kind": "x",
        "at": "2026-01-02",
        "price": 2.5,
        "parent": 3,
        "updated": 1_700_000_100,
    },
]


def test_keys_are_never_null_and_never_twice() -> None:
    assert likeness.keys(RECORDS) == ["id"]
    assert likeness.keys([{**record, "id": 1} for record in RECORDS]) == ["slug"]
    assert likeness.keys([]) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-02T03:04:05Z", True),
        ("2026-01-02T03:04:05.000+0000", True),
        ("2026-01-02", True),
        (1_700_000_000, True),
        (1_700_000_000_000, True),
        ("2026", False),
        ("tomorrow", False),
        ("2026-13-45", False),
        (12, False),
        (True, False),
        (None, False),
    ],
)
def test_moments_are_told_from_other_values(value: object, expected: bool) -> None:  # noqa: FBT001 - a case
    assert likeness.is_time(value) is expected


def test_update_times_are_named_so_and_hold_nothing_but_moments() -> None:
    nested = [
        {"fields": {"lastModified": "2026-01-01T00:00:00Z", "updatedBy": "ada", "created": "2026-01-01"}}
    ]
    assert likeness.update_times(RECORDS) == ["updated"]
    assert likeness.update_times(nested) == ["fields.lastModified"]


def test_types_are_those_of_json_null_last() -> None:
    assert likeness.types_of([{"a": None, "b": True}, {"a": 1, "c": []}]) == {
        "a": ("integer", "null"),
        "b": ("boolean",),
        "c": ("list",),
    }


def test_headers_of_limits_are_told_from_others() -> None:
    headers = {"x-ratelimit-remaining": "1", "content-type": "x", "x-left": "3", "sforce-limit-info": "a"}
    assert set(likeness.limit_headers(headers, "X-Left")) == {
        "x-ratelimit-remaining",
        "x-left",
        "sforce-limit-info",
    }
