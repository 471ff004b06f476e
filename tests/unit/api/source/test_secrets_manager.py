from __future__ import annotations

import functools
import json
import logging
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from de_classes.api.auth.kept_secrets import KeptTokens, Lease
from de_classes.api.source.secrets_manager import ObjectLeases, SecretsManagerSecrets
from de_classes.errors import ConfigurationError
from de_classes.storage.clients import LocalClient
from tests.fakes.aws import ACCESS_KEY, REGION, SECRET_KEY, no_aws_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_secretsmanager import SecretsManagerClient

    from de_classes.storage.clients import ObjectStore

SECRET_ID = "stack/sources/xero"
VALUES = {"refresh_token": "refresh-0", "tenant": "t"}


@functools.cache
def session() -> boto3.Session:
    """Made once: botocore reads its models from disk for every session anew."""
    return boto3.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION)


@pytest.fixture
def client() -> Iterator[SecretsManagerClient]:
    with no_aws_environment(), mock_aws():
        client = session().client("secretsmanager")
        client.create_secret(Name=SECRET_ID, SecretString=json.dumps(VALUES))
        yield client


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    store = LocalClient(tmp_path, logging.getLogger("tests"))
    store.create_bucket("runs")
    return store


class Counting:
    """Hands calls on, and counts them."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self._client, name)


class Late(Counting):
    """Reads the current version as it was a while ago, as Secrets Manager may for a moment."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self._old = client.get_secret_value(SecretId=SECRET_ID)

    def get_secret_value(self, **arguments: Any) -> Any:
        return self._client.get_secret_value(**arguments) if "VersionId" in arguments else self._old


def test_the_secret_is_read_once_until_it_is_forgotten(client: SecretsManagerClient) -> None:
    counting: Any = Counting(client)
    secrets = SecretsManagerSecrets(SECRET_ID, client=counting)
    assert (secrets.get("tenant"), secrets.get("refresh_token")) == ("t", "refresh-0")
    assert counting.calls == ["get_secret_value"]
    client.put_secret_value(SecretId=SECRET_ID, SecretString=json.dumps({"tenant": "u"}))
    assert secrets.get("tenant") == "t"
    secrets.forget()
    assert secrets.get("tenant") == "u"


def test_a_name_that_is_missing_is_named_with_its_secret(client: SecretsManagerClient) -> None:
    with pytest.raises(ConfigurationError, match="'key' is not in stack/sources/xero"):
        SecretsManagerSecrets(SECRET_ID, client=client).get("key")


def test_a_secret_that_is_not_there_is_named_with_what_aws_says(client: SecretsManagerClient) -> None:
    with pytest.raises(ConfigurationError, match="stack/other cannot be read: ResourceNotFoundException"):
        SecretsManagerSecrets("stack/other", client=client).get("key")


@pytest.mark.parametrize("text", ["hunter2", '{"a": 1}', "[]"])
def test_a_secret_of_another_kind_is_refused_and_not_quoted(client: SecretsManagerClient, text: str) -> None:
    client.put_secret_value(SecretId=SECRET_ID, SecretString=text)
    with pytest.raises(ConfigurationError, match="JSON object of names and texts") as caught:
        SecretsManagerSecrets(SECRET_ID, client=client).get("key")
    assert "hunter2" not in str(caught.value)


def test_what_rotates_needs_a_bucket_for_its_leases(client: SecretsManagerClient) -> None:
    with pytest.raises(ConfigurationError, match="no bucket was given for its leases"):
        SecretsManagerSecrets(SECRET_ID, client=client).rotation("refresh_token")


def test_a_role_that_may_not_put_versions_is_told(client: SecretsManagerClient, store: ObjectStore) -> None:
    class ReadOnly(Counting):
        def put_secret_value(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "PutSecretValue")

    read_only: Any = ReadOnly(client)
    rotation = SecretsManagerSecrets(SECRET_ID, store=store, bucket="runs", client=read_only).rotation(
        "refresh_token"
    )
    with pytest.raises(ConfigurationError, match="cannot be written: AccessDeniedException"):
        rotation.keep(Lease("a", version="v" * 32), "refresh-0", KeptTokens("refresh-1", "x"))


def test_a_late_read_is_found_out_by_the_version_that_the_holder_before_put(
    client: SecretsManagerClient, store: ObjectStore
) -> None:
    late: Any = Late(client)
    first = SecretsManagerSecrets(SECRET_ID, store=store, bucket="runs", client=client).rotation(
        "refresh_token"
    )
    lease = first.lease("a", now=0.0, until=60.0)
    assert lease is not None
    first.keep(lease, "refresh-0", KeptTokens("refresh-1", "access"))  # and is killed: it gives nothing back
    second = SecretsManagerSecrets(SECRET_ID, store=store, bucket="runs", client=late).rotation(
        "refresh_token"
    )
    assert second.read().refresh_token == "refresh-0"
    taken_over = second.lease("b", now=100.0, until=160.0)
    assert second.read(taken_over) == KeptTokens("refresh-1", "access")


def test_keeping_the_same_again_is_no_other_version(client: SecretsManagerClient, store: ObjectStore) -> None:
    secrets = SecretsManagerSecrets(SECRET_ID, store=store, bucket="runs", client=client)
    version = "0c0ffee0-0000-4000-8000-000000000000"
    secrets.put({"refresh_token": "refresh-1"}, version)
    secrets.put({"refresh_token": "refresh-1"}, version)
    assert len(client.list_secret_version_ids(SecretId=SECRET_ID)["Versions"]) == 2
    assert secrets.is_current(version)


def test_the_leases_lie_below_a_prefix_of_their_own_and_the_latest_alone_stays(store: ObjectStore) -> None:
    leases = ObjectLeases(store, "runs", "_leases/stack/sources/xero/refresh_token/")
    for _ in range(3):
        lease = leases.acquire("a", now=0.0, until=60.0)
        assert lease is not None
        leases.release(lease, is_unanswered=False)
    keys = [info.key for info in store.list_objects("runs")]
    assert keys == ["_leases/stack/sources/xero/refresh_token/000000000006.json"]
    assert "refresh-" not in store.get_object("runs", keys[0]).decode()


def test_one_who_was_so_slow_that_his_number_is_free_again_has_no_lease(store: ObjectStore) -> None:
    leases = ObjectLeases(store, "runs", "_leases/x/")

    class Slow(ObjectLeases):
        """Saw the leases as they were before the others' came and went."""

        def last(self) -> Lease:
            seen = super().last()
            for _ in range(2):
                lease = leases.acquire("quick", now=0.0, until=60.0)
                assert lease is not None
                leases.release(lease, is_unanswered=False)
            held = leases.acquire("quick", now=0.0, until=60.0)
            assert held is not None
            return seen

    assert Slow(store, "runs", "_leases/x/").acquire("slow", now=0.0, until=60.0) is None
    assert leases.last().owner == "quick"
