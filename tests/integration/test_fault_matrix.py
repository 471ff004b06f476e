"""Every fault against the client, over real HTTP: a run brings all that was served, or says that it does not.

A slice runs by default; DE_CLASSES_MATRIX_SEEDS=25 runs that many seeds of it, in every width. What happens
on the wire is over before a format is chosen, so its faults take the formats in turn; those of pages and
data, whose outcome may hang on the format, run in every one. ``make test-matrix`` runs it as CI does.
"""

from __future__ import annotations

import io
import itertools
import json
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from de_classes.api.answers import PageReader
from de_classes.api.auth_client import AuthClient, LoginLimits
from de_classes.api.endpoint import Endpoint
from de_classes.api.http_transport import HttpClientTransport
from de_classes.api.pagination import LinkHeaderPagination
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.transport import BodyLimits
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import (
    AuthenticationError,
    DeClassesError,
    ForeignOriginError,
    IncompleteRunError,
    InvalidTokenResponseError,
    PaginationLoopError,
    PermissionDeniedError,
    ProtocolError,
    RequestRejectedError,
    SourceChangedError,
)
from de_classes.runs.api_data_service import ApiDataService
from de_classes.runs.context import Runtime
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.destination import PartLimits
from de_classes.runs.plan import RunPlan
from de_classes.runs.run_service import RunService
from de_classes.runs.verify import differences
from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.storage.datasets import DatasetReader
from de_classes.storage.datasets.manifest import is_reserved
from de_classes.storage.format import DataFormatService
from de_classes.storage.format.codec import get_codec
from de_classes.storage.services import StorageDataService
from de_classes.utils import strict_json
from de_classes.utils.clock import ManualClock
from tests.fakes import canary
from tests.fakes.worker import lake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from de_classes.api.page import Page
    from de_classes.api.receipt import IngestReceipt
    from de_classes.simulators.faults import FaultKind
    from de_classes.storage.clients import LocalClient

LOGGER = logging.getLogger("tests.matrix")
PAGES = 10
MEBIBYTE = 1024 * 1024
SETTINGS: dict[str, Any] = {
    "jitter_seconds": 0,
    "total_records": 100,
    "retry_after_seconds": 2,
    "hang_seconds": 0.2,
    "drip_bytes": 50,
    "huge_body_bytes": 4 * MEBIBYTE,
    "fault_rate": 0.3,
    "token_life_seconds": 86_400,  # threads that wait by one clock make hours of minutes
    "result_window": 60,
}

# The one right outcome of each fault that lasts; every fault that a retry cures must be survived.
REFUSED: dict[str, type[DeClassesError] | tuple[type[DeClassesError], ...]] = {
    "bad-request-400": RequestRejectedError,
    "not-found-404": RequestRejectedError,
    "unprocessable-422": RequestRejectedError,
    "retry-after-huge": IncompleteRunError,  # longer than the run may take: not waited for
    "huge-body": ProtocolError,
    "gzip-bomb": ProtocolError,
    "empty-page-always": IncompleteRunError,
    "total-shrinks": IncompleteRunError,  # cannot be told from records that were deleted meanwhile
    "total-null": ProtocolError,
    "total-negative": ProtocolError,
    "total-float": ProtocolError,
    "total-absent": ProtocolError,
    "same-page": PaginationLoopError,
    "token-missing": InvalidTokenResponseError,
    "token-null": InvalidTokenResponseError,
    "token-empty": InvalidTokenResponseError,
    "wrong-password": AuthenticationError,
    "forbidden-403": PermissionDeniedError,
    "redirect-elsewhere": ForeignOriginError,
    "login-redirect-elsewhere": ForeignOriginError,
    "nan": IncompleteRunError,
    "float-overflow": IncompleteRunError,
    "lone-surrogate": IncompleteRunError,
    "duplicate-keys": IncompleteRunError,
    "next-misplaced": (ProtocolError, IncompleteRunError),
    "more-without-next": (ProtocolError, IncompleteRunError),
    "pages-from-zero": ProtocolError,
    "page-ignored": PaginationLoopError,
    "next-for-ever": PaginationLoopError,
    "total-endless": IncompleteRunError,
    "next-object": ProtocolError,
    "window-refuses": RequestRejectedError,
    "window-counts": IncompleteRunError,
    "records-repeated": SourceChangedError,
    "partial-206": ProtocolError,
    "not-modified-304": ProtocolError,
    "zstd-unasked": ProtocolError,
    "records-elsewhere": ProtocolError,
    "array-page": ProtocolError,
    "xml-page": ProtocolError,
    "terminal-codes": RequestRejectedError,
}
# Lies of a page that are told once; too many of them, or one of the first page, may be too much.
TOLD_ONCE = {"empty-page-once", "errors-beside-records"}
# What is seen by who reads every page twice, and by no sample; what is known by who was told of it.
READ_TWICE = {"records-swapped"}
DESCRIBED: dict[str, dict[str, Any]] = {"window-counts": {"window": 60}}
# These strike by a draw that a whole run of some seeds escapes.
MAY_ESCAPE = {
    "retry-after-huge",
    "huge-body",
    "gzip-bomb",
    "empty-page-always",
    "total-shrinks",  # where another reading adds up
    "total-null",
    "total-negative",
    "total-float",
    "total-absent",
}

DATASET = "out"
FORMATS = ("jsonl", "parquet", "csv", "json")
WIDTHS = (1, 8)
IN_EVERY_FORMAT = {f"F{number}" for number in (*range(21, 29), *range(50, 57))}
"""Pages, totals and data."""


@dataclass(frozen=True)
class Case:
    """One run: a fault, a seed, a width and a format."""

    fault: str
    seed: int
    width: int
    format: str

    @property
    def is_tabular(self) -> bool:
        return self.format in {"csv", "parquet"}

    @property
    def is_one_object(self) -> bool:
        """Every third seed ends as one object, the others as a dataset, which is what the worker writes."""
        return self.seed % 3 == 0

    def __str__(self) -> str:
        return f"{self.fault}-{self.seed}-{self.width}-{self.format}"


def cases() -> list[Case]:
    seeds = int(os.environ.get("DE_CLASSES_MATRIX_SEEDS", "0"))
    if seeds:
        every = itertools.product(CATALOGUE, range(seeds), WIDTHS)
        return [
            Case(fault.name, seed, width, name)
            for fault, seed, width in every
            for name in formats_for(fault, seed + width)
        ]
    settings = itertools.cycle([(1, 1, "jsonl"), (2, 8, "parquet")])
    return [Case(fault.name, *next(settings)) for fault in CATALOGUE]


def formats_for(fault: FaultKind, turn: int) -> tuple[str, ...]:
    """Every format where what is stored may hang on it, else the next in turn."""
    if any(each in IN_EVERY_FORMAT for each in fault.catalogue_ids):
        return FORMATS
    return (FORMATS[turn % len(FORMATS)],)


def as_it_is_built(fault: str) -> dict[str, Any]:
    """What a client has to be told of the pages that the source builds where that fault is switched on."""
    shape = CATALOGUE.named(fault).shape
    options: dict[str, Any] = {"look_back": "all"} if fault in READ_TWICE else {}
    if shape.hides:
        options["reader"] = PageReader(**{f"{total}_field": None for total in shape.hides})
    if shape.links:
        options["pagination"] = LinkHeaderPagination()
    return options


def client_for(fault: str, server: SimulatorServer, width: int, clock: ManualClock) -> UnstableAPIClient:
    api = client(server, width, clock, **as_it_is_built(fault))
    return client(server, width, clock, endpoint=structs.replace(api.endpoint, **DESCRIBED.get(fault, {})))


def client(
    server: SimulatorServer,
    width: int,
    clock: ManualClock,
    *,
    endpoint: Endpoint | None = None,
    **options: Any,
) -> UnstableAPIClient:
    transport = HttpClientTransport(limits=BodyLimits(wire=2 * MEBIBYTE, decoded=2 * MEBIBYTE))
    policy = RetryPolicy(max_attempts=40, max_elapsed=600)
    auth = AuthClient(
        server.login_url,
        server.username,
        server.password,
        limits=LoginLimits(retry_policy=policy),
        runtime=ClientRuntime(transport=transport, clock=clock),
    )
    return UnstableAPIClient(
        endpoint or Endpoint.at(f"{server.base_url}/data", **options),
        auth,
        LOGGER,
        limits=ClientLimits(concurrency=width, timeout=60.0, retry_policy=policy),
        runtime=ClientRuntime(transport, clock),
    )


def plain(record: Any, *, tabular: bool) -> str:
    """A record as text that is equal for equal records; a table cannot tell null from absent."""
    return json.dumps(_without_nulls(record) if tabular else record, sort_keys=True, default=str)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return (
        float(value)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53
        else value
    )


def stored(store: LocalClient, case: Case) -> list[str]:
    records = [record for batch in batches(store, case) for record in batch]
    return sorted(plain(record, tabular=case.is_tabular) for record in records)


def batches(store: LocalClient, case: Case) -> Iterator[list[Any]]:
    if case.is_one_object:
        return get_codec(case.format).read(io.BytesIO(store.get_object("lake", f"out.{case.format}")))
    return DatasetReader(store, "lake", DATASET).records()


def served(server: SimulatorServer, case: Case) -> list[str]:
    records = [strict_json.loads(record) for record in server.truth()]
    return sorted(plain(record, tabular=case.is_tabular) for record in records)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_run_brings_all_or_says_that_it_does_not(case: Case, tmp_path: Path) -> None:
    clock, store = ManualClock(), lake(tmp_path)
    settings = SimulatorSettings(seed=case.seed, **SETTINGS)
    with SimulatorServer(settings, faults=case.fault, clock=clock, password=canary.PASSWORD) as server:
        refusal = attempt(client_for(case.fault, server, case.width, clock), store, case, clock)
        if refusal is not None:
            assert is_right(refusal, case, server), repr(refusal)
            assert canary.leaks_of(refusal) == []
            assert visible(store) == []
        else:
            assert case.fault not in REFUSED or case.fault in MAY_ESCAPE, "a quiet success"
            assert stored(store, case) == served(server, case)


def is_right(refusal: DeClassesError, case: Case, server: SimulatorServer) -> bool:
    """Whether a run had to end so; F21: a page that was empty at every ask is named, and no other."""
    if case.fault in TOLD_ONCE:
        return isinstance(refusal, IncompleteRunError)
    if case.fault != "empty-page":
        return isinstance(refusal, REFUSED.get(case.fault, ()))
    never_whole = {*range(1, PAGES + 1)} - server.log.served_pages.keys()
    return isinstance(refusal, IncompleteRunError) and {*refusal.missing_pages} == never_whole != set()


def attempt(
    api: UnstableAPIClient, store: LocalClient, case: Case, clock: ManualClock
) -> DeClassesError | None:
    try:
        if case.is_one_object:
            one_object(api, store, case, clock)
        else:
            dataset(api, store, case, clock)
    except DeClassesError as error:
        return error
    return None


def one_object(api: UnstableAPIClient, store: LocalClient, case: Case, clock: ManualClock) -> None:
    storage = StorageDataService(store, DataFormatService(), LOGGER)
    service = ApiDataService(api, storage, LOGGER, clock=clock)
    service.fetch_all_to_storage("lake", f"out.{case.format}", limit=10)


def dataset(api: UnstableAPIClient, store: LocalClient, case: Case, clock: ManualClock) -> None:
    """As the worker does it: in parts, with a receipt that says what is there."""
    service = RunService(
        api,
        DatasetDestination(store, "lake", limits=PartLimits(pages=3)),
        runtime=Runtime(logger=LOGGER, clock=clock),
    )
    plan = RunPlan(run_id="run", source=api.url, dataset=DATASET, format=case.format, limit=10)
    receipt = service.carry_out(plan)
    assert list(differences(receipt, store, "lake")) == []


def visible(store: LocalClient) -> list[str]:
    """What readers would find: an object, or a manifest."""
    return [
        info.key
        for info in store.list_objects("lake")
        if not is_reserved(info.key) or "_manifest" in info.key
    ]


def test_F40_a_next_link_to_another_host_gets_no_token() -> None:
    clock = ManualClock()
    settings = SimulatorSettings(seed=1, links=True, **SETTINGS)
    with SimulatorServer(settings, faults="foreign-next=1", clock=clock) as server:
        reader = PageReader(total_pages_field=None, total_records_field=None)
        following = client(server, 1, clock, pagination=LinkHeaderPagination(), reader=reader)
        with pytest.raises(ForeignOriginError):
            list(following.iterate_all_pages(limit=10))


@pytest.mark.parametrize("width", [1, 8])
def test_a_run_along_links_goes_on_where_it_was_stopped_and_brings_every_record_once(
    tmp_path: Path, width: int
) -> None:
    clock, store = ManualClock(), lake(tmp_path)
    settings = SimulatorSettings(seed=1, links=True, **SETTINGS)
    reader = PageReader(total_pages_field=None, total_records_field=None)

    def stop_at_four(page: Page) -> None:
        if page.number == 4:
            raise KeyboardInterrupt

    with SimulatorServer(settings, faults="unavailable-503,cut-body,truncated-gzip", clock=clock) as server:

        def carry_out(on_page: Callable[[Page], None]) -> IngestReceipt:
            api = client(server, width, clock, pagination=LinkHeaderPagination(), reader=reader)
            service = RunService(
                api,
                DatasetDestination(store, "lake", limits=PartLimits(pages=2)),
                runtime=Runtime(clock=clock, on_page=on_page),
            )
            plan = RunPlan(run_id="run", source=api.url, dataset=DATASET, format="jsonl", limit=10)
            return service.carry_out(plan)

        with pytest.raises(KeyboardInterrupt):
            carry_out(stop_at_four)
        receipt = carry_out(lambda _: None)
    assert (receipt.status, receipt.pages, receipt.invocations) == ("complete", PAGES, 2)
    rows = [record["id"] for batch in DatasetReader(store, "lake", DATASET).records() for record in batch]
    assert rows == list(range(1, 101))


def test_every_fault_that_lasts_has_its_outcome_written_down() -> None:
    assert {*REFUSED, *TOLD_ONCE, *READ_TWICE, *DESCRIBED} <= {fault.name for fault in CATALOGUE}
