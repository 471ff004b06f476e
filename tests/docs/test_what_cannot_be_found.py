"""The table in docs/runs.md of what no run notices: each row happens, and comes out as it says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.provable_api import ProvableApi, Reading, endpoint
from tests.fakes.sources import ROOT
from tests.fakes.transports import json_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.api.messages import HttpRequest
    from tests.fakes.transports import Answer

LETTERS = "ABCDEFGHIJKLM"
TEXT = (ROOT / "docs" / "runs.md").read_text(encoding="utf-8")
SECTION = TEXT.partition("## What cannot be found\n")[2].partition("\n## ")[0]
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in re.findall(r"^\|.*\|$", SECTION, re.MULTILINE)[2:]
]
PAGE = 2
NO_WAY_ON = {"next": None}


def change_places(api: ProvableApi) -> None:
    first, second = api.ids.index(2), api.ids.index(5)
    api.ids[first], api.ids[second] = 5, 2


def delete_h(api: ProvableApi) -> None:
    api.ids.remove(8)


def delete_h_and_add_m(api: ProvableApi) -> None:
    delete_h(api)
    api.ids.append(13)


def changing(
    way: str, ids: Any, changes: dict[int, Callable[[ProvableApi], None]], **more: Any
) -> ProvableApi:
    """An API that changes right before the requests of these numbers."""
    return ProvableApi(way, ids, before=lambda number, api: changes.get(number, lambda _: None)(api), **more)


class CursorByField(ProvableApi):
    """Goes on behind the last record's field, in which B and C are equal; no client knows that."""

    def _answer_to(self, request: HttpRequest) -> Answer:
        after, size = int(request.params.get("cursor", 0)), int(request.params["limit"])
        fields = dict(zip(self.ids, (1, 2, 2, 4), strict=True))
        rest = [each for each in self.ids if fields[each] > after]
        meta = {"next": str(fields[rest[size - 1]])} if len(rest) > size else {}
        return json_response({"items": [{"id": each} for each in rest[:size]], "meta": meta})


class Cached(ProvableApi):
    """Behind a cache that answers for page 1 as it was before A was deleted, however often it is asked."""

    def _answer_to(self, request: HttpRequest) -> Answer:
        self.ids = [1, 2, 3, 4, 5] if self.asked[-1] == ("0", str(PAGE)) else [2, 3, 4, 5]
        return super()._answer_to(request)


def unseen() -> list[tuple[Reading, str]]:
    """What the rows tell of, in their order, and how it is said to have stood still."""
    offset = endpoint("offset")
    never, counted = endpoint("offset", look_back="none"), endpoint("offset", ["total"])
    swaps, leads_nowhere = dict.fromkeys((2, 5, 7), change_places), dict.fromkeys((2, 3, 5), NO_WAY_ON)
    return [
        (Reading(changing("offset", 5, {2: change_places}), never, PAGE), "unknown"),
        (Reading(changing("offset", 12, {5: delete_h}), offset, PAGE), "sampled"),
        (
            Reading(changing("offset", 12, {5: delete_h_and_add_m}, tells=["total"]), counted, PAGE),
            "sampled",
        ),
        (Reading(changing("offset", 5, swaps), offset, PAGE, strict=True), "read twice"),
        (
            Reading(ProvableApi("cursor", 5, spoils=leads_nowhere), endpoint("cursor"), PAGE, strict=True),
            "read twice",
        ),
        (Reading(CursorByField("cursor", 4), endpoint("cursor"), PAGE, strict=True), "read twice"),
        (Reading(Cached("offset", 5), offset, PAGE, strict=True), "read twice"),
    ]


def test_what_is_said_not_to_be_found_is_not() -> None:
    found = unseen()
    assert [" ".join(LETTERS[each - 1] for each in reading.ids) for reading, _ in found] == [
        came for *_, came in ROWS
    ]
    assert [reading.evidence.still.by for reading, _ in found] == [still for _, still in found]
    looks = [(reading.evidence.still.pages, reading.evidence.still.of) for reading, _ in found]
    assert looks[:3] == [(0, 3), (4, 6), (5, 6)]


@pytest.mark.parametrize("look_back", ["some", "all"])
def test_one_look_more_finds_the_first_two_of_them(look_back: Any) -> None:
    swapped = changing("offset", 5, {2: change_places})
    assert "page 1 is not what it was" in str(
        Reading(swapped, endpoint("offset", look_back=look_back), PAGE).error
    )
    deleted = changing("offset", 12, {5: delete_h})
    assert "page 4 is not what it was" in str(Reading(deleted, endpoint("offset"), PAGE, strict=True).error)
    few = changing("offset", 10, {5: delete_h})
    assert "page 4 is not what it was" in str(
        Reading(few, endpoint("offset", look_back=look_back), PAGE).error
    )
