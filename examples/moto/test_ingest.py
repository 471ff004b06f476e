import json

import boto3
from moto import mock_aws

from de_classes.api.auth_client import AuthClient
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.common.logger.app_logger import AppLogger
from de_classes.runs.api_data_service import ApiDataService
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.storage.clients import S3Client
from de_classes.storage.format import DataFormatService
from de_classes.storage.services import StorageDataService


@mock_aws
def test_the_bucket_holds_what_the_api_served() -> None:
    bucket = boto3.resource("s3", region_name="us-east-1").create_bucket(Bucket="raw")
    logger = AppLogger("ingest").get_logger()
    with SimulatorServer(SimulatorSettings(rate_500=0.2, retry_after_seconds=0)) as api:
        auth = AuthClient(api.login_url, api.username, api.password, logger)
        storage = StorageDataService(S3Client(logger), DataFormatService(), logger)
        service = ApiDataService(UnstableAPIClient(api.base_url, auth, logger), storage, logger)
        receipt = service.fetch_all_to_storage(bucket="raw", key="orders.jsonl", format="jsonl", limit=50)
        served = [json.loads(record) for record in api.truth()]
    stored = bucket.Object("orders.jsonl").get()["Body"].read().splitlines()
    assert [json.loads(line) for line in stored] == served
    assert receipt.records == len(served) == 1000
    assert receipt.retries > 0
