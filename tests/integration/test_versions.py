"""A deployment reaches whoever calls: through the alias, by a new version of what changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
import pytest
import requests

from localcloud.workspace import ACCESS_KEY, REGION, SECRET_KEY

if TYPE_CHECKING:
    from localcloud.stack import Stack
    from tests.integration.conftest import CalmCloud

pytestmark = pytest.mark.xdist_group("calm_cloud")

NAMES = ("AuthSimulatorName", "UnstableSimulatorName", "IngestionWorkerName")


def records(stack: Stack) -> int:
    """How many the API says it has."""
    secret = stack.aws.secrets().get_secret_value(SecretId=stack.outputs["CredentialsSecretId"])
    url, login = stack.outputs["SimulatorsUrl"], json.loads(secret["SecretString"])
    token = requests.post(f"{url}/auth/login", json=login, timeout=30).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    page = requests.get(f"{url}/unstable/data", params={"limit": "1"}, headers=headers, timeout=30)
    return int(page.json()["total_records"])


def live_versions(stack: Stack) -> list[str]:
    session = boto3.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION)
    client = session.client("lambda", endpoint_url=stack.aws.endpoint)
    return [
        client.get_alias(FunctionName=stack.outputs[name], Name="live")["FunctionVersion"] for name in NAMES
    ]


def test_a_parameter_that_changes_alone_reaches_the_callers_of_that_function(calm_cloud: CalmCloud) -> None:
    stack = calm_cloud.stack
    assert (records(stack), live_versions(stack)) == (1000, ["1", "1", "1"])
    calm_cloud.redeploy(TotalRecords="321")
    assert (records(stack), live_versions(stack)) == (321, ["1", "2", "1"])
