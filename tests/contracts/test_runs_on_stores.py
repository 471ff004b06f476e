"""Where a run stands, and that it is cancelled, on every store alike."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from de_classes.errors import RunCancelledError, RunNotFoundError
from de_classes.runs.liveness import RunCancellation
from de_classes.runs.status import list_runs, read_status
from tests.fakes.object_stores import VARIANTS, params
from tests.fakes.runs import KilledError, plan, service
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from de_classes.runs.status import RunStatus
    from tests.fakes.object_stores import StoreCase


@pytest.fixture(params=params(VARIANTS))
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreCase]:
    with VARIANTS[request.param](tmp_path) as case:
        yield case


def status(case: StoreCase, later: float = 0.0) -> RunStatus:
    return read_status(case.store, case.bucket, "raw", "run", now=time.time() + later)


def test_a_run_is_followed_cancelled_and_gone_on_with(case: StoreCase) -> None:
    with pytest.raises(RunNotFoundError):
        status(case)
    with pytest.raises(KilledError):
        service(case.store, FakePagedApi(65), bucket=case.bucket, die_after=5).carry_out(plan())
    told = status(case)
    assert (told.state, told.pages, told.expected_pages, told.records) == ("running", 4, 7, 40)
    assert status(case, later=3600).state == "stopped"
    RunCancellation(case.store, case.bucket, "raw", "run").ask()
    assert status(case).state == "cancelled"
    api = FakePagedApi(65)
    with pytest.raises(RunCancelledError):
        service(case.store, api, bucket=case.bucket).carry_out(plan())
    assert api.requests == []
    service(case.store, api, bucket=case.bucket).carry_out(plan(), resume=True)
    told = status(case)
    assert (told.state, told.pages, told.records, told.invocations) == ("complete", 7, 65, 3)
    assert told.failures == {"RunCancelledError": 1}
    (listed,) = list_runs(case.store, case.bucket, "raw", now=time.time())
    assert (listed.run_id, listed.state, listed.records) == ("run", "complete", 65)
