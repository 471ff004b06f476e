"""Pages on their way into an object take another road: they come out the same, or not at all."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from de_classes.api.answers import PageReader
from de_classes.api.ledger import RunLedger
from de_classes.api.messages import HttpResponse
from de_classes.api.page import _decoder, split
from de_classes.api.pagination import PageNumberPagination, PageRequest
from de_classes.api.prefetch import PageDecoder
from de_classes.errors import DeClassesError
from de_classes.storage.format.blocks import RecordBlock, SharedDecoder
from de_classes.storage.format.decoders import decoder_of
from de_classes.storage.format.schema import Field, Kind, Schema
from de_classes.utils.page_range import PageRange
from tests.fakes.effort import examples
from tests.fakes.forks import end_well

if TYPE_CHECKING:
    from de_classes.api.page import Page
    from de_classes.errors import CorruptResponseError

THREADS, PROCESSES = 8, examples(100)
CURRENT = SharedDecoder(
    decoder_of(Schema((Field("id", Kind.INT53), Field("x", Kind.FLOAT64), Field("s", Kind.STRING))))
)
TOTALS = b'"total_pages":7,"total_records":650'
RECORDS = b'[{"id":1,"x":2,"s":"a:b"},{"id":2,"x":2.5,"s":null}]'
FIRST, LAST = {"id": 1, "x": 2, "s": "a:b"}, {"id": 2, "x": 2.5, "s": None}


def refused(_request: PageRequest, _page: Page, because: CorruptResponseError) -> Page:
    raise because


def read(body: bytes, current: SharedDecoder | None = None, number: int = 1) -> Page:
    reader = PageReader()
    page = reader.read(HttpResponse(200, {}, body), number, leaves_text=current is not None)
    return (
        page if current is None else PageDecoder(reader, current, refused).decode(page, PageRequest(number))
    )


def outcome(body: bytes, current: SharedDecoder | None) -> object:
    """What a caller can see of a page, or the error."""
    try:
        page = read(body, current)
    except DeClassesError as error:
        return type(error), str(error)
    return list(page.records), dict(page), page.total_pages, page.total_records, page.size, page.digest


def test_records_of_a_known_shape_become_no_dictionaries() -> None:
    body = b'{"data":' + RECORDS + b"," + TOTALS + b"}"
    page = read(body, CURRENT)
    assert isinstance(page.records, RecordBlock)
    assert page.records.columns(CURRENT.decoder) is not None  # type: ignore[arg-type]  # there is one
    assert (page.total_pages, page.total_records, len(page)) == (7, 650, 3)
    assert page["data"] == [FIRST, LAST]
    assert page == read(body)


def test_records_of_another_shape_are_decoded_and_keep_their_text() -> None:
    body = b'{"data":[{"new":1}],' + TOTALS + b"}"
    for current in (CURRENT, SharedDecoder()):
        page = read(body, current)
        assert isinstance(page.records, RecordBlock)
        assert (page.records.text, page.records) == (b'[{"new":1}]', [{"new": 1}])


def test_a_page_that_is_only_handed_on_has_a_list() -> None:
    assert type(read(b'{"data":' + RECORDS + b"," + TOTALS + b"}").records) is list


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":[{"id":1,"id":1}],%s}',
        b'{"data":[{"id":1}],"data":[{"id":1}],%s}',
        b'{"data":[{"id":1}],%s,"data":[{"id":2}]}',
        b'{"data":[{"id":1}],%s,"other":{"a":1,"a":2}}',
        b'{"data":[{"id":1}],%s,"other":NaN}',
        b'{"data":[{"id":1}],%s,"other":"\\ud800"}',
        b'{"data":[{"id":1}],%s,"other":"\xff"}',
        b'{"data":[{"id":1}],%s} and more',
        b'{"data":[{"id":1}],%s',
        b'{"data":[1],%s}',
        b'{"data":{"id":1},%s}',
        b'{"data":null,"error":"late",%s}',
        b'[{"data":[{"id":1}],%s}]',
        b'{"rows":[{"id":1}],%s}',
        b'{"data":[{"id":1}],"total_pages":-1}',
    ],
)
def test_F13_to_F20_what_is_not_sound_is_refused_in_the_same_words(body: bytes) -> None:
    body = body % TOTALS if b"%s" in body else body
    assert outcome(body, CURRENT) == outcome(body, None)
    assert isinstance(outcome(body, CURRENT)[0], type)  # type: ignore[index]  # of an error


@pytest.mark.parametrize(
    "body",
    [
        b'{"note":"[]","data":[],%s}',
        b'{"note":"[{}]","data":[{}],%s}',
        b'{"other":[{"id":1}],"data":[{"id":1}],%s}',
        b'{"other":{"data":[{"id":1}]},"data":[{"id":1}],%s}',
        b'{"other":[[{"id":1}]],"d\\u0061ta":[{"id":1}],%s}',
        b' { "data" : [ { "id" : 1 } ] , %s } ',
        b'{"data":null,%s}',
    ],
)
def test_the_same_text_elsewhere_in_the_answer_is_left_alone(body: bytes) -> None:
    body = body % TOTALS
    assert outcome(body, CURRENT) == outcome(body, None)
    assert isinstance(outcome(body, CURRENT)[0], list)  # type: ignore[index]  # of records


@given(
    place=st.integers(0, 120),
    length=st.integers(0, 12),
    piece=st.binary(max_size=3)
    | st.sampled_from([b'"id":1,', b'"data":[],', b"[]", b"{}", b",", b'"', b"}", b"]", b" :", b"\\u003a"]),
)
@settings(max_examples=examples(400))
def test_a_damaged_answer_comes_out_the_same_by_either_road(place: int, length: int, piece: bytes) -> None:
    whole = b'{"data":' + RECORDS + b"," + TOTALS + b',"note":"[]"}'
    body = whole[:place] + piece + whole[place + length :]
    assert outcome(body, CURRENT) == outcome(body, None)


def test_what_is_written_down_of_a_page_does_not_depend_on_the_road() -> None:
    bodies = [
        b'{"data":' + RECORDS + b"," + TOTALS + b"}",
        b'{"data":[{"s":"a:b","x":2,"id":1},{"x":2}],' + TOTALS + b"}",
        b'{"data":[{"x":2.0},{"id":3}],' + TOTALS + b"}",
        b'{"data":[{"id":3},{"id":3}],' + TOTALS + b"}",
        b'{"data":[{"id":3.0},{"id":4}],' + TOTALS + b"}",
    ]
    entries, tails = [], []
    for current in (None, SharedDecoder(), CURRENT):
        ledger = RunLedger(PageRange(1), limit=2, strategy=PageNumberPagination())
        pages = [read(body, current, number) for number, body in enumerate(bodies, 1)]
        entries.append([ledger.observe(page) for page in pages])
        tails.append(ledger.tail)
    assert entries[0] == entries[1] == entries[2]
    assert tails[0] == tails[1] == tails[2]
    assert [entry.repeats for entry in entries[0]] == [False, True, True, True, True]
    assert [entry.mark is None for entry in entries[0]] == [False, False, False, True, False]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{}", b'{"data":3}', b"\xff", b'{"data":' + b"[" * 100_000]
)
def test_what_has_no_list_of_records_is_not_cut(body: bytes) -> None:
    assert split(body, ("data",)) is None


def test_an_answer_is_cut_where_its_list_stands() -> None:
    body = split(b'{"a":1, "data" : [{"id":1}] ,"b":2}', ("data",))
    assert body is not None
    assert (body.rest, body.records) == ({"a": 1, "data": [], "b": 2}, b'[{"id":1}]')


def cut_at_once_for_the_first_time() -> None:
    """Many threads decode pages before any decoder was made."""
    schema = Schema((Field("id", Kind.INT53),))
    together = threading.Barrier(THREADS)

    def decode() -> None:
        together.wait()
        read(b'{"data":[{"id":1}],' + TOTALS + b"}", SharedDecoder(decoder_of(schema)))

    sys.setswitchinterval(1e-5)
    threads = [threading.Thread(target=decode) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.examples
def test_pages_may_be_decoded_first_by_many_threads_at_once() -> None:
    decoder_of.cache_clear()
    _decoder.cache_clear()
    assert end_well(cut_at_once_for_the_first_time, PROCESSES)
