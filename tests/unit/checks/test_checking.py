from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.source import EnvironmentSecrets, Source
from de_classes.api.source.loading import parse_sources
from de_classes.checks.checking import ResourceCheck, description_hash
from de_classes.checks.probe import Probe
from de_classes.errors import ConfigurationError, NetworkError
from de_classes.utils.clock import ManualClock
from tests.fakes.every import every
from tests.fakes.listing_api import TOKEN, ListingApi, described
from tests.fakes.transports import FakeTransport, json_response

if TYPE_CHECKING:
    from de_classes.api.source import Resource
    from de_classes.api.transport import Transport
    from de_classes.checks.report import CheckReport

WAYS = ["cursor", "next_url", "link", "page", "offset", "last_record"]
MOST_REQUESTS = 6
WITH_MARKER = {"pagination.more": "meta.has_more"}
NO_TOTAL = {"total_path": None}


def check(resource: Resource, transport: Transport, *, token: str = TOKEN, **more: Any) -> CheckReport:
    secrets = EnvironmentSecrets({"DE_CLASSES_SECRET_TOKEN": token})
    probe = Probe(resource, secrets=secrets, transport=transport, clock=ManualClock(), **more)
    return ResourceCheck(probe).run()


def said(report: CheckReport, name: str) -> str:
    return "; ".join(each.said for each in report.findings if each.name == name)


def wrong(report: CheckReport) -> list[str]:
    return [each.name for each in report.findings if each.verdict == "wrong"]


def not_ok(report: CheckReport) -> list[tuple[str, str, str]]:
    return [(each.name, each.verdict, each.said) for each in report.findings if each.verdict != "ok"]


@every("count", [2, 15, 20, 45])
@every("way", WAYS)
def test_a_right_description_is_ok_by_few_requests(way: str, count: int) -> None:
    api = ListingApi(way, count)
    report = check(described(way, WITH_MARKER), api)
    assert not_ok(report) == []
    assert report.verdict == "ok"
    assert report.requests == len(api.requests) <= MOST_REQUESTS
    assert report.total == count
    assert report.evidence.way_on
    assert report.evidence.total
    assert report.evidence.page_size == "heeded"


@pytest.mark.parametrize("way", WAYS)
def test_neither_total_nor_marker_is_ok_where_the_way_on_is_seen(way: str) -> None:
    report = check(described(way, NO_TOTAL), ListingApi(way))
    assert (not_ok(report), report.total) == ([], None)


def test_a_report_says_what_the_records_are() -> None:
    report = check(described("page", WITH_MARKER), ListingApi("page"))
    assert "items: 20 records with id (integer), name (string or null), size (number)" in said(
        report, "records"
    )
    assert "2 more" not in said(report, "records")
    assert report.keys == ("id",)
    assert report.update_times == ("updated_at",)
    assert report.limit_headers == {"x-ratelimit-remaining": "99", "x-ratelimit-limit": "100"}
    assert [(field.name, field.types) for field in report.fields][1] == ("name", ("string", "null"))
    assert report.costs is not None
    assert (report.costs.requests, report.costs.proof_requests) == (3 + 3, 3)


def test_transforms_are_tried_on_the_records_that_came() -> None:
    steps = [{"type": "filter", "where": "id > `4`"}, {"type": "select", "columns": ["id", "name"]}]
    report = check(described("page", {**WITH_MARKER, "transforms": steps}), ListingApi("page", 15))
    assert (not_ok(report), report.total) == ([], 15)
    (rows_in,) = {int(number) for number in re.findall(r"filter: (\d+) in", said(report, "transforms"))}
    assert rows_in > 4
    assert re.fullmatch(r"filter: \d+ in, \d+ out; select: (\d+) in, \1 out", said(report, "transforms"))
    assert said(check(described("page", WITH_MARKER), ListingApi("page")), "transforms") == ""


def test_a_transform_that_a_record_does_not_go_through_is_wrong_and_the_record_is_named() -> None:
    steps = [{"type": "cast", "columns": {"name": "int"}}]
    report = check(described("page", {**WITH_MARKER, "transforms": steps}), ListingApi("page"))
    assert (wrong(report), report.verdict) == (["transforms"], "wrong")
    assert said(report, "transforms").startswith("page 1, transforms[0]: Cast, record 1: column 'name'")


@pytest.mark.parametrize("count", [15, 45])
def test_a_marker_that_was_seen_both_ways_is_evidence(count: int) -> None:
    report = check(described("page", {**NO_TOTAL, **WITH_MARKER}), ListingApi("page", count))
    seen_at_the_end = count == 15
    assert (report.evidence.marker, report.evidence.end == "marker") == (seen_at_the_end, seen_at_the_end)


def test_the_last_page_is_looked_at_where_the_total_says_which_it_is() -> None:
    api = ListingApi("page", 245)
    report = check(described("page", {"pagination.pages_path": None, **WITH_MARKER}), api)
    assert not_ok(report) == []
    offsets = ListingApi("offset", 245)
    report = check(described("offset", WITH_MARKER), offsets)
    assert offsets.requests[-1].params["offset"] == "240"
    assert (report.evidence.end, report.evidence.marker) == ("marker", True)


def test_no_record_is_a_warning() -> None:
    report = check(described(), ListingApi(count=0))
    assert (report.verdict, report.records) == ("warning", 0)
    assert "no record came" in said(report, "records")


def test_one_record_is_ok() -> None:
    assert check(described("cursor", WITH_MARKER), ListingApi(count=1)).verdict == "ok"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("data", "leads to no records; the answer has items (a list), meta {total"),
        ("meta", "where total, has_more, always, next_cursor, next stands"),
        ("meta.items", "what looks like the records: items (a list of 20 objects)"),
    ],
)
def test_a_records_path_that_is_wrong_is_named_with_what_stands_there(path: str, words: str) -> None:
    report = check(described("page", {"records_path": path}), ListingApi("page"))
    assert wrong(report) == ["records"]
    assert words in said(report, "records")
    assert len(report.findings) > MOST_REQUESTS  # the rest is looked at too


def test_lists_without_names_are_told_from_objects() -> None:
    transport = FakeTransport(lambda _: json_response({"rows": [[1, "a"], [2, "b"]]}))
    report = check(described("page", {"records_path": "data", **NO_TOTAL}), transport)
    assert "rows (a list of 2 lists, whose places need names)" in said(report, "records")


def test_an_object_of_objects_is_told() -> None:
    transport = FakeTransport(lambda _: json_response({"rows": {"a": {"x": 1}, "b": {"x": 2}}}))
    report = check(described("page", {"records_path": "rows", **NO_TOTAL}), transport)
    assert 'rows (an object of 2 objects, for records_are = "values")' in said(report, "records")


def test_an_answer_of_another_kind_is_named() -> None:
    html = FakeTransport(lambda _: json_response({}).__class__(200, {"content-type": "text/html"}, b"<html>"))
    report = check(described(), html)
    assert wrong(report) == ["answer"]
    assert "text/html" in said(report, "answer")


@every(
    "way, changes, name, words",
    [
        ("cursor", {"pagination.path": "next_cursor"}, "pagination", "way on: meta.next_cursor (a text)"),
        (
            "cursor",
            {"pagination.path": "meta.meta.x"},
            "pagination",
            "nothing at 'meta.meta.x' leads to the rest",
        ),
        ("cursor", {"pagination.into": "query.after"}, "pagination", "query.after is not heeded"),
        ("next_url", {"pagination.path": "links.next"}, "pagination", "way on: meta.next (an address)"),
        ("link", {"pagination.rel": "following"}, "pagination", 'the Link header (with rel="next")'),
        ("page", {"pagination.into": "query.p"}, "pagination", "query.p is not heeded"),
        ("offset", {"pagination.into": "query.skip"}, "pagination", "query.skip is not heeded"),
        (
            "last_record",
            {"pagination.path": "key"},
            "pagination",
            "the last record has no text or number at 'key'",
        ),
        ("last_record", {"pagination.plus": 1}, "pagination", "skips 1 record"),
        ("last_record", {"pagination.plus": -1}, "pagination", "brings 1 record of the first again"),
        ("page", {"pagination.more": "meta.more"}, "marker", 'more = "meta.has_more"'),
        ("cursor", {"pagination.done": "meta.more"}, "marker", 'more = "meta.has_more"'),
        ("cursor", {"pagination.done": "meta.has_more"}, "marker", 'write more = "meta.has_more"'),
        ("page", {"pagination.done": "meta.has_more"}, "marker", "the wrong way round"),
        ("last_record", {"pagination.done": "meta.has_more"}, "marker", "the wrong way round"),
        ("cursor", {"pagination.more": "meta.total"}, "marker", "is 15, no true or false"),
        ("page", {"pagination.more": "meta.always"}, "marker", "is true whether more follows or not"),
        ("page", {"total_path": "meta.count"}, "total", "what looks like it: meta.total (15)"),
        ("page", {"total_path": "meta.always"}, "total", "is true, no whole number"),
        (
            "page",
            {"pagination.pages_path": "meta.pages"},
            "total",
            'pages_path = "meta.pages" is not in the answer',
        ),
        (
            "page",
            {"page_size.into": "query.per_page"},
            "page_size",
            "query.per_page is not heeded: 2 were asked for, and 1",
        ),
        (
            "page",
            {"primary_key": ["key"]},
            "key",
            "key is absent or null in 15 of 15 records; what looks like a key: id",
        ),
        ("page", {"primary_key": ["size"]}, "key", "size is no key: 8 of 15 values came before"),
        ("page", {"primary_key": ["name"]}, "key", "name is absent or null in 1 of 15"),
        (
            "cursor",
            {"pagination": {"type": "none"}},
            "pagination",
            "meta.next_cursor (a text) stands in the answer",
        ),
        ("page", {"path": "/items"}, "", ""),
    ],
)
def test_a_mistake_is_named_on_one_page(way: str, changes: dict[str, Any], name: str, words: str) -> None:
    changes = {"total_path": None, **changes} if name in {"marker", "page_size"} else changes
    api = ListingApi(way, 15, default=12 if name == "page_size" else 30)
    report = check(described(way, changes), api)
    assert wrong(report) == ([name] if name else [])
    assert words in said(report, name or "records")


@pytest.mark.parametrize("way", ["page", "offset", "last_record", "cursor"])
@pytest.mark.parametrize("count", [15, 45])
def test_an_inverted_marker_is_told_on_one_page_and_on_several(way: str, count: int) -> None:
    report = check(described(way, {"pagination.done": "meta.has_more"}), ListingApi(way, count))
    assert wrong(report) == ["marker"]


@pytest.mark.parametrize("count", [15, 45])
def test_pages_counted_from_0_that_are_described_from_1(count: int) -> None:
    report = check(described("page"), ListingApi("page", count, first=0))
    assert "first" in wrong(report)
    assert "write first = 0" in said(report, "first")


@pytest.mark.parametrize("clamps", [True, False])
def test_pages_counted_from_1_that_are_described_from_0(clamps: bool) -> None:  # noqa: FBT001 - a case
    report = check(described("page", {"pagination.first": 0}), ListingApi("page", clamps=clamps))
    assert "write first = 1" in said(report, "first")
    assert wrong(report)[0] == "first"


def test_records_counted_from_0_that_are_described_from_1() -> None:
    report = check(described("offset", {"pagination.first": 1}), ListingApi("offset"))
    assert "the first record is skipped; write first = 0" in said(report, "first")


def test_a_source_that_serves_its_first_page_for_number_0_is_right() -> None:
    assert check(described("page"), ListingApi("page", 45, clamps=True)).verdict == "ok"


@pytest.mark.parametrize("way", ["cursor", "page", "offset"])
def test_a_source_that_gives_fewer_than_it_is_asked_for_is_a_warning_with_the_most(way: str) -> None:
    report = check(described(way), ListingApi(way, cap=10))
    assert [(each.name, each.verdict) for each in report.findings if each.verdict != "ok"] == [
        ("page_size", "warning")
    ]
    assert "write max = 10" in said(report, "page_size")
    assert report.evidence.cap == 10


def test_a_page_size_that_is_refused_is_told_and_the_rest_looked_at() -> None:
    report = check(described("cursor", WITH_MARKER), ListingApi(refuses=10))
    assert wrong(report) == ["page_size"]
    assert "limit is 10 at the most" in said(report, "page_size")
    assert report.evidence.way_on


def test_a_total_that_is_the_pages_own_count_is_told() -> None:
    report = check(described("cursor"), ListingApi(total="page"))
    assert wrong(report) == ["total"]
    assert "it is the page's own count" in said(report, "total")
    assert not report.evidence.total


def test_a_wrong_secret_is_told_as_the_source_tells_it_and_never_shown() -> None:
    secret = "wrong-token-abcdef"
    report = check(described(), ListingApi(), token=secret)
    assert wrong(report) == ["auth"]
    assert "no such token" in said(report, "auth")
    assert secret not in repr(report)
    assert report.requests == 1


def test_a_host_that_does_not_answer_is_told() -> None:
    def refuse(_: object) -> Exception:
        return NetworkError("https://api.listing.example: ConnectionRefusedError")

    report = check(described(), FakeTransport(refuse))
    assert wrong(report) == ["connection"]
    assert "ConnectionRefusedError" in said(report, "connection")


def test_an_address_that_is_not_there_is_told() -> None:
    report = check(described(), FakeTransport(lambda _: json_response({"message": "nothing here"}, 404)))
    assert wrong(report) == ["connection"]
    assert "nothing here" in said(report, "connection")


def test_a_way_on_to_another_host_is_told_and_not_taken() -> None:
    api = ListingApi("next_url", next_origin="https://files.listing.example")
    report = check(described("next_url"), api)
    assert wrong(report) == ["pagination"]
    assert "allowed_hosts" in said(report, "pagination")
    assert not any("files." in request.url for request in api.requests)


def test_an_answer_that_is_bad_once_is_asked_for_again() -> None:
    api = ListingApi()
    answers = [json_response({"error": "oops"}), json_response({}, 503)]
    flaky = FakeTransport(lambda request: answers.pop() if answers else api.send(request, timeout=1))
    assert check(described(), flaky).verdict == "ok"


def test_a_source_that_asks_to_be_left_alone_is_told() -> None:
    limited = FakeTransport(lambda _: json_response({}, 429, retry_after="3600"))
    report = check(described(), limited)
    assert wrong(report) == ["limits"]


@pytest.mark.parametrize("third", range(1, 5))
def test_a_refusal_that_says_that_no_request_is_left_is_waited_out(third: int) -> None:
    api, sent = ListingApi(), itertools.count(1)

    def answer(request: Any) -> Any:
        if next(sent) == third:
            return json_response({"message": "slow down"}, 403, x_ratelimit_remaining="0")
        return api.send(request, timeout=1)

    assert wrong(check(described(), FakeTransport(answer))) == []


def test_a_refusal_that_says_for_long_that_no_request_is_left_is_a_limit_and_no_lack_of_permission() -> None:
    spent = FakeTransport(lambda _: json_response({}, 403, x_ratelimit_remaining="0"))
    assert wrong(check(described(), spent)) == ["limits"]


def test_a_refusal_beside_requests_that_are_left_is_no_limit() -> None:
    api, sent = ListingApi(), itertools.count(1)

    def answer(request: Any) -> Any:
        if next(sent) == 3:
            return json_response({"message": "no"}, 403, x_ratelimit_remaining="9")
        return api.send(request, timeout=1)

    assert "limits" not in wrong(check(described(), FakeTransport(answer)))


def test_a_limit_header_that_is_not_there_is_a_warning() -> None:
    report = check(described(rate_limit={"remaining": "x-left"}), ListingApi())
    assert ("limits", "warning") in [(each.name, each.verdict) for each in report.findings]
    assert "seen are x-ratelimit-remaining: 99" in said(report, "limits")


def test_a_secret_that_is_missing_is_no_finding() -> None:
    with pytest.raises(ConfigurationError, match="DE_CLASSES_SECRET_TOKEN"):
        ResourceCheck(Probe(described(), secrets=EnvironmentSecrets({}), transport=ListingApi())).run()


def test_a_child_is_looked_at_by_few_parents() -> None:
    parents = ListingApi("cursor", 45)

    def answer(request: Any) -> Any:
        if "/items/" in request.url:
            number = int(request.url.rpartition("/")[2])
            return json_response({"id": number, "text": "more"})
        return parents.send(request, timeout=1)

    content = b"""
version = 1
[sources.listing]
base_url = "https://api.listing.example"
auth = { type = "bearer", token = "${secret.token}" }
[sources.listing.resources.items]
path = "/items"
records_path = "items"
page_size = { into = "query.limit", max = 20 }
pagination = { type = "cursor", path = "meta.next_cursor" }
[sources.listing.resources.details]
for_each = { resource = "items" }
path = "/items/${parent.id}"
records_are = "object"
pagination = { type = "none" }
primary_key = ["id"]
"""
    resource = Source(parse_sources(content, ".toml", name="listing"))["listing.details"]
    report = check(resource, FakeTransport(answer))
    assert (not_ok(report), report.requests) == ([], 3)


def test_what_is_proven_holds_for_the_description_whatever_its_parameters_and_its_window() -> None:
    assert description_hash(described()) == description_hash(described("cursor", {"window": 1000}))
    assert description_hash(described()) == description_hash(described("cursor", {"primary_key": ["name"]}))
    assert description_hash(described()) != description_hash(described("cursor", {"pagination.path": "x"}))
    assert description_hash(described()) != description_hash(described("cursor", {"records_path": "x"}))


def test_what_a_stand_in_shows_is_no_evidence_of_the_source() -> None:
    api = ListingApi("page")
    assert not check(described("page"), api).evidence.is_rehearsal
    assert check(described("page"), api, base_url="http://127.0.0.1:1").evidence.is_rehearsal
