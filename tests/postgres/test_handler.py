"""The loader as Lambda calls it, with a real server: events of S3, twice, late and in the wrong order."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.errors import AuthenticationError, InvalidInputError
from de_classes.pipelines.postgres.handler import LoaderSettings, LoadsCommits
from de_classes.storage.datasets.manifest import manifest_key
from tests.fakes.datasets import BUCKET, commit

if TYPE_CHECKING:
    from de_classes.storage.clients import LocalClient
    from tests.fakes.postgres import Schema

DATASET = "raw/shop/orders"
LOGGER = logging.getLogger("tests.postgres")


def loads(store: LocalClient, schema: Schema, password: str | None = None) -> LoadsCommits:
    secret = schema.server.password if password is None else password
    settings = LoaderSettings(bucket=BUCKET, postgres_address=schema.url)
    return LoadsCommits(settings, store, LOGGER, password=lambda _: secret)


def created(generation: int, *, dataset: str = DATASET, bucket: str = BUCKET) -> dict[str, Any]:
    """As EventBridge sends it, in short."""
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": bucket}, "object": {"key": manifest_key(dataset, generation)}},
    }


def commit_day(store: LocalClient, generation: int, *rows: int, dataset: str = DATASET) -> None:
    pages = [[{"id": number}] for number in rows]
    commit(store, pages, dataset=dataset, generation=generation, run_id=f"run{generation}", format="parquet")


def test_a_commit_is_loaded_into_the_table_of_its_dataset_and_an_event_that_comes_twice_does_nothing(
    store: LocalClient, schema: Schema
) -> None:
    commit_day(store, 1, 1, 2)
    first = loads(store, schema)(created(1))
    assert (first["to"], first["table"], first["records"]) == (
        *("postgresql", f"{schema.name}.shop_orders"),
        2,
    )
    again = loads(store, schema)(created(1))
    assert (again["parts"], again["parts_before"]) == (2, 2)
    assert schema.ids("shop_orders") == [1, 2]


def test_an_event_that_comes_behind_that_of_a_later_commit_loads_the_later_one(
    store: LocalClient, schema: Schema
) -> None:
    commit_day(store, 1, 1)
    commit_day(store, 2, 7, 8)
    assert [loads(store, schema)(created(each))["generation"] for each in (2, 1)] == [2, 2]
    assert schema.ids("shop_orders") == [7, 8]


def test_a_load_that_failed_is_raised_and_done_by_the_next_call(store: LocalClient, schema: Schema) -> None:
    commit_day(store, 1, 1, 2, 3)
    with pytest.raises(AuthenticationError):
        loads(store, schema, "wrong")(created(1))
    assert loads(store, schema)(created(1))["records"] == 3
    assert schema.ids("shop_orders") == [1, 2, 3]


def test_a_dataset_may_be_named_by_hand(store: LocalClient, schema: Schema) -> None:
    commit_day(store, 1, 1)
    assert loads(store, schema)({"dataset": f"{DATASET}/"})["records"] == 1


def test_the_dataset_of_one_run_has_no_table(store: LocalClient, schema: Schema) -> None:
    dataset = "raw/unstable/data/ingest_date=2026-11-30/run-1"
    commit_day(store, 1, 1, dataset=dataset)
    answer = loads(store, schema)(created(1, dataset=dataset))
    assert answer["dataset"] == dataset
    assert "of one for all runs" in answer["nothing"]
    assert schema.relations() == set()


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        {"dataset": 7},
        {"dataset": "elsewhere/orders"},
        created(1, bucket="another"),
        {"detail": {"bucket": {"name": BUCKET}, "object": {"key": "raw/shop/orders/part-1.parquet"}}},
        {"detail": {}},
    ],
)
def test_an_event_of_anything_else_is_refused(store: LocalClient, schema: Schema, event: object) -> None:
    with pytest.raises(InvalidInputError, match=r"mend the rule|names no dataset below the prefix"):
        loads(store, schema)(event)
