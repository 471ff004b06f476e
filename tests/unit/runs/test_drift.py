"""A source that changes while it is read: over HTTP, by the simulator's own drift."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from de_classes.api.auth_client import AuthClient
from de_classes.api.requests_transport import RequestsTransport
from de_classes.api.runtime import ClientRuntime
from de_classes.runs.verify import differences
from de_classes.simulators.server import SimulatorServer
from de_classes.utils.clock import ManualClock
from tests.fakes.fault_clients import QUIET
from tests.fakes.runs import BUCKET, KilledError, ids, memory, plan, progress, service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.runs.run_service import RunService
    from de_classes.storage.clients import ObjectStore

KEYED = plan(key_fields=("id",))
CHANGES = 3


@contextmanager
def drifting(faults: str, *, every: int = 3) -> Iterator[SimulatorServer]:
    settings = structs.replace(QUIET, faults=faults, drift_every=every, drift_changes=CHANGES)
    with SimulatorServer(settings, clock=ManualClock()) as server:
        yield server


def reading(
    server: SimulatorServer, store: ObjectStore, *, width: int = 1, die_after: int | None = None
) -> RunService:
    clock = ManualClock()
    auth = AuthClient(server.login_url, server.username, server.password, runtime=ClientRuntime(clock=clock))
    return service(
        store,
        RequestsTransport(),
        base_url=server.base_url,
        auth=auth,
        clock=clock,
        width=width,
        die_after=die_after,
    )


def asked(server: SimulatorServer, **changes: object) -> object:
    return structs.replace(KEYED, source=server.data_url, **changes)


def numbers(records: list[bytes]) -> list[int]:
    return [json.loads(record)["id"] for record in records]


@pytest.mark.parametrize("width", [1, 8])
def test_F25_inserted_records_are_found_by_a_second_pass_and_none_is_doubled(width: int) -> None:
    store = memory()
    with drifting("records-inserted") as server:
        receipt = reading(server, store, width=width).carry_out(asked(server))
        assert sorted(ids(store, receipt)) == numbers(server.truth())
    assert (receipt.status, receipt.passes, receipt.duplicates > 0) == ("complete", 2, True)
    assert receipt.repaired >= CHANGES
    assert "its total" in receipt.drift[0] or "the total" in receipt.drift[0]  # pages come out of order
    assert list(differences(receipt, store, BUCKET)) == []


@pytest.mark.parametrize("width", [1, 8])
def test_F26_records_that_slid_away_are_found_by_a_second_pass(width: int) -> None:
    store = memory()
    with drifting("records-deleted") as server:
        receipt = reading(server, store, width=width).carry_out(asked(server))
        found = ids(store, receipt)
        assert len(found) == len(set(found))
        assert set(numbers(server.truth())) <= set(found) <= set(range(1, 101))
    assert (receipt.status, receipt.passes) == ("complete", 2)
    assert receipt.repaired >= 1
    assert "lost records" in receipt.drift[0]


def test_F25_F26_passes_go_on_until_the_source_rests() -> None:
    store = memory()
    with drifting("F25,F26", every=4) as server:
        receipt = reading(server, store).carry_out(asked(server))
        found = ids(store, receipt)
        assert len(found) == len(set(found))
        assert set(numbers(server.truth())) <= set(found)
    assert receipt.passes == len(receipt.drift) + 1 > 2


@pytest.mark.parametrize("width", [1, 8])
@pytest.mark.parametrize("faults", ["records-inserted", "records-deleted"])
def test_F25_F26_without_a_key_the_run_begins_anew_and_keeps_the_last_reading_alone(
    faults: str, width: int
) -> None:
    store = memory()
    with drifting(faults) as server:
        receipt = reading(server, store, width=width).carry_out(asked(server, key_fields=()))
        assert sorted(ids(store, receipt)) == numbers(server.truth())
    assert receipt.still is not None
    assert (receipt.status, receipt.still.by, receipt.repaired) == ("complete", "begun anew", 0)
    assert receipt.passes == len(receipt.drift) + 1 == 2
    assert list(differences(receipt, store, BUCKET)) == []


@pytest.mark.parametrize("faults", ["records-inserted", "records-deleted"])
def test_F42_a_run_that_dies_in_any_pass_goes_on_in_that_pass(faults: str) -> None:
    """The second pass begins at the eleventh page."""
    for die_after in (3, 10, 11, 13, 20):
        store = memory()
        with drifting(faults) as server:
            with pytest.raises(KilledError):
                reading(server, store, die_after=die_after).carry_out(asked(server))
            before = progress(store).parts
            receipt = reading(server, store).carry_out(asked(server))
            found = ids(store, receipt)
            assert len(found) == len(set(found))
            assert set(numbers(server.truth())) <= set(found)
            assert progress(store).parts[: len(before)] == before
        assert list(differences(receipt, store, BUCKET)) == []
