from __future__ import annotations

import re

from de_classes.html.charts import HEIGHT, WIDTH, stacked_bars, strip
from de_classes.html.elements import document
from tests.fakes.parsed_page import ParsedPage

BOX = re.compile(r"M([\d.-]+) ([\d.-]+)h([\d.]+)v([\d.]+)h-[\d.]+z")


def boxes(page: ParsedPage) -> dict[str | None, list[tuple[float, ...]]]:
    """By class: left, top, width and height of what is drawn."""
    return {
        path["class"]: [tuple(map(float, found)) for found in BOX.findall(str(path["d"]))]
        for path in page.named("path")
    }


def test_a_chart_says_what_it_shows_to_those_who_do_not_see_it() -> None:
    page = ParsedPage(
        document("t", stacked_bars({"good": [1]}, "One <request>."), strip(["good"], "One page."))
    )
    assert page.texts_of("title")[1:] == ["One <request>.", "One page."]
    assert [each["role"] for each in page.named("svg")] == ["img", "img"]


def test_bars_stand_on_each_other_and_the_highest_fills_the_chart() -> None:
    drawn = boxes(ParsedPage(document("t", stacked_bars({"good": [3, 1], "bad": [1, 0]}, "x"))))
    (first, second), (above,) = drawn["good"], drawn["bad"]
    assert (first[1], first[3], above[1], above[3]) == (0.25 * HEIGHT, 0.75 * HEIGHT, 0, 0.25 * HEIGHT)
    assert second[3] == 0.25 * HEIGHT
    assert first[0] < second[0] < WIDTH / 2 + 100


def test_what_is_very_little_is_still_seen() -> None:
    drawn = boxes(ParsedPage(document("t", stacked_bars({"good": [100_000, 0], "bad": [0, 1]}, "x"))))
    assert drawn["bad"][0][3] > 1


def test_nothing_at_all_is_an_empty_chart() -> None:
    assert boxes(ParsedPage(document("t", stacked_bars({"good": []}, "x"), strip([], "x")))) == {}


def test_cells_stand_in_their_order() -> None:
    drawn = boxes(ParsedPage(document("t", strip(["good", "bad", "good", "good"], "x"))))
    assert [round(left / WIDTH * 4) for left, *_ in drawn["good"]] == [0, 2, 3]
    assert [round(left / WIDTH * 4) for left, *_ in drawn["bad"]] == [1]
