from __future__ import annotations

import json
from typing import Any

import pytest

from de_classes.api.http_transport import HttpClientTransport
from de_classes.api.pagination import PAGINATIONS
from de_classes.api.runtime import ClientRuntime
from tests.fakes.mimics.kit import Request
from tests.fakes.mimics.serving import serving
from tests.invented.examples import KINDS, Example
from tests.invented.runs import Trial, resource_of
from tests.invented.source import HOST, REFUSALS, Event, Habits, InventedSource

BASE = f"https://{HOST}"
PAGES: dict[str, Any] = {
    "path": "/rows",
    "pagination": {"type": "page", "into": "query.page", "more": "more"},
    "records_path": "data",
    "total_path": "total",
    "page_size": {"into": "query.limit"},
}
CURSORS: dict[str, Any] = {
    **PAGES,
    "pagination": {"type": "cursor", "path": "next", "into": "query.cursor", "more": "more"},
}


def asked(source: InventedSource, query: str = "limit=2") -> tuple[int, Any]:
    status, _, body = source.answer(Request("GET", f"/rows?{query}", {}, b"", BASE))
    try:
        return status, json.loads(body)
    except ValueError:
        return status, body


def ids(body: Any) -> list[int]:
    return [row["id"] for row in body["data"]]


def after(*events: Event, habits: Habits | None = None, resource: dict[str, Any] = PAGES) -> list[int]:
    """All ids, once these events have happened."""
    source = InventedSource(resource, habits, count=4, events=events)
    return ids(asked(source, "limit=9")[1])


def test_every_pagination_that_can_be_lived_by_is_one_there_is() -> None:
    assert set(KINDS) <= {str(each.__struct_config__.tag) for each in PAGINATIONS}


@pytest.mark.parametrize(
    ("event", "left"),
    [
        (Event(at=0, what="insert", where=1), [1, 5, 2, 3, 4]),
        (Event(at=0, what="delete", where=1), [1, 3, 4]),
        (Event(at=0, what="update", where=1), [1, 2, 3, 4]),
        (Event(at=0, what="move", where=3), [4, 1, 2, 3]),
        (Event(at=1, what="delete", where=1), [1, 2, 3, 4]),
    ],
)
def test_a_change_happens_before_its_request(event: Event, left: list[int]) -> None:
    assert after(event) == left


def test_a_changed_row_has_another_version_and_moves_where_rows_are_sorted_by_change() -> None:
    source = InventedSource(PAGES, Habits(order="at"), count=3, events=[Event(at=1, what="update")])
    asked(source)
    _, body = asked(source, "limit=9")
    assert [(row["id"], row["version"]) for row in body["data"]] == [(2, 1), (3, 1), (1, 2)]
    assert [state[1]["version"] for state in source.history] == [1, 2]


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (Event(at=1, what="empty"), {"data": [], "more": True}),
        (Event(at=1, what="dead_end"), {"next": None, "more": False}),
        (Event(at=1, what="lost_way"), {"next": None, "more": True}),
        (Event(at=1, what="total"), {"total": 4}),
        (Event(at=1, what="errors"), {"errors": [{"message": "a shard did not answer"}]}),
    ],
)
def test_a_lie_is_told_once(lie: Event, said: dict[str, Any]) -> None:
    source = InventedSource(CURSORS, count=5, events=[lie])
    true = asked(source)[1]
    told = asked(source)[1]
    assert {name: told[name] for name in said} == said
    assert told != true
    assert asked(source)[1] == true


def test_a_short_page_lacks_its_last_rows_and_leads_on_all_the_same() -> None:
    source = InventedSource(CURSORS, count=5, events=[Event(at=0, what="short")])
    short, whole = asked(source)[1], asked(source)[1]
    assert ids(short) == [1]
    assert ids(whole) == [1, 2]
    assert short["next"] == whole["next"]


def test_a_refusal_a_redirect_and_a_cut_answer_are_what_their_names_say() -> None:
    events = [Event(at=0, what="refuse"), Event(at=1, what="redirect"), Event(at=2, what="cut")]
    source = InventedSource(PAGES, count=5, events=events)
    assert asked(source)[0] == REFUSALS[0]
    assert source.answer(Request("GET", "/rows?page=2&limit=2", {}, b"", BASE))[:2] == (
        302,
        {"Location": "/rows?page=2&limit=2"},
    )
    assert isinstance(asked(source)[1], bytes)
    assert ids(asked(source)[1]) == [1, 2]


def test_an_answer_may_be_the_one_before() -> None:
    source = InventedSource(PAGES, count=5, events=[Event(at=1, what="again")])
    first = asked(source)
    assert asked(source, "limit=2&page=2") == first
    assert ids(asked(source, "limit=2&page=2")[1]) == [3, 4]


@pytest.mark.parametrize(
    ("unknown", "status", "came"), [("410", 410, None), ("first", 200, [1, 2]), ("empty", 200, [])]
)
def test_a_forgotten_cursor_leads_where_the_habit_says(
    unknown: str, status: int, came: list[int] | None
) -> None:
    source = InventedSource(CURSORS, Habits(unknown=unknown), count=5, events=[Event(at=1, what="forget")])
    cursor = asked(source)[1]["next"]
    said, body = asked(source, f"limit=2&cursor={cursor}")
    assert said == status
    assert came is None or ids(body) == came


@pytest.mark.parametrize(("token", "came"), [("offset", [4, 5]), ("key", [3, 4]), ("snapshot", [3, 4])])
def test_a_cursor_stands_for_a_place_a_key_or_a_snapshot(token: str, came: list[int]) -> None:
    habits = Habits(token=token, order="id")
    source = InventedSource(CURSORS, habits, count=6, events=[Event(at=1, what="delete")])
    cursor = asked(source)[1]["next"]
    assert ids(asked(source, f"limit=2&cursor={cursor}")[1]) == came


@pytest.mark.parametrize(
    ("habits", "query", "status", "came"),
    [
        (Habits(), "limit=2&page=9", 200, []),
        (Habits(beyond="missing"), "limit=2&page=9", 404, None),
        (Habits(beyond="last"), "limit=2&page=9", 200, [5]),
        (Habits(cap=1), "limit=2&page=2", 200, [2]),
        (Habits(ignores_size=True, own_size=3), "limit=2&page=2", 200, [4, 5]),
        (Habits(window=3), "limit=2&page=2", 200, [3]),
        (Habits(window=3, shut="422"), "limit=2&page=2", 422, None),
    ],
)
def test_a_habit_shows(habits: Habits, query: str, status: int, came: list[int] | None) -> None:
    said, body = asked(InventedSource(PAGES, habits, count=5), query)
    assert said == status
    assert came is None or ids(body) == came


def test_the_same_source_stands_behind_a_server() -> None:
    example = Example(resource=CURSORS, count=5, limit=2)
    trial = Trial(example)
    with serving(trial.source) as address:  # type: ignore[arg-type]
        client = resource_of(example.described()).client(
            base_url=address, runtime=ClientRuntime(transport=HttpClientTransport())
        )
        rows = [row for _, page in client.iterate_all_pages(2) for row in page.records]
    assert [row["id"] for row in rows] == [1, 2, 3, 4, 5]
    assert trial.complaints(rows) == []
