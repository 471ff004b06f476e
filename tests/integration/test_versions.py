"""A deployment reaches whoever calls: through the alias, by a new version of what changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import requests

from tests.integration.conftest import CALM

if TYPE_CHECKING:
    from localcloud.stack import Stack
    from tests.integration.conftest import Cloud

pytestmark = pytest.mark.xdist_group("local_cloud")

NAMES = ("AuthSimulatorName", "UnstableSimulatorName", "IngestionWorkerName")


def records(stack: Stack) -> int:
    """How many the API says it has."""
    secret = stack.aws.secrets().get_secret_value(SecretId=stack.outputs["CredentialsSecretId"])
    url, login = stack.outputs["SimulatorsUrl"], json.loads(secret["SecretString"])
    token = requests.post(f"{url}/auth/login", json=login, timeout=120).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    page = requests.get(f"{url}/unstable/data", params={"limit": "1"}, headers=headers, timeout=120)
    return int(page.json()["total_records"])


def live_versions(stack: Stack) -> list[int]:
    client = stack.aws.session.client("lambda", endpoint_url=stack.aws.endpoint)
    return [
        int(client.get_alias(FunctionName=stack.outputs[name], Name="live")["FunctionVersion"])
        for name in NAMES
    ]


@pytest.mark.parametrize("way", ["update", pytest.param("deploy", marks=pytest.mark.slow)])
def test_a_parameter_that_changes_alone_reaches_the_callers_of_that_function(
    calm_cloud: Cloud, way: str
) -> None:
    """By an update of the stack, and by the SAM CLI, which packs all that was built once more."""
    stack = calm_cloud.stack
    assert records(stack) == 1000
    auth, unstable, worker = live_versions(stack)
    getattr(calm_cloud, way)({**CALM, "TotalRecords": "321"})
    assert (records(stack), live_versions(stack)) == (321, [auth, unstable + 1, worker])
    calm_cloud.update(CALM)
