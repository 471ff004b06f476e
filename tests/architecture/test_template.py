"""What no linter sees in template.yaml: who may do what, what is kept secret, what fits together."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import msgspec
import pytest

from de_classes.configs.ingest import WorkerSettings
from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.openapi import describe_auth
from de_classes.simulators.settings import SimulatorSettings
from tests.fakes.sources import LIBRARY, ROOT
from tests.fakes.template import events, functions, resources, statements, template, variables

AUTH, UNSTABLE, WORKER = "AuthSimulatorFunction", "UnstableSimulatorFunction", "IngestionWorkerFunction"
CREDENTIALS, SIGNING_KEY = {"GetAtt": "CredentialsSecret.Id"}, {"GetAtt": "SigningKeySecret.Id"}
ACCOUNT = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}"
OF_SOURCES = {"Sub": f"{ACCOUNT}:secret:${{AWS::StackName}}/sources/*"}
POWERTOOLS = re.compile(r"POWERTOOLS_\w+")
ALLOCATORS = {"MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed(function: str) -> list[tuple[str, Any]]:
    """Every (action, resource) that a function's role is allowed."""
    return [
        (action, resource)
        for statement in statements(function)
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    ]


def secrets_reached_by(function: str, action: str = "secretsmanager:GetSecretValue") -> list[Any]:
    return [resource for allows, resource in allowed(function) if allows == action]


def mentions(value: Any, logical_id: str) -> bool:
    return re.search(rf"\b{logical_id}\b", repr(value)) is not None


def setting_names(settings: type[msgspec.Struct]) -> set[str]:
    return {field.name.upper() for field in msgspec.structs.fields(settings)}


def test_every_route_of_the_worker_wants_iam_credentials() -> None:
    (api,) = (each for name, each in resources("AWS::Serverless::Api").items() if name == "WorkerApi")
    assert api["Properties"]["Auth"]["DefaultAuthorizer"] == "AWS_IAM"
    assert [event["RestApiId"] for event in events(WORKER)] == [{"Ref": "WorkerApi"}] * 2
    assert all("Auth" not in event for event in events(WORKER))


def test_every_route_is_explicit_and_none_is_a_function_url() -> None:
    routes = {(event["Method"], event["Path"]) for name in functions() for event in events(name)}
    assert routes == {
        ("post", "/ingest"),
        ("get", "/runs/{id}"),
        ("post", "/auth/login"),
        *(
            ("get", f"/{mount}/{end}")
            for mount in ("auth", "unstable")
            for end in ("data", "health", "openapi.json")
        ),
    }
    assert all("FunctionUrlConfig" not in each for each in functions().values())


def test_no_role_is_allowed_a_wildcard_action() -> None:
    actions = {action for name in functions() for action, _ in allowed(name)}
    assert actions == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:SendMessage",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "s3:DeleteObject",
        "s3:PutObject",
        "s3:GetObject",
        "s3:AbortMultipartUpload",
        "s3:ListBucket",
        "scheduler:CreateSchedule",
        "iam:PassRole",
        "states:StartExecution",
        "glue:GetTable",
        "glue:CreateTable",
        "glue:UpdateTable",
    }


def test_the_worker_may_start_one_state_machine_alone_which_is_the_one_that_it_knows() -> None:
    started = [[where for what, where in allowed(name) if "states:" in what] for name in functions()]
    assert started == [[], [], [variables(WORKER)["RUN_STATE_MACHINE"]]]
    (machine,) = resources("AWS::Serverless::StateMachine").values()
    name = machine["Properties"]["Name"]["Sub"]
    assert variables(WORKER)["RUN_STATE_MACHINE"]["Sub"].endswith(f":stateMachine:{name}")


@pytest.mark.parametrize("function", [AUTH, UNSTABLE, WORKER])
def test_a_role_is_its_functions_own_and_only_traces_have_no_resource(function: str) -> None:
    role = functions()[function]["Role"]["GetAtt"].removesuffix(".Arn")
    properties = resources("AWS::IAM::Role")[role]["Properties"]
    assert set(properties) == {
        "AssumeRolePolicyDocument",
        "Policies",
    }  # nothing managed by AWS, which is wider
    assert [functions()[each]["Role"] for each in functions()].count({"GetAtt": f"{role}.Arn"}) == 1
    assert {action for action, resource in allowed(function) if resource == "*"} == {
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }


@pytest.mark.parametrize("function", [AUTH, UNSTABLE, WORKER])
def test_a_function_writes_to_its_own_log_only(function: str) -> None:
    log = functions()[function]["LoggingConfig"]["LogGroup"]["Ref"]
    assert {str(resource) for action, resource in allowed(function) if action.startswith("logs:")} == {
        str({"GetAtt": f"{log}.Arn"})
    }


def test_each_function_reads_its_own_secrets_only() -> None:
    assert secrets_reached_by(AUTH) == [CREDENTIALS, SIGNING_KEY]
    assert secrets_reached_by(UNSTABLE) == [SIGNING_KEY]
    assert secrets_reached_by(WORKER) == [CREDENTIALS, OF_SOURCES]


def test_the_worker_alone_writes_a_secret_and_only_one_below_its_prefix_that_is_tagged_to_rotate() -> None:
    action = "secretsmanager:PutSecretValue"
    assert [secrets_reached_by(each, action) for each in (AUTH, UNSTABLE, WORKER)] == [[], [], [OF_SOURCES]]
    (statement,) = (each for each in statements(WORKER) if action in as_list(each["Action"]))
    assert as_list(statement["Action"]) == [action]
    assert statement["Condition"] == {"StringEquals": {"aws:ResourceTag/rotates": "true"}}


def test_the_worker_looks_for_secrets_where_its_role_may_read_them() -> None:
    prefix = variables(WORKER)["SECRETS_PREFIX"]["Sub"]
    assert OF_SOURCES["Sub"].endswith(f":secret:{prefix}/*")


def test_nothing_is_deleted_but_leases() -> None:
    deleting = {name: [where for what, where in allowed(name) if "Delete" in what] for name in functions()}
    assert deleting == {
        AUTH: [],
        UNSTABLE: [],
        WORKER: [{"Sub": "${Bucket.Arn}/${KeyPrefix}/_leases/*"}],
    }


def test_objects_are_reached_under_one_prefix_a_function() -> None:
    objects = {
        name: {str(where) for what, where in allowed(name) if what.endswith("Object")} for name in functions()
    }
    assert objects == {
        AUTH: set(),
        UNSTABLE: {str({"Sub": "${Bucket.Arn}/simulator/*"})},
        WORKER: {
            str({"Sub": "${Bucket.Arn}/${KeyPrefix}/*"}),
            str({"Sub": "${Bucket.Arn}/${KeyPrefix}/_leases/*"}),
        },
    }


def test_the_bucket_is_listed_below_the_prefix_only() -> None:
    listing = [
        each
        for name in functions()
        for each in statements(name)
        if "s3:ListBucket" in as_list(each["Action"])
    ]
    assert [each["Condition"] for each in listing] == [
        {"StringLike": {"s3:prefix": [{"Sub": "${KeyPrefix}/*"}]}}
    ]


def test_the_bucket_is_private_encrypted_and_versioned() -> None:
    (bucket,) = resources("AWS::S3::Bucket").values()
    properties = bucket["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert "ServerSideEncryptionByDefault" in repr(properties["BucketEncryption"])
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "BucketName" not in properties


def test_the_bucket_outlives_its_stack_and_forgets_unfinished_uploads() -> None:
    (bucket,) = resources("AWS::S3::Bucket").values()
    assert bucket["UpdateReplacePolicy"] == "Retain"
    assert bucket["DeletionPolicy"] == "RetainExceptOnCreate"
    assert "AbortIncompleteMultipartUpload" in repr(bucket["Properties"]["LifecycleConfiguration"])


def test_the_bucket_refuses_plain_http_on_aws() -> None:
    (policy,) = resources("AWS::S3::BucketPolicy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [{"GetAtt": "Bucket.Arn"}, {"Sub": "${Bucket.Arn}/*"}]
    assert policy["Condition"] == "OnAws"
    assert template()["Conditions"]["OnAws"] == {"Equals": [{"Ref": "ApiBaseUrl"}, ""]}
    assert template()["Parameters"]["ApiBaseUrl"]["Default"] == ""


@pytest.mark.parametrize(
    "address",
    ["https://example.com/_aws/execute-api", "http://127.0.0.1:4566", "http://10.0.0.1:1/_aws/execute-api"],
)
def test_only_a_local_address_makes_a_stack_local(address: str) -> None:
    pattern = template()["Parameters"]["ApiBaseUrl"]["AllowedPattern"]
    assert re.fullmatch(pattern, "http://127.0.0.1:4566/_aws/execute-api")
    assert not re.fullmatch(pattern, address)


def test_every_function_has_tracing_and_a_log_that_ends() -> None:
    for function in functions().values():
        assert function["Tracing"] == "Active"
        log = resources("AWS::Logs::LogGroup")[function["LoggingConfig"]["LogGroup"]["Ref"]]
        assert log["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_secrets_are_generated_and_no_variable_or_output_holds_one() -> None:
    secrets = resources("AWS::SecretsManager::Secret")
    assert all("SecretString" not in each["Properties"] for each in secrets.values())
    assert secrets["SigningKeySecret"]["Properties"]["GenerateSecretString"]["PasswordLength"] == 64
    assert "resolve:secretsmanager" not in repr(template())


def test_the_simulators_variables_are_settings_that_they_have() -> None:
    known = setting_names(SimulatorSettings)
    for name in (AUTH, UNSTABLE):
        assert {each for each in variables(name) if not POWERTOOLS.match(each)} <= known


def test_every_fault_can_be_named_in_a_parameter_and_reaches_both_simulators() -> None:
    pattern = template()["Parameters"]["Faults"]["AllowedPattern"]
    for fault in CATALOGUE:
        assert re.fullmatch(pattern, f"{fault.name}=0.25@3-5,{fault.catalogue_ids[0]}")
    assert not re.fullmatch(pattern, "F01 F02")
    for name in (AUTH, UNSTABLE):
        assert variables(name)["FAULTS"] == {"Ref": "Faults"}
        assert variables(name)["FAULT_RATE"] == {"Ref": "FaultRate"}


def test_the_workers_variables_are_settings_that_it_has() -> None:
    found = variables(WORKER)
    assert ALLOCATORS.items() <= found.items()
    own = {each for each in found.keys() - ALLOCATORS if not POWERTOOLS.match(each)}
    assert own <= setting_names(WorkerSettings)


def test_no_function_on_aws_is_led_elsewhere() -> None:
    for name in functions():
        assert "SAM_LOCAL" not in variables(name)


def test_no_function_depends_on_the_api_that_triggers_it() -> None:
    for name, function in functions().items():
        triggers = {event["RestApiId"]["Ref"] for event in events(name)}
        assert not [api for api in triggers if mentions(function["Environment"], api)]


def test_every_function_runs_on_either_processor_with_layers_built_for_it() -> None:
    assert template()["Parameters"]["Architecture"]["AllowedValues"] == ["arm64", "x86_64"]
    assert all(each["Architectures"] == [{"Ref": "Architecture"}] for each in functions().values())
    for layer in resources("AWS::Serverless::LayerVersion").values():
        assert layer["Metadata"] == {
            "BuildMethod": "makefile",
            "BuildArchitecture": {"Ref": "Architecture"},
            "ContextPath": {"Sub": "layers/${Architecture}/${PythonRuntime}"},  # whose Makefile builds for it
        }
        assert layer["Properties"]["CompatibleArchitectures"] == [{"Ref": "Architecture"}]


def test_a_function_carries_only_the_layers_it_imports_from() -> None:
    layers = {name: [each["Ref"] for each in function["Layers"]] for name, function in functions().items()}
    assert layers[WORKER] == ["DeClassesLayer", "SdkLayer", "ArrowLayer", "SourcesLayer"]
    assert layers[AUTH] == layers[UNSTABLE] == ["DeClassesLayer"]


def test_every_parameter_is_described_and_bounded() -> None:
    bounds = {"AllowedValues", "AllowedPattern", "MinValue"}
    loose = [
        name
        for name, each in template()["Parameters"].items()
        if not each.get("Description") or bounds.isdisjoint(each)
    ]
    assert loose == []


@pytest.mark.parametrize("function", [AUTH, UNSTABLE, WORKER])
def test_concurrency_can_be_reserved_for_every_function(function: str) -> None:
    condition, parameter, otherwise = functions()[function]["ReservedConcurrentExecutions"]["If"]
    assert otherwise == {"Ref": "AWS::NoValue"}
    assert template()["Conditions"][condition] == {"Not": [{"Equals": [parameter, 0]}]}


def test_nothing_but_the_worker_is_called_asynchronously() -> None:
    """So nothing else needs a queue: the simulators' events are all of API Gateway, which waits."""
    types = {event["Type"] for each in functions().values() for event in each["Events"].values()}
    assert types == {"Api"}
    assert "EventInvokeConfig" not in functions()[AUTH] | functions()[UNSTABLE]


@pytest.mark.parametrize(
    ("policy", "action"), [("FailedRunsPolicy", "sqs:*"), ("AlarmTopicPolicy", "sns:Publish")]
)
def test_queue_and_topic_refuse_plain_http_on_aws(policy: str, action: str) -> None:
    resource = template()["Resources"][policy]
    last = resource["Properties"]["PolicyDocument"]["Statement"][-1]
    condition, statement, _ = last.get("If") or (resource["Condition"], last, None)
    assert (condition, statement["Effect"], statement["Action"]) == ("OnAws", "Deny", action)
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_no_access_log_holds_a_header_a_query_or_a_body() -> None:
    known = {"requestId", "requestTimeEpoch", "httpMethod", "resourcePath", "status", "xrayTraceId"}
    known |= {"responseLatency", "responseLength", "identity.sourceIp", "identity.userArn"}
    for api in resources("AWS::Serverless::Api").values():
        line = api["Properties"]["AccessLogSetting"]["Format"]
        assert set(re.findall(r"\$context\.([\w.]+)", line)) == known
        assert isinstance(msgspec.json.decode(line), dict)


def test_every_access_log_has_an_end() -> None:
    for name, api in resources("AWS::Serverless::Api").items():
        assert mentions(api["Properties"]["AccessLogSetting"]["DestinationArn"], f"{name}Log")
        log = resources("AWS::Logs::LogGroup")[f"{name}Log"]["Properties"]
        assert log["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_the_gateway_checks_a_login_as_the_simulator_describes_it() -> None:
    described: Any = describe_auth()["components"]
    model = resources("AWS::Serverless::Api")["SimulatorsApi"]["Properties"]["Models"]["Credentials"]
    assert {**model, "additionalProperties": False} == described["schemas"]["Credentials"]
    (login,) = (event for event in events(AUTH) if event["Path"] == "/auth/login")
    assert login["RequestModel"] == {"Model": "Credentials", "Required": True, "ValidateBody": True}


def test_what_the_gateway_answers_itself_looks_like_the_simulators_errors() -> None:
    for api in resources("AWS::Serverless::Api").values():
        answers = api["Properties"]["GatewayResponses"]
        assert {"DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED", "MISSING_AUTHENTICATION_TOKEN"} <= set(answers)
        for answer in answers.values():
            text = answer["ResponseTemplates"]["application/json"].replace(
                "$context.error.messageString", '""'
            )
            assert set(msgspec.json.decode(text)) == {"error", "message"}


def test_no_name_is_fixed_or_bound_to_an_account() -> None:
    text = (ROOT / "template.yaml").read_text()
    assert re.findall(r"\b[0-9]{12}\b", text) == []
    assert re.findall(r"arn:aws", text) == []
    fixed = ("BucketName", "FunctionName", "RoleName", "QueueName", "TopicName", "TableName", "AlarmName")
    named = [
        (name, key)
        for name, each in template()["Resources"].items()
        for key in fixed
        if isinstance(each["Properties"].get(key), str)
    ]
    assert named == []


def test_every_alarm_tells_the_topic_and_silence_is_one_where_somebody_speaks_always() -> None:
    alarms = resources("AWS::CloudWatch::Alarm")
    assert len(alarms) == 15
    for name, alarm in alarms.items():
        properties = alarm["Properties"]
        assert properties["AlarmActions"] == [{"Ref": "AlarmTopic"}]
        silence = "breaching" if name == "LateSchedulesAlarm" else "notBreaching"
        assert properties["TreatMissingData"] == silence
        assert properties["AlarmDescription"]


def test_the_alarm_for_incomplete_runs_watches_the_metric_that_the_worker_writes() -> None:
    alarm = resources("AWS::CloudWatch::Alarm")["IncompleteRunsAlarm"]["Properties"]
    written = (LIBRARY / "handler.py").read_text()
    assert f'"{alarm["MetricName"]}"' in written
    assert alarm["Namespace"] == variables(WORKER)["POWERTOOLS_METRICS_NAMESPACE"]
    (dimension,) = alarm["Dimensions"]
    assert dimension == {"Name": "service", "Value": variables(WORKER)["POWERTOOLS_SERVICE_NAME"]}


def test_an_alarm_that_a_local_cloud_cannot_have_is_one_of_metric_math() -> None:
    for alarm in resources("AWS::CloudWatch::Alarm").values():
        assert ("Metrics" in alarm["Properties"]) == (alarm.get("Condition") == "OnAws")


def test_the_dashboard_shows_what_the_worker_measures() -> None:
    body, values = resources("AWS::CloudWatch::Dashboard")["Dashboard"]["Properties"]["DashboardBody"]["Sub"]
    written = (LIBRARY / "handler.py").read_text()
    widgets = msgspec.json.decode(body)["widgets"]
    shown = {
        metric[1] for each in widgets for metric in each["properties"].get("metrics", []) if len(metric) > 1
    }
    assert {
        "Pages",
        "Records",
        "Retries",
        "SecondsWaited",
        "IncompleteRuns",
        "PartialRuns",
        "CompleteRuns",
    } <= shown
    ours = {
        metric[1]
        for each in widgets
        for metric in each["properties"].get("metrics", [])
        if str(metric[0]).startswith("DeClasses/")
    }
    assert all(f'"{name}"' in written for name in ours - {"WorkerStops"})  # which is counted from the log
    known = {*template()["Resources"], *template()["Parameters"], *values, "AWS::Region", "AWS::StackName"}
    assert {name.partition(".")[0] for name in re.findall(r"\$\{([\w:.]+)\}", body)} <= known


def test_the_dashboards_widgets_neither_overlap_nor_leave_the_screen() -> None:
    body, _ = resources("AWS::CloudWatch::Dashboard")["Dashboard"]["Properties"]["DashboardBody"]["Sub"]
    taken: list[tuple[int, int]] = []
    for each in msgspec.json.decode(body)["widgets"]:
        assert each["x"] + each["width"] <= 24
        columns = range(each["x"], each["x"] + each["width"])
        taken += [(x, y) for x in columns for y in range(each["y"], each["y"] + each["height"])]
    assert len(taken) == len(set(taken))


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_a_deployment_says_which_environment_it_is(environment: str) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]["deploy"]["parameters"]
    assert config["parameter_overrides"] == f"Environment={environment}"
    assert environment in template()["Parameters"]["Environment"]["AllowedValues"]
