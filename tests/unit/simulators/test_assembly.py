from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from de_classes.configs.secrets_manager import read_secret
from de_classes.errors import ConfigurationError
from de_classes.simulators.assembly import deployed_auth, deployed_unstable, records_of
from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.records import fetch_object, local_copy
from de_classes.simulators.settings import SimulatorSettings
from de_classes.utils.clock import ManualClock
from tests.fakes.simulators import (
    ENVIRONMENT,
    PASSWORD,
    SECRETS,
    USERNAME,
    FakeSecrets,
    as_json,
    get,
    issuer,
    login,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from de_classes.simulators.auth_service import AuthSimulator
    from de_classes.simulators.unstable_service import UnstableSimulator

LOGIN = login({"username": USERNAME, "password": PASSWORD})
REGION = "eu-central-1"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield


def test_the_token_of_the_one_is_accepted_by_the_other() -> None:
    clock = ManualClock()
    one = deployed_auth(ENVIRONMENT, FakeSecrets(), clock)
    other = deployed_unstable(
        {**ENVIRONMENT, "RATE_500": "0", "RATE_503": "0", "RATE_429": "0"}, FakeSecrets(), clock
    )

    token = as_json(one.handle(login({"username": USERNAME, "password": PASSWORD})))["access_token"]

    assert other.handle(get("/data", str(token))).status == 200


def test_the_unstable_one_never_reads_the_credentials() -> None:
    secrets = FakeSecrets()
    deployed_unstable(ENVIRONMENT, secrets, ManualClock())
    assert secrets.read == ["signing"]


def test_a_deployment_without_its_secrets_says_which_are_missing() -> None:
    with pytest.raises(ConfigurationError) as caught:
        deployed_auth({}, FakeSecrets(), ManualClock())

    assert [each.partition(" ")[0] for each in caught.value.problems] == [
        "CREDENTIALS_SECRET_ID",
        "SIGNING_SECRET_ID",
    ]


@pytest.mark.parametrize(
    "secret", ["", "{}", "canary", '{"username": "u"}', '{"username": "u", "password": ["canary"]}']
)
def test_an_unfit_credentials_secret_is_refused_and_not_shown(secret: str) -> None:
    secrets = FakeSecrets({**SECRETS, "credentials": secret})
    with pytest.raises(ConfigurationError) as caught:
        deployed_auth(ENVIRONMENT, secrets, ManualClock())

    assert "canary" not in f"{caught.value} {caught.value.problems}"


def test_a_short_signing_key_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="32 bytes"):
        deployed_unstable(ENVIRONMENT, FakeSecrets({"signing": "short"}), ManualClock())


def test_records_in_s3_are_fetched_once_and_served() -> None:
    fetched = []

    def fetch(bucket: str, key: str, path: Path) -> None:
        fetched.append((bucket, key))
        path.write_bytes(b'{"mine":1}\n')

    settings = {
        **ENVIRONMENT,
        "RECORDS_URI": "s3://bucket/a/b.jsonl",
        "RATE_500": "0",
        "RATE_503": "0",
        "RATE_429": "0",
    }
    simulator = deployed_unstable(settings, FakeSecrets(), ManualClock(), fetch=fetch)
    pages = [as_json(simulator.handle(get("/data", issuer().issue("demo"))))["data"] for _ in range(2)]

    assert pages == [[{"mine": 1}], [{"mine": 1}]]
    assert fetched == [("bucket", "a/b.jsonl")]


@pytest.mark.parametrize(
    ("name", "content"),
    [("people.csv", b"mine\n1\n"), ("people", b'[{"mine":"1"}]'), ("people.jsonl", b'{"mine":"1"}')],
)
def test_records_in_s3_are_told_by_their_content_and_csv_by_its_name(name: str, content: bytes) -> None:
    def fetch(_bucket: str, _key: str, path: Path) -> None:
        path.write_bytes(content)

    settings = SimulatorSettings(records_uri=f"s3://bucket/simulator/{name}")
    assert records_of(settings, fetch=fetch).slice(0, 9) == [b'{"mine":"1"}']


def test_a_path_is_served_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b"{}\n{}\n")
    assert records_of(SimulatorSettings(records_uri=str(path))).count == 2


@pytest.mark.parametrize("uri", ["s3://", "s3://bucket", "s3://bucket/", "s3:///key"])
def test_half_an_s3_address_is_refused(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="s3://bucket/key"):
        local_copy(uri)


@pytest.mark.usefixtures("aws")
def test_a_secret_is_read_from_secrets_manager() -> None:
    boto3.client("secretsmanager", region_name=REGION).create_secret(Name="signing", SecretString="the key")
    assert read_secret("signing") == "the key"


@pytest.mark.usefixtures("aws")
def test_a_missing_secret_is_a_typed_error() -> None:
    with pytest.raises(ConfigurationError, match="the secret nothing cannot be read"):
        read_secret("nothing")


@pytest.mark.usefixtures("aws")
def test_a_binary_secret_is_a_typed_error() -> None:
    boto3.client("secretsmanager", region_name=REGION).create_secret(Name="binary", SecretBinary=b"\xff")
    with pytest.raises(ConfigurationError):
        read_secret("binary")


@pytest.mark.usefixtures("aws")
def test_an_object_is_fetched_from_s3(tmp_path: Path) -> None:
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket="mine", CreateBucketConfiguration={"LocationConstraint": REGION})
    body = json.dumps({"ü": 1}).encode()
    client.put_object(Bucket="mine", Key="records.jsonl", Body=body)

    fetch_object("mine", "records.jsonl", tmp_path / "copy")

    assert (tmp_path / "copy").read_bytes() == body
    assert local_copy("s3://mine/records.jsonl").read_bytes() == body


@pytest.mark.usefixtures("aws")
def test_a_missing_object_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="s3://mine/nothing cannot be read"):
        fetch_object("mine", "nothing", tmp_path / "copy")


@pytest.mark.parametrize("faults", ["F14,F21=0.1", "F16", "F25", "login-timeout"])
def test_what_api_gateway_cannot_play_is_refused_by_name_when_deployed(faults: str) -> None:
    environ = {**ENVIRONMENT, "FAULTS": faults}
    for build in (deployed_auth, deployed_unstable):
        with pytest.raises(ConfigurationError, match="cannot be played behind API Gateway"):
            build(environ, FakeSecrets(), ManualClock())


def test_all_other_faults_are_played_when_deployed() -> None:
    well = played_when_deployed("F14=0", FAULT_RATE="0")
    for fault in (fault for fault in CATALOGUE if not fault.loopback_only):
        assert played_when_deployed(f"{fault.name}=1") != well or fault.name == "beyond-end-empty"


def played_when_deployed(faults: str, **variables: str) -> list[tuple[object, ...]]:
    small = {"TOKEN_USES": "1", "TOTAL_RECORDS": "1000", "RESULT_WINDOW": "200"}
    environ, clock = {**ENVIRONMENT, "FAULTS": faults, **small, **variables}, ManualClock()
    return played(
        deployed_auth(environ, FakeSecrets(), clock), deployed_unstable(environ, FakeSecrets(), clock)
    )


def played(auth: AuthSimulator, unstable: UnstableSimulator) -> list[tuple[object, ...]]:
    """What a login, three pages and one past the end are answered, but for the token."""
    grant = as_json(answer) if (answer := auth.handle(LOGIN)).body else {}
    token = issuer().issue("demo")
    pages = [unstable.handle(get("/data", token, page=page)) for page in ("1", "3", "9", "10", "11")]
    said = {name: len(str(value)) if name == "access_token" else value for name, value in grant.items()}
    return [(answer.status, said), *((page.status, dict(page.headers), page.body) for page in pages)]
