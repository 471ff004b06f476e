"""What the committed layouts in ``tests/fixtures/layouts`` were made of, and how they are read back.

The sources and the cases here are part of those fixtures: what they answered is in the bytes. Add cases, and
change none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination import (
    CursorPagination,
    LinkHeaderPagination,
    OffsetPagination,
    PageNumberPagination,
)
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.runs.context import Runtime
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.destination import PartLimits
from de_classes.runs.plan import RunPlan
from de_classes.runs.run_service import RunService
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.format.pinned import PinnedSchema
from de_classes.utils.clock import ManualClock
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.runs import BASE, BUCKET, LOGGER, KilledError
from tests.fakes.transports import FakeTransport, json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.api.messages import HttpRequest
    from de_classes.api.page import Page
    from de_classes.api.pagination import PaginationStrategy
    from de_classes.storage.clients import ObjectStore
    from de_classes.storage.format.schema import Record

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "layouts"
PREFIX = "raw"
LIMIT = 5
PART_PAGES = 2
STYLES: dict[str, PaginationStrategy] = {
    "number": PageNumberPagination(echo_path="page"),
    "offset": OffsetPagination(),
    "cursor": CursorPagination(),
    "link": LinkHeaderPagination(),
}
PLACES = ("Castaic, CA", 'the "Geysers"', "Zürich\nWest", "東京", "")


def record(number: int) -> Record:
    """One record: its magnitude widens after 12, and a column comes late, after 22."""
    late = {"depth": number / 8} if number > 22 else {}
    return {
        "id": number,
        "place": PLACES[number % 5],
        "magnitude": number if number <= 12 else number / 4,
        "felt": None if number % 3 == 0 else number % 2 == 0,
        "at": f"2026-11-23T00:{number:02}:00Z",
        "geo": {"lat": number / 2, "tags": ["a", "b"][: number % 3]},
        **late,
    }


RECORDS = tuple(map(record, range(1, 38)))
"""Eight pages."""

TWICE = (*RECORDS[:30], RECORDS[2], *RECORDS[30:34], RECORDS[7], *RECORDS[34:])
"""Records 3 and 8 come again, on the seventh page and on the eighth."""

NEWCOMERS = (record(38), record(39))
"""What stands in front of all others once a run has begun; keys tell them from what had been read."""

PINNED = {"id": "int64!", "place": "string", "score": "float64"}
MISFITS = (7, 33)
FIT = tuple(
    {"id": number, "place": PLACES[number % 5], "score": "?" if number in MISFITS else number / 4}
    for number in range(1, 38)
)
"""Of these records two do not fit ``PINNED``, on the second page and on the seventh."""


class Source(FakeTransport):
    """Pages of ``LIMIT`` records, in one of four styles.

    Args:
        style: One of ``STYLES``.
        records: All of them, in order.
        broken: Pages that are answered with 503.
        newcomers: Records that come in front of all others.
        newcomers_after: How many requests are answered before they come.
    """

    def __init__(
        self,
        style: str,
        records: Sequence[Record],
        *,
        broken: Sequence[int] = (),
        newcomers: Sequence[Record] = (),
        newcomers_after: int = 0,
    ) -> None:
        super().__init__(self._page)
        self._style = style
        self._records = list(records)
        self._broken = frozenset(broken)
        self._newcomers = list(newcomers)
        self._newcomers_after = newcomers_after

    def asked(self) -> list[int]:
        """The pages that were asked for, in order."""
        return [self._number(request) for request in self.requests]

    def _number(self, request: HttpRequest) -> int:
        query = {**dict(parse_qsl(urlsplit(request.url).query)), **request.params}
        if self._style == "offset":
            return int(query["offset"]) // LIMIT + 1
        if self._style == "cursor":
            return int(query.get("cursor", "after-page-0").removeprefix("after-page-")) + 1
        return int(query.get("page", "1"))

    def _page(self, request: HttpRequest) -> HttpResponse:
        number = self._number(request)
        if number in self._broken:
            return HttpResponse(503)
        if len(self.requests) > self._newcomers_after:
            self._records[:0], self._newcomers = self._newcomers, []
        data = self._records[(number - 1) * LIMIT : number * LIMIT]
        pages = -(-len(self._records) // LIMIT)
        body = {"total_pages": pages, "total_records": len(self._records), "data": data}
        more = number < pages
        if self._style == "cursor":
            body["next_cursor"] = f"after-page-{number}" if more else None
        linked = {"link": f'</data?page={number + 1}&limit={LIMIT}>; rel="next"'}
        return json_response(body, **(linked if self._style == "link" and more else {}))


@dataclass(frozen=True)
class Case:
    """A run, as a fixture has it.

    Attributes:
        format: Of its parts.
        style: How its source is paged.
        records: What its source has.
        newcomers: What its source has more, after a while.
        broken: Pages that could not be had when the fixture was made.
        died_after: How many pages it had taken when it was killed; None if it was not.
        key_fields: What tells its records apart.
        pinned: Its columns; those that do not fit are set aside.
        went_on: Whether it was gone on with, to its end, while the fixture was made.
    """

    format: str
    style: str = "number"
    records: tuple[Record, ...] = RECORDS
    newcomers: tuple[Record, ...] = ()
    broken: tuple[int, ...] = ()
    died_after: int | None = None
    key_fields: tuple[str, ...] = ()
    pinned: dict[str, str] | None = None
    went_on: bool = False

    @property
    def wanted(self) -> list[Record]:
        """What is in the dataset once every page has come."""
        kept = [each for each in self.records if not (self.pinned and each["id"] in MISFITS)]
        if not self.key_fields:
            return kept
        return [*{each["id"]: each for each in kept}.values(), *self.newcomers]

    def source(self) -> Source:
        """The source as it is now: every page can be had, and who came has come."""
        return Source(self.style, self.records, newcomers=self.newcomers)

    def source_then(self) -> Source:
        """The source as it was when the fixture was made."""
        return Source(
            self.style, self.records, broken=self.broken, newcomers=self.newcomers, newcomers_after=4
        )


KEYED: dict[str, Any] = {"key_fields": ("id",)}
KILLED: dict[str, Any] = {"died_after": 5}

COMPLETE = {
    "csv": Case("csv"),
    "json": Case("json"),
    "jsonl": Case("jsonl"),
    "parquet": Case("parquet"),
    "keyed": Case("parquet", records=TWICE, **KEYED),
    "two-passes": Case("jsonl", newcomers=NEWCOMERS, **KEYED),
    "pinned": Case("csv", records=FIT, pinned=PINNED),
    "replayed": Case("parquet", broken=(4,), went_on=True),
}
"""Runs that are complete. That of ``replayed`` was partial first."""

PARTIAL = {
    "partial": Case("parquet", broken=(4,)),
    "partial-keyed": Case("csv", broken=(2, 6), records=TWICE, **KEYED),
}
"""Runs that were committed without the pages that could not be had."""

OPEN = {
    "open": Case("jsonl", **KILLED),
    "open-with-a-gap": Case("json", broken=(2,), **KILLED),
    "open-by-offset": Case("csv", "offset", **KILLED),
    "open-by-cursor": Case("parquet", "cursor", **KILLED),
    "open-by-link": Case("jsonl", "link", **KILLED),
    "open-keyed": Case("parquet", records=TWICE, **KEYED, **KILLED),
    "open-keyed-by-cursor": Case("csv", "cursor", records=TWICE, **KEYED, **KILLED),
    "open-pinned": Case("csv", records=FIT, pinned=PINNED, **KILLED),
    "open-on-pass-two": Case("jsonl", newcomers=NEWCOMERS, died_after=8 + 5, **KEYED),
}
"""Runs that were killed between two parts, with the plan and the journal as they were then."""

CASES = {**COMPLETE, **PARTIAL, **OPEN}

OBJECTS = {name: f"{PREFIX}/one.{name}" for name in ("csv", "json", "jsonl", "parquet")}
"""Single objects with their receipts, by format: no runs, so nothing goes on."""


def client_of(case: Case, source: Source) -> UnstableAPIClient:
    return UnstableAPIClient(
        Endpoint.at(f"{BASE}/data", pagination=STYLES[case.style], look_back="none"),
        None,
        LOGGER,
        limits=ClientLimits(concurrency=1, retry_policy=RetryPolicy(max_attempts=3, jitter=False)),
        runtime=ClientRuntime(transport=source, clock=ManualClock()),
    )


def plan_of(name: str) -> RunPlan:
    """What a run was asked for, and is asked for again."""
    case = CASES[name]
    client = client_of(case, case.source())
    return RunPlan(
        run_id=name,
        source=client.url,
        fingerprint=client.fingerprint,
        dataset=f"{PREFIX}/{name}",
        format=case.format,
        limit=LIMIT,
        key_fields=case.key_fields,
        pinned=PinnedSchema.parse(case.pinned) if case.pinned else None,
        on_violation="quarantine" if case.pinned else "refuse",
    )


def service_of(name: str, store: ObjectStore, source: Source, *, die_after: int | None = None) -> RunService:
    """What carries a run out, or goes on with it."""
    taken: list[Page] = []

    def on_page(page: Page) -> None:
        taken.append(page)
        if len(taken) == die_after:
            raise KilledError

    return RunService(
        client_of(CASES[name], source),
        DatasetDestination(store, BUCKET, prefix=PREFIX, limits=PartLimits(pages=PART_PAGES)),
        runtime=Runtime(logger=LOGGER, clock=ManualClock(), on_page=on_page),
    )


def bucket_of(layout: str) -> Path:
    """The directory with the objects of a layout."""
    return FIXTURES / layout / BUCKET


@cache
def objects(layout: str) -> dict[str, bytes]:
    """Every object of a layout by its key."""
    top = bucket_of(layout)
    paths = sorted(path for path in top.rglob("*") if path.is_file())
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in paths}


def stored(layout: str) -> BaseS3Client:
    """A store of one's own, with everything that was written in a layout."""
    s3 = FakeS3()
    s3.buckets[BUCKET] = dict(_filled(layout).buckets[BUCKET])
    return BaseS3Client(s3, LOGGER, clock=ManualClock())


@cache
def _filled(layout: str) -> FakeS3:
    s3 = FakeS3()
    s3.create_bucket(Bucket=BUCKET)
    for key, body in objects(layout).items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return s3
