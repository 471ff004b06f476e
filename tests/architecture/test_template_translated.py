"""What AWS makes of the template: who may do what, who may call, and when a new version takes over."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from tests.fakes.checks import translated, translated_each
from tests.fakes.resolved import PLACES, deployed_by, of_type, parameters, refuses

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


def test_the_worker_may_touch_the_tables_of_its_one_database_and_nothing_else_of_glue() -> None:
    resources = deployed_by({"GlueDatabase": "shop"})
    (policy,) = resources["IngestionWorkerRole"]["Properties"]["Policies"]
    allowed = [each for each in policy["PolicyDocument"]["Statement"] if "glue:" in str(each)]
    place = "arn:aws:glue:us-east-1:123456789012"
    assert allowed == [
        {
            "Sid": "ShowDatasetsAsTables",
            "Effect": "Allow",
            "Action": ["glue:GetTable", "glue:CreateTable", "glue:UpdateTable"],
            "Resource": [f"{place}:catalog", f"{place}:database/shop", f"{place}:table/shop/*"],
        }
    ]
    others = {name: each for name, each in resources.items() if name != "IngestionWorkerRole"}
    assert "glue:" not in str(of_type(others, "AWS::IAM::Role"))


@pytest.mark.parametrize("place", PLACES)
def test_without_a_database_there_is_nothing_of_glue_or_athena(place: str) -> None:
    resources = deployed_by({**PLACES[place], "AthenaWorkgroup": "true"})
    assert [
        name for name, each in resources.items() if each["Type"].startswith(("AWS::Glue", "AWS::Athena"))
    ] == []
    assert "glue:" not in str(resources["IngestionWorkerRole"])
    assert "athena" not in str(resources["Bucket"])
    assert resources[WORKER]["Properties"]["Environment"]["Variables"]["GLUE_DATABASE"] == ""


def test_the_database_is_the_worker_s_and_stays_with_what_others_made_in_it() -> None:
    resources = deployed_by({"GlueDatabase": "shop"})
    (database,) = of_type(resources, "AWS::Glue::Database").values()
    assert database["Properties"]["DatabaseInput"]["Name"] == "shop"
    assert (database["DeletionPolicy"], database["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert resources[WORKER]["Properties"]["Environment"]["Variables"]["GLUE_DATABASE"] == "shop"
    assert of_type(resources, "AWS::Athena::WorkGroup") == {}


def test_the_workgroup_bounds_what_a_query_reads_and_keeps_its_answers_private_for_a_month() -> None:
    resources = deployed_by({"GlueDatabase": "shop", "AthenaWorkgroup": "true", "AthenaScanMegabytes": "77"})
    (group,) = of_type(resources, "AWS::Athena::WorkGroup").values()
    told = group["Properties"]["WorkGroupConfiguration"]
    assert (told["EnforceWorkGroupConfiguration"], told["BytesScannedCutoffPerQuery"]) == (True, "77000000")
    assert told["ResultConfiguration"] == {
        "OutputLocation": "s3://<Bucket>/athena.results/",
        "ExpectedBucketOwner": "123456789012",
        "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
    }
    rules = resources["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert [each["ExpirationInDays"] for each in rules if each.get("Prefix") == "athena.results/"] == [30]
    assert refuses(parameters()["KeyPrefix"], "athena.results")  # or data would expire with them


def test_two_queries_are_of_the_database_and_the_workgroup() -> None:
    resources = deployed_by({"GlueDatabase": "shop", "AthenaWorkgroup": "true"})
    queries = [each["Properties"] for each in of_type(resources, "AWS::Athena::NamedQuery").values()]
    assert [each["WorkGroup"] for each in queries] == ["<DatasetWorkgroup>"] * 2
    columns, parts = (each["QueryString"] for each in queries)
    with duckdb.connect() as connection:  # Athena is not to be had here: these words are SQL elsewhere too
        connection.execute('CREATE SCHEMA shop; CREATE TABLE shop.put_the_table_here (id INT, "$path" TEXT)')
        connection.execute("INSERT INTO shop.put_the_table_here VALUES (1, 'b'), (2, 'a'), (3, 'b')")
        found = connection.execute(columns.replace(", comment", "")).fetchall()
        assert found == [
            ("put_the_table_here", "id", "INTEGER"),
            ("put_the_table_here", "$path", "VARCHAR"),
        ]
        assert connection.execute(parts).fetchall() == [("a", 1), ("b", 2)]


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
