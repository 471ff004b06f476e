"""What every place for a secret that rotates promises: one holder at a time, and what is kept stays."""

from __future__ import annotations

import functools
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from de_classes.api.auth.kept_secrets import CLOCK_SKEW, KeptTokens
from de_classes.api.source import FileSecrets, SecretsManagerSecrets
from de_classes.storage.clients import BaseS3Client, LocalClient
from de_classes.utils.clock import ManualClock, SystemClock
from tests.fakes.aws import ACCESS_KEY, REGION, SECRET_KEY, no_aws_environment
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.rotation import SECRETS, FakeRotationStore, TokenEndpoint, worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from de_classes.api.auth.kept_secrets import Lease, RotationStore

NAME = "refresh_token"
SECRET_ID = "stack/sources/xero"
NOW = 1_700_000_000.0
LOGGER = logging.getLogger("tests.rotation")


@dataclass(frozen=True)
class Case:
    """One kind of store.

    Attributes:
        open: Another process's view of the same place.
        put: Puts a refresh token there by hand.
    """

    open: Callable[[], RotationStore]
    put: Callable[[str], None]


@contextmanager
def in_memory(_path: Path) -> Iterator[Case]:
    store = FakeRotationStore()

    def put(token: str) -> None:
        store.tokens = KeptTokens(token, store.tokens.access)

    yield Case(lambda: store, put)


@contextmanager
def in_a_file(path: Path) -> Iterator[Case]:
    file = path / "secrets.json"
    file.write_text(json.dumps(SECRETS))
    file.chmod(0o600)

    def put(token: str) -> None:
        file.write_text(json.dumps({**json.loads(file.read_text()), NAME: token}))

    yield Case(lambda: FileSecrets(file).rotation(NAME), put)


@contextmanager
def in_secrets_manager(path: Path) -> Iterator[Case]:
    leases = LocalClient(path / "root", LOGGER)
    leases.create_bucket("runs")
    with no_aws_environment(), mock_aws():
        yield secrets_manager_case(leases)


@contextmanager
def in_secrets_manager_with_leases_in_s3(_path: Path) -> Iterator[Case]:
    # moto looks for an object, and then writes: of two who ask at once both would have the lease
    s3 = FakeS3()
    s3.create_bucket(Bucket="runs")
    with no_aws_environment(), mock_aws():
        yield secrets_manager_case(BaseS3Client(s3, LOGGER))


@functools.cache
def session() -> boto3.Session:
    """Made once: botocore reads its models from disk for every session anew."""
    return boto3.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION)


def secrets_manager_case(leases: Any) -> Case:
    client = session().client("secretsmanager")
    client.create_secret(Name=SECRET_ID, SecretString=json.dumps(SECRETS))

    def put(token: str) -> None:
        values = json.loads(client.get_secret_value(SecretId=SECRET_ID)["SecretString"])
        client.put_secret_value(SecretId=SECRET_ID, SecretString=json.dumps({**values, NAME: token}))

    return Case(
        lambda: SecretsManagerSecrets(SECRET_ID, store=leases, bucket="runs", client=client).rotation(NAME),
        put,
    )


VARIANTS: dict[str, Callable[[Path], AbstractContextManager[Case]]] = {
    "memory": in_memory,
    "file": in_a_file,
    "secrets-manager": in_secrets_manager,
    "secrets-manager-and-s3": in_secrets_manager_with_leases_in_s3,
}


@pytest.fixture(params=VARIANTS)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    with VARIANTS[request.param](tmp_path) as case:
        yield case


def leased(store: RotationStore, owner: str = "a", now: float = NOW, seconds: float = 60.0) -> Lease:
    lease = store.lease(owner, now=now, until=now + seconds)
    assert lease is not None
    return lease


def test_what_is_there_is_read(case: Case) -> None:
    assert case.open().read() == KeptTokens("refresh-0")


def test_one_who_asks_has_the_lease_and_the_other_has_not(case: Case) -> None:
    first, second = case.open(), case.open()
    assert leased(first).owner == "a"
    assert second.lease("b", now=NOW, until=NOW + 60) is None


def test_of_eight_who_ask_at_once_one_has_the_lease(case: Case) -> None:
    stores = [case.open() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        leases = list(
            pool.map(
                lambda item: item[1].lease(f"owner {item[0]}", now=NOW, until=NOW + 60), enumerate(stores)
            )
        )
    assert len([lease for lease in leases if lease is not None]) == 1


def test_who_has_it_makes_it_longer(case: Case) -> None:
    store = case.open()
    first = leased(store)
    longer = leased(store, now=NOW + 50)
    assert (longer.until, longer.version) == (NOW + 110, first.version)
    assert not longer.is_unanswered
    assert case.open().lease("b", now=NOW + 100, until=NOW + 160) is None


def test_a_lease_given_back_is_anybodys(case: Case) -> None:
    store = case.open()
    store.release(leased(store), is_unanswered=False)
    assert not leased(case.open(), "b").is_unanswered


def test_a_lease_given_back_with_an_answer_lost_says_so(case: Case) -> None:
    store = case.open()
    store.release(leased(store), is_unanswered=True)
    assert leased(case.open(), "b").is_unanswered


def test_a_lease_that_ended_is_taken_over_when_every_clock_says_so(case: Case) -> None:
    leased(case.open())
    other = case.open()
    assert other.lease("b", now=NOW + 60 + CLOCK_SKEW - 0.1, until=NOW + 200) is None
    assert leased(other, "b", NOW + 60 + CLOCK_SKEW).is_unanswered  # its holder may have been killed


def test_who_lost_the_lease_cannot_give_back_the_others(case: Case) -> None:
    slow, other = case.open(), case.open()
    old = leased(slow)
    leased(other, "b", NOW + 100)
    slow.release(old, is_unanswered=False)
    assert case.open().lease("c", now=NOW + 101, until=NOW + 200) is None


def test_what_is_kept_is_read_by_all(case: Case) -> None:
    store = case.open()
    lease = leased(store)
    assert store.keep(lease, "refresh-0", KeptTokens("refresh-1", "access")) == KeptTokens(
        "refresh-1", "access"
    )
    assert store.read(lease) == case.open().read() == KeptTokens("refresh-1", "access")


def test_another_than_was_spent_is_not_overwritten(case: Case) -> None:
    store = case.open()
    lease = leased(store)
    case.put("refresh-by-hand")
    assert store.keep(lease, "refresh-0", KeptTokens("refresh-1", "x")).refresh_token == "refresh-by-hand"
    assert case.open().read(lease).refresh_token == "refresh-by-hand"


def test_what_was_put_by_hand_counts_for_the_next_holder_too(case: Case) -> None:
    store = case.open()
    lease = leased(store)
    store.keep(lease, "refresh-0", KeptTokens("refresh-1", "access"))
    store.release(lease, is_unanswered=False)
    case.put("refresh-by-hand")
    other = case.open()
    assert other.read(leased(other, "b")).refresh_token == "refresh-by-hand"


def test_no_lease_holds_a_secret(case: Case) -> None:
    store = case.open()
    lease = leased(store)
    store.keep(lease, "refresh-0", KeptTokens("refresh-1", "access"))
    assert "refresh" not in repr(lease)
    assert "refresh" not in repr(store.read())


def test_eight_workers_at_once_spend_once(case: Case) -> None:
    endpoint = TokenEndpoint()
    workers = [worker(case.open(), endpoint, SystemClock()) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda each: each.get_token(), workers))
    assert tokens == ["access-1"] * 8
    assert endpoint.asked == ["refresh-0"]


def test_ten_in_a_row_are_kept_one_after_the_other(case: Case) -> None:
    endpoint, clock = TokenEndpoint(), ManualClock()
    for number in range(1, 11):
        assert worker(case.open(), endpoint, clock).get_token() == f"access-{number}"
        clock.advance(400)
    assert endpoint.asked == [f"refresh-{number}" for number in range(10)]
