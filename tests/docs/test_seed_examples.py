"""The examples that the classes were asked for with, as they were written: names, arguments and order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pandas as pd
import pytest
from moto import mock_aws

from de_classes.api.api_data_service import ApiDataService
from de_classes.api.auth_client import AuthClient
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.common.logger.app_logger import AppLogger
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.storage.clients.s3_client import S3Client
from de_classes.storage.format import DataFormatService
from de_classes.storage.services import StorageDataService
from tests.fakes.aws import no_aws_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = SimulatorSettings(
    rate_500=0.1, rate_503=0.1, rate_429=0.1, jitter_seconds=0, retry_after_seconds=0, total_records=350
)


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with no_aws_environment() as environment, mock_aws():
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        for bucket in ("my-bucket", "raw"):
            boto3.client("s3").create_bucket(Bucket=bucket)
        yield


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer(SETTINGS, username="test_user", password="test_password") as running:
        yield running


def test_logging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    logger = AppLogger("demo").get_logger()

    logger.info("Starting an ingestion task...")
    logger.error("Something went wrong")

    files = list((tmp_path / "logs").iterdir())
    assert any("Something went wrong" in file.read_text(encoding="utf-8") for file in files)
    assert not any("Starting" in file.read_text(encoding="utf-8") for file in files)


def test_authentication(server: SimulatorServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    logger = AppLogger("auth_test").get_logger()

    auth = AuthClient(
        auth_url=server.login_url, username="test_user", password="test_password", logger=logger
    )
    token = auth.get_token()

    assert server.tokens.verify(token)
    assert auth.get_auth_headers() == {"Authorization": f"Bearer {token}"}


@pytest.mark.usefixtures("aws")
def test_storage() -> None:
    logger = AppLogger("storage_test").get_logger()

    s3 = S3Client(logger, access_key="your_key", secret_key="your_secret")
    fmt = DataFormatService()
    storage = StorageDataService(s3, fmt, logger)

    df = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    storage.upload_df(df, bucket="my-bucket", key="test.csv", format="csv")
    downloaded_df = storage.download_df("my-bucket", "test.csv", format="csv")

    pd.testing.assert_frame_equal(downloaded_df, df)


@pytest.mark.usefixtures("aws")
def test_ingestion(server: SimulatorServer) -> None:
    logger = AppLogger("ingestion_test").get_logger()
    auth = AuthClient(server.login_url, "test_user", "test_password", logger)
    api_client = UnstableAPIClient(server.base_url, auth, logger)
    storage = StorageDataService(
        S3Client(logger, access_key="your_key", secret_key="your_secret"), DataFormatService(), logger
    )
    data_service = ApiDataService(api_client, storage, logger)

    pages = [page_num for page_num, result in api_client.iterate_all_pages(limit=25) if result["data"]]
    df = data_service.fetch_all_to_df(limit=100)
    data_service.fetch_all_to_storage(bucket="raw", key="unstable_data.csv", format="csv")

    assert pages == list(range(1, 15))
    assert len(df) == 350
    assert len(storage.download_df("raw", "unstable_data.csv", format="csv")) == 350
    assert api_client.retry_count > 0
    assert (api_client.successful_pages, api_client.failed_pages) == (14 + 4 + 4, 0)
    assert api_client.records_ingested == 3 * 350
