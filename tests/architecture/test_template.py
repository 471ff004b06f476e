"""What no linter sees in template.yaml: who may do what, what is kept secret, what fits together."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from de_classes.configs.ingest import FormatName, WorkerSettings
from de_classes.simulators.settings import SimulatorSettings
from tests.fakes.template import events, functions, resources, statements, template, variables

AUTH, UNSTABLE, WORKER = "AuthSimulatorFunction", "UnstableSimulatorFunction", "IngestionWorkerFunction"
CREDENTIALS, SIGNING_KEY = {"GetAtt": "CredentialsSecret.Id"}, {"GetAtt": "SigningKeySecret.Id"}
POWERTOOLS = re.compile(r"POWERTOOLS_\w+")


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


def secrets_read_by(function: str) -> list[Any]:
    return [resource for action, resource in allowed(function) if action.startswith("secretsmanager:")]


def mentions(value: Any, logical_id: str) -> bool:
    return re.search(rf"\b{logical_id}\b", repr(value)) is not None


def setting_names(settings: type[msgspec.Struct]) -> set[str]:
    return {field.name.upper() for field in msgspec.structs.fields(settings)}


def test_every_route_of_the_worker_wants_iam_credentials() -> None:
    (api,) = (each for name, each in resources("AWS::Serverless::Api").items() if name == "WorkerApi")
    assert api["Properties"]["Auth"]["DefaultAuthorizer"] == "AWS_IAM"
    assert [event["RestApiId"] for event in events(WORKER)] == [{"Ref": "WorkerApi"}]
    assert all("Auth" not in event for event in events(WORKER))


def test_every_route_is_explicit_and_none_is_a_function_url() -> None:
    routes = {(event["Method"], event["Path"]) for name in functions() for event in events(name)}
    assert routes == {
        ("post", "/ingest"),
        ("post", "/auth/login"),
        *(
            ("get", f"/{mount}/{end}")
            for mount in ("auth", "unstable")
            for end in ("data", "health", "openapi.json")
        ),
    }
    assert all("FunctionUrlConfig" not in each for each in functions().values())


def test_both_apis_are_throttled() -> None:
    for api in resources("AWS::Serverless::Api").values():
        (setting,) = api["Properties"]["MethodSettings"]
        assert (setting["ResourcePath"], setting["HttpMethod"]) == ("/*", "*")
        assert setting["ThrottlingRateLimit"] <= setting["ThrottlingBurstLimit"] <= 200


def test_no_role_is_allowed_a_wildcard_action() -> None:
    actions = {action for name in functions() for action, _ in allowed(name)}
    assert actions == {
        "secretsmanager:GetSecretValue",
        "s3:PutObject",
        "s3:GetObject",
        "s3:AbortMultipartUpload",
        "s3:ListBucket",
    }


def test_each_function_reads_its_own_secrets_only() -> None:
    assert secrets_read_by(AUTH) == [CREDENTIALS, SIGNING_KEY]
    assert secrets_read_by(UNSTABLE) == [SIGNING_KEY]
    assert secrets_read_by(WORKER) == [CREDENTIALS]


def test_objects_are_reached_under_one_prefix_a_function() -> None:
    objects = {
        name: {str(where) for what, where in allowed(name) if what.endswith("Object")} for name in functions()
    }
    assert objects == {
        AUTH: set(),
        UNSTABLE: {str({"Sub": "${Bucket.Arn}/simulator/*"})},
        WORKER: {str({"Sub": "${Bucket.Arn}/${KeyPrefix}/*"})},
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


def test_the_workers_variables_are_settings_that_it_has() -> None:
    assert {each for each in variables(WORKER) if not POWERTOOLS.match(each)} <= setting_names(WorkerSettings)


def test_the_formats_on_offer_are_those_there_are() -> None:
    assert template()["Parameters"]["DefaultFormat"]["AllowedValues"] == list(FormatName.__args__)


def test_no_function_depends_on_the_api_that_triggers_it() -> None:
    for name, function in functions().items():
        triggers = {event["RestApiId"]["Ref"] for event in events(name)}
        assert not [api for api in triggers if mentions(function["Environment"], api)]


def test_every_function_runs_on_either_processor_with_layers_built_for_it() -> None:
    assert template()["Parameters"]["Architecture"]["AllowedValues"] == ["arm64", "x86_64"]
    assert all(each["Architectures"] == [{"Ref": "Architecture"}] for each in functions().values())
    for layer in resources("AWS::Serverless::LayerVersion").values():
        assert layer["Metadata"] == {"BuildMethod": "makefile", "BuildArchitecture": {"Ref": "Architecture"}}
        assert layer["Properties"]["CompatibleArchitectures"] == [{"Ref": "Architecture"}]


def test_a_function_carries_only_the_layers_it_imports_from() -> None:
    layers = {name: [each["Ref"] for each in function["Layers"]] for name, function in functions().items()}
    assert layers[WORKER] == ["DeClassesLayer", "SdkLayer", "ArrowLayer"]
    assert layers[AUTH] == layers[UNSTABLE] == ["DeClassesLayer"]


def test_every_parameter_is_described_and_bounded() -> None:
    bounds = {"AllowedValues", "AllowedPattern", "MinValue"}
    loose = [
        name
        for name, each in template()["Parameters"].items()
        if not each.get("Description") or bounds.isdisjoint(each)
    ]
    assert loose == []
