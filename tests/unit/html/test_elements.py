from __future__ import annotations

import pytest

from de_classes.html.elements import Html, document, element, joined, lines, table, text
from de_classes.redaction import redact
from tests.fakes.parsed_page import ParsedPage

EVIL = "<script>alert(1)</script>"


@pytest.mark.parametrize("foreign", [EVIL, '"><img src=x>', "' onload='x", "&lt;", "</title>"])
def test_text_stays_text_wherever_it_is_put(foreign: str) -> None:
    page = ParsedPage(document(foreign, element("p", foreign, title=foreign), element("pre", lines(foreign))))
    assert page.texts_of("title") == page.texts_of("p") == page.texts_of("pre") == [foreign]
    assert page.named("p") == [{"title": foreign}]
    assert page.named("script") == page.named("img") == []


def test_elements_are_taken_as_they_are() -> None:
    assert element("b", element("i", "a"), "<", 7) == "<b><i>a</i>&lt;7</b>"
    assert joined([Html("<br>"), "<br>"]) == "<br>&lt;br&gt;"


def test_attributes_are_named_as_html_has_them() -> None:
    assert element("td", class_="a", aria_hidden="true", hidden=True, id=None, lang=False) == (
        '<td class="a" aria-hidden="true" hidden></td>'
    )


def test_an_element_that_holds_nothing_is_closed_so_that_it_cannot_hold_its_neighbour() -> None:
    assert element("path", d="M0 0") == '<path d="M0 0"/>'


def test_what_would_turn_text_around_is_spelled_out() -> None:
    assert text("a\u202eb\x1b[31m") == "a\\u202eb\\x1b[31m"


def test_a_registered_secret_is_not_shown() -> None:
    redact("hunter2-of-a-page")
    assert "hunter2" not in element("p", "hunter2-of-a-page", title="hunter2-of-a-page")


def test_text_that_is_very_long_is_cut_and_says_so() -> None:
    assert text("a" * 10_000) == "a" * 600 + " ..."
    assert lines("a" * 10_000) == "a" * 10_000


def test_a_drawing_is_never_cut() -> None:
    assert len(element("path", d="h1" * 5_000)) > 10_000


def test_a_table_has_a_caption_and_says_what_its_heads_are_of() -> None:
    page = ParsedPage(document("t", table("Pages", ["Page", "Times"], [(1, 2)], numbers=(1,))))
    assert page.texts_of("caption") == ["Pages"]
    assert [each["scope"] for each in page.named("th")] == ["col", "col", "row"]
    assert page.named("td") == [{"class": "number"}]


@pytest.mark.parametrize("script", ["", "if (1 < 2) { console.log('&'); }"])
def test_a_page_allows_its_own_style_and_script_and_nothing_from_elsewhere(script: str) -> None:
    page = ParsedPage(document("t", element("p", "x"), script=script))
    assert "default-src 'none'" in page.policy
    assert "unsafe" not in page.policy
    assert page.allows("style")
    assert page.fetched == []
    assert page.named("html") == [{"lang": "en"}]
    assert page.named("script") == ([{}] if script else [])
    assert not script or page.allows("script")
    assert ("connect-src" in page.policy) == bool(script)
