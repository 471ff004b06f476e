"""What AWS makes of the template: who may do what, who may call, and when a new version takes over."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.checks import translated, translated_each

WORKER = "IngestionWorkerFunction"
FUNCTIONS = ("AuthSimulatorFunction", "UnstableSimulatorFunction", WORKER)
# What may be done to everything: X-Ray has no resource that a trace is sent to, nor has a delivery of logs.
TO_ANYTHING = {
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
}
# AWS's own, for what only its services do: shift an alias, write an API's log.
MANAGED = {
    "AWSCodeDeployRoleForLambda",
    "AWSCodeDeployRoleForLambdaLimited",
    "AmazonAPIGatewayPushToCloudWatchLogs",
}

pytestmark = pytest.mark.xdist_group("template_lint")


def resources(kind: str, environment: str = "prod") -> dict[str, dict[str, Any]]:
    return of_kind(kind, translated(f"Environment={environment}"))


def of_kind(kind: str, translation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in translation["Resources"].items() if each["Type"] == kind}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements() -> list[dict[str, Any]]:
    """Every statement of every role and every resource's policy."""
    roles = resources("AWS::IAM::Role").values()
    documents = [
        policy["PolicyDocument"] for role in roles for policy in role["Properties"].get("Policies", [])
    ]
    for kind in (
        "AWS::IAM::Policy",
        "AWS::S3::BucketPolicy",
        "AWS::SQS::QueuePolicy",
        "AWS::SNS::TopicPolicy",
    ):
        documents += [each["Properties"]["PolicyDocument"] for each in resources(f"AWS::{kind}").values()]
    conditional = [statement for document in documents for statement in as_list(document["Statement"])]
    return [each["Fn::If"][1] if "Fn::If" in each else each for each in conditional]


def version_of(function: str, translation: dict[str, Any]) -> str:
    versions = of_kind("AWS::Lambda::Version", translation)
    (name,) = (each for each in versions if each.startswith(function))
    return name


def test_what_is_allowed_is_named_action_by_action() -> None:
    allowed = [
        action for each in statements() if each["Effect"] == "Allow" for action in as_list(each["Action"])
    ]
    assert len(allowed) > 15
    assert [action for action in allowed if "*" in action] == []
    assert [each for each in statements() if {"NotAction", "NotResource", "NotPrincipal"} & set(each)] == []


def test_nothing_but_traces_and_deliveries_of_logs_is_allowed_to_anything() -> None:
    to_all = [each for each in statements() if each["Effect"] == "Allow" and "*" in as_list(each["Resource"])]
    assert {action for each in to_all for action in each["Action"]} == TO_ANYTHING


def test_a_policy_that_aws_manages_is_a_services_own() -> None:
    names = {
        (arn if isinstance(arn, str) else arn["Fn::Sub"]).rpartition("/")[2]
        for role in resources("AWS::IAM::Role").values()
        for arn in role["Properties"].get("ManagedPolicyArns", [])
    }
    assert names
    assert names <= MANAGED


def test_every_method_of_the_workers_api_wants_iam_credentials() -> None:
    body = resources("AWS::ApiGateway::RestApi")["WorkerApi"]["Properties"]["Body"]
    methods = [operation for path in body["paths"].values() for operation in path.values()]
    assert len(methods) == 2
    assert [each["security"] for each in methods] == [[{"AWS_IAM": []}]] * 2


def test_no_function_has_a_public_address_of_its_own() -> None:
    assert resources("AWS::Lambda::Url") == {}
    principals = {each["Properties"]["Principal"] for each in resources("AWS::Lambda::Permission").values()}
    assert principals == {"apigateway.amazonaws.com"}


def test_every_route_and_every_permission_leads_to_the_alias() -> None:
    for api in resources("AWS::ApiGateway::RestApi").values():
        for path in api["Properties"]["Body"]["paths"].values():
            for operation in path.values():
                uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
                assert "Aliaslive" in uri
    for permission in resources("AWS::Lambda::Permission").values():
        assert permission["Properties"]["FunctionName"]["Ref"].endswith("Aliaslive")


def test_in_production_an_alarm_takes_a_new_version_back() -> None:
    groups = resources("AWS::CodeDeploy::DeploymentGroup")
    assert sorted(groups) == sorted(f"{name}DeploymentGroup" for name in FUNCTIONS)
    for name, group in groups.items():
        properties = group["Properties"]
        function = name.removesuffix("FunctionDeploymentGroup")
        kinds = ("Faults", "Stopped") if function == "IngestionWorker" else ("Errors",)
        alarms = [{"Name": {"Ref": f"{function}{kind}Alarm"}} for kind in kinds]
        assert properties["AlarmConfiguration"] == {"Alarms": alarms, "Enabled": True}
        assert "DEPLOYMENT_STOP_ON_ALARM" in properties["AutoRollbackConfiguration"]["Events"]
        assert "Canary10Percent5Minutes" in str(properties["DeploymentConfigName"])
    for alias in resources("AWS::Lambda::Alias").values():
        assert "CodeDeployLambdaAliasUpdate" in alias["UpdatePolicy"]


def test_in_development_a_version_takes_over_at_once() -> None:
    aliases = resources("AWS::Lambda::Alias", "dev")
    assert len(aliases) == len(FUNCTIONS)
    assert [each for each in aliases.values() if "UpdatePolicy" in each] == []
    assert resources("AWS::CodeDeploy::Application", "dev") == {}


@pytest.mark.parametrize(
    ("layer", "reaches"), [("DeClassesLayer", FUNCTIONS), ("SdkLayer", (WORKER,)), ("DataFramesLayer", ())]
)
def test_a_change_in_a_layer_alone_publishes_the_functions_that_carry_it(
    layer: str, reaches: tuple[str, ...]
) -> None:
    before, after = (translated("Environment=dev", changed=each) for each in (None, layer))
    published = {name for name in FUNCTIONS if version_of(name, before) != version_of(name, after)}
    assert published == set(reaches)


def test_the_same_template_publishes_nothing_twice() -> None:
    """A second translation, in a process of its own, names the same versions."""
    (again,) = translated_each([{"Environment": "dev", "AlarmEmail": ""}])
    once = translated("Environment=dev")
    assert [version_of(name, again) for name in FUNCTIONS] == [version_of(name, once) for name in FUNCTIONS]
