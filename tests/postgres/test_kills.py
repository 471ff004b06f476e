"""A load that dies by SIGKILL before any of its steps, and is begun again, has lost and doubled nothing."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable  # noqa: TC003 - of a dataclass's field
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.fakes.datasets import BUCKET, DATASET, commit
from tests.fakes.mortal_load import Nursery, Order
from tests.fakes.postgres import Schema, running_server
from tests.fakes.postgres_proxy import Proxy, Then

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from de_classes.storage.clients import LocalClient

FIRST = [[{"id": 1, "v": 1}, {"id": 2, "v": 1}], [{"id": 3, "v": 1}]]
NEXT = [[{"id": 1, "v": 2, "late": "x"}], [{"id": 4, "v": 2}]]
MANY = 1_000  # steps: more than any load has


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as made:
        yield made


class Death:
    """Kills a process before the message that ends a step is passed on."""

    def __init__(self, step: int) -> None:
        self._step = step
        self._is_known = threading.Event()
        self._process = 0

    def is_of(self, process: int) -> None:
        self._process = process
        self._is_known.set()

    def __call__(self, number: int, message: bytes) -> Then:
        assert self._is_known.wait(120)
        if number < self._step:
            return Then.PASS
        if number == self._step:
            os.kill(self._process, signal.SIGKILL)
        return Then.CUT


def killed_at(step: int, nursery: Nursery, store_root: Path, schema: Schema, keys: tuple[str, ...]) -> bool:
    """Load, and die before a step; whether there was one."""
    death = Death(step)
    with Proxy(schema.server.port, death) as proxy:
        order = Order(
            root=str(store_root),
            bucket=BUCKET,
            dataset=DATASET,
            url=schema.by(proxy.port),
            password=schema.server.password,
            key_fields=keys,
        )
        death.is_of(nursery.begin(order))
        status = nursery.ended()
    assert status in {0, -signal.SIGKILL}
    return status != 0


def first_load(store: LocalClient, _: Schema, __: tuple[str, ...]) -> None:
    commit(store, FIRST)


def replacement(store: LocalClient, schema: Schema, keys: tuple[str, ...]) -> None:
    commit(store, FIRST)
    schema.loader(key_fields=keys).load_dataset(store, BUCKET, DATASET)
    commit(store, NEXT, generation=2, run_id="next")


HELD = [(1, 1), (2, 1), (3, 1)]
REPLACED = [(1, 2), (4, 2)]
UPSERTED = [(1, 2), (2, 1), (3, 1), (4, 2)]


@dataclass(frozen=True)
class Case:
    """What is there, what is loaded by which key, and what is there then.

    Attributes:
        seen: What a reader may meet after the death, where a commit replaces another.
    """

    prepare: Callable[[LocalClient, Schema, tuple[str, ...]], None]
    keys: tuple[str, ...]
    expected: list[tuple[int, int]]
    seen: list[list[tuple[int, int]]] | None = None


CASES = {
    "first": Case(first_load, (), HELD),
    "replaced": Case(replacement, (), REPLACED, [HELD, REPLACED]),
    "by key": Case(replacement, ("id",), UPSERTED),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_load_that_is_killed_before_any_step_goes_on_and_loses_and_doubles_nothing(
    nursery: Nursery, store: LocalClient, tmp_path: Path, case: Case
) -> None:
    keys = case.keys
    prepared: list[Schema] = []
    for step in range(1, MANY):
        schema = Schema(running_server())
        if not prepared:
            case.prepare(store, schema, keys)
        elif case.prepare is replacement:
            schema.loader(key_fields=keys).load_dataset(store, BUCKET, DATASET, generation=1)
        prepared.append(schema)
        died = killed_at(step, nursery, tmp_path, schema, keys)
        if case.seen is not None:
            assert [(row["id"], row["v"]) for row in schema.rows()] in case.seen
        schema.loader(key_fields=keys).load_dataset(store, BUCKET, DATASET)
        assert [(row["id"], row["v"]) for row in schema.rows()] == case.expected, step
        assert schema.relations() == {"orders", "_de_classes_tables", "_de_classes_parts"}
        if not died:
            break
    assert 20 < len(prepared) < MANY
