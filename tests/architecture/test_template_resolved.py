"""What is deployed by the template, every parameter and condition resolved: on AWS and in a local cloud."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from de_classes.configs.ingest import WorkerSettings
from de_classes.configs.settings import load
from de_classes.worker.ingest_endpoint import HTTP_SECONDS
from tests.fakes.checks import translated_each
from tests.fakes.every import every
from tests.fakes.resolved import (
    LOCAL,
    PLACES,
    PSEUDO,
    deployed,
    deployed_by,
    of_type,
    parameters,
    refuses,
)
from tests.fakes.sources import ROOT
from tests.fakes.template import template

if TYPE_CHECKING:
    from tests.fakes.resolved import Resources

pytestmark = pytest.mark.xdist_group("template_lint")

WORKER = "IngestionWorkerFunction"
SIMULATORS = ("AuthSimulatorFunction", "UnstableSimulatorFunction")
APIS = {"SimulatorsApi", "WorkerApi"}
MOST_OF_A_DESCRIPTION = 256  # of a version, in characters: Lambda's
# What an account has from its first day, until AWS raises it.
NEW_ACCOUNT_CONCURRENCY = 10
NEW_ACCOUNT_MEGABYTES = 3008
# Of a function, what no version holds: they are the function's, whichever version runs.
OF_NO_VERSION = {"Tags", "ReservedConcurrentExecutions"}

everywhere = pytest.mark.parametrize("place", PLACES)
# Another value and the longest one, of every parameter that is not bounded by a list or by numbers.
OTHERS = {
    "StageName": ("v2", "S" * 32),
    "ApiBaseUrl": (LOCAL["ApiBaseUrl"], "http://localhost:65535/_aws/execute-api"),
    "AlarmEmail": ("me@example.com", f"{'a' * 64}@{'b' * 255}"),
    "KeyPrefix": ("other/prefix", "k" * 100),
    "Rate500": ("0.06", "0.33333"),
    "Rate503": ("0.06", "0.33333"),
    "Rate429": ("0.06", "0.33333"),
    "FaultRate": ("0.3", "0.99999"),
    "JitterSeconds": ("0.5", "19.999"),
    "Faults": ("F18", "F" * 80),
    "GlueDatabase": ("shop", "d" * 24),
    "RecordsKey": ("simulator/records.jsonl", f"simulator/{'r' * 80}"),
}


def other_values(name: str) -> list[str]:
    """Values of a parameter that are not its default: some, and the longest."""
    declared = parameters()[name]
    known = [
        str(each).lower() if isinstance(each, bool) else str(each)
        for each in declared.get("AllowedValues", [])
    ]
    bounds = [
        str(declared.get(bound, 10**9)) for bound in ("MinValue", "MaxValue") if declared["Type"] == "Number"
    ]
    found = [*OTHERS.get(name, ()), *(known or bounds)]
    return [each for each in found if each != str(declared["Default"])]


def versioned(resources: Resources, function: str) -> dict[str, Any]:
    """What a version of a function holds."""
    properties = resources[function]["Properties"]
    return {name: value for name, value in properties.items() if name not in OF_NO_VERSION}


def version(resources: Resources, function: str) -> tuple[str, dict[str, Any]]:
    """A function's version: another name or another property makes another one."""
    ((name, found),) = (
        (name, each["Properties"])
        for name, each in of_type(resources, "AWS::Lambda::Version").items()
        if each["Properties"]["FunctionName"] == f"<{function}>"
    )
    return name, found


@everywhere
def test_each_api_has_the_named_stage_alone_and_that_is_throttled_and_logged(place: str) -> None:
    resources = deployed(place)
    stages = of_type(resources, "AWS::ApiGateway::Stage")
    assert sorted(stage["Properties"]["RestApiId"] for stage in stages.values()) == sorted(
        f"<{api}>" for api in APIS
    )
    for stage in stages.values():
        properties = stage["Properties"]
        assert properties["StageName"] == "v1"
        assert "log-group:<" in properties["AccessLogSetting"]["DestinationArn"]
        (setting,) = properties["MethodSettings"]
        assert (setting["ResourcePath"], setting["HttpMethod"]) == ("/*", "*")
        assert int(setting["ThrottlingRateLimit"]) > 0
        assert int(setting["ThrottlingBurstLimit"]) > 0
    deployments = of_type(resources, "AWS::ApiGateway::Deployment")
    assert len(deployments) == len(APIS)
    assert [name for name, each in deployments.items() if "StageName" in each["Properties"]] == []


@everywhere
def test_the_apis_keep_models_checks_and_the_gateways_own_answers(place: str) -> None:
    bodies = {
        name: each["Properties"]["Body"]
        for name, each in of_type(deployed(place), "AWS::ApiGateway::RestApi").items()
    }
    assert bodies.keys() == APIS
    login = bodies["SimulatorsApi"]["paths"]["/auth/login"]["post"]
    (content,) = login["requestBody"]["content"].values()
    model = content["schema"]["$ref"].rpartition("/")[2]
    assert bodies["SimulatorsApi"]["components"]["schemas"][model]["required"] == ["username", "password"]
    checks = bodies["SimulatorsApi"]["x-amazon-apigateway-request-validators"]
    assert checks[login["x-amazon-apigateway-request-validator"]]["validateRequestBody"] is True
    for body in bodies.values():
        assert {"DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED"} <= body[
            "x-amazon-apigateway-gateway-responses"
        ].keys()


@pytest.mark.parametrize("name", ["Stage", "stage", "STAGE", "sTaGe", "", "a-b", "S" * 33])
def test_no_stage_can_have_the_name_of_the_one_that_sam_adds(name: str) -> None:
    assert refuses(parameters()["StageName"], name)
    assert not refuses(parameters()["StageName"], "Staged")


@everywhere
def test_an_unsigned_call_of_the_worker_is_told_to_sign_and_one_of_the_simulators_that_there_is_no_path(
    place: str,
) -> None:
    """API Gateway has one name for both."""

    def answer(api: str) -> tuple[str, str]:
        body = deployed(place)[api]["Properties"]["Body"]
        found = body["x-amazon-apigateway-gateway-responses"]["MISSING_AUTHENTICATION_TOKEN"]
        told = json.loads(found["responseTemplates"]["application/json"])
        assert set(told) == {"error", "message"}
        return str(found["statusCode"]), told["message"]

    status, message = answer("WorkerApi")
    assert status == "403"
    for said in ("sign the request", "SigV4", "execute-api", "no such path"):
        assert said in message
    status, message = answer("SimulatorsApi")
    assert (status, "sign" in message) == ("404", False)


def test_sam_reads_no_parameter_but_the_environment() -> None:
    """So one translation for each stands for all values of the others."""
    others = {name: other_values(name)[0] for name in parameters() if name != "Environment"}
    plain, changed = translated_each([{}, others])
    assert changed == plain


@everywhere
def test_a_parameter_that_changes_alone_publishes_what_it_concerns_and_nothing_else(place: str) -> None:
    """Functions whose settings differ have other versions, and all others the same."""
    base = PLACES[place]
    before = deployed_by(base)
    wrong, published = [], set()
    changes = [(parameter, value) for parameter in parameters() for value in other_values(parameter)]
    for name, value in changes:
        after = deployed_by({**base, name: value})
        for function in (WORKER, *SIMULATORS):
            concerned = versioned(before, function) != versioned(after, function)
            if concerned:
                published.add((name, function))
            if concerned != (version(before, function) != version(after, function)):
                wrong.append((function, name, value))
    assert wrong == []
    assert {
        ("RecordsKey", WORKER),
        ("ApiBaseUrl", WORKER),
        ("KeyPrefix", WORKER),
        ("Faults", SIMULATORS[0]),
    } <= (published)
    assert ("LogRetentionDays", WORKER) not in published


@every("name", list(template()["Parameters"]))
def test_every_parameter_has_another_value_that_is_allowed(name: str) -> None:
    values = other_values(name)
    assert values
    assert [value for value in values if refuses(parameters()[name], value)] == []


def longest(name: str) -> str:
    """The longest value that is allowed, which another character makes too long."""
    value = max(other_values(name), key=len)
    declared = parameters()[name]
    if declared["Type"] == "String" and "AllowedValues" not in declared:
        assert len(value) == declared["MaxLength"]
    return value


def test_the_description_of_a_version_fits_by_the_longest_values_that_are_allowed() -> None:
    names = [name for name in parameters() if name != "AlarmEmail"]  # which no version holds
    resources = deployed_by({name: longest(name) for name in names})
    sizes = {
        function: len(version(resources, function)[1]["Description"]) for function in (WORKER, *SIMULATORS)
    }
    assert {name: size for name, size in sizes.items() if size > MOST_OF_A_DESCRIPTION} == {}
    assert max(sizes.values()) > 200  # they are long indeed


def worker_settings(resources: Resources) -> WorkerSettings:
    """What the worker makes of the variables that it is given."""
    given = resources[WORKER]["Properties"]["Environment"]["Variables"]
    text = {name: re.sub(r"[<>]", "", value) for name, value in given.items()}
    return load(WorkerSettings, {**text, "BUCKET": "lake"})


@everywhere
def test_no_limit_but_lambdas_own_is_set_on_the_time_of_a_run(place: str) -> None:
    resources = deployed(place)
    assert worker_settings(resources).max_elapsed_seconds is None


def test_what_a_run_is_carried_out_with_comes_from_the_parameters() -> None:
    names = {
        "PagesAtOnce": "concurrency",
        "PageLimit": "page_limit",
        "MaxAttempts": "max_attempts",
        "ReserveSeconds": "reserve_seconds",
        "PartPages": "part_pages",
        "PartSeconds": "part_seconds",
    }
    told = worker_settings(deployed_by(dict.fromkeys(names, "9")))
    assert {getattr(told, field) for field in names.values()} == {9}


def test_the_defaults_are_those_of_the_worker() -> None:
    told = msgspec.structs.asdict(worker_settings(deployed("dev-aws")))
    own = {
        field.name: field.default
        for field in msgspec.structs.fields(WorkerSettings)
        if field.default is not msgspec.NODEFAULT
    }
    told_by_the_stack = {"source_parameters", "secrets_prefix", "source_secrets", "run_state_machine"}
    told_by_the_stack |= {"schedule_group", "schedule_role", "failed_ticks"}
    assert {name: told[name] for name in own.keys() - told_by_the_stack} == {
        name: own[name] for name in own.keys() - told_by_the_stack
    }


def test_a_run_has_time_left_by_the_shortest_timeout_and_the_longest_reserve() -> None:
    declared = parameters()
    reserve = declared["ReserveSeconds"]["MaxValue"]
    assert declared["WorkerTimeoutSeconds"]["MinValue"] - reserve >= 5
    assert HTTP_SECONDS - reserve >= 5


@pytest.mark.parametrize("place", ["prod-aws", "prod-local"])
def test_a_flaky_source_takes_no_deployment_back_and_a_fault_of_the_worker_does(place: str) -> None:
    resources = deployed(place)
    group = resources[f"{WORKER}DeploymentGroup"]["Properties"]
    names = [each["Name"].strip("<>") for each in group["AlarmConfiguration"]["Alarms"]]
    watched = {resources[name]["Properties"]["MetricName"] for name in names}
    assert watched == {"WorkerFaults", "WorkerStops"}  # not Errors: an incomplete run that is raised is one
    for name in names:
        assert resources[name]["Properties"]["Namespace"] == f"DeClasses/{PSEUDO['AWS::StackName']}"


REQUEST_ID = "7d0c4a52-aaaa-4bbb-8ccc-0123456789ab"
LAMBDA_SAYS = (
    f"2026-11-29T09:50:39.123Z {REQUEST_ID} Task timed out after 300.05 seconds\n\n",
    f"RequestId: {REQUEST_ID} Error: Runtime exited with error: signal: killed\nRuntime.ExitError",
    f"RequestId: {REQUEST_ID} Error: Runtime exited without providing a reason",
    "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'msgspec'\nTraceback",
    "[ERROR] Runtime.HandlerNotFound: Handler 'lambda_handler' missing on module 'app'\nTraceback",
    "[ERROR] Runtime.UserCodeSyntaxError: Syntax error in module 'app'",
)
OTHERS_SAY = (
    '{"level": "ERROR", "reason": "500: 2026-11-29 ab Task timed out after 3.00 seconds"}',
    '{"level": "ERROR", "reason": "RequestId: ab Error: Runtime exited with error: signal: killed"}',
    "[ERROR] IncompleteRunError: page 7: Task timed out after 3.00 seconds; Runtime.ExitError\nTraceback",
    "[ERROR] IncompleteRunError: page 7\n  Runtime.ImportModuleError",
    f"START RequestId: {REQUEST_ID} Version: 3",
    f"REPORT RequestId: {REQUEST_ID}\tDuration: 300000.00 ms\tStatus: timeout",
)


@everywhere
def test_what_lambda_says_when_it_stops_the_worker_is_counted_and_what_a_source_says_is_not(
    place: str,
) -> None:
    (counter,) = of_type(deployed(place), "AWS::Logs::MetricFilter").values()
    properties = counter["Properties"]
    assert properties["LogGroupName"] == "<IngestionWorkerLog>"
    (metric,) = properties["MetricTransformations"]
    assert (metric["MetricName"], metric["MetricValue"]) == ("WorkerStops", "1")
    text = properties["FilterPattern"]
    assert (text[0], text[-1]) == ("%", "%")
    pattern = re.compile(text[1:-1])  # CloudWatch's expressions are a part of Python's
    assert re.fullmatch(r"[^()\s]+", text)  # and know neither groups nor blanks
    assert [line for line in LAMBDA_SAYS if not pattern.search(line)] == []
    assert [line for line in OTHERS_SAY if pattern.search(line)] == []


@everywhere
def test_every_metric_of_the_worker_is_counted_by_stack(place: str) -> None:
    resources = deployed(place)
    own = f"DeClasses/{PSEUDO['AWS::StackName']}"
    variables = resources[WORKER]["Properties"]["Environment"]["Variables"]
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == own
    alarms = of_type(resources, "AWS::CloudWatch::Alarm").values()
    namespaces = {each["Properties"].get("Namespace", "AWS/") for each in alarms}
    assert {each for each in namespaces if not each.startswith("AWS/")} == {own}
    shown = json.loads(resources["Dashboard"]["Properties"]["DashboardBody"])["widgets"]
    metrics = [metric for each in shown for metric in each["properties"].get("metrics", [])]
    told = {metric[0] for metric in metrics if isinstance(metric[0], str)}
    assert {each for each in told if not each.startswith("AWS/")} == {own}


def test_the_threshold_of_every_alarm_is_a_parameter() -> None:
    thresholds = [name for name in parameters() if name.endswith("Threshold")]
    resources = deployed_by(dict.fromkeys(thresholds, "77"))
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    assert len(alarms) == 15
    assert {name for name, each in alarms.items() if each["Properties"]["Threshold"] != "77"} == set()


def test_the_documents_count_the_metrics_that_alarms_are_paid_by() -> None:
    alarms = of_type(deployed("prod-aws"), "AWS::CloudWatch::Alarm").values()
    watched = [each["Properties"].get("Metrics") for each in alarms]
    count = sum(sum("MetricStat" in metric for metric in each) if each else 1 for each in watched)
    assert f"the alarms ({(count - 10) / 10:.2f})" in (ROOT / "README.md").read_text()


@everywhere
def test_the_defaults_fit_the_quotas_of_a_new_account(place: str) -> None:
    resources = deployed(place)
    functions = [each["Properties"] for each in of_type(resources, "AWS::Lambda::Function").values()]
    assert all("ReservedConcurrentExecutions" not in each for each in functions)
    assert max(int(each["MemorySize"]) for each in functions) <= NEW_ACCOUNT_MEGABYTES
    bursts = {
        each["Properties"]["RestApiId"]: int(each["Properties"]["MethodSettings"][0]["ThrottlingBurstLimit"])
        for each in of_type(resources, "AWS::ApiGateway::Stage").values()
    }
    assert bursts["<SimulatorsApi>"] <= NEW_ACCOUNT_CONCURRENCY
    # A run is one call of the worker, and as many of a simulator as it fetches pages at once.
    assert bursts["<WorkerApi>"] * (1 + worker_settings(resources).concurrency) <= NEW_ACCOUNT_CONCURRENCY
    assert str(NEW_ACCOUNT_MEGABYTES) in parameters()["WorkerMemoryMb"]["Description"]


@everywhere
def test_a_layer_is_its_stacks_own_and_for_the_python_that_its_functions_run(place: str) -> None:
    resources = deployed(place)
    names = [
        each["Properties"]["LayerName"] for each in of_type(resources, "AWS::Lambda::LayerVersion").values()
    ]
    assert len(set(names)) == len(names) == 5
    assert all(name.startswith(f"{PSEUDO['AWS::StackName']}-") for name in names)
    longest_stack = 128
    assert max(len(name) - len(PSEUDO["AWS::StackName"]) for name in names) + longest_stack <= 140


@pytest.mark.parametrize("runtime", ["python3.13", "python3.14"])
def test_functions_and_layers_are_for_the_python_that_is_asked_for(runtime: str) -> None:
    resources = deployed_by({"PythonRuntime": runtime})
    for function in of_type(resources, "AWS::Lambda::Function").values():
        assert function["Properties"]["Runtime"] == runtime
    for layer in of_type(resources, "AWS::Lambda::LayerVersion").values():
        assert layer["Properties"]["CompatibleRuntimes"] == [runtime]


@everywhere
def test_a_first_create_that_fails_leaves_nothing_behind(place: str) -> None:
    """A version goes with its function, whatever SAM writes of it."""
    kept = {each["Type"] for each in deployed(place).values() if each.get("DeletionPolicy") == "Retain"}
    assert kept == {"AWS::Lambda::Version"}


@pytest.mark.parametrize(
    "prefix", ["simulator", "simulator/records", "simulator/a/b=c", "/raw", "raw/", "a//b"]
)
def test_the_worker_cannot_write_where_the_simulators_records_are(prefix: str) -> None:
    assert refuses(parameters()["KeyPrefix"], prefix)


@pytest.mark.parametrize("prefix", ["raw", "simulators", "simulator-2/raw", "raw/simulator"])
def test_a_prefix_that_only_looks_like_theirs_is_allowed(prefix: str) -> None:
    assert not refuses(parameters()["KeyPrefix"], prefix)


def test_every_parameter_is_in_one_group() -> None:
    groups = template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    named = [name for group in groups for name in group["Parameters"]]
    assert sorted(named) == sorted(template()["Parameters"])
