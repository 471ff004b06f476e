"""What each function's role may do in the deployed stack, and above all what it may not.

The emulator enforces IAM (``AUTH=true``); the credentials are those that it gives out for the role itself.
What it does not enforce is shown by the controls at the end, so that nothing passes for a proof that is none.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.stack import STACK
from localcloud.workspace import REGION
from tests.fakes.template import functions, resources, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localcloud.stack import Stack

pytestmark = pytest.mark.xdist_group("local_cloud")  # one deployment, so one process

AUTH, UNSTABLE, WORKER = "AuthSimulator", "UnstableSimulator", "IngestionWorker"
ROLES = (AUTH, UNSTABLE, WORKER)
OTHER_BUCKET, OTHER_SECRET = "somebody-elses", "somebody-elses"
OF_A_SOURCE, ROTATES = f"{STACK}/sources/of-a-test", f"{STACK}/sources/of-a-test-that-rotates"
BESIDE = f"{STACK}/sources-of-others"  # begins like the prefix, and is not below it
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}
Call = tuple[str, str, dict[str, Any]]


class Account:
    """The account that the stack is in, with something in it that is none of the stack's business."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.root = stack.aws.session
        # Made once each: botocore reads a service's model from disk for every session anew.
        self._roles: dict[str, boto3.Session] = {}
        self._clients: dict[tuple[boto3.Session, str], Any] = {}
        self.client(self.root, "s3").create_bucket(Bucket=OTHER_BUCKET)
        for bucket, key in ((OTHER_BUCKET, "raw/o"), (stack.bucket, "raw/o"), (stack.bucket, "simulator/o")):
            self.client(self.root, "s3").put_object(Bucket=bucket, Key=key, Body=b"{}")
        secrets = self.client(self.root, "secretsmanager")
        for name in (OTHER_SECRET, BESIDE, OF_A_SOURCE):
            secrets.create_secret(Name=name, SecretString="x")
        tags = [{"Key": "rotates", "Value": "true"}]
        secrets.create_secret(Name=ROTATES, SecretString="x", Tags=tags)

    def leave(self) -> None:
        """Take out what was put into the stack's bucket: other tests count what is in it."""
        for key in ("raw/o", "simulator/o"):
            self.client(self.root, "s3").delete_object(Bucket=self.stack.bucket, Key=key)
        group = self.stack.outputs["ScheduleGroupName"]
        scheduler = self.client(self.root, "scheduler")
        with suppress(scheduler.exceptions.ResourceNotFoundException):  # only if a test made it
            scheduler.delete_schedule(Name="waits-of-a-test", GroupName=group)

    def as_role(self, role: str) -> Callable[[Call], str]:
        """Make calls with a function's own credentials; each answers ``ok`` or why not."""
        if role not in self._roles:
            name = self.stack.outputs[f"{role}Name"]
            arn = self.client(self.root, "lambda").get_function_configuration(FunctionName=name)["Role"]
            taken = self.client(self.root, "sts").assume_role(RoleArn=arn, RoleSessionName="test")
            given = taken["Credentials"]
            self._roles[role] = self._session(
                given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]
            )
        return lambda call: self.outcome(self._roles[role], call)

    def as_root(self) -> Callable[[Call], str]:
        """Make calls as the one who may do everything."""
        return lambda call: self.outcome(self.root, call)

    def outcome(self, session: boto3.Session, call: Call) -> str:
        service, operation, arguments = call
        try:
            getattr(self.client(session, service), operation)(**arguments)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "ok"

    def client(self, session: boto3.Session, service: str) -> Any:
        if (session, service) not in self._clients:
            config = Config(proxies={}, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
            made = session.client(service, endpoint_url=self.stack.aws.endpoint, config=config)
            self._clients[session, service] = made
        return self._clients[session, service]

    def secret(self, part: str) -> str:
        listed = self.client(self.root, "secretsmanager").list_secrets()["SecretList"]
        (arn,) = (each["ARN"] for each in listed if part in each["Name"])
        return str(arn)

    @staticmethod
    def _session(key: str, secret: str, token: str | None = None) -> boto3.Session:
        return boto3.Session(key, secret, token, region_name=REGION)


@pytest.fixture(scope="module")
def account(stack: Stack) -> Iterator[Account]:
    account = Account(stack)
    yield account
    account.leave()


@pytest.fixture(scope="module")
def calls(account: Account) -> dict[str, Call]:
    """Everything that is tried, by what it is; it does no harm where it is allowed."""
    bucket, outputs = account.stack.bucket, account.stack.outputs
    own_key, simulators_key = {"Bucket": bucket, "Key": "raw/o"}, {"Bucket": bucket, "Key": "simulator/o"}
    elsewhere, secret = {"Bucket": OTHER_BUCKET, "Key": "raw/o"}, "get_secret_value"
    put = "put_secret_value"
    credentials = {"SecretId": account.secret("CredentialsSecret")}
    queue, topic = {"QueueUrl": outputs["FailedRunsUrl"]}, {"TopicArn": outputs["AlarmTopicArn"]}
    document = {"StackName": "de-classes-local"}
    group = outputs["ScheduleGroupName"]
    tick = {
        "GroupName": group,
        "ScheduleExpression": "at(2099-11-30T06:00:00)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": outputs["ScheduleTargetArn"], "RoleArn": outputs["ScheduleRoleArn"]},
    }
    return {
        "write under the prefix": ("s3", "put_object", {**own_key, "Body": b"{}"}),
        "read under the prefix": ("s3", "get_object", own_key),
        "list the prefix": ("s3", "list_objects_v2", {"Bucket": bucket, "Prefix": "raw/"}),
        "read the records to serve": ("s3", "get_object", simulators_key),
        "read the credentials": ("secretsmanager", secret, credentials),
        "read the signing key": ("secretsmanager", secret, {"SecretId": account.secret("SigningKeySecret")}),
        "hand over what failed": ("sqs", "send_message", {**queue, "MessageBody": "{}"}),
        "write to another prefix": (
            "s3",
            "put_object",
            {"Bucket": bucket, "Key": "curated/o", "Body": b"{}"},
        ),
        "write what the prefix begins like": (
            "s3",
            "put_object",
            {"Bucket": bucket, "Key": "rawest", "Body": b""},
        ),
        "write the records to serve": ("s3", "put_object", {**simulators_key, "Body": b"{}"}),
        "write to another bucket": ("s3", "put_object", {**elsewhere, "Body": b"{}"}),
        "read from another bucket": ("s3", "get_object", elsewhere),
        "list another bucket": ("s3", "list_objects_v2", {"Bucket": OTHER_BUCKET, "Prefix": "raw/"}),
        "list the whole bucket": ("s3", "list_objects_v2", {"Bucket": bucket}),
        "list another prefix": ("s3", "list_objects_v2", {"Bucket": bucket, "Prefix": "simulator/"}),
        "list versions": ("s3", "list_object_versions", {"Bucket": bucket}),
        "list buckets": ("s3", "list_buckets", {}),
        "give back a lease": ("s3", "delete_object", {"Bucket": bucket, "Key": "raw/_leases/of-a-test"}),
        "delete an object": ("s3", "delete_object", own_key),
        "delete many": (
            "s3",
            "delete_objects",
            {"Bucket": bucket, "Delete": {"Objects": [{"Key": "raw/o"}]}},
        ),
        "delete the bucket": ("s3", "delete_bucket", {"Bucket": bucket}),
        "make a bucket": ("s3", "create_bucket", {"Bucket": "one-of-its-own"}),
        "read the bucket's policy": ("s3", "get_bucket_policy", {"Bucket": bucket}),
        "tag an object": ("s3", "put_object_tagging", {**own_key, "Tagging": {"TagSet": []}}),
        "read another secret": ("secretsmanager", secret, {"SecretId": OTHER_SECRET}),
        "read the secret of a source": ("secretsmanager", secret, {"SecretId": OF_A_SOURCE}),
        "read a secret beside those of sources": ("secretsmanager", secret, {"SecretId": BESIDE}),
        "keep a token that rotates": ("secretsmanager", put, {"SecretId": ROTATES, "SecretString": "y"}),
        "change the secret of a source": (
            "secretsmanager",
            put,
            {"SecretId": OF_A_SOURCE, "SecretString": "y"},
        ),
        "change a secret beside those of sources": (
            "secretsmanager",
            put,
            {"SecretId": BESIDE, "SecretString": "y"},
        ),
        "list secrets": ("secretsmanager", "list_secrets", {}),
        "change a secret": ("secretsmanager", put, {**credentials, "SecretString": "x"}),
        "delete a secret": ("secretsmanager", "delete_secret", {"SecretId": OTHER_SECRET}),
        "read what failed": ("sqs", "receive_message", queue),
        "empty the queue": ("sqs", "purge_queue", queue),
        "raise an alarm": ("sns", "publish", {**topic, "Message": "x"}),
        "read a log": ("logs", "filter_log_events", {"logGroupName": outputs["AuthSimulatorLogName"]}),
        "delete a log": ("logs", "delete_log_group", {"logGroupName": outputs["WorkerApiLogName"]}),
        "make a log": ("logs", "create_log_group", {"logGroupName": "/one-of-its-own"}),
        "invoke a function": ("lambda", "invoke", {"FunctionName": outputs["AuthSimulatorName"]}),
        "invoke itself": ("lambda", "invoke", {"FunctionName": outputs["IngestionWorkerName"]}),
        "begin a run": (
            "stepfunctions",
            "start_execution",
            # One that ends at once: a run of many workers has no key.
            {"stateMachineArn": outputs["RunStateMachineArn"], "input": '{"key": "a.csv"}'},
        ),
        "list functions": ("lambda", "list_functions", {}),
        "make a user": ("iam", "create_user", {"UserName": "one-of-its-own"}),
        "list roles": ("iam", "list_roles", {}),
        "describe the stack": ("cloudformation", "describe_stacks", document),
        "read a parameter": ("ssm", "get_parameter", {"Name": "/any"}),
        "list tables": ("dynamodb", "list_tables", {}),
        "put a tick off": ("scheduler", "create_schedule", {**tick, "Name": "waits-of-a-test"}),
        "make another schedule": ("scheduler", "create_schedule", {**tick, "Name": "of-its-own"}),
        "change a schedule": ("scheduler", "update_schedule", {**tick, "Name": "watch"}),
        "delete a schedule": ("scheduler", "delete_schedule", {"Name": "watch", "GroupName": group}),
        "list schedules": ("scheduler", "list_schedules", {"GroupName": group}),
    }


ALLOWED = {
    AUTH: {"read the credentials", "read the signing key"},
    UNSTABLE: {"read the signing key", "read the records to serve"},
    WORKER: {
        "write under the prefix",
        "read under the prefix",
        "list the prefix",
        "read the credentials",
        "read the secret of a source",
        "keep a token that rotates",
        "give back a lease",
        "hand over what failed",
        "put a tick off",
        "begin a run",
    },
}


@pytest.mark.parametrize("role", ROLES)
def test_a_function_may_do_what_it_needs(account: Account, calls: dict[str, Call], role: str) -> None:
    attempt = account.as_role(role)
    assert {name: attempt(calls[name]) for name in ALLOWED[role]} == dict.fromkeys(ALLOWED[role], "ok")


@pytest.mark.parametrize("role", ROLES)
def test_a_function_may_do_nothing_else(account: Account, calls: dict[str, Call], role: str) -> None:
    attempt = account.as_role(role)
    others = {name: attempt(call) for name, call in calls.items() if name not in ALLOWED[role]}
    assert len(others) >= len(calls) - 10
    assert {name: code for name, code in others.items() if code not in DENIED} == {}


@pytest.mark.parametrize("role", ROLES)
def test_a_function_may_not_become_another_one(account: Account, role: str) -> None:
    attempt = account.as_role(role)
    for other in ROLES:
        name = account.stack.outputs[f"{other}Name"]
        arn = account.client(account.root, "lambda").get_function_configuration(FunctionName=name)["Role"]
        assert attempt(("sts", "assume_role", {"RoleArn": arn, "RoleSessionName": "test"})) in DENIED


def test_an_upload_in_parts_is_begun_and_abandoned_under_the_prefix_only(account: Account) -> None:
    attempt, bucket = account.as_role(WORKER), account.stack.bucket
    root = account.client(account.root, "s3")
    for key, expected in (("raw/parts", {"ok"}), ("curated/parts", DENIED)):
        assert attempt(("s3", "create_multipart_upload", {"Bucket": bucket, "Key": key})) in expected
        upload = root.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        abandon = {"Bucket": bucket, "Key": key, "UploadId": upload}
        assert attempt(("s3", "abort_multipart_upload", abandon)) in expected


def test_the_calls_that_are_denied_are_ones_that_root_is_not(
    account: Account, calls: dict[str, Call]
) -> None:
    """A control: it is the role that is refused, not the call."""
    harmless = {"list", "read", "describe", "write", "hand", "tag", "raise"}
    chosen = {name: call for name, call in calls.items() if name.split()[0] in harmless}
    missing = {"read a parameter": "ParameterNotFound", "read the bucket's policy": "NoSuchBucketPolicy"}
    attempt = account.as_root()
    assert {name: attempt(call) for name, call in chosen.items()} == {
        **dict.fromkeys(chosen, "ok"),
        **missing,
    }


def test_every_action_of_every_role_is_tried() -> None:
    """Or is one of those below, which the emulator cannot show."""
    shown = {"s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:AbortMultipartUpload", "s3:DeleteObject"}
    shown |= {"secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "sqs:SendMessage"}
    shown |= {"states:StartExecution", "scheduler:CreateSchedule"}
    with_a_database = {"glue:GetTable", "glue:CreateTable", "glue:UpdateTable"}  # in test_catalog_deployed.py
    named = {
        action
        for function in functions()
        for each in statements(function)
        for action in (each["Action"] if isinstance(each["Action"], list) else [each["Action"]])
    }
    assert named - shown - with_a_database == {
        "iam:PassRole",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }


def test_control_the_emulator_matches_no_log_by_the_name_that_aws_gives_it(account: Account) -> None:
    """That is ``log-group:<name>:*``; the emulator leaves the end out, and so denies the own log too."""
    group = account.stack.outputs["IngestionWorkerLogName"]
    stream = {"logGroupName": group, "logStreamName": "of-a-test"}
    assert account.as_role(WORKER)(("logs", "create_log_stream", stream)) in DENIED
    assert account.stack.log_messages("IngestionWorkerLogName") is not None


@pytest.mark.slow
def test_control_the_emulator_has_no_traces(account: Account) -> None:
    """What it does not know it looks for in all its services, for five seconds."""
    segment = {"TraceSegmentDocuments": [json.dumps({})]}
    assert account.as_root()(("xray", "put_trace_segments", segment)) not in {"ok", *DENIED}


def test_control_the_emulator_lets_root_take_a_role_that_trusts_lambda_alone() -> None:
    """Which is how this file has its credentials; AWS refuses it, and nobody but Lambda takes these roles."""
    for role in ROLES:
        trust = resources("AWS::IAM::Role")[f"{role}Role"]["Properties"]["AssumeRolePolicyDocument"]
        (statement,) = trust["Statement"]
        assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_control_the_policies_that_refuse_plain_http_are_not_deployed_here(account: Account) -> None:
    """Loopback is plain HTTP; that they are in the template for AWS is tested where it is read."""
    policy = ("s3", "get_bucket_policy", {"Bucket": account.stack.bucket})
    assert account.as_root()(policy) == "NoSuchBucketPolicy"
