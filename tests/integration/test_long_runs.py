"""A run that is longer than an invocation, carried to its end by the state machine of docs/operations.md."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.simulators.records import SyntheticRecords
from localcloud.demo import SEED, SYNTHETIC_RECORDS
from localcloud.verify import differences
from tests.fakes.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import Cloud

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_cloud")]

MACHINE = (ROOT / "docs" / "run-to-the-end.asl.json").read_text(encoding="utf-8")
NAMES = {  # ours in the document, to those of the local cloud
    "IncompleteRunError": "Runtime.HandlerError",  # what the emulator calls every error of a function
}
TIMEOUT = 14  # seconds an invocation, of which ten are kept back to seal
PATIENCE = 240.0
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


@pytest.fixture
def worker(calm_cloud: Cloud) -> Iterator[str]:
    """The bare function, with little time; the version that the alias leads to keeps its own."""
    functions, name = client(calm_cloud, "lambda"), calm_cloud.stack.outputs["IngestionWorkerName"]
    before = functions.get_function_configuration(FunctionName=name)["Timeout"]
    functions.update_function_configuration(FunctionName=name, Timeout=TIMEOUT)
    yield name
    functions.update_function_configuration(FunctionName=name, Timeout=before)


def test_a_state_machine_carries_a_run_on_until_it_is_complete(calm_cloud: Cloud, worker: str) -> None:
    stack, machines = calm_cloud.stack, client(calm_cloud, "stepfunctions")
    machine = machines.create_state_machine(
        name="run-to-the-end",
        definition=definition(IngestionWorkerAlias=worker, **NAMES),
        roleArn=role_that_may_invoke(calm_cloud, worker),
    )
    execution = machines.start_execution(
        stateMachineArn=machine["stateMachineArn"], name="monday", input='{"format": "jsonl", "limit": 1}'
    )
    receipt = output_of(machines, execution["executionArn"])
    assert (receipt["run_id"], receipt["status"]) == ("monday", "complete")
    assert receipt["invocations"] > 1
    source = SyntheticRecords(SEED, SYNTHETIC_RECORDS)
    assert differences(source, stack.records(receipt["key"]), "jsonl") == []


def definition(**names: str) -> str:
    """The document with other names; each of them must be in it."""
    text = MACHINE
    for name, other in names.items():
        assert f'"{name}"' in text
        text = text.replace(f'"{name}"', f'"{other}"')
    return text


def role_that_may_invoke(cloud: Cloud, worker: str) -> str:
    """The ARN of a new role for state machines."""
    iam, functions = client(cloud, "iam"), client(cloud, "lambda")
    role = iam.create_role(RoleName="run-to-the-end", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    arn = functions.get_function_configuration(FunctionName=worker)["FunctionArn"]
    statement = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": [arn, f"{arn}:*"]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="run-to-the-end", PolicyName="invoke", PolicyDocument=policy)
    return str(role["Arn"])


def client(cloud: Cloud, service: str) -> Any:
    aws = cloud.stack.aws
    return aws.session.client(service, endpoint_url=aws.endpoint)


def output_of(machines: Any, execution: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        told = machines.describe_execution(executionArn=execution)
        if told["status"] != "RUNNING":
            assert told["status"] == "SUCCEEDED", (told.get("error"), told.get("cause"))
            output: dict[str, Any] = json.loads(told["output"])
            return output
        time.sleep(0.5)
    raise AssertionError("it is still running")
