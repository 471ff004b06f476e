"""Runs in a few words: a source, a store, and a process that dies where a test says."""

from __future__ import annotations

import logging
from itertools import chain
from typing import TYPE_CHECKING, Any

from msgspec import structs

from de_classes.api.endpoint import Endpoint
from de_classes.api.pagination import PageNumberPagination
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.runs.context import Runtime
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.destination import PartLimits
from de_classes.runs.journal import RunJournal
from de_classes.runs.plan import RunPlan
from de_classes.runs.run_service import RunService
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.datasets import DatasetReader
from de_classes.utils.clock import ManualClock
from tests.fakes.fake_s3 import FakeS3

if TYPE_CHECKING:
    from de_classes.api.answers import PageReader
    from de_classes.api.auth_client import AuthClient
    from de_classes.api.endpoint import LookBack
    from de_classes.api.page import Page
    from de_classes.api.pagination import PaginationStrategy
    from de_classes.api.receipt import IngestReceipt
    from de_classes.api.transport import Transport
    from de_classes.runs.progress import RunProgress
    from de_classes.storage.clients import ObjectStore
    from de_classes.storage.format.schema import Record

BASE = "https://api.example"
BUCKET = "lake"
DATASET = "raw/day"
LOGGER = logging.getLogger("tests.runs")
PLAN = RunPlan(run_id="run", source=f"{BASE}/data", dataset=DATASET, format="jsonl", limit=10)


class KilledError(BaseException):
    """What ends a run in place of SIGKILL: nothing of ours catches it."""


def plan(**changes: Any) -> RunPlan:
    return structs.replace(PLAN, **changes)


def service(
    store: ObjectStore,
    transport: Transport,
    *,
    base_url: str = BASE,
    auth: AuthClient | None = None,
    style: PaginationStrategy | None = None,
    reader: PageReader | None = None,
    width: int = 1,
    part_pages: int = 2,
    die_after: int | None = None,
    seconds: float | None = None,
    clock: ManualClock | None = None,
    attempts: int = 3,
    look_back: LookBack = "none",
    strict: bool = False,
    bucket: str = BUCKET,
    prefix: str = "raw",
) -> RunService:
    """What carries runs out: one invocation, that dies after so many pages, or has so many seconds."""
    clock = clock or ManualClock()
    client = UnstableAPIClient(
        Endpoint.at(
            f"{base_url}/data",
            pagination=style or PageNumberPagination(echo_path="page"),
            reader=reader,
            look_back=look_back,
        ),
        auth,
        LOGGER,
        limits=ClientLimits(
            concurrency=width,
            retry_policy=RetryPolicy(max_attempts=attempts),
            deadline=None if seconds is None else clock.monotonic() + seconds,
        ),
        runtime=ClientRuntime(transport=transport, clock=clock),
    )
    taken: list[Page] = []

    def on_page(page: Page) -> None:
        taken.append(page)
        if len(taken) == die_after:
            raise KilledError

    limits = PartLimits(pages=part_pages)
    return RunService(
        client,
        DatasetDestination(store, bucket, prefix=prefix, limits=limits),
        strict=strict,
        runtime=Runtime(logger=LOGGER, clock=clock, on_page=on_page),
    )


def journal(store: ObjectStore, run_id: str = "run") -> RunJournal:
    return RunJournal(store, BUCKET, "raw", run_id)


def progress(store: ObjectStore, run_id: str = "run") -> RunProgress:
    return journal(store, run_id).progress()


def rows(store: ObjectStore, receipt: IngestReceipt) -> list[Record]:
    """What readers of the commit see, in order."""
    return list(chain.from_iterable(DatasetReader(store, receipt.bucket, receipt.key).records()))


def ids(store: ObjectStore, receipt: IngestReceipt) -> list[int]:
    return [record["id"] for record in rows(store, receipt)]


def memory() -> BaseS3Client:
    """A store in memory, with the bucket in it."""
    s3 = FakeS3()
    s3.create_bucket(Bucket=BUCKET)
    return BaseS3Client(s3, LOGGER, clock=ManualClock())


def given_again(receipt: IngestReceipt) -> IngestReceipt:
    """The receipt of a run as it is given to whoever asks for the run once more."""
    return structs.replace(receipt, complete_before=True)
