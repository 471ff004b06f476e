from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.api.answers import PageReader, read_total
from de_classes.api.messages import HttpResponse
from de_classes.errors import CorruptResponseError, ProtocolError, UnlikeDescribedError
from tests.fakes.transports import json_response

PAGE = {"page": 2, "total_pages": 7, "total_records": 650, "data": [{"id": 1}, {"id": 2}]}


def test_a_page_is_its_records_its_totals_and_the_answer_as_a_mapping() -> None:
    response = json_response(PAGE)
    page = PageReader().read(response, 2)
    assert (page.number, page.total_pages, page.total_records) == (2, 7, 650)
    assert page.records == page["data"] == [{"id": 1}, {"id": 2}]
    assert dict(page) == PAGE
    assert len(page) == 4
    assert page.size == len(response.body)
    assert page.digest == hashlib.sha256(response.body).hexdigest()


def test_fields_can_have_other_names() -> None:
    reader = PageReader(records_field="items", total_pages_field=None, total_records_field="count")
    page = reader.read(json_response({"items": [], "count": 0, "total_pages": "nonsense"}), 1)
    assert (page.records, page.total_pages, page.total_records) == ([], None, 0)


@pytest.mark.parametrize(
    "body", [b"", b"<html><body>Bad gateway</body></html>", b'{"data": [{"id": 1}', b"\x8b\x1f"]
)
def test_F13_F17_what_is_no_json_is_worth_another_try(body: bytes) -> None:
    with pytest.raises(CorruptResponseError, match="text/html"):
        PageReader().read(HttpResponse(200, {"content-type": "text/html"}, body), 1)


def test_a_list_that_is_null_is_an_empty_one() -> None:
    assert PageReader().read(json_response({"data": None, "total_pages": 1}), 1).records == []


@pytest.mark.parametrize("beside", [{"errors": ["overloaded"]}, {"ok": False}, {"items": [{"id": 1}]}])
def test_F18_a_null_beside_an_error_or_another_list_is_no_empty_list(beside: dict[str, object]) -> None:
    with pytest.raises(CorruptResponseError):
        PageReader().read(json_response({"data": None, "total_pages": 1, **beside}), 1)


@pytest.mark.parametrize("says", [{"success": False}, {"ok": False}, {"error": "late"}, {"errors": ["late"]}])
@pytest.mark.parametrize("leaves_text", [False, True])
def test_F18_an_empty_list_beside_an_error_is_no_empty_page(
    says: dict[str, object], *, leaves_text: bool
) -> None:
    response = json_response({"data": [], "total_pages": 1, **says})
    with pytest.raises(CorruptResponseError, match=r'no records, and says that it is an error: .*"empty"$'):
        PageReader().read(response, 1, leaves_text=leaves_text)


@pytest.mark.parametrize("answer", [{"error": "overloaded"}, {"data": {}}, {}, [], None, 3])
def test_F18_an_answer_without_a_list_of_records_is_never_an_empty_page(answer: object) -> None:
    with pytest.raises(CorruptResponseError):
        PageReader().read(json_response(answer), 1)


def test_a_record_that_a_path_finds_to_be_null_is_refused() -> None:
    reader = PageReader(records_field="edges[].node", total_pages_field=None)
    answer = {"edges": [{"node": {"id": 1}}, {"node": None}]}
    with pytest.raises(CorruptResponseError, match=r"not an object: .*edges\[\?node\]\.node does"):
        reader.read(json_response(answer), 1)


@pytest.mark.parametrize("record", [None, 1, "text", []])
def test_a_record_that_is_no_object_is_refused(record: object) -> None:
    with pytest.raises(CorruptResponseError, match="not an object"):
        PageReader().read(json_response({**PAGE, "data": [{}, record]}), 1)


def test_F20_a_body_nested_too_deeply_is_a_typed_error() -> None:
    body = b'{"data": [' + b'{"a":' * 100_000
    with pytest.raises(CorruptResponseError, match="nested deeper"):
        PageReader().read(HttpResponse(200, {}, body), 1)


@pytest.mark.parametrize(
    "value", [None, "", "many", -1, "-1", 1.5, 1.0, True, [], {}, 2**60, "9" * 5000, "٣"]
)
def test_F24_a_total_that_is_no_count_is_a_typed_error(value: object) -> None:
    with pytest.raises(ProtocolError, match="total_pages"):
        PageReader().read(json_response({**PAGE, "total_pages": value}), 1)


def test_F24_an_absent_number_of_pages_is_a_typed_error() -> None:
    answer = {name: value for name, value in PAGE.items() if name != "total_pages"}
    with pytest.raises(ProtocolError, match="say that there is none"):
        PageReader().read(json_response(answer), 1)


def test_F24_a_number_as_text_is_accepted() -> None:
    assert read_total("12", "total_pages") == 12


def test_an_absent_number_of_records_is_unknown() -> None:
    answer = {name: value for name, value in PAGE.items() if name != "total_records"}
    assert PageReader().read(json_response(answer), 1).total_records is None


@given(
    st.recursive(
        st.none() | st.integers() | st.floats() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_F24_no_value_raises_anything_untyped(value: object) -> None:
    try:
        total = read_total(value, "total_pages")
    except ProtocolError:
        total = None
    assert total is None or (0 <= total == int(value))  # type: ignore[call-overload]  # only numbers get here


def test_a_payload_is_read_exactly() -> None:
    body = json.dumps({**PAGE, "data": [{"n": 9007199254740993, "x": 2.5, "big": 2**70}]}).encode()
    assert PageReader().read(HttpResponse(200, {}, body), 1).records == [
        {"n": 9007199254740993, "x": 2.5, "big": 2**70}
    ]


def test_a_name_that_goes_into_a_field_which_the_record_has_otherwise_is_an_error_that_names_it() -> None:
    reader = PageReader("data", None, None, records_are="values", key_into="id")
    alike = json_response({"data": {"a": {"id": "a", "x": 1}, "b": {"x": 2}}})
    assert reader.read(alike, 1).records == [{"id": "a", "x": 1}, {"id": "b", "x": 2}]
    with pytest.raises(UnlikeDescribedError, match=r"have 'id' of their own.*key_into"):
        reader.read(json_response({"data": {"a": {"id": 7}}}), 1)
