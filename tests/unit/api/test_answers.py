from __future__ import annotations

import pytest

from de_classes.api.answers import ANSWERS, PageReader
from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination import OnePagePagination
from de_classes.api.runtime import ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import MalformedDataError
from de_classes.utils.clock import ManualClock
from tests.fakes.transports import FakeTransport

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


def test_text_on_either_side_of_an_element_and_attributes_of_one_local_name_are_kept() -> None:
    feed = '<feed xmlns:a="urn:a" xmlns:b="urn:b"><entry a:id="1" b:id="2">x<b>y</b> z </entry></feed>'
    assert xml(feed) == {"entry": [{"@id": ["1", "2"], "b": "y", "#text": "x z"}]}


def test_an_answer_that_is_the_one_record_itself_is_that_record() -> None:
    assert xml("<entry><id>1</id></entry>") == {"entry": [{"id": "1"}]}
    assert xml("<entry><entry><id>1</id></entry></entry>") == {"entry": [{"id": "1"}]}
    assert xml("<entry/>") == {}


def table(text: str, *names: str) -> object:
    return ANSWERS["csv"].parse(text.encode(), PageReader("@", None, None, kind="csv", names=names))


@pytest.mark.parametrize(
    ("text", "names", "said"),
    [
        ("id,name\n1,a\nid,name\n2,b\n", (), "the header again"),
        ("id,name\n1,a\n", ("id", "name"), "the header again"),
        ("name\na\n\nb\n", (), "an empty line in a CSV of one column"),
        ("Rate limit exceeded\n", (), "one line of text, and no rows"),
    ],
)
def test_lines_of_csv_that_may_or_may_not_be_rows_are_not_sound(
    text: str, names: tuple[str, ...], said: str
) -> None:
    with pytest.raises(MalformedDataError, match=said):
        table(text, *names)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("name\na\nname\n\n", ["a", "name"]),
        ('name\n""\nb', ["", "b"]),
        ("name\n", []),
        ("full name\na\n", ["a"]),
        ("", []),
    ],
)
def test_lines_of_csv_that_are_rows_are_kept(text: str, rows: list[str]) -> None:
    found = table(text)
    assert isinstance(found, list)
    assert [value for row in found for value in row.values()] == rows


def lines(*values: str) -> object:
    return ANSWERS["jsonl"].parse("\n".join(values).encode(), PageReader("@", None, None, kind="jsonl"))


@pytest.mark.parametrize(
    "values",
    [('{"id": 1}', '{"error": "timeout"}'), ('{"error": "slow down", "code": 429}',)],
    ids=["behind records", "alone"],
)
def test_json_lines_that_end_with_an_error_are_not_sound(values: tuple[str, ...]) -> None:
    with pytest.raises(MalformedDataError, match="the last line is an error"):
        lines(*values)


@pytest.mark.parametrize(
    "values",
    [
        ('{"id": 1, "error": "a"}', '{"id": 2, "error": "b"}'),
        ('{"id": 1, "error": "a"}',),
        ('{"error": ""}',),
    ],
    ids=["of records", "of one record", "that is empty"],
)
def test_json_lines_with_a_field_of_that_name_are_records(values: tuple[str, ...]) -> None:
    assert len(lines(*values)) == len(values)  # type: ignore[arg-type]


def test_an_xml_answer_with_something_else_than_records_is_told_where_one_page_is_all() -> None:
    endpoint = Endpoint(
        "https://api.example/feed",
        pagination=OnePagePagination(),
        reader=PageReader("entry", None, None, kind="xml", xml_record="entry"),
    )
    transport = FakeTransport(lambda _: HttpResponse(200, {}, b"<feed><Fault>no</Fault></feed>"))
    run = UnstableAPIClient(
        endpoint, runtime=ClientRuntime(transport=transport, clock=ManualClock())
    ).start_pass(10)
    assert [len(page.records) for page in run] == [0]
    assert run.evidence_if_still is not None
    [warning] = run.evidence_if_still.warnings
    assert "the answer has no 'entry', it has Fault: are the records there?" in warning
