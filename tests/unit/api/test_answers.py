from __future__ import annotations

import pytest

from de_classes.api.answers import ANSWERS
from de_classes.api.page import PageReader
from de_classes.errors import MalformedDataError

READER = PageReader("entry", None, None, kind="xml", xml_record="entry")


def xml(text: str) -> object:
    return ANSWERS["xml"].parse(text.encode(), READER)


def test_an_element_is_its_children_by_local_names_and_its_attributes() -> None:
    feed = """<f:feed xmlns:f="urn:f" xmlns:a="urn:a"><f:total>2</f:total><f:entry a:kind="x">
      <f:id> 1 </f:id><a:name>Ada</a:name><a:name>Ben</a:name><f:link href="u"/><f:void/>
    </f:entry></f:feed>"""
    entry = {"@kind": "x", "id": "1", "name": ["Ada", "Ben"], "link": {"@href": "u"}, "void": None}
    assert xml(feed) == {"total": "2", "entry": [entry]}


@pytest.mark.parametrize("page", ["<html><body>Log in</body></html>", '<HTML xmlns="urn:x"/>'])
def test_a_page_for_people_is_no_feed_without_entries(page: str) -> None:
    with pytest.raises(MalformedDataError, match="a page for people"):
        xml(page)
