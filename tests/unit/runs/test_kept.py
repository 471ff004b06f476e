"""What a run has kept between two goes, and what becomes of the run when it is not what was kept any more."""

from __future__ import annotations

import os
import resource
from copy import deepcopy
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest

from de_classes.api.pagination import CursorPagination, OffsetPagination, PageNumberPagination
from de_classes.errors import DeClassesError, MalformedDataError, StorageUnavailableError
from de_classes.runs.progress import BrokenPartsError
from de_classes.runs.verify import differences
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.clients.object_store import Content
from de_classes.storage.datasets import remove_leftovers
from de_classes.storage.datasets.commits import ALIVE
from de_classes.storage.datasets.manifest import PART, PART_NAME, cleaning_key, is_part_key, part_name
from de_classes.storage.format.codec import format_names
from de_classes.storage.format.json_codec import JsonLinesCodec
from de_classes.storage.format.pinned import PinnedSchema
from de_classes.utils.clock import ManualClock
from tests.fakes.effort import first_of
from tests.fakes.fake_s3 import FakeS3, sha256_base64
from tests.fakes.forks import end_well
from tests.fakes.runs import (
    BUCKET,
    DATASET,
    LOGGER,
    KilledError,
    ids,
    journal,
    memory,
    plan,
    progress,
    rows,
    service,
)
from tests.fakes.transports import FakePagedApi, FakeTransport, json_response
from tests.fakes.worker import lake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from de_classes.api.messages import HttpRequest, HttpResponse
    from de_classes.api.pagination import PaginationStrategy
    from de_classes.runs.progress import SealedPart
    from de_classes.storage.clients import ObjectInfo, ObjectStore
    from tests.fakes.fake_s3 import StoredVersion

    GoOn = Callable[..., Any]

TOTAL = 95
STYLES: dict[str, PaginationStrategy] = {
    "number": PageNumberPagination(echo_path="page"),
    "offset": OffsetPagination(),
    "cursor": CursorPagination(path="next_cursor"),
}


def source(total: int = TOTAL, *, repeats: int = 0) -> FakeTransport:
    """Answers in every style; with repeats, each page begins with so many records of the one before it."""

    def answer(request: HttpRequest) -> HttpResponse:
        asked = request.params
        limit = int(asked.get("limit", 10))
        number = max(int(asked.get("page", 1)), 1)
        start = int(asked.get("cursor") or asked.get("offset") or (number - 1) * limit)
        data = [
            {"id": number - number // limit * repeats} for number in range(start, min(start + limit, total))
        ]
        after = start + limit if start + limit < total else None
        totals = {"total_records": total, "total_pages": -(-total // limit), "page": start // limit + 1}
        return json_response({"data": data, "next_cursor": after and str(after), **totals})

    return FakeTransport(answer)


def stop_after(pages: int, store: ObjectStore, **options: Any) -> None:
    """A go that ends without a word once so many pages came."""
    wanted = options.pop("wanted", plan())
    with pytest.raises(KilledError):
        service(store, source(), die_after=pages, **options).carry_out(wanted)


def store_of(kind: str, folder: Path) -> ObjectStore:
    return lake(folder) if kind == "local" else memory()


def part_key(sealed: SealedPart) -> str:
    assert sealed.part is not None
    return f"{DATASET}/{sealed.part.key}"


def rewrite(change: Callable[[bytes], bytes], store: ObjectStore, key: str) -> None:
    body = change(store.get_object(BUCKET, key))
    store.delete_object(BUCKET, key)
    store.put_object(BUCKET, key, body)


DAMAGE: dict[str, Callable[[ObjectStore, str], None]] = {
    "emptied": partial(rewrite, lambda _: b""),
    "cut": partial(rewrite, lambda body: body[:-16]),
    "longer": partial(rewrite, lambda body: body + body[:16]),
    "changed": partial(rewrite, lambda body: body[:8] + bytes([body[8] ^ 1]) + body[9:]),
    "gone": lambda store, key: store.delete_object(BUCKET, key),
}


@pytest.mark.parametrize("kind", ["local", "s3"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_F72_a_part_that_is_not_what_was_sealed_is_fetched_again(
    tmp_path: Path, kind: str, damage: str
) -> None:
    store = store_of(kind, tmp_path)
    stop_after(9, store)
    DAMAGE[damage](store, part_key(progress(store).parts[1]))
    receipt = service(store, source()).carry_out(plan())
    assert (receipt.status, ids(store, receipt)) == ("complete", list(range(TOTAL)))
    assert list(differences(receipt, store, BUCKET)) == []


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("keys", [(), ("id",)])
@pytest.mark.parametrize("which", [{0}, {1}, {3}, {0, 3}, {1, 2}, {0, 1, 2, 3}])
def test_F72_parts_are_fetched_again_whichever_they_are_and_whatever_leads_to_them(
    style: str, keys: tuple[str, ...], which: set[int]
) -> None:
    store, wanted = memory(), plan(key_fields=keys)
    stop_after(9, store, style=STYLES[style], wanted=wanted)
    before = progress(store).parts
    for number in which:
        DAMAGE["cut"](store, part_key(before[number]))
    receipt = service(store, source(), style=STYLES[style]).carry_out(wanted)
    assert (receipt.status, ids(store, receipt)) == ("complete", list(range(TOTAL)))
    assert list(differences(receipt, store, BUCKET)) == []


@pytest.mark.parametrize("keys", [(), ("id",)])
def test_F72_pages_that_stand_alone_are_fetched_again_alone(keys: tuple[str, ...]) -> None:
    store, again = memory(), source()
    stop_after(9, store, wanted=plan(key_fields=keys))
    DAMAGE["cut"](store, part_key(progress(store).parts[1]))
    service(store, again).carry_out(plan(key_fields=keys))
    # The rest, with a look at the furthest page first; then what turns out to be broken, after the same look.
    assert [int(request.params["page"]) for request in again.requests] == [8, 9, 10, 10, 3, 4]


def test_F72_records_that_were_left_out_because_of_a_part_that_broke_are_not_lost() -> None:
    """They came again on a later page; on the page that broke they are no more."""
    store, wanted = memory(), plan(key_fields=("id",))
    with pytest.raises(KilledError):
        service(store, source(repeats=1), die_after=9).carry_out(wanted)
    DAMAGE["gone"](store, part_key(progress(store).parts[1]))
    receipt = service(store, source(repeats=1)).carry_out(wanted)
    assert sorted(ids(store, receipt)) == list(range(TOTAL - 9))
    assert list(differences(receipt, store, BUCKET)) == []


def test_F72_what_was_set_aside_is_proved_too() -> None:
    wanted = plan(pinned=PinnedSchema.parse({"id": "string"}), on_violation="quarantine")
    store = memory()
    stop_after(9, store, wanted=wanted)
    aside = progress(store).parts[1].quarantine
    assert aside is not None
    DAMAGE["cut"](store, f"{DATASET}/{aside.key}")
    receipt = service(store, source()).carry_out(wanted)
    assert (receipt.records, receipt.quarantined) == (0, TOTAL)
    assert list(differences(receipt, store, BUCKET)) == []


def test_F72_an_object_whose_store_says_nothing_of_its_content_is_read() -> None:
    s3 = FakeS3(keeps_checksums=False)
    s3.create_bucket(Bucket=BUCKET)
    store = BaseS3Client(s3, LOGGER, clock=ManualClock())
    stop_after(9, store)
    kept, broken = (part_key(progress(store).parts[number]) for number in (1, 2))
    for key in (kept, broken):  # by another tool, without our word for it
        body = store.get_object(BUCKET, key)
        s3.put_object(Bucket=BUCKET, Key=key, Body=body if key == kept else body.replace(b"4", b"5"))
    again = source()
    receipt = service(store, again).carry_out(plan())
    assert ids(store, receipt) == list(range(TOTAL))
    assert [int(request.params["page"]) for request in again.requests] == [8, 9, 10, 10, 5, 6]


def test_F72_what_the_store_says_itself_counts_more_than_what_its_writer_says() -> None:
    s3 = FakeS3()
    s3.create_bucket(Bucket=BUCKET)
    store = BaseS3Client(s3, LOGGER, clock=ManualClock())
    info = store.put_object(BUCKET, "a", b"content")
    s3.put_object(
        Bucket=BUCKET,
        Key="a",
        Body=b"CONTENT",
        Metadata={"sha256": info.checksum},
        ChecksumSHA256=sha256_base64(b"CONTENT"),
    )
    assert store.head_object(BUCKET, "a").checksum != info.checksum


class Forgetful(BaseS3Client):
    """A store that loses one object whenever it was written."""

    def upload_stream(self, stream: BinaryIO, bucket: str, key: str, **options: Any) -> ObjectInfo:
        info = super().upload_stream(stream, bucket, key, **options)
        if "/part-1-00000003" in key:
            self.delete_object(bucket, key)
        return info


def test_F72_a_store_that_keeps_nothing_is_not_fetched_for_for_ever() -> None:
    s3 = FakeS3()
    s3.create_bucket(Bucket=BUCKET)
    store = Forgetful(s3, LOGGER, clock=ManualClock())
    with pytest.raises(BrokenPartsError, match=r"raw/day/ of pages 3-4 is gone") as caught:
        service(store, source()).carry_out(plan())
    assert [part.first_page for part in caught.value.parts] == [3]


@pytest.mark.parametrize("kind", first_of(["local", "s3"]))
@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(
    ("style", "which"), [("number", {1}), ("number", {0, 3}), ("offset", {2}), ("cursor", {1})]
)
def test_F73_a_file_of_keys_that_is_not_what_was_kept_doubles_nothing(
    tmp_path: Path, kind: str, damage: str, style: str, which: set[int]
) -> None:
    """Every page begins with the last record of the one before it, of which the keys alone know."""
    store, wanted = store_of(kind, tmp_path), plan(key_fields=("id",))
    with pytest.raises(KilledError):
        service(store, source(repeats=1), style=STYLES[style], die_after=9).carry_out(wanted)
    before = progress(store).parts
    for number in which:
        DAMAGE[damage](store, before[number].keys or "")
    receipt = service(store, source(repeats=1), style=STYLES[style]).carry_out(wanted)
    assert sorted(ids(store, receipt)) == list(range(TOTAL - 9))
    assert list(differences(receipt, store, BUCKET)) == []


@pytest.mark.parametrize(
    "name",
    [
        "part-00000003.json~",
        "part-00000003 (copy).json",
        "part-00000003.json.bak",
        "part-000000099.json",
        "part-00000099.jsonl",
        "kept/part-00000005.json",
        "struck-00000003.json~",
        "notes.txt",
    ],
)
def test_F74_a_copy_or_another_file_among_the_records_is_not_read(name: str) -> None:
    store, again = memory(), source()
    stop_after(9, store)
    folder = journal(store).folder
    store.put_object(BUCKET, f"{folder}{name}", store.get_object(BUCKET, f"{folder}part-00000003.json"))
    receipt = service(store, again).carry_out(plan())
    assert ids(store, receipt) == list(range(TOTAL))
    assert len(again.requests) == 3


@pytest.mark.parametrize(
    ("name", "copied"), [("part-00000005.json", "part-00000003.json"), ("part-00000002.json", "plan.json")]
)
def test_F74_a_record_of_another_place_is_an_error_before_the_source_is_asked(name: str, copied: str) -> None:
    store, again = memory(), source()
    stop_after(9, store)
    folder = journal(store).folder
    store.put_object(BUCKET, f"{folder}{name}", store.get_object(BUCKET, f"{folder}{copied}"))
    with pytest.raises(MalformedDataError, match=name):
        service(store, again).carry_out(plan())
    assert again.requests == []


def test_F74_a_record_that_is_gone_is_an_error_before_the_source_is_asked() -> None:
    store, again = memory(), source()
    stop_after(9, store)
    store.delete_object(BUCKET, f"{journal(store).folder}part-00000002.json")
    with pytest.raises(MalformedDataError, match=r"part-00000002\.json is gone"):
        service(store, again).carry_out(plan())
    assert again.requests == []


class Hiding(BaseS3Client):
    """A store whose listings leave a key out."""

    def list_objects(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        return (info for info in super().list_objects(bucket, prefix) if "part-00000004" not in info.key)


def test_F74_a_record_that_no_listing_shows_is_not_tried_for_for_ever() -> None:
    s3 = FakeS3()
    s3.create_bucket(Bucket=BUCKET)
    stop_after(9, BaseS3Client(s3, LOGGER, clock=ManualClock()))
    again = source()
    with pytest.raises(MalformedDataError, match="no listing"):
        service(Hiding(s3, LOGGER, clock=ManualClock()), again, part_pages=1).carry_out(plan())
    assert len(again.requests) < 9


class Interleaved(BaseS3Client):
    """A store with a clock of its own, in which something happens right before one of its calls, once."""

    def __init__(self, s3: FakeS3, clock: ManualClock) -> None:
        super().__init__(s3, LOGGER, clock=clock)
        self.s3 = s3
        self.clock = clock
        self.calls = 0
        self.happens_at = 0
        self.happens: Callable[[], object] = lambda: None

    def _tick(self) -> None:
        self.calls += 1
        if self.calls == self.happens_at:
            self.happens()

    def put_object(self, bucket: str, key: str, body: bytes, **options: Any) -> ObjectInfo:
        self._tick()
        before = self.s3.buckets[bucket].get(key)
        info = super().put_object(bucket, key, body, **options)
        stored = self.s3.buckets[bucket][key]
        if stored is not before:
            stored.modified = datetime.fromtimestamp(self.clock.now(), UTC)
        return info

    def get_object(self, bucket: str, key: str) -> bytes:
        self._tick()
        return super().get_object(bucket, key)

    def head_object(self, bucket: str, key: str) -> ObjectInfo:
        self._tick()
        return super().head_object(bucket, key)

    def list_objects(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        self._tick()
        return super().list_objects(bucket, prefix)

    def delete_object(self, bucket: str, key: str, **options: Any) -> None:
        self._tick()
        super().delete_object(bucket, key, **options)


def tidy(store: ObjectStore, clock: ManualClock) -> list[str]:
    """Delete whatever is not needed, however young it is; the keys."""
    return [info.key for info in remove_leftovers(store, BUCKET, "", older_than=0, clock=clock)]


CASES = {"csv": {}, "jsonl": {}, "jsonl, keys": {"key_fields": ("id",)}}
"""CSV is written again at the commit, since a column comes late."""


def late_column(request: HttpRequest) -> HttpResponse:
    number = int(request.params["page"])
    data = [{"id": number * 2}, {"id": number * 2 + 1, **({"late": 1} if number > 2 else {})}]
    return json_response({"data": data, "page": number, "total_pages": 4, "total_records": 8})


def going_on(case: str, clock: ManualClock) -> GoOn:
    """What carries the run of a case out, from where it is."""
    wanted = plan(format=case.partition(",")[0], limit=2, **CASES[case])

    def go_on(store: BaseS3Client, **options: Any) -> Any:
        transport = FakeTransport(late_column)
        return service(store, transport, part_pages=1, clock=clock, **options).carry_out(wanted)

    return go_on


@cache
def left_behind(case: str, *, orphans: bool) -> dict[str, StoredVersion]:
    """What a run that stopped before its last page has stored; or the parts alone that a whole run left."""
    s3, clock = FakeS3(), ManualClock()
    s3.create_bucket(Bucket=BUCKET)
    store, go_on = Interleaved(s3, clock), going_on(case, clock)
    if not orphans:
        with pytest.raises(KilledError):
            go_on(store, die_after=4)
        return s3.buckets[BUCKET]
    go_on(store)
    return {key: version for key, version in s3.buckets[BUCKET].items() if is_part_key(key)}


def half_a_run(case: str, *, orphans: bool) -> tuple[FakeS3, ManualClock, GoOn]:
    """A run that stopped two days ago before its last page; or the parts that another such run left.

    Returns:
        What holds it, its clock, and what goes on with the run.
    """
    s3, clock = FakeS3(), ManualClock()
    s3.buckets[BUCKET] = deepcopy(left_behind(case, orphans=orphans))
    clock.advance(2 * 86_400)
    return s3, clock, going_on(case, clock)


def check_whole(store: BaseS3Client, receipt: Any) -> None:
    assert receipt.status == "complete"
    assert [int(row["id"]) for row in rows(store, receipt)] == list(range(2, 10))
    assert list(differences(receipt, store, BUCKET)) == []


@pytest.mark.parametrize("case", first_of(CASES))
@pytest.mark.parametrize("orphans", [True, False])
def test_F75_cleaning_at_any_moment_of_a_run_takes_nothing_that_it_commits(
    case: str, *, orphans: bool
) -> None:
    calls, outcomes = 1, []
    while True:
        s3, clock, go_on = half_a_run(case, orphans=orphans)
        store, other = Interleaved(s3, clock), Interleaved(s3, clock)
        store.happens_at, store.happens = calls, partial(tidy, other, clock)
        try:
            receipt = go_on(store)
        except DeClassesError as error:
            outcomes.append(type(error).__name__)
            receipt = go_on(other)
        check_whole(other, receipt)
        if calls > store.calls:
            break
        calls += 1
    assert calls > 30
    assert set(outcomes) <= {
        "MalformedDataError",
        "ObjectNotFoundError",
    }  # before it had said that it is alive


@pytest.mark.parametrize("case", first_of(CASES))
@pytest.mark.parametrize("orphans", [True, False])
def test_F75_a_run_at_any_moment_of_cleaning_commits_nothing_that_is_taken(
    case: str, *, orphans: bool
) -> None:
    calls, outcomes = 1, []
    while True:
        s3, clock, go_on = half_a_run(case, orphans=orphans)
        store, other = Interleaved(s3, clock), Interleaved(s3, clock)
        receipts: list[Any] = []

        def run(go_on: GoOn = go_on, other: Interleaved = other, receipts: list[Any] = receipts) -> None:
            try:
                receipts.append(go_on(other))
            except DeClassesError as error:
                outcomes.append(type(error).__name__)

        store.happens_at, store.happens = calls, run
        tidy(store, clock)
        assert cleaning_key(DATASET) not in s3.buckets[BUCKET]
        check_whole(other, receipts[0] if receipts else go_on(other))
        if calls > store.calls:
            break
        calls += 1
    assert "StorageUnavailableError" in outcomes  # told that it is being cleaned up


def test_F75_a_mark_of_one_that_died_counts_for_an_hour() -> None:
    s3, clock, go_on = half_a_run("jsonl", orphans=False)
    store = Interleaved(s3, clock)
    store.put_object(BUCKET, cleaning_key(DATASET), b"{}")
    clock.advance(ALIVE - 1)
    with pytest.raises(StorageUnavailableError, match="being cleaned up"):
        go_on(store)
    clock.advance(1)
    check_whole(store, go_on(store))


def test_F75_who_cleans_for_long_renews_the_mark() -> None:
    s3, clock, go_on = half_a_run("jsonl", orphans=True)
    store = Interleaved(s3, clock)
    for _ in remove_leftovers(store, BUCKET, "", older_than=0, clock=clock):
        clock.advance(ALIVE / 2)
        with pytest.raises(StorageUnavailableError, match="being cleaned up"):
            go_on(store)


@pytest.mark.parametrize("name", format_names())
@pytest.mark.parametrize("size", [0, 12_000, 40_000])
def test_F76_a_file_system_that_takes_no_more_is_a_typed_error_and_what_was_sealed_stays(
    tmp_path: Path, name: str, size: int
) -> None:
    """In a copy of this process, since it is the whole process that may write no more."""
    heavy = FakePagedApi(40)
    for number in range(1, 5):
        data = [{"id": 10 * number + row, "text": os.urandom(400 * number**3).hex()} for row in range(10)]
        body = {"data": data, "page": number, "total_pages": 4, "total_records": 40}
        heavy.faults_for(number, [json_response(body)] * 99)
    wanted = plan(format=name)

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        where = f"{tmp_path}|{DATASET}/part"  # the part, where a format has a temporary file of its own
        with pytest.raises(StorageUnavailableError, match=rf"({where}).*: .*no file may grow"):
            service(lake(tmp_path), heavy, part_pages=1).carry_out(wanted)

    assert end_well(fill, 1)
    store = lake(tmp_path)
    sealed = len(progress(store).parts)
    assert (size == 0) == (sealed == 0)
    receipt = service(store, heavy, part_pages=1).carry_out(wanted)
    assert len(rows(store, receipt)) == 40
    assert receipt.invocations == (2 if sealed else 1)


@pytest.mark.parametrize("name", format_names())
def test_F77_every_format_there_is_commits_and_reads_back_and_its_parts_are_known_as_such(name: str) -> None:
    store = memory()
    stop_after(5, store, wanted=plan(format=name))
    receipt = service(store, source()).carry_out(plan(format=name))
    assert (receipt.format, [int(row["id"]) for row in rows(store, receipt)]) == (name, list(range(TOTAL)))
    assert all(is_part_key(part.key) for part in receipt.parts)


def test_F77_a_format_may_have_any_extension() -> None:
    class Packed(JsonLinesCodec):
        extension = ".jsonl2"

    name = part_name(PART, (1, 2, 3), Content.of(b""), Packed())
    assert is_part_key(f"{DATASET}/{name}")
    assert not is_part_key(f"{DATASET}/{name}~")
    assert PART_NAME.findall(f'{{"key":"{name}"}}') == [name]
