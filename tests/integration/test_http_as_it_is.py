"""HTTP as it is: what servers send that a textbook's would not, pulled by the command over real HTTP.

Each fault by its id, with the rows that are stored, the exit status, and what is said.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from de_classes.__main__ import main
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import IncompleteRunError, RetriesExhaustedError
from de_classes.utils.clock import ManualClock
from tests.fakes.commands import without_waits
from tests.fakes.http_source import HttpSource, as_json, page, page_of, rows
from tests.fakes.ports import nobody_listens
from tests.fakes.raw_server import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fakes.http_source import Asked

    Behave = Callable[[Asked], bytes]

EVERY = rows(*range(30))
PAGES = [1, 2, 3]
AGAIN = [1, 2, 3]  # looked at again before a run is complete: up to five pages, so here each of them


class Run(msgspec.Struct):
    """How a run ended."""

    status: int
    out: str
    err: str
    stored: list[dict[str, Any]] | None


def ingest(tmp_path: Path, url: str, *words: str) -> Run:
    out, err = io.StringIO(), io.StringIO()
    told = ["ingest", url, "--to", str(tmp_path / "lake"), "--format", "jsonl", "--limit", "10", *words]
    with redirect_stdout(out), redirect_stderr(err):
        status = main([*told, "--concurrency", "1"])
    file = tmp_path / "lake" / "records.jsonl"
    lines = file.read_text("utf-8").splitlines() if file.exists() else None
    stored = None if lines is None else [json.loads(line) for line in lines]
    about_the_run = re.compile("ingest: run .*: if it is stopped, .*\n")  # a dataset's can be gone on with
    return Run(status, out.getvalue(), about_the_run.sub("", without_waits(err.getvalue())), stored)


def pulled(tmp_path: Path, behave: Behave, *words: str) -> tuple[Run, HttpSource]:
    with HttpSource(behave) as source:
        return ingest(tmp_path, source.url, *words), source


def first(wrong: bytes, *, page_number: int = 2, times: int = 1) -> Behave:
    """A source that is wrong on one page so many times, and right from then on."""
    left = [times]

    def behave(asked: Asked) -> bytes:
        if asked.page == page_number and left[0]:
            left[0] -= 1
            return wrong
        return page(asked)

    return behave


def always(wrong: Callable[[bytes], bytes]) -> Behave:
    """A source that is right, but for how it says so."""
    return lambda asked: wrong(json.dumps(page_of(asked.page)).encode())


def deflated(body: bytes) -> bytes:
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return raw.compress(body) + raw.flush()


def early(body: bytes) -> bytes:
    hints = b"".join(
        f"HTTP/1.1 {status}\r\nLink: </a.css>\r\n\r\n".encode()
        for status in ("100 Continue", "102 Processing", "103 Early Hints", "103 Early Hints")
    )
    return hints + answer(body)


JSON = "application/json"
READ: dict[str, Behave] = {
    "F78-heads-of-1xx-before-the-answer": always(early),
    "F82-raw-deflate": always(lambda body: answer(deflated(body), content_encoding="deflate")),
    "F82-deflate": always(lambda body: answer(zlib.compress(body), content_encoding="deflate")),
    "F82-plain-that-is-announced-as-gzip": always(lambda body: answer(body, content_encoding="gzip")),
    "F82-padded-gzip": always(lambda body: answer(gzip.compress(body) + b"\0" * 9, content_encoding="gzip")),
    "F82-two-codings": always(
        lambda body: answer(gzip.compress(zlib.compress(body)), content_encoding="deflate, gzip")
    ),
    "F82-transfer-encoding-identity": always(lambda body: answer(body, transfer_encoding="identity")),
    "F83-a-byte-order-mark": always(lambda body: answer(b"\xef\xbb\xbf" + body)),
    "F83-utf-16-with-a-mark": always(lambda body: answer(body.decode().encode("utf-16"))),
    "F83-utf-16-that-is-declared": always(
        lambda body: answer(body.decode().encode("utf-16-le"), content_type=f"{JSON}; charset=UTF-16")
    ),
    "F84-many-headers": always(lambda body: answer(body, **{f"x-{n}": "y" for n in range(500)})),
    "F84-a-large-header": always(lambda body: answer(body, x_large="y" * 70_000)),
}


INTO = [
    pytest.param(("--dataset", "d"), id="dataset"),
    pytest.param((), id="object", marks=pytest.mark.slow),
]
"""What happens on the wire is over before it is known what the records go into."""


@pytest.mark.parametrize("behave", READ.values(), ids=READ)
@pytest.mark.parametrize("words", INTO)
def test_what_is_odd_but_right_is_read(tmp_path: Path, behave: Behave, words: tuple[str, ...]) -> None:
    run, source = pulled(tmp_path, behave, *words)
    assert (run.status, run.err, source.pages_asked()) == (0, "", PAGES + AGAIN)
    assert run.out.startswith("complete: 30 records of 30 expected, 3 pages")
    assert run.stored in (EVERY, None)


def named(charset: str, text: str, kind: str = JSON) -> Behave:
    """One page with a name in it, in a charset."""
    body = json.dumps({"data": [{"name": text}], "total_pages": 1, "total_records": 1}, ensure_ascii=False)
    return lambda _: answer(body.encode(charset), content_type=f"{kind}; charset={charset}")


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "utf-8", "utf-16", "shift_jis"])
@pytest.mark.parametrize("words", INTO)
def test_F83_a_declared_charset_is_honoured(tmp_path: Path, charset: str, words: tuple[str, ...]) -> None:
    text = "Zürich" if charset != "shift_jis" else "東京"
    run, _ = pulled(tmp_path, named(charset, text), *words)
    stored = run.stored or [
        json.loads(line)
        for part in (tmp_path / "lake" / "d").rglob("*.jsonl")
        for line in part.read_text("utf-8").splitlines()
    ]
    assert (run.status, stored) == (0, [{"name": text}])


def test_F83_a_charset_that_is_not_known_is_refused_at_once(tmp_path: Path) -> None:
    run, source = pulled(
        tmp_path, lambda _: answer('{"data": ["ü"]}'.encode(), content_type=f"{JSON}; charset=klingon")
    )
    assert (run.status, run.stored, len(source.asked)) == (1, None, 1)
    assert "charset 'klingon', which is not known here" in run.err


LATER = {"retry_after": "0.01"}
SPENT = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1"}
PASSING = {
    **{
        f"F79-{status}": answer(b"<html>", status=f"{status} x")
        for status in (425, 423, 520, 521, 522, 523, 524, 529, 530, 598, 599)
    },
    **{
        f"F79-{status}-with-a-wait": answer(b"{}", status=f"{status} x", **LATER)
        for status in (418, 420, 509, 529, 403, 409, 413)
    },
    "F80-202-with-a-wait": answer(b'{"status": "preparing"}', status="202 Accepted", **LATER),
    "F18-an-error-with-a-wait": as_json({"ok": False, "error": "ratelimited"}, **LATER),
    "F17-a-page-for-people": answer(b"<html><title>Back soon</title></html>", content_type="text/html"),
}


@pytest.mark.parametrize("wrong", PASSING.values(), ids=PASSING)
@pytest.mark.parametrize("page_number", [1, 2])
def test_what_passes_is_asked_for_again(tmp_path: Path, wrong: bytes, page_number: int) -> None:
    run, source = pulled(tmp_path, first(wrong, page_number=page_number))
    assert (run.status, run.err, run.stored) == (0, "", EVERY)
    assert source.pages_asked() == sorted([*PAGES, page_number]) + AGAIN


def test_F79_a_403_that_says_that_no_request_is_left_is_waited_for() -> None:
    refused = answer(b'{"message": "API rate limit exceeded"}', status="403 Forbidden", **SPENT)
    clock = ManualClock()
    assert patient(first(refused), clock) == EVERY
    assert sum(clock.sleeps) >= 1


def patient(behave: Behave, clock: ManualClock) -> list[dict[str, Any]]:
    """The same by the library, where waits are not waited for."""
    with HttpSource(behave) as source:
        client = UnstableAPIClient(source.url, runtime=ClientRuntime(clock=clock))
        return [record for _, each in client.iterate_all_pages(10) for record in each.records]


def test_F86_a_date_to_come_is_measured_against_the_answers_own() -> None:
    date = {"date": "Tue, 14 Nov 2000 22:13:20 GMT", "retry_after": "Tue, 14 Nov 2000 22:13:23 GMT"}
    clock = ManualClock()  # 23 years ahead
    assert patient(first(answer(b"{}", status="503 x", **date)), clock) == EVERY
    assert 3.0 in clock.sleeps


@pytest.mark.parametrize("status", ["429 x", "418 x", "403 x", "503 x", "202 x"])
@pytest.mark.parametrize("words", [(), ("--dataset", "d", "--run-id", "r")], ids=["object", "dataset"])
def test_F07_a_ban_of_days_is_handed_over_at_once(
    tmp_path: Path, status: str, words: tuple[str, ...]
) -> None:
    run, source = pulled(tmp_path, first(answer(b"{}", status=status, retry_after="259200")), *words)
    assert (run.status, run.stored, source.pages_asked()) == (4, None, [1, 2])
    assert f"answered {status[:3]}" in run.err
    assert ("go on with --run-id r" in run.err) is bool(words)


def ends(asked: Asked) -> bytes:
    return page_without_totals(asked) if asked.page < 4 else answer(b"", status="204 No Content")


def page_without_totals(asked: Asked) -> bytes:
    return as_json({"data": page_of(asked.page)["data"]})


def test_F80_204_is_an_empty_page(tmp_path: Path) -> None:
    run, _ = pulled(tmp_path, ends, "--total-pages-field", "none")
    assert (run.status, run.stored) == (0, EVERY)


def in_ranges(asked: Asked, *, unit: str = "items ", missing: int = 0) -> bytes:
    """A source that says of every page but the last which part of the whole it is."""
    if asked.page > 2:
        return page(asked)
    body = page_of(asked.page)
    start, rest = asked.page * 10 - 10, rows(*range(asked.page * 10 - 10, asked.page * 10 - missing))
    said = f"{unit}{start}-{start + len(rest) - 1}/30"
    return as_json({**body, "data": rest}, status="206 Partial Content", content_range=said)


@pytest.mark.parametrize("unit", ["items ", "rows=", ""])
def test_F80_206_is_a_page_if_it_says_that_all_that_was_asked_for_is_there(tmp_path: Path, unit: str) -> None:
    run, source = pulled(tmp_path, lambda asked: in_ranges(asked, unit=unit))
    assert (run.status, run.stored) == (0, EVERY), run.err
    assert source.pages_asked() == [*PAGES, *AGAIN]


def test_F80_206_that_says_that_some_are_not_is_an_error_that_names_the_rule(tmp_path: Path) -> None:
    run, _ = pulled(tmp_path, lambda asked: in_ranges(asked, missing=1))
    assert (run.status, run.stored) == (1, None)
    assert "answered 206, items 0-8/30, and 9 records came of 10 that were asked for" in run.err
    assert 'errors = [{ status = [206], action = "ignore" }]' in run.err


DESCRIBED = """
version = 1

[sources.shop]
base_url = "http://127.0.0.1"

[sources.shop.resources.orders]
path = "/data"
records_path = "data"
page_size = {{ into = "query.limit", default = 10 }}
pagination = {{ type = "page" }}
{}
"""


def described(tmp_path: Path, behave: Behave, line: str = "") -> Run:
    """The same by a description, with a further line."""
    sources = tmp_path / "shop.toml"
    sources.write_text(DESCRIBED.format(line), encoding="utf-8")
    with HttpSource(behave) as source:
        words = ("--sources", str(sources), "--base-url", source.url, "--key", "records.jsonl")
        return ingest(tmp_path, "shop.orders", *words)


@pytest.mark.parametrize("status", [400, 422])
def test_F59_a_refusal_behind_a_full_page_names_what_to_say_and_is_the_end_if_that_is_said(
    tmp_path: Path, status: int
) -> None:
    """The source heeds no size, so that no other cut of pages shows whether it is the end or a limit."""

    def behave(asked: Asked) -> bytes:
        body = {"data": page_of(asked.page)["data"]}
        return as_json(body) if body["data"] else as_json({"detail": "Invalid page."}, status=f"{status} x")

    refused = described(tmp_path, behave)
    cure = f'errors = [{{ status = [{status}], action = "empty" }}]'
    assert (refused.status, refused.stored) == (1, None), refused.err
    assert f"answered {status}" in refused.err
    assert "30 records came before it" in refused.err
    assert f"{cure} in a description; if it is a limit on what one query gives, say window" in refused.err

    run = described(tmp_path, behave, cure)
    assert (run.status, run.stored) == (0, EVERY), run.err
    limited = described(tmp_path, behave, f"{cure}\nwindow = 30")
    assert limited.status == 4
    assert "that is its window, not its end" in limited.err


FINAL = {
    "F79-403": (
        answer(b"<h1>Not you</h1>", status="403 x", cf_mitigated="challenge"),
        "ask for access; it says <h1>Not you</h1>; cf-mitigated: challenge",
    ),
    "F80-206": (answer(b"{}", status="206 Partial Content"), "answered 206, a part of what was asked for"),
    "F80-304": (answer(b"", status="304 Not Modified"), "answered 304, not modified since"),
    "F81-another-origin": (
        answer(b"", status="302 x", location="http://127.0.0.1:9/data?key=hunter2"),
        "a redirect to http://127.0.0.1:9/data: no token is sent there",
    ),
    "F81-another-scheme": (
        answer(b"", status="301 x", location="https://127.0.0.1/data"),
        "a redirect to https://127.0.0.1/data: no token is sent there",
    ),
    "F81-no-address": (answer(b"", status="302 x"), "a redirect that names no address"),
    "F81-an-address-that-is-none": (
        answer(b"", status="302 x", location="https://[bad/"),
        "the source names an address that is none: 'https://[bad/'",
    ),
    "F82-br": (answer(b"\x8b", content_encoding="br"), "Content-Encoding 'br', but gzip, deflate"),
    "F82-zstd": (answer(b"\x28\xb5\x2f\xfd", content_encoding="zstd"), "Content-Encoding 'zstd'"),
    "F82-a-transfer-coding": (answer(b"", transfer_encoding="gzip, chunked"), "Transfer-Encoding 'gzip"),
    "F84-a-head-beyond-the-limit": (answer(b"{}", x="y" * 300_000), "head is larger than 262144 bytes"),
}


@pytest.mark.parametrize(("wrong", "said"), FINAL.values(), ids=FINAL)
@pytest.mark.parametrize("page_number", [1, 2])
def test_what_stays_wrong_is_an_error_at_once(
    tmp_path: Path, wrong: bytes, said: str, page_number: int
) -> None:
    run, source = pulled(tmp_path, first(wrong, page_number=page_number, times=99))
    assert (run.status, run.stored, len(source.asked)) == (1, None, page_number)
    assert said in run.err
    assert "hunter2" not in run.err


MISTAKES = {
    "F85-records-elsewhere": (
        as_json({"items": rows(1, 2), "total_pages": 1}),
        "items (a list), total_pages: name the records by records_path (--records-field), such as items",
    ),
    "F85-records-below": (as_json({"data": {"rows": rows(1, 2)}, "total_pages": 1}), "such as data.rows"),
    "F85-an-array-at-the-top": (as_json(rows(1, 2)), "it has a list at the top: name the records by"),
    "F85-records-that-are-numbers": (as_json({"data": [1, 2], "total_pages": 1}), "not an object: name"),
    "F85-one-object": (as_json({"data": {"id": 1}, "total_pages": 1}), "says by records_are"),
    "F85-xml": (
        answer(b"<?xml version='1.0'?><rows/>", content_type="application/xml"),
        'the answer (application/xml) is XML, no JSON: a description says so by answer = "xml"',
    ),
    "F85-json-lines": (answer(b'{"id": 1}\n{"id": 2}\n'), 'answer = "jsonl"'),
    "F85-csv": (answer(b"id,name\n1,a\n", content_type="text/csv"), 'answer = "csv"'),
    "F85-a-form-to-log-in": (
        answer(b"<html><title>Sign in</title><form><input type=password>", content_type="text/html"),
        "a page 'Sign in' for people to log in: the source wants other credentials",
    ),
}


@pytest.mark.parametrize(("wrong", "said"), MISTAKES.values(), ids=MISTAKES)
@pytest.mark.parametrize("words", INTO)
def test_a_mistake_that_no_retry_cures_is_asked_about_once_more(
    tmp_path: Path, wrong: bytes, said: str, words: tuple[str, ...]
) -> None:
    run, source = pulled(tmp_path, lambda _: wrong, *words)
    assert (run.status, run.stored, len(source.asked)) == (1, None, 2)
    assert run.err.startswith("ingest: ProtocolError: ")
    assert said in run.err


@pytest.mark.parametrize("wrong", [wrong for wrong, _ in MISTAKES.values()], ids=MISTAKES)
def test_F85_once_a_page_was_read_the_same_is_trouble_that_may_pass(wrong: bytes) -> None:
    assert patient(first(wrong, times=4), ManualClock()) == EVERY


@pytest.mark.parametrize(
    "wrong",
    [
        answer(b"<html><title>Back soon</title></html>", content_type="text/html"),
        as_json({"error": "overloaded", "errors": [{"message": "overloaded"}]}),
        as_json({"data": None}),
        answer(b""),
    ],
    ids=["F17-html", "F18-error", "F18-null", "F17-nothing"],
)
def test_F17_F18_trouble_is_asked_about_so_often_and_no_more(wrong: bytes) -> None:
    clock = ManualClock()
    with pytest.raises(RetriesExhaustedError), HttpSource(lambda _: wrong) as source:
        UnstableAPIClient(source.url, runtime=ClientRuntime(clock=clock)).fetch_page(1)
    assert len(source.asked) == 10


def moved(status: int, target: str) -> Behave:
    """A source that has moved its pages, with the query, to a target."""

    def behave(asked: Asked) -> bytes:
        if asked.path == "/v2/data":
            return (
                page(asked)
                if asked.headers.get("x-api-key") == "key-of-the-shop"
                else answer(b"", status="401 x")
            )
        query = asked.target.partition("?")[2]
        location = target.replace("HOST", asked.headers["host"]) + query
        return answer(b"", status=f"{status} x", location=location)

    return behave


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["/v2/data?", "v2/data?", "http://HOST/v2/data?", "//HOST/v2/data?"])
def test_F81_a_redirect_within_the_origin_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, target: str
) -> None:
    monkeypatch.setenv("SHOP_KEY", "key-of-the-shop")
    run, source = pulled(tmp_path, moved(status, target), "--header", "X-Api-Key=@env:SHOP_KEY")
    assert (run.status, run.err, run.stored) == (0, "", EVERY)
    assert source.pages_asked() == [number for number in PAGES + AGAIN for _ in ("here", "there")]


def test_F81_redirects_are_followed_a_few_times(tmp_path: Path) -> None:
    run, source = pulled(tmp_path, lambda _: answer(b"", status="302 x", location="/data?again=1"))
    assert (run.status, run.stored, len(source.asked)) == (1, None, 6)
    assert "redirect 6 times in a row" in run.err


LISTED = """
version = 1
[sources.shop]
base_url = "https://shop.example"
[sources.shop.resources.orders]
method = "POST"
path = "/data"
json = { filter = "all" }
records_path = "data"
pagination = { type = "page", pages_path = "total_pages" }
"""


@pytest.mark.parametrize(
    ("status", "followed"), [(307, True), (308, True), (301, False), (302, False), (303, False)]
)
def test_F81_a_post_is_followed_only_where_it_stays_one(
    tmp_path: Path, status: int, *, followed: bool
) -> None:
    described = tmp_path / "shop.toml"
    described.write_text(LISTED)

    def behave(asked: Asked) -> bytes:
        if asked.path == "/v2":
            assert (asked.method, json.loads(asked.body)) == ("POST", {"filter": "all"})
            return page(asked)
        return answer(b"", status=f"{status} x", location=f"/v2?{asked.target.partition('?')[2]}")

    with HttpSource(behave) as source:
        words = ("--sources", str(described), "--base-url", source.url)
        run = ingest(tmp_path, "shop.orders", "--key", "records.jsonl", *words)
    assert (run.status, run.stored) == ((0, EVERY) if followed else (1, None))
    assert followed or "a redirect to http://127.0.0.1" in run.err


def followed(cursor: str, **first_page: object) -> Behave:
    """Two pages, the second behind a cursor that is spelled so in JSON."""
    told = json.dumps({"data": rows(1, 2), **first_page})

    def behave(asked: Asked) -> bytes:
        if "cursor" in asked.query:
            return as_json({"data": rows(3), "next_cursor": None})
        return answer(f'{told[:-1]}, "next_cursor": {cursor}}}'.encode())

    return behave


CURSORS = {
    "F88-text": ('"a b"', "a b"),
    "F88-an-integer": ("12345678901234567890", "12345678901234567890"),
    "F88-a-float": ("1.10", "1.10"),
    "F88-a-large-float": ("1e22", "1e22"),
    "F88-digits-that-no-float-holds": ("1700000000.12345678901234", "1700000000.12345678901234"),
}


@pytest.mark.parametrize(("cursor", "sent"), CURSORS.values(), ids=CURSORS)
@pytest.mark.parametrize("words", INTO)
def test_F88_a_cursor_goes_as_it_is_written(
    tmp_path: Path, cursor: str, sent: str, words: tuple[str, ...]
) -> None:
    run, source = pulled(
        tmp_path, followed(cursor), "--pagination", "cursor", "--total-pages-field", "none", *words
    )
    asked = [each.query["cursor"] for each in source.asked if "cursor" in each.query]
    assert (run.status, run.err, set(asked)) == (0, "", {sent})


@pytest.mark.parametrize("cursor", ["false", "null", '""'])
def test_F88_a_cursor_that_is_none_is_the_end(tmp_path: Path, cursor: str) -> None:
    run, _ = pulled(tmp_path, followed(cursor), "--pagination", "cursor", "--total-pages-field", "none")
    assert (run.status, run.stored) == (0, rows(1, 2))


@pytest.mark.parametrize(
    ("cursor", "is_"), [("true", "true"), ('{"id": 7}', "id"), ("[7]", "a list at the top")]
)
def test_F88_a_cursor_that_no_parameter_can_hold_is_an_error(tmp_path: Path, cursor: str, is_: str) -> None:
    run, source = pulled(tmp_path, followed(cursor), "--pagination", "cursor", "--total-pages-field", "none")
    assert (run.status, run.stored, len(source.asked)) == (1, None, 2)  # a page that leads nowhere, once more
    assert f"the cursor at 'next_cursor' is {is_}: it can only go into a JSON body" in run.err


@pytest.mark.parametrize("cursor", ['{"id": 7, "at": [1.5]}', "[7, null]", "1.5"])
def test_F88_a_json_body_takes_any_cursor(tmp_path: Path, cursor: str) -> None:
    described = tmp_path / "shop.toml"
    described.write_text(
        LISTED.replace('"page", pages_path = "total_pages"', '"cursor", path = "next", into = "json.after"')
    )
    bodies: list[Any] = []

    def behave(asked: Asked) -> bytes:
        bodies.append(json.loads(asked.body))
        if "after" in bodies[-1]:
            return as_json({"data": rows(3), "next": None})
        return answer(f'{{"data": [{{"id": 1}}], "next": {cursor}}}'.encode())

    with HttpSource(behave) as source:
        words = ("--sources", str(described), "--base-url", source.url)
        run = ingest(tmp_path, "shop.orders", "--key", "records.jsonl", *words)
    assert (run.status, run.stored) == (0, rows(1, 3))
    assert {"filter": "all", "after": json.loads(cursor)} in bodies


def test_F88_parameters_that_an_answer_names_go_as_they_are_written(tmp_path: Path) -> None:
    described = tmp_path / "shop.toml"
    described.write_text(
        LISTED.replace('"page", pages_path = "total_pages"', '"next_params", path = "next"')
        .replace('method = "POST"\n', "")
        .replace('json = { filter = "all" }\n', "")
    )

    def behave(asked: Asked) -> bytes:
        if "at" in asked.query:
            return as_json({"data": rows(3)})
        return answer(b'{"data": [{"id": 1}], "next": {"at": 1.10, "n": 7, "all": true}}')

    with HttpSource(behave) as source:
        words = ("--sources", str(described), "--base-url", source.url)
        run = ingest(tmp_path, "shop.orders", "--key", "records.jsonl", *words)
    assert (run.status, run.stored) == (0, rows(1, 3))
    asked = source.asked[-1].query
    assert (asked["at"], asked["n"], asked["all"]) == ("1.10", "7", "true")


@pytest.mark.parametrize("page_number", [1, 2])
def test_F88_a_link_that_is_no_address_is_an_error(tmp_path: Path, page_number: int) -> None:
    def behave(asked: Asked) -> bytes:
        target = "https://[bad/" if asked.page == page_number else "/data?page=2"
        return as_json({"data": rows(asked.page)}, link=f'<{target}>; rel="next"')

    run, _ = pulled(tmp_path, behave, "--pagination", "link", "--total-pages-field", "none")
    assert (run.status, run.stored) == (1, None)
    assert "the source names an address that is none" in run.err


def test_F87_tokens_that_are_good_for_two_requests_each_are_no_refusals_at_issue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INGEST_PASSWORD", "password-of-the-shop")
    left: dict[str, int] = {}

    def behave(asked: Asked) -> bytes:
        if asked.path == "/login":
            token = f"token-{len(left) + 1}-of-the-shop"
            left[token] = 2
            return as_json({"access_token": token, "expires_in": 300})
        token = asked.headers["authorization"].removeprefix("Bearer ")
        left[token] -= 1
        return page(asked, total=300) if left[token] >= 0 else answer(b"", status="401 x")

    run, _ = pulled(tmp_path, behave, "--username", "demo")
    assert (run.status, run.err, run.stored) == (0, "", rows(*range(300)))
    assert len(left) == 18  # for 30 pages, and 5 that are looked at again


DOUBTFUL = {
    "F63-errors": (
        {"errors": [{"message": "shard 3 is down"}]},
        "'errors': [{'message': 'shard 3 is down'}]",
    ),
    "F63-an-error": ({"error": "partly done"}, "'error': partly done"),
    "F63-no-success": ({"success": False}, "'success': False"),
    "F63-a-flag": ({"incomplete_results": True}, "'incomplete_results': True"),
    "F63-a-time-out": ({"timed_out": True}, "'timed_out': True"),
}


@pytest.mark.parametrize(("beside", "said"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_F63_errors_beside_records_are_told(
    caplog: pytest.LogCaptureFixture, beside: dict[str, object], said: str
) -> None:
    with HttpSource(lambda asked: page(asked, **(beside if asked.page == 2 else {}))) as source:
        pages = [each for _, each in UnstableAPIClient(source.url).iterate_all_pages(10)]
    assert [each.doubt for each in pages] == [None, said, None]
    assert f"page 2: the answer has beside its records {said}" in caplog.text


@pytest.mark.parametrize("beside", [{"errors": []}, {"error": None}, {"timed_out": False}])
def test_F63_what_says_that_all_is_well_is_no_doubt(beside: dict[str, object]) -> None:
    with HttpSource(lambda asked: page(asked, **beside)) as source:
        assert UnstableAPIClient(source.url).fetch_page(1).doubt is None


def test_F63_what_a_description_names_as_failure_is_failure(tmp_path: Path) -> None:
    described = tmp_path / "shop.toml"
    described.write_text(
        LISTED.replace(
            'base_url = "https://shop.example"',
            'base_url = "https://shop.example"\n'
            'errors = [{ when = "errors", message = "errors[0].message" }]',
        )
        .replace('method = "POST"\n', "")
        .replace('json = { filter = "all" }\n', "")
    )
    behave = first(as_json(page_of(2, errors=[{"message": "shard 3 is down"}])))
    with HttpSource(behave) as source:
        words = ("--sources", str(described), "--base-url", source.url)
        run = ingest(tmp_path, "shop.orders", "--key", "records.jsonl", *words)
    assert (run.status, run.stored) == (1, None)
    assert "shard 3 is down" in run.err


NEVER_ENDS: dict[str, tuple[Behave, tuple[str, ...]]] = {
    "F70-records-that-are-alike": (lambda _: as_json({"data": rows(1, 1)}), ()),
    "F70-records-that-are-not": (lambda _: as_json({"data": rows(1, 2)}), ()),
    "F70-half-a-page": (lambda _: as_json({"data": rows(1, 2, 3, 4, 5)}), ()),
    "F70-a-new-cursor-every-time": (
        lambda asked: as_json({"data": rows(1), "next_cursor": f"c{asked.number}"}),
        ("--pagination", "cursor"),
    ),
    "F70-the-same-cursor": (
        lambda _: as_json({"data": rows(1), "next_cursor": "c"}),
        ("--pagination", "cursor"),
    ),
    "F70-offsets": (lambda _: as_json({"data": rows(1)}), ("--pagination", "offset", "--limit", "1")),
}


@pytest.mark.parametrize(("behave", "words"), NEVER_ENDS.values(), ids=NEVER_ENDS)
@pytest.mark.parametrize("dataset", [(), ("--dataset", "d", "--run-id", "r")], ids=["object", "dataset"])
def test_F70_a_source_that_never_ends_is_a_loop(
    tmp_path: Path, behave: Behave, words: tuple[str, ...], dataset: tuple[str, ...]
) -> None:
    run, source = pulled(tmp_path, behave, "--total-pages-field", "none", *words, *dataset)
    assert (run.status, run.stored) == (1, None)
    assert "PaginationLoopError" in run.err or "a page before it" in run.err
    assert len(source.asked) <= 105


def test_F70_a_source_that_gives_one_record_whatever_is_asked_for_has_one_and_proves_it_by_nothing(
    tmp_path: Path,
) -> None:
    run, source = pulled(tmp_path, lambda _: as_json({"data": rows(1)}), "--total-pages-field", "none")
    assert (run.status, run.stored) == (0, rows(1))
    assert "warning:  the end is not proved: the same record came for the first page" in run.out
    assert len(source.asked) <= 10


def test_F95_pages_that_are_alike_by_nature_are_no_loop(tmp_path: Path) -> None:
    def behave(asked: Asked) -> bytes:
        middle = rows(*range(100 * asked.page, 100 * asked.page + 8))
        return as_json({"data": [*rows(1), *middle, *rows(2)] if asked.page <= 9 else []})

    run, _ = pulled(tmp_path, behave, "--total-pages-field", "none")
    assert run.status == 0
    assert run.stored is not None
    assert len(run.stored) == 90


FAILURES = {
    "F71-records-missing": as_json({"oops": 1}),
    "F71-empty-pages": as_json({"data": [], "total_pages": 10**15}),
    "F71-500": answer(b"", status="500 x"),
}


@pytest.mark.parametrize("stated", [10**9, 10**15])
@pytest.mark.parametrize("wrong", FAILURES.values(), ids=FAILURES)
def test_F71_of_any_number_of_stated_pages_so_many_are_skipped_and_no_more(stated: int, wrong: bytes) -> None:
    def behave(asked: Asked) -> bytes:
        return wrong if asked.page > 2 else as_json({"data": rows(asked.page), "total_pages": stated})

    clock = ManualClock()
    with HttpSource(behave) as source:
        client = UnstableAPIClient(
            source.url,
            limits=ClientLimits(retry_policy=RetryPolicy(max_attempts=1)),
            runtime=ClientRuntime(clock=clock),
        )
        run = client.start_pass(10, skip_failed=True)
        with pytest.raises(IncompleteRunError, match=r"in a row could not be had|the source is down"):
            list(run)
    assert len(source.asked) <= 310
    assert clock.monotonic() < 3600


@pytest.fixture
def gone() -> Iterator[str]:
    """The address of a source where nobody listens."""
    with nobody_listens() as address:
        yield f"http://{address}"


def test_F90_a_first_contact_that_fails_is_told_at_once(tmp_path: Path, gone: str) -> None:
    run = ingest(tmp_path, gone, "--max-attempts", "2", "--quiet")
    first_line, last = run.err.splitlines()
    assert run.status == 4
    assert first_line.startswith(f"ingest: attempt 1: {gone}/data: nobody listens there")
    assert "failed 2 times" in last
    assert "is the address right?" in last


def test_F90_a_login_that_nobody_answers_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    monkeypatch.setenv("INGEST_PASSWORD", "password-of-the-shop")
    run = ingest(tmp_path, gone, "--max-attempts", "2", "--quiet", "--username", "demo")
    assert run.err.startswith(f"ingest: attempt 1 to log in: {gone}/login: nobody listens there")


def test_F90_nothing_is_said_of_what_fails_later(tmp_path: Path) -> None:
    run, _ = pulled(tmp_path, first(b""))
    assert (run.status, run.err, run.stored) == (0, "", EVERY)


def test_F90_a_first_contact_that_fails_is_given_up_within_a_minute(gone: str) -> None:
    hasty, patient = ManualClock(), ManualClock()
    with pytest.raises(RetriesExhaustedError, match="nobody listens"):
        UnstableAPIClient(
            gone,
            limits=ClientLimits(retry_policy=RetryPolicy(jitter=False)),
            runtime=ClientRuntime(clock=hasty),
        ).fetch_page(1)
    policy = RetryPolicy(first_contact=600.0, jitter=False)
    with pytest.raises(RetriesExhaustedError):
        UnstableAPIClient(
            gone, limits=ClientLimits(retry_policy=policy), runtime=ClientRuntime(clock=patient)
        ).fetch_page(1)
    assert 10 < sum(hasty.sleeps) < 60
    assert sum(patient.sleeps) > 120


def test_F90_a_host_that_there_is_not_is_named_as_such() -> None:
    policy = RetryPolicy(max_attempts=1)
    with pytest.raises(RetriesExhaustedError, match=r"no host of that name|could not be looked up"):
        UnstableAPIClient(
            "https://no-such-host.invalid", limits=ClientLimits(retry_policy=policy)
        ).fetch_page(1)


def test_F90_a_source_that_was_heard_is_waited_for_as_ever() -> None:
    clock = ManualClock()
    heard = [answer(b"", status="503 x")]
    with (
        pytest.raises(RetriesExhaustedError),
        HttpSource(lambda _: heard.pop() if heard else b"") as source,
    ):
        UnstableAPIClient(source.url, runtime=ClientRuntime(clock=clock)).fetch_page(1)
    assert sum(clock.sleeps) > 120


def test_F89_the_command_asks_through_a_proxy_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpSource(page) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        run = ingest(tmp_path, "http://api.example", "--allow-insecure")
    assert (run.status, run.stored) == (0, EVERY)
    assert proxy.asked[0].target == "http://api.example/data?limit=10&page=1"


def test_F89_a_proxy_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    monkeypatch.setenv("http_proxy", gone.replace("//", "//me:password-of-the-proxy@"))
    run = ingest(tmp_path, "http://api.example", "--allow-insecure", "--max-attempts", "1")
    assert f"the proxy {gone.removeprefix('http://')} (http_proxy): nobody listens there" in run.err
    assert "password-of-the-proxy" not in run.err
