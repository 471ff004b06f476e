"""Faults of pages, of the headers and links beside them, and of the records, as they go over the wire."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.fault_clients import client

if TYPE_CHECKING:
    from tests.fakes.fault_clients import Client

PAGES = 10


def ids(page: dict[str, Any]) -> list[int]:
    return [record["id"] for record in page["data"]]


def pages_of(api: Client, numbers: range = range(1, PAGES + 1)) -> list[dict[str, Any]]:
    return [api.page(number).json for number in numbers]


def field(api: Client, name: str) -> list[bytes]:
    """The text of one field in every record that has it, in order, as it came over the wire."""
    bodies = b"".join(api.page(number).body for number in range(1, PAGES + 1))
    return re.findall(b'"%s":("[^"]*"|[^,}]+)' % name.encode(), bodies)


def test_F21_a_page_that_is_always_empty_stays_so() -> None:
    with client("empty-page-always@4") as api:
        sizes = [len(page["data"]) for page in pages_of(api)]
        again = [api.page(4).json for _ in range(5)]

    assert sizes == [10, 10, 10, 0, 10, 10, 10, 10, 10, 10]
    assert [(page["data"], page["total_pages"], page["total_records"]) for page in again] == [
        ([], 10, 100)
    ] * 5
    assert api.server.log.by_fault == {"empty-page-always": 6}
    assert len(api.server.truth()) == 100


def test_F21_a_share_of_the_middle_pages_is_always_empty_and_the_same_ones_in_a_second_run() -> None:
    def empty() -> list[int]:
        with client("empty-page-always=0.4") as api:
            return [page["page"] for page in pages_of(api) if not page["data"]]

    first = empty()
    assert first == empty()
    assert 0 < len(first) < 8
    assert {1, 10}.isdisjoint(first)


def test_F22_the_total_grows_while_pages_are_read() -> None:
    with client("total-grows") as api:
        pages = pages_of(api)

    assert [page["total_pages"] for page in pages] == [5, 5, 5, 5, 6, 7, 8, 9, 10, 10]
    assert pages[0]["total_records"] == 50
    assert [each for page in pages for each in ids(page)] == list(range(1, 101))


def test_F23_the_total_shrinks_while_pages_are_read() -> None:
    with client("total-shrinks") as api:
        pages = pages_of(api)

    assert [page["total_pages"] for page in pages] == [10] * 5 + [7] * 5
    assert [each for page in pages for each in ids(page)] == list(range(1, 101))


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("total-null", b'"total_pages":null,'),
        ("total-text", b'"total_pages":"10",'),
        ("total-negative", b'"total_pages":-10,'),
        ("total-float", b'"total_pages":10.5,'),
        ("total-absent", b'"limit":10,"total_records":100,"data"'),
    ],
)
def test_F24_total_pages_is_nonsense(fault: str, text: bytes) -> None:
    with client(fault) as api:
        answer = api.page()

    assert text in answer.body
    assert ids(answer.json) == list(range(11, 21))


def test_F24_by_its_id_every_page_says_one_of_the_five() -> None:
    with client("F24") as api:
        said = [page.get("total_pages", "absent") for page in pages_of(api, range(1, 60))]

    assert set(map(str, said)) == {"None", "10", "-10", "10.5", "absent"}
    assert 10 not in said


def test_F27_every_page_is_the_first_and_there_is_always_another() -> None:
    with client("same-page") as api:
        pages = pages_of(api, range(1, 20))

    assert all(ids(page) == list(range(1, 11)) for page in pages)
    assert [page["page"] for page in pages] == list(range(1, 20))
    assert all(page["total_pages"] > page["page"] for page in pages[1:])


def test_F28_beyond_the_end_is_404_and_the_last_page_is_not() -> None:
    with client("beyond-end-404") as api:
        assert [api.page(number).status for number in (9, 10, 11, 12)] == [200, 200, 404, 404]


def test_F28_beyond_the_end_is_an_empty_page() -> None:
    with client("beyond-end-empty") as api:
        assert [len(page["data"]) for page in pages_of(api, range(9, 13))] == [10, 10, 0, 0]


def test_F28_beyond_the_end_is_the_last_page_again() -> None:
    with client("beyond-end-repeats") as api:
        pages = pages_of(api, range(9, 13))

    assert [ids(page)[0] for page in pages] == [81, 91, 91, 91]
    assert {page["total_pages"] for page in pages} == {10}


def test_F08_without_a_fault_nothing_tells_the_pace() -> None:
    with client(None) as api:
        assert not [name for name in api.page().headers if "ratelimit" in name.lower()]


def test_F08_good_headers_count_down() -> None:
    with client("pace-headers") as api:
        headers = [api.page(number).headers for number in (1, 2)]

    assert [each["RateLimit-Remaining"] for each in headers] == ["99", "98"]
    assert headers[0]["RateLimit-Limit"] == headers[0]["X-RateLimit-Limit"] == "100"
    assert (headers[0]["RateLimit-Reset"], headers[0]["X-RateLimit-Reset"]) == ("1", "1700000001")
    assert api.server.log.served_pages == {1: 1, 2: 1}


def test_F08_bad_headers_are_every_kind_of_nonsense_beside_a_sound_page() -> None:
    with client("pace-headers-bad") as api:
        answers = [api.page(number) for number in range(1, 11)]
    remaining = {answer.headers["RateLimit-Remaining"] for answer in answers}

    assert {"-1", "soon", "1e400", "9" * 400, "0", "60, 60;w=1"} < remaining
    assert [ids(answer.json)[0] for answer in answers] == list(range(1, 101, 10))


def test_F40_the_next_link_leads_to_another_origin() -> None:
    with client("foreign-next") as api:
        answer, last = api.page(3), api.page(10)
        there = f"http://localhost:{api.server.port}/elsewhere?page=4&limit=10"

    assert answer.headers["Link"] == f'<{there}>; rel="next"'
    assert answer.json["next"] == there
    assert "Link" not in last.headers


def test_links_are_relative_and_end_with_the_last_page() -> None:
    with client(None, links=True) as api:
        first, last = api.page(1), api.page(10)

    assert first.json["next"] == "?page=2&limit=10"
    assert first.headers["Link"] == '<?page=2&limit=10>; rel="next"'
    assert (last.json["next"], "Link" in last.headers) == (None, False)


def test_F50_a_field_is_int_then_float_then_string() -> None:
    with client("changing-type") as api:
        texts = field(api, "reading")

    assert (texts[0], texts[33], texts[34], texts[66], texts[67], texts[99]) == (
        b"0",
        b"33",
        b"34.5",
        b"66.5",
        b'"67"',
        b'"99"',
    )


def test_F51_a_column_that_comes_late() -> None:
    with client("late-column") as api:
        assert field(api, "late") == [b"%d" % index for index in range(90, 100)]


def test_F52_integers_that_no_double_holds_beside_nulls() -> None:
    with client("big-integers") as api:
        texts = field(api, "big")

    assert texts[:4] == [b"null", b"9007199254740995", b"null", b"9007199254740999"]
    assert all(int(float(text)) != int(text) for text in texts if text != b"null")


def test_F53_a_field_of_mixed_shapes() -> None:
    with client("mixed-shapes") as api:
        records = api.page(1).json["data"]

    assert [record["mixed"] for record in records[:4]] == [2**70, {}, [2], {"n": 3}]


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("nan", b'"odd":NaN'),
        ("float-overflow", b'"far":1e400'),
        ("lone-surrogate", b'"half":"\\ud800"'),
        ("duplicate-keys", b'"twice":1,"twice":2'),
    ],
)
def test_F54_one_record_in_ten_is_odd(fault: str, text: bytes) -> None:
    with client(fault) as api:
        body = api.page(2).body
        truth = api.server.truth()

    assert body.count(text) == 1
    assert api.server.log.by_fault == {fault: 1}
    assert truth[15].endswith(text + b"}")
    assert b",".join(truth[10:20]) in body


def test_F50_F54_odd_records_mix_and_are_the_truth() -> None:
    with client("F50,F51,F52,F53,F54") as api:
        bodies = [api.page(number).body for number in range(1, PAGES + 1)]
        truth = api.server.truth()
    parts = [body.partition(b'"data":[')[2].removesuffix(b"]}") for body in bodies]

    assert b",".join(parts) == b",".join(truth)
    assert truth[95].endswith(
        b'"reading":"95","late":95,"big":9007199254741183,"mixed":{"n":95},'
        b'"odd":NaN,"far":1e400,"half":"\\ud800","twice":1,"twice":2}'
    )


def test_faults_of_pages_mix_with_faults_of_answers() -> None:
    with client("F01=0.6,F22,F08=1,F40") as api:
        answers = [api.page(number) for number in range(1, 51)]
    statuses = {answer.status for answer in answers}

    assert statuses == {200, 500, 502, 503, 504}
    assert {"total-grows", "foreign-next", "server-error-500"} < set(api.server.log.by_fault)
    assert {answer.json["total_pages"] for answer in answers[:4] if answer.status == 200} == {5}
