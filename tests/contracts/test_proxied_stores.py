"""Servers behind a proxy that resets, refuses, loses answers and crawls: nothing is lost, nothing doubled."""

from __future__ import annotations

import io
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config

from de_classes.errors import ObjectExistsError, StorageUnavailableError
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.clients.object_store import MIN_PART_SIZE
from de_classes.storage.clients.sessions import S3Settings, make_s3_client
from de_classes.storage.datasets import DatasetCommits, DatasetReader, remove_leftovers
from de_classes.utils.clock import ManualClock
from tests.fakes.aws import REGION, no_aws_environment
from tests.fakes.datasets import commit
from tests.fakes.object_stores import ATOMIC_IN_PARTS, LOGGER, OVER_HTTP, VARIANTS, address_of, params
from tests.fakes.runs import BUCKET, DATASET, ids, plan, service
from tests.fakes.s3_proxy import Proxy, Then
from tests.fakes.s3_wire import retry_without_sleeping
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from de_classes.api.receipt import IngestReceipt
    from de_classes.runs.plan import RunPlan
    from de_classes.storage.format.schema import Record
    from tests.fakes.object_stores import StoreCase
    from tests.fakes.s3_proxy import Asked

pytestmark = pytest.mark.xdist_group("object_stores")  # one emulator, so one process

TROUBLES = [then for then in Then if then is not Then.PASS]
RECORDS = 45
RACERS = 16


@pytest.fixture(params=params(OVER_HTTP))
def variant(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@contextmanager
def behind(variant: str, on_request: Callable[[Asked], Then]) -> Iterator[tuple[BaseS3Client, Proxy]]:
    """The library's own client, with a proxy between it and the server."""
    own = address_of(variant)
    with no_aws_environment(), Proxy(own.endpoint, on_request) as proxy:
        settings = S3Settings(
            access_key=own.access_key,
            secret_key=own.secret_key,
            region=REGION,
            endpoint_url=own.endpoint,
        )
        client = make_s3_client(settings, config=Config(proxies={"http": proxy.address}))
        yield BaseS3Client(retry_without_sleeping(client), LOGGER), proxy


@contextmanager
def lake(variant: str, path: Path) -> Iterator[StoreCase]:
    """The server itself, with the bucket that runs write to."""
    with VARIANTS[variant](path) as case:
        case.store.create_bucket(BUCKET)  # type: ignore[attr-defined]  # each of these can
        yield case
        case.store.remove_bucket(BUCKET, force=True)  # type: ignore[attr-defined]


def passing(_: Asked) -> Then:
    return Then.PASS


@pytest.mark.parametrize("then", TROUBLES, ids=lambda then: then.name)
def test_runs_whose_requests_are_troubled_now_and_then_lose_and_double_nothing(
    variant: str, then: Then, tmp_path: Path
) -> None:
    # An object that breaks off is not asked for again: that ends an invocation, and another goes on.
    often = 10 if then is Then.CUT_ANSWER else 3

    def now_and_then(asked: Asked) -> Then:
        return then if asked.number % often == 0 else Then.PASS

    with lake(variant, tmp_path) as case, behind(variant, now_and_then) as (store, proxy):
        for name in ("first", "second"):
            assert carried_out(store, plan(run_id=name, write="append")).status == "complete"
        latest = DatasetReader(case.store, BUCKET, DATASET)
        read = [record["id"] for batch in latest.records() for record in batch]
        assert read == [*range(RECORDS), *range(RECORDS)]
        assert DatasetCommits(case.store, BUCKET, DATASET).generations() == [1, 2]
        assert len(proxy.asked) > 50


def carried_out(store: BaseS3Client, run: RunPlan) -> IngestReceipt:
    """A run, gone on with as often as the store does not serve it; nothing else may end it."""
    for _ in range(60):
        try:
            return service(store, FakePagedApi(RECORDS)).carry_out(run)
        except StorageUnavailableError:
            continue
    raise AssertionError("it came to no end")


def test_the_answer_to_each_request_of_a_run_may_be_lost(variant: str, tmp_path: Path) -> None:
    """One run for each request that there is, until a run has no more: retries ask again."""
    begun = last = 0

    def this_one(asked: Asked) -> Then:
        return Then.LOSE_ANSWER if asked.number == begun + last else Then.PASS

    with lake(variant, tmp_path) as case, behind(variant, this_one) as (store, proxy):
        while len(proxy.asked) >= begun + last:
            begun, last = len(proxy.asked), last + 1
            run = plan(run_id=f"run-{last}", dataset=f"raw/day-{last}")
            receipt = service(store, FakePagedApi(RECORDS)).carry_out(run)
            assert ids(case.store, receipt) == list(range(RECORDS)), proxy.asked[begun + last - 1 :][:1]
            assert DatasetCommits(case.store, BUCKET, run.dataset).generations() == [1]
        assert last > 30


def test_a_run_that_the_server_stops_answering_goes_on_later(variant: str, tmp_path: Path) -> None:
    """More refusals in a row than there are attempts: nothing is committed, and nothing is lost."""
    gone_from = 12

    def gone(asked: Asked) -> Then:
        return Then.SLOW_DOWN if gone_from <= asked.number < gone_from + 100 else Then.PASS

    with lake(variant, tmp_path) as case, behind(variant, gone) as (store, _):
        with pytest.raises(StorageUnavailableError):
            service(store, FakePagedApi(RECORDS)).carry_out(plan())
        assert DatasetCommits(case.store, BUCKET, DATASET).latest() is None
        receipt = carried_out(store, plan())
        assert ids(case.store, receipt) == list(range(RECORDS))
        assert DatasetCommits(case.store, BUCKET, DATASET).generations() == [1]


def is_done(write: Callable[[], object]) -> bool:
    """Whether it succeeds, asked for again as often as the store does not serve it; False if another won."""
    while True:
        try:
            write()
        except StorageUnavailableError:
            continue
        except ObjectExistsError:
            return False
        return True


@contextmanager
def racing(variant: str, path: Path) -> Iterator[tuple[StoreCase, BaseS3Client]]:
    """Every other request is reset, refused or answered to nobody, in turn."""
    turns = itertools.cycle([Then.PASS, Then.LOSE_ANSWER, Then.PASS, Then.RESET, Then.PASS, Then.SLOW_DOWN])
    lock = threading.Lock()

    def in_turn(_: Asked) -> Then:
        with lock:
            return next(turns)

    with VARIANTS[variant](path) as case, behind(variant, in_turn) as (store, _):
        yield case, store


def race(case: StoreCase, store: BaseS3Client, key: str, size: int, writers: int) -> None:
    contents = [bytes([number]) * size for number in range(writers)]

    def write(content: bytes) -> None:
        stream = io.BytesIO(content)
        store.upload_stream(stream, case.bucket, key, part_size=MIN_PART_SIZE, if_none_match=True)

    def wins(content: bytes) -> bool:
        return is_done(lambda: write(content))

    with ThreadPoolExecutor(writers) as pool:
        won = list(pool.map(wins, contents))
    assert list(itertools.compress(contents, won)) == [case.store.get_object(case.bucket, key)]


def test_of_16_writers_whose_answers_get_lost_exactly_one_wins(variant: str, tmp_path: Path) -> None:
    with racing(variant, tmp_path) as (case, store):
        for number in range(2):
            race(case, store, f"a-{number}", 10, RACERS)


@pytest.mark.parametrize("variant", params(sorted({*OVER_HTTP} & {*ATOMIC_IN_PARTS})))
def test_of_6_writers_in_parts_whose_answers_get_lost_exactly_one_wins(variant: str, tmp_path: Path) -> None:
    with racing(variant, tmp_path) as (case, store):
        for number in range(2):
            race(case, store, f"a-{number}", MIN_PART_SIZE + 1, 6)


def test_of_16_runs_whose_answers_get_lost_exactly_one_commits(variant: str, tmp_path: Path) -> None:
    def run(number: int) -> int | None:
        pages: list[list[Record]] = [[{"id": number}], [{"id": number + 100}]]
        done = is_done(lambda: commit(store, pages, run_id=f"run-{number}", bucket=case.bucket))
        return number if done else None

    with racing(variant, tmp_path) as (case, store), ThreadPoolExecutor(RACERS) as pool:
        (winner,) = [number for number in pool.map(run, range(RACERS)) if number is not None]
        latest = DatasetReader(case.store, case.bucket, DATASET)
        assert [record["id"] for batch in latest.records() for record in batch] == [winner, winner + 100]


def test_a_listing_is_whole_though_each_of_its_requests_is_refused_once(variant: str, tmp_path: Path) -> None:
    def every_other(asked: Asked) -> Then:
        return (Then.PASS, Then.SLOW_DOWN, Then.RESET, Then.CRAWL)[asked.number % 4]

    with VARIANTS[variant](tmp_path) as case, behind(variant, every_other) as (store, _):
        keys = [f"a/{number:03}/x" for number in range(30)]
        for key in keys:
            case.store.put_object(case.bucket, key, b"")
        assert [info.key for info in store.list_objects(case.bucket)] == keys
        assert list(store.list_folder(case.bucket, "a/")) == [key[:-1] for key in keys]


def test_an_answer_that_breaks_off_is_a_typed_error(variant: str, tmp_path: Path) -> None:
    def cut(_: Asked) -> Then:
        return Then.CUT_ANSWER

    with VARIANTS[variant](tmp_path) as case, behind(variant, cut) as (store, _):
        case.store.put_object(case.bucket, "a", bytes(100))
        for call in (
            lambda: store.get_object(case.bucket, "a"),
            lambda: store.get_object(case.bucket, "absent"),
            lambda: list(store.list_objects(case.bucket)),
            lambda: list(store.list_folder(case.bucket)),
        ):
            with pytest.raises(StorageUnavailableError):
                call()


@pytest.mark.parametrize("then", [Then.RESET, Then.LOSE_ANSWER], ids=lambda then: then.name)
def test_old_commits_are_cleaned_away_though_answers_get_lost(
    variant: str, then: Then, tmp_path: Path
) -> None:
    """A delete that was done is not taken for that of an object which somebody else has replaced."""

    def every_other_delete(asked: Asked) -> Then:
        return then if asked.method == "DELETE" and asked.number % 2 else Then.PASS

    with VARIANTS[variant](tmp_path) as case, behind(variant, every_other_delete) as (store, proxy):
        for number in range(1, 7):
            pages: list[list[Record]] = [[{"id": 1}], [{"id": number}]]
            commit(case.store, pages, run_id=f"run-{number}", generation=number, bucket=case.bucket)
        later = ManualClock(now=time.time() + 2 * 86_400)
        gone = list(remove_leftovers(store, case.bucket, "raw", older_than=3600, clock=later, keep=2))
        assert len(gone) == 8
        assert sum(asked.method == "DELETE" for asked in proxy.asked) > len(gone) + 1
        assert DatasetCommits(case.store, case.bucket, DATASET).generations() == [5, 6]
        for generation in (5, 6):
            reader = DatasetReader(case.store, case.bucket, DATASET, generation=generation)
            assert [each["id"] for batch in reader.records() for each in batch] == [1, generation]
        left = list(remove_leftovers(case.store, case.bucket, "raw", older_than=3600, clock=later, keep=2))
        assert left == []
