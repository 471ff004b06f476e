"""A file of lines in pieces: no line is lost, cut or doubled, whatever the pieces are."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.api.answers import PageReader
from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination import FilePagination
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import DeClassesError, ProtocolError, RetriesExhaustedError, SourceChangedError
from de_classes.utils.clock import ManualClock

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest

QUIET = logging.getLogger("tests.by_bytes")
QUIET.setLevel(logging.CRITICAL)
URL = "https://files.example/bulk.jsonl"
ROWS = [{"id": n, "name": "x" * n} for n in range(12)]


class File:
    """A file that is served in ranges.

    Attributes:
        body: Its bytes.
        tag: Its ETag.
        ranges: What was asked for.
        has_ranges: Whether it is served in parts.
        short: How many bytes of each part are lost.
        headers: Beside those of a part.
    """

    def __init__(self, rows: list[dict[str, Any]] = ROWS, *, ends: str = "\n") -> None:
        self.body = "\n".join(json.dumps(row) for row in rows).encode() + (ends.encode() if rows else b"")
        self.tag = '"one"'
        self.ranges: list[str] = []
        self.has_ranges = True
        self.short = 0
        self.headers: dict[str, str] = {}

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        wanted = request.headers["Range"]
        self.ranges.append(wanted)
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", wanted)
        assert match is not None
        is_same = request.headers.get("If-Range", self.tag) == self.tag
        if not self.has_ranges or not is_same:
            return HttpResponse(200, {"etag": self.tag}, self.body)
        part = self.body[int(match[1]) : int(match[2]) + 1]
        total = len(self.body)
        if not part:
            return HttpResponse(416, {"content-range": f"bytes */{total}"})
        said = f"bytes {match[1]}-{int(match[1]) + len(part) - 1}/{total}"
        headers = {"content-range": said, "etag": self.tag, **self.headers}
        return HttpResponse(206, headers, part[: len(part) - self.short])


def client_of(file: File, piece: int) -> UnstableAPIClient:
    endpoint = Endpoint(
        URL,
        pagination=FilePagination(piece=piece),
        reader=PageReader("@", None, None, kind="jsonl"),
        look_back="none",
    )
    return UnstableAPIClient(
        endpoint,
        limits=ClientLimits(retry_policy=RetryPolicy(max_attempts=2)),
        runtime=ClientRuntime(file, ManualClock(), QUIET),
    )


def read(file: File, piece: int) -> list[Any]:
    return [dict(record) for _, page in client_of(file, piece).iterate_all_pages() for record in page.records]


@given(st.integers(40, 500), st.sampled_from(["", "\n"]))
def test_whatever_the_pieces_are_every_line_comes_once(piece: int, ends: str) -> None:
    assert read(File(ends=ends), piece) == ROWS


def test_no_more_than_a_piece_is_asked_for_at_a_time() -> None:
    file = File()
    read(file, 100)
    bounds = [each.removeprefix("bytes=").partition("-") for each in file.ranges]
    sizes = [int(last) - int(first) for first, _, last in bounds]
    assert len({*file.ranges}) == len(file.ranges)  # and none twice, though pieces differ in records
    assert set(sizes) == {99}


def test_a_file_of_nothing_has_no_records() -> None:
    assert read(File([]), 100) == []


def test_a_server_without_ranges_gives_all_at_once() -> None:
    file = File()
    file.has_ranges = False
    assert read(file, 100) == ROWS


class OtherFile(File):
    """One that is another file after two pieces."""

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        if len(self.ranges) == 2:
            self.tag = '"two"'
        return super().send(request, timeout=timeout)


def test_a_file_that_is_another_one_meanwhile_is_told_by_its_tag() -> None:
    with pytest.raises(SourceChangedError, match="another file"):
        read(OtherFile(), 100)


def test_a_line_longer_than_a_piece_is_an_error_that_says_what_to_change() -> None:
    with pytest.raises(ProtocolError, match=r"a line of more than 20 bytes: say a larger pagination\.piece"):
        read(File(), 20)


@pytest.mark.parametrize(
    ("short", "headers", "told"),
    [
        (3, {}, "of 100"),
        (0, {"content-range": "bytes 7-106/300"}, "another part"),
        (0, {"content-range": "items 0-99/300"}, "another part"),
        (0, {"content-encoding": "gzip"}, "compressed"),
    ],
)
def test_a_piece_that_is_not_the_one_that_was_asked_for_is_not_read(
    short: int, headers: dict[str, str], told: str
) -> None:
    file = File()
    file.short, file.headers = short, headers
    with pytest.raises(DeClassesError) as caught:
        read(file, 100)
    assert told in f"{caught.value} {caught.value.__cause__}"
    assert isinstance(caught.value, ProtocolError | RetriesExhaustedError) or caught.value.__cause__


@pytest.mark.parametrize("piece", [100, 10_000])
def test_the_end_is_the_last_byte(piece: int) -> None:
    run = client_of(File(), piece).start_pass()
    assert sum(len(page.records) for page in run) == len(ROWS)
    assert run.evidence_if_still is not None
    end = run.evidence_if_still.end
    assert (end.by, end.saw) == ("marker", "Content-Range at the last byte")
