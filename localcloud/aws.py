"""Clients for the local cloud, whatever the user's profile, configuration and environment say."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config

from de_classes.storage.clients import S3Client as Store
from localcloud.sam import require_loopback
from localcloud.workspace import REGION

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

    from localcloud.credentials import Credentials

# Nothing is read from the user's profile: neither its name nor the files it would be in.
_NOTHING = {
    "profile": (None, None, None, None),
    "config_file": (None, None, "/nonexistent", None),
    "credentials_file": (None, None, "/nonexistent", None),
}
_CONFIG = Config(
    proxies={}, retries={"total_max_attempts": 2}, s3={"addressing_style": "path"}, read_timeout=60
)


class LocalAws:
    """Makes clients of one local cloud.

    Args:
        endpoint: Its address.
        credentials: Of the run that is up there.

    Attributes:
        session: With these credentials and nothing of the user's.

    Raises:
        LocalCloudError: The address is not this machine.
    """

    def __init__(self, endpoint: str, credentials: Credentials) -> None:
        require_loopback(endpoint)
        self.endpoint = endpoint
        self.credentials = credentials
        core = botocore.session.Session(session_vars=_NOTHING)
        self.session = boto3.Session(
            credentials.access_key, credentials.secret_key, region_name=REGION, botocore_session=core
        )

    def s3(self) -> S3Client:
        """A client of its S3."""
        return self.session.client("s3", endpoint_url=self.endpoint, config=_CONFIG)

    def store(self) -> Store:
        """Its S3, as this library reads and writes it."""
        logger = logging.getLogger("localcloud.store")
        return Store(logger, session=self.session, endpoint_url=self.endpoint, config=_CONFIG)

    def cloudformation(self) -> CloudFormationClient:
        """A client of its CloudFormation."""
        return self.session.client("cloudformation", endpoint_url=self.endpoint, config=_CONFIG)

    def logs(self) -> CloudWatchLogsClient:
        """A client of its CloudWatch Logs."""
        return self.session.client("logs", endpoint_url=self.endpoint, config=_CONFIG)

    def scheduler(self) -> Any:  # noqa: ANN401 - boto3 makes it at run time, and no types of it are installed
        """A client of its EventBridge Scheduler."""
        return self.session.client("scheduler", endpoint_url=self.endpoint, config=_CONFIG)

    def secrets(self) -> SecretsManagerClient:
        """A client of its Secrets Manager."""
        return self.session.client("secretsmanager", endpoint_url=self.endpoint, config=_CONFIG)
