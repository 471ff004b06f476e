"""Faults that were found since F56, as they go over the wire: ends that mislead, and HTTP as it is."""

from __future__ import annotations

import codecs
import gzip
import itertools
import json
import re
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.fault_clients import client

if TYPE_CHECKING:
    from tests.fakes.fault_clients import Client

TOTALS = {"total_pages", "total_records"}


def ids(page: dict[str, Any]) -> list[int]:
    return [record["id"] for record in page["data"]]


def pages_of(api: Client, *numbers: int) -> list[list[int]]:
    return [ids(api.page(number).json) for number in numbers]


def whole(number: int) -> list[int]:
    """The ids of a page of ten."""
    return list(range(10 * number - 9, 10 * number + 1))


def test_F57_pages_hold_half_and_none_says_how_many_there_are() -> None:
    with client("page-size-capped") as api:
        first, last, behind = (api.page(number).json for number in (1, 20, 21))
        one = api.page(1, limit=1).json

    assert (ids(first), ids(last), ids(behind), ids(one)) == (
        [1, 2, 3, 4, 5],
        [96, 97, 98, 99, 100],
        [],
        [1],
    )
    assert not TOTALS & first.keys()
    assert api.server.log.by_fault == {"page-size-capped": 4}


def test_F57_a_fault_is_switched_on_by_its_id_too() -> None:
    with client("F57") as api:
        assert ids(api.page(1).json) == [1, 2, 3, 4, 5]


def test_F58_what_leads_on_is_not_where_one_looks_for_it() -> None:
    with client("next-misplaced") as api:
        first, last = api.page(1), api.page(20)

    assert (len(first.json["data"]), first.json["paging"]) == (5, {"next": {"url": "?page=2&limit=10"}})
    assert not {"next", *TOTALS} & first.json.keys()
    assert "Link" not in first.headers
    assert (last.json["next"], "paging" in last.json) == (None, False)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("gone-once-404", 404),
        ("gone-once-416", 416),
        ("gone-once-400", 400),
        ("gone-once-422", 422),
        ("gone-once-204", 204),
    ],
)
def test_F59_a_page_in_the_middle_is_gone_once(fault: str, status: int) -> None:
    with client(fault) as api:
        first = api.page(1)
        statuses = [api.page(4).status for _ in range(4)]

    assert first.status == 200
    assert not TOTALS & first.json.keys()
    assert statuses == [status, 200, 200, 200]


def test_F60_a_page_has_neither_records_nor_a_next_once() -> None:
    with client("empty-page-once") as api:
        once, again = api.page(1), api.page(1)

    assert (once.json["data"], once.json["next"], "Link" in once.headers) == ([], None, False)
    assert (ids(again.json), again.json["next"]) == (whole(1), "?page=2&limit=10")
    assert not TOTALS & again.json.keys()


def test_F60_a_page_has_lost_its_next_once() -> None:
    with client("next-lost-once") as api:
        once, again = api.page(2), api.page(2)

    assert (ids(once.json), once.json["next"], "Link" in once.headers) == (whole(2), None, False)
    assert (ids(again.json), again.json["next"]) == (whole(2), "?page=3&limit=10")


def test_what_strikes_once_strikes_the_pages_that_are_drawn_and_never_again() -> None:
    with client("next-lost-once=0.4") as api:
        struck = [[number for number in range(1, 10) if not api.page(number).json["next"]] for _ in range(3)]

    assert 0 < len(struck[0]) < 9
    assert struck[1:] == [[], []]


def test_F61_the_first_page_is_page_zero() -> None:
    with client("pages-from-zero") as api:
        assert pages_of(api, 0, 1, 9, 10) == [whole(1), whole(2), whole(10), []]
        assert ids(api.page(0).json) == whole(1)
        assert not TOTALS & api.page(0).json.keys()
    with client(None) as api:
        assert api.page(0).status == 400


def test_F62_more_is_said_to_be_there_and_nothing_leads_to_it() -> None:
    with client("more-without-next") as api:
        first, last = api.page(1), api.page(10)

    assert [(page.json["has_more"], page.json["next"]) for page in (first, last)] == [
        (True, None),
        (False, None),
    ]
    assert "Link" not in first.headers


def test_F63_half_of_a_page_comes_with_errors_beside_it() -> None:
    with client("errors-beside-records") as api:
        once, again = api.page(2).json, api.page(2).json

    assert (ids(once), once["total_records"]) == ([11, 12, 13, 14, 15], 100)
    assert once["errors"] == [{"message": "one of two shards did not answer"}]
    assert (ids(again), "errors" in again) == (whole(2), False)


def test_F64_half_of_a_page_comes_and_records_are_not_counted() -> None:
    with client("short-page-once") as api:
        once, again = api.page(2).json, api.page(2).json

    assert (ids(once), ids(again)) == ([11, 12, 13, 14, 15], whole(2))
    assert (once["total_pages"], "total_records" in once) == (10, False)


def test_F65_pages_are_counted_by_another_size() -> None:
    with client("total-by-another-size") as api:
        first, tenth, last = (api.page(number).json for number in (1, 10, 20))

    assert [page["total_pages"] for page in (first, tenth, last)] == [10, 10, 10]
    assert (ids(tenth), ids(last)) == ([46, 47, 48, 49, 50], [96, 97, 98, 99, 100])
    assert "total_records" not in first


def test_F66_a_record_that_was_read_moves_to_the_end() -> None:
    with client("record-moves-to-end", drift_every=2, drift_changes=1) as api:
        read = pages_of(api, 1, 2, 3)
        end = api.page(10).json["data"]

    assert read == [whole(1), whole(2), list(range(22, 32))]
    assert (end[-1]["id"], end[-1]["updated"]) == (1, True)
    assert api.server.log.by_fault == {"record-moves-to-end": 4}


def test_F67_as_many_come_as_go() -> None:
    with client("window-slides", drift_every=2, drift_changes=1) as api:
        pages = [api.page(number).json for number in (1, 2, 3, 10)]

    assert {page["total_records"] for page in pages} == {99}
    assert (ids(pages[2])[0], ids(pages[3])[-1]) == (22, 100)


@pytest.mark.parametrize(
    ("fault", "first", "last"),
    [
        ("records-replaced", [1, 3, 4, 5, 6, 7, 8, 9, 10, 11], list(range(92, 101))),
        ("records-swapped", [1, 99, *range(3, 11)], [*range(91, 99), 2, 100]),
    ],
)
def test_F68_records_are_replaced_or_change_places(fault: str, first: list[int], last: list[int]) -> None:
    with client(fault, drift_every=1, drift_changes=1) as api:
        total = api.page(1).json["total_records"]
        found = api.page(1).json

    assert (ids(found), found["total_records"]) == (first, total)
    with client(fault, drift_every=1, drift_changes=1) as api:
        api.page(1)
        assert pages_of(api, 10) == [last]


def test_F70_the_page_parameter_is_ignored() -> None:
    with client("page-ignored") as api:
        assert pages_of(api, 1, 2, 3, 99) == [whole(1)] * 4
        assert not TOTALS & api.page(1).json.keys()


def test_F70_there_is_always_another_page() -> None:
    with client("next-for-ever") as api:
        page = api.page(99).json

    assert (ids(page), page["next"]) == (whole(1), "?page=100&limit=10")


def test_F71_a_billion_pages_are_said_to_be_there() -> None:
    with client("total-endless") as api:
        last, behind = api.page(10), api.page(11)

    assert (last.json["total_pages"], last.json["total_records"]) == (10**9, 10**10)
    assert (ids(last.json), behind.status) == (whole(10), 404)


def test_F78_102_and_103_come_before_the_answer() -> None:
    with client("early-hints-103") as api:
        early, hints, head, body = api.page().raw.split(b"\r\n\r\n", 3)

    assert early == b"HTTP/1.1 102 Processing"
    assert hints.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: ")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert ids(json.loads(body)) == whole(2)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("unknown-error-520", 520),
        ("server-down-521", 521),
        ("connection-timeout-522", 522),
        ("unreachable-523", 523),
        ("proxy-timeout-524", 524),
        ("overloaded-529", 529),
        ("bandwidth-509", 509),
        ("network-timeout-599", 599),
        ("too-early-425", 425),
        ("locked-423", 423),
        ("calm-down-420", 420),
        ("teapot-418", 418),
    ],
)
def test_F79_what_proxies_say_passes(fault: str, status: int) -> None:
    with client(fault) as api:
        answer = api.page()

    assert (answer.status, set(answer.json)) == (status, {"error", "message"})


def test_F79_a_403_says_when_to_come_back() -> None:
    with client("forbidden-403-later") as api:
        later = api.page()
    with client("forbidden-403-none-left") as api:
        none_left = api.page()

    assert (later.status, later.headers["Retry-After"]) == (403, "3")
    assert none_left.status == 403
    assert none_left.headers["X-RateLimit-Remaining"] == "0"
    assert none_left.headers["X-RateLimit-Reset"] == "1700000003"


def test_F80_an_answer_is_not_ready_yet() -> None:
    with client("not-ready-202") as api:
        answer = api.page()

    assert (answer.status, answer.headers["Retry-After"], "data" in answer.json) == (202, "3", False)


def test_F80_a_part_of_a_page_and_one_that_is_not_modified() -> None:
    with client("partial-206") as api:
        part, rest = api.page(), api.genuine()
    with client("not-modified-304") as api:
        same = api.page()

    assert (part.status, part.body) == (206, rest[: len(rest) // 2])
    assert part.headers["Content-Range"] == f"bytes 0-{len(part.body) - 1}/{len(rest)}"
    assert (same.status, same.body) == (304, b"")


def test_F80_beyond_the_end_is_204() -> None:
    with client("beyond-end-204") as api:
        last, behind = api.page(10), api.page(11)

    assert (last.status, behind.status, behind.body) == (200, 204, b"")


def test_F81_a_page_is_redirected_to_itself() -> None:
    with client("redirect-within") as api:
        first, second, third = (api.page() for _ in range(3))

    assert (first.status, first.headers["Location"]) == (307, "?page=2&limit=10")
    assert (second.body, third.status) == (api.genuine(), 307)


def test_F82_a_body_is_coded_as_few_expect_it() -> None:
    bodies = {}
    for fault in ("raw-deflate", "gzip-announced", "gzip-padded", "zstd-unasked"):
        with client(fault) as api:
            bodies[fault] = api.page()
    genuine = api.genuine()

    assert zlib.decompress(bodies["raw-deflate"].body, wbits=-15) == genuine
    assert bodies["raw-deflate"].headers["Content-Encoding"] == "deflate"
    assert bodies["gzip-announced"].body == genuine
    assert gzip.decompress(bodies["gzip-padded"].body) == genuine
    assert bodies["gzip-padded"].body.endswith(bytes(512))
    assert {bodies[name].headers["Content-Encoding"] for name in ("gzip-announced", "gzip-padded")} == {
        "gzip"
    }
    assert bodies["zstd-unasked"].headers["Content-Encoding"] == "zstd"
    assert bodies["zstd-unasked"].body.startswith(b"\x28\xb5\x2f\xfd")


def test_F83_a_page_is_in_another_charset_or_has_a_mark_in_front() -> None:
    with client("byte-order-mark") as api:
        marked, genuine = api.page().body, api.genuine()
    with client("charset-latin-1") as api:
        latin = api.page()
    with client("charset-utf-16") as api:
        wide = api.page()

    assert marked == codecs.BOM_UTF8 + genuine
    assert latin.headers["Content-Type"] == "application/json; charset=iso-8859-1"
    assert json.loads(latin.body.decode("iso-8859-1")) == json.loads(genuine)
    assert re.search(rb"[\x80-\xff]", latin.body)
    assert wide.headers["Content-Type"] == "application/json; charset=utf-16"
    assert wide.body.decode("utf-16").encode() == genuine


def test_F84_there_are_many_headers_or_a_large_one() -> None:
    with client("many-headers") as api:
        many = api.page()
    with client("large-header") as api:
        large = api.page()

    assert len(many.headers) > 150
    assert len(large.headers["X-Context"]) == 70_000
    assert many.body == large.body == api.genuine()


def test_F85_a_page_is_not_what_was_described() -> None:
    with client("records-elsewhere") as api:
        elsewhere, genuine = api.page().json, json.loads(api.genuine())
    with client("array-page") as api:
        array = api.page().json
    with client("xml-page") as api:
        xml = api.page()

    assert elsewhere["results"] == array == genuine["data"]
    assert "data" not in elsewhere
    assert (xml.headers["Content-Type"], xml.body[:5]) == ("application/xml", b"<?xml")


def test_F86_another_clock_says_when_to_come_back() -> None:
    with client("retry-after-other-clock") as api:
        answer = api.page()

    assert answer.status == 429
    assert answer.headers["Date"] == "Tue, 14 Nov 2023 23:13:20 GMT"
    assert answer.headers["Retry-After"] == "Tue, 14 Nov 2023 23:13:23 GMT"


def test_F87_a_token_opens_two_pages() -> None:
    with client("token-for-two-pages") as api:
        token = api.login().json["access_token"]
        statuses = [api.page(token=token).status for _ in range(4)]
        again = api.page(token=api.login().json["access_token"]).status

    assert (statuses, again) == ([200, 200, 401, 401], 200)
    assert api.server.log.by_fault == {"token-for-two-pages": 2}


def test_F88_what_leads_on_is_false_or_an_object() -> None:
    with client("next-false") as api:
        first, last = api.page(1).json, api.page(10).json
    with client("next-object") as api:
        there = api.page(1)

    assert (first["next"], last["next"]) == ("?page=2&limit=10", False)
    assert (there.json["next"], "Link" in there.headers) == ({"href": "?page=2&limit=10"}, False)


def test_F91_decimals_have_more_digits_than_a_float() -> None:
    with client("long-decimals") as api:
        body = api.page(1).body

    texts = re.findall(rb'"exact":([0-9.]+)', body)
    assert len(texts) == 10
    assert all(repr(float(text)) != text.decode() for text in texts)


def test_F92_F94_a_field_is_a_number_and_text_by_turns() -> None:
    with client("text-among-numbers") as api:
        page = api.page(1).json

    assert [record["either"] for record in page["data"][:4]] == [0, "1", 2, "3"]


def test_F96_a_refusal_holds_what_a_terminal_would_act_on() -> None:
    with client("terminal-codes") as api:
        answer = api.page()

    assert answer.status == 400
    assert b"\x1b[2J" in answer.body


@pytest.mark.parametrize("limit", [10, 7])
def test_F98_nothing_is_had_behind_a_window(limit: int) -> None:
    with client("window-refuses", result_window=60) as api:
        pages = [api.page(number, limit=limit) for number in range(1, 101 // limit + 2)]
    refused = [page.status for page in pages if page.status != 200]
    served = [page.json for page in pages if page.status == 200]

    assert {page["total_records"] for page in served} == {100}
    assert sum(len(page["data"]) for page in served if page["data"]) in range(60, 60 + limit)
    assert {*refused} == {400}


@pytest.mark.parametrize("limit", [10, 7])
def test_F98_the_totals_say_no_more_than_the_window_holds(limit: int) -> None:
    with client("window-counts", result_window=60) as api:
        pages = [api.page(number, limit=limit).json for number in range(1, 101 // limit + 2)]

    assert [each for page in pages for each in ids(page)] == list(range(1, 61))
    assert {(page["total_pages"], page["total_records"]) for page in pages} == {(-(-60 // limit), 60)}


def test_F101_every_page_repeats_the_last_record_of_the_one_before() -> None:
    with client("records-repeated") as api:
        found = pages_of(api, *range(1, 11))
        beyond = pages_of(api, 11, 12)
        total = api.page(1).json["total_records"]

    assert all(page[-1] == following[0] for page, following in itertools.pairwise(found))
    assert sum(map(len, found)) == total == 100
    assert found[-1][-1] == 91
    assert beyond == [list(range(91, 101)), [*range(100, 101)]]
