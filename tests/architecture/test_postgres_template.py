"""postgres.yaml, the loader's own stack: what AWS makes of it, by which parameters, and who may do what."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.configs.settings import load
from de_classes.pipelines.postgres.handler import LoaderSettings
from de_classes.storage.datasets.manifest import manifest_key
from tests.architecture.test_template_lint import failed, said_by_cfn_lint, said_by_checkov
from tests.fakes.checks import run
from tests.fakes.resolved import Resolver, of_type, refuses
from tests.fakes.sources import ROOT
from tests.fakes.template import template
from tools.template import parsed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.resolved import Resources

pytestmark = pytest.mark.xdist_group("template_lint")

PATH = ROOT / "postgres.yaml"
LAYERS = ("DeClassesLayerArn", "SdkLayerArn", "ArrowLayerArn")
ARN = "arn:aws:lambda:us-east-1:123456789012:layer:this-stack-de-classes:7"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!db-1-AbCdEf"
GIVEN = {
    "BucketName": "lake",
    "PostgresAddress": "postgresql://ada@db.example/shop/raw",
    **dict.fromkeys(LAYERS, ARN),
}
IN_VPC = {"SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"}
BY_SECRET, BY_IAM = {"PostgresSecretArn": SECRET}, {"IamDatabaseUser": "db-ABC/ada"}


@cache
def document() -> dict[str, Any]:
    done = run(
        "python",
        ROOT / "tests" / "fakes" / "translate_template.py",
        PATH,
        given=json.dumps({"parameters": GIVEN, "changed": None}) + "\n",
    )
    translated: dict[str, Any] = json.loads(done.stdout)
    return translated


def deployed(**values: str) -> Resources:
    return Resolver(document(), {**GIVEN, **values}).resources()


def allowed(resources: Resources) -> dict[str, dict[str, Any]]:
    """The statements of the loader's role, by their ids."""
    (policy,) = resources["LoaderRole"]["Properties"]["Policies"]
    return {each["Sid"]: each for each in policy["PolicyDocument"]["Statement"]}


def parameters() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = document()["Parameters"]
    return found


def test_without_subnets_there_is_no_vpc_and_no_right_to_be_in_one() -> None:
    resources = deployed(**BY_SECRET)
    assert "VpcConfig" not in resources["LoaderFunction"]["Properties"]
    assert "ec2:" not in str(resources["LoaderRole"])


def test_in_a_vpc_lambda_makes_the_interfaces_and_the_functions_own_code_none() -> None:
    resources = deployed(**IN_VPC, **BY_SECRET)
    assert resources["LoaderFunction"]["Properties"]["VpcConfig"] == {
        "SubnetIds": IN_VPC["SubnetIds"],
        "SecurityGroupIds": IN_VPC["SecurityGroupIds"],
    }
    statements = allowed(resources)
    denied = statements["ButOnlyForLambda"]
    assert denied["Effect"] == "Deny"
    assert {each for each in statements["BeInTheVpc"]["Action"] if "Describe" not in each} == {
        *denied["Action"]
    }
    assert "lambda:SourceFunctionArn" in denied["Condition"]["ArnLike"]


def test_the_password_is_of_the_one_secret_or_a_token_of_the_one_user() -> None:
    by_secret, by_token = (allowed(deployed(**way)) for way in (BY_SECRET, BY_IAM))
    assert by_secret["ReadThePassword"]["Resource"] == SECRET
    assert "LogInByTokens" not in by_secret
    assert by_token["LogInByTokens"]["Resource"] == (
        "arn:aws:rds-db:us-east-1:123456789012:dbuser:db-ABC/ada"
    )
    assert "ReadThePassword" not in by_token


def test_the_role_reads_what_the_worker_wrote_and_writes_nothing_there() -> None:
    statements = allowed(deployed(**BY_SECRET, **IN_VPC))
    actions = {action for each in statements.values() for action in _as_list(each["Action"])}
    assert {each for each in actions if each.startswith("s3:")} == {"s3:GetObject", "s3:ListBucket"}
    assert statements["ReadDatasets"]["Resource"] == "arn:aws:s3:::lake/raw/*"
    assert [each for each in actions if "*" in each] == []
    to_all = {name for name, each in statements.items() if each["Resource"] == "*"}
    assert to_all == {"SendTraces", "BeInTheVpc", "ButOnlyForLambda"}


def _as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def test_the_variables_are_settings_and_none_holds_a_secret() -> None:
    given = deployed(**BY_SECRET)["LoaderFunction"]["Properties"]["Environment"]["Variables"]
    settings = load(LoaderSettings, given)
    assert (settings.bucket, settings.key_prefix, settings.postgres_secret_id) == ("lake", "raw", SECRET)
    assert settings.postgres_address == GIVEN["PostgresAddress"]


@pytest.mark.parametrize(
    "address",
    ["postgresql://ada:hunter2@db.example/shop", "mysql://ada@db/shop", "postgresql://db.example/shop"],
)
def test_an_address_with_a_password_or_without_a_user_is_refused_before_anything_is_made(
    address: str,
) -> None:
    assert refuses(parameters()["PostgresAddress"], address)
    assert not refuses(
        parameters()["PostgresAddress"], f"{GIVEN['PostgresAddress']}?sslrootcert=/opt/rds.pem"
    )


def test_the_rule_sends_manifests_of_the_bucket_and_the_function_takes_them() -> None:
    resources = deployed(**BY_SECRET)
    (rule,) = of_type(resources, "AWS::Events::Rule").values()
    detail = rule["Properties"]["EventPattern"]["detail"]
    assert detail["bucket"]["name"] == ["lake"]
    (key,) = detail["object"]["key"]
    pattern = re.escape(key["wildcard"]).replace(r"\*", ".*")
    assert re.fullmatch(pattern, manifest_key("raw/shop/orders", 7))
    others = (
        "raw/shop/orders/_receipt-00000001-x.json",
        "raw/shop/orders/part-1.parquet",
        "other/a/_manifest-1.json",
    )
    assert [each for each in others if re.fullmatch(pattern, each)] == []
    (target,) = rule["Properties"]["Targets"]
    assert target["DeadLetterConfig"]["Arn"] == "<FailedLoads.Arn>"
    queue = resources["FailedLoadsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert {each["Effect"]: each["Principal"] for each in queue} == {
        "Allow": {"Service": "events.amazonaws.com"},
        "Deny": "*",
    }


def test_a_load_that_was_stopped_goes_on_twice_and_is_then_kept_with_its_error() -> None:
    resources = deployed(**BY_SECRET)
    (told,) = of_type(resources, "AWS::Lambda::EventInvokeConfig").values()
    assert told["Properties"]["MaximumRetryAttempts"] == 2
    assert told["Properties"]["DestinationConfig"]["OnFailure"]["Destination"] == "<FailedLoads.Arn>"
    assert of_type(resources, "AWS::CloudWatch::Alarm") == {}
    topic = "arn:aws:sns:us-east-1:123456789012:alarms"
    (alarm,) = of_type(deployed(**BY_SECRET, AlarmTopicArn=topic), "AWS::CloudWatch::Alarm").values()
    assert alarm["Properties"]["AlarmActions"] == [topic]


def test_no_more_layers_are_attached_than_lambda_takes_and_psycopg_is_one_of_its_own() -> None:
    layers = deployed(**BY_SECRET)["LoaderFunction"]["Properties"]["Layers"]
    assert len(layers) == 4
    assert layers[3].startswith("<PostgresLayer")
    assert len(deployed(**BY_SECRET, AuthorityLayerArn=ARN)["LoaderFunction"]["Properties"]["Layers"]) == 5


def test_what_is_shared_with_the_other_stack_is_declared_alike() -> None:
    other = template()["Parameters"]
    for name in ("KeyPrefix", "PythonRuntime", "Architecture"):
        mine = parsed(PATH.read_text())["Parameters"][name]
        for what in ("Default", "AllowedPattern", "AllowedValues", "MaxLength"):
            assert mine.get(what) == other[name].get(what), (name, what)
    assert {each for each in LAYERS if each not in template()["Outputs"]} == set()


def test_the_other_stack_tells_of_its_objects_where_a_parameter_says_so() -> None:
    bucket = template()["Resources"]["Bucket"]["Properties"]["NotificationConfiguration"]["If"]
    assert bucket[1] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert template()["Conditions"][bucket[0]] == {"Equals": [{"Ref": "BucketEvents"}, "true"]}
    assert template()["Parameters"]["BucketEvents"]["Default"] == "false"


@pytest.mark.slow
def test_the_strictest_linters_find_nothing_and_each_exception_has_its_reason(tmp_path: Path) -> None:
    (tmp_path / "raw.yaml").write_text(PATH.read_text())
    (tmp_path / "prod.json").write_text(json.dumps(document()))
    files = {path.stem: path for path in tmp_path.iterdir()}
    assert said_by_cfn_lint(files) == {"raw": set(), "prod": set()}
    found = said_by_checkov(files)
    for subject in files:
        assert failed(found, subject) == set()
        skipped = found[subject]["skipped_checks"]
        assert skipped
        assert [each for each in skipped if len(each["check_result"]["suppress_comment"]) < 40] == []
    lines = [line for line in PATH.read_text().splitlines() if "ignore_checks" in line]
    assert [line for line in lines if " # " not in line] == []
