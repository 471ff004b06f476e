"""The handler and an API that misbehaves: what that served is in the bucket, each record once."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from de_classes.common.logger.app_logger import AppLogger
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.storage.clients import S3Client
from de_classes.storage.datasets.reader import DatasetReader
from ingest.app import lambda_handler

PROJECT = Path(__file__).parent.parent


@mock_aws
def test_the_bucket_holds_what_the_api_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    boto3.client("s3").create_bucket(Bucket="lake")
    with SimulatorServer(SimulatorSettings(rate_500=0.4, retry_after_seconds=0)) as api:
        login = {"username": api.username, "password": api.password}
        boto3.client("secretsmanager").create_secret(Name="test/sources/shop", SecretString=json.dumps(login))
        monkeypatch.setenv("BUCKET", "lake")
        monkeypatch.setenv("SECRETS_PREFIX", "test/sources")
        monkeypatch.setenv("SOURCES_PATH", str(PROJECT / "sources"))
        monkeypatch.setenv("SOURCE_PARAMETERS", json.dumps({"shop": {"address": api.base_url}}))
        receipt = lambda_handler(json.loads((PROJECT / "events" / "shop_orders.json").read_text()))
        served = [json.loads(record) for record in api.truth()]
    dataset = DatasetReader(S3Client(AppLogger("test").get_logger()), "lake", receipt["key"])
    stored = [record for batch in dataset.records() for record in batch]
    assert [*map(without_nulls, stored)] == [*map(without_nulls, served)]
    assert receipt["records"] == 1000
    assert receipt["retries"] > 0


def without_nulls(record: dict[str, Any]) -> dict[str, Any]:
    """A table has a column for all: what a record has not is null there."""
    return {name: value for name, value in record.items() if value is not None}
