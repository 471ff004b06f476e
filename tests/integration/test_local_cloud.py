"""The whole path, deployed: API Gateway, Lambda with its layers, IAM, Secrets Manager, S3."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec.structs import fields

from de_classes.api.receipt import IngestReceipt
from de_classes.configs.ingest import WorkerSettings
from de_classes.runs.verify import differences as receipt_differences
from de_classes.storage.format.codec import get_codec
from localcloud.demo import FORMATS, Options, record_source
from localcloud.verify import differences

if TYPE_CHECKING:
    from localcloud.stack import Answer, Stack, Traffic

pytestmark = pytest.mark.xdist_group("local_cloud")  # one deployment, so one process

SOURCE = record_source(Options())
LIMIT = 50
PAGES = SOURCE.count // LIMIT
LOOKS = 5  # pages that are asked for again at the end, of so few
AT_ONCE = next(each.default for each in fields(WorkerSettings) if each.name == "concurrency")
AHEAD = 4  # small pages that a window may hold for each that is under way; see de_classes/api/window.py
LOGS = ("AuthSimulatorLogName", "UnstableSimulatorLogName", "IngestionWorkerLogName")


@pytest.fixture(scope="module")
def before(stack: Stack) -> Traffic:
    """What other tests asked the simulators."""
    return stack.traffic()


@pytest.fixture(scope="module")
def others_keys(stack: Stack) -> set[str]:
    """What other tests left in the bucket."""
    return set(stack.keys("raw/"))


@pytest.fixture(scope="module")
def answers(stack: Stack, before: Traffic, others_keys: set[str]) -> dict[str, Answer]:  # noqa: ARG001 - they come first
    """What the worker answered, by format."""
    return {name: stack.ingest_to_the_end({"format": name, "limit": LIMIT}) for name in FORMATS}


def secret(stack: Stack, logical_id: str) -> str:
    listed = stack.aws.secrets().list_secrets()["SecretList"]
    (name,) = (each["Name"] for each in listed if logical_id in each["Name"])
    return stack.aws.secrets().get_secret_value(SecretId=name)["SecretString"]


@pytest.mark.parametrize("name", FORMATS)
def test_what_arrives_equals_what_was_served(stack: Stack, answers: dict[str, Answer], name: str) -> None:
    assert answers[name].status == 200, answers[name].body
    assert differences(SOURCE, stack.records(answers[name].body["key"]), name) == []


@pytest.mark.parametrize("name", FORMATS)
def test_the_receipt_says_what_was_done(stack: Stack, answers: dict[str, Answer], name: str) -> None:
    receipt: dict[str, Any] = answers[name].body
    assert (receipt["records"], receipt["pages"], receipt["format"]) == (SOURCE.count, PAGES, name)
    assert receipt["retries"] > 0
    assert receipt["uri"] == f"s3://{stack.bucket}/{receipt['key']}"
    assert receipt["key"].startswith("raw/")
    assert receipt["bytes"] == sum(len(stack.read_object(part["key"])) for part in receipt["parts"])


@pytest.mark.parametrize("name", FORMATS)
def test_a_part_carries_its_content_type(stack: Stack, answers: dict[str, Answer], name: str) -> None:
    for part in answers[name].body["parts"]:
        head = stack.aws.s3().head_object(Bucket=stack.bucket, Key=part["key"])
        assert head["ContentType"] == get_codec(name).content_type


def test_no_page_was_asked_for_without_need(
    stack: Stack, before: Traffic, answers: dict[str, Answer]
) -> None:
    traffic = stack.traffic()
    failures = traffic.failures - before.failures
    # What was fetched ahead when the gateway's limit stops a go is asked for by the next one again.
    on_their_way = AHEAD * AT_ONCE * sum(answer.body["invocations"] - 1 for answer in answers.values())
    retries = sum(answer.body["retries"] for answer in answers.values())
    # A go that is stopped while it proves the end says nothing of what it had asked for.
    proof = [answer.body["still"]["requests"] for answer in answers.values()]
    assert proof == [LOOKS] * len(answers)
    assert 0 <= traffic.served - before.served - PAGES * len(answers) - sum(proof) <= on_their_way
    assert 0 <= failures.total() - retries <= on_their_way
    assert set(failures) == {"server-error-500", "unavailable-503", "rate-limit-429"}
    assert traffic.logins - before.logins == 1


def test_nothing_but_datasets_and_the_progress_of_their_runs_is_in_the_bucket(
    stack: Stack, others_keys: set[str], answers: dict[str, Answer]
) -> None:
    keys = set(stack.keys("raw/")) - others_keys
    expected = [key for answer in answers.values() for key in objects_of(answer.body)]
    named_by_chance = ("/_receipt-", "/invocation-", "/keys-")
    assert sorted(key for key in keys if not any(name in key for name in named_by_chance)) == sorted(expected)
    bodies = [answer.body for answer in answers.values()]
    assert [sum(name in key for key in keys) for name in named_by_chance] == [
        len(bodies),
        sum(body["invocations"] for body in bodies),
        sum(len(body["parts"]) for body in bodies),
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_the_receipt_that_is_stored_is_what_the_objects_are(
    stack: Stack, answers: dict[str, Answer], name: str
) -> None:
    folder = answers[name].body["key"].rpartition("/")[0]
    (key,) = stack.keys(f"{folder}/_receipt-")
    receipt = msgspec.json.decode(stack.read_object(key), type=IngestReceipt)
    assert list(receipt_differences(receipt, stack.aws.store(), stack.bucket)) == []


def test_a_run_is_asked_for_again_by_its_id_and_is_the_same_run(
    stack: Stack, answers: dict[str, Answer]
) -> None:
    before = stack.traffic().requests
    again = stack.ingest({"run_id": answers["csv"].body["run_id"]})
    assert (again.status, again.body) == (200, {**answers["csv"].body, "complete_before": True})
    assert stack.traffic().requests == before


def objects_of(receipt: dict[str, Any]) -> list[str]:
    """The keys of a run, but for its receipt's."""
    dataset, progress = receipt["key"].rpartition("/")[0], f"raw/_runs/{receipt['run_id']}"
    parts = [part["key"] for part in receipt["parts"]]
    sealed = [f"{progress}/part-{number:08d}.json" for number in range(1, len(parts) + 1)]
    return [receipt["key"], f"{dataset}/_symlink/manifest.txt", f"{progress}/plan.json", *parts, *sealed]


def test_a_given_key_is_where_the_object_goes(stack: Stack) -> None:
    answer = stack.ingest({"format": "jsonl", "key": "by-hand/first.jsonl", "limit": 10, "pages": "1-2"})
    assert answer.status == 200, answer.body
    lines = stack.read_object(answer.body["key"]).splitlines()
    assert [json.loads(line)["id"] for line in lines] == list(range(1, 21))
    assert answer.body["key"] == "raw/by-hand/first.jsonl"
    assert stack.keys("raw/by-hand/") == ["raw/by-hand/_receipt-first.jsonl.json", answer.body["key"]]


def test_a_request_that_is_wrong_in_two_ways_is_told_both_before_any_page_is_asked_for(stack: Stack) -> None:
    before = stack.traffic().requests
    answer = stack.ingest({"format": "xml", "limit": 0})
    assert answer.status == 400
    assert len(answer.body["problems"]) == 2
    assert stack.traffic().requests == before


def test_a_url_from_a_caller_is_no_source(stack: Stack) -> None:
    answer = stack.ingest({"source": "http://127.0.0.1:1/"})
    assert answer.status == 400


def test_the_worker_answers_nobody_without_iam_credentials(stack: Stack) -> None:
    assert stack.post_unsigned(stack.outputs["WorkerUrl"]).status == 403


@pytest.mark.parametrize("path", ["/auth/data", "/unstable/data"])
@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer forged"}], ids=["no token", "forged token"]
)
def test_the_simulators_serve_nothing_without_a_token(
    stack: Stack, path: str, headers: dict[str, str]
) -> None:
    assert stack.get(path, headers).status == 401


@pytest.mark.parametrize("mount", ["/auth", "/unstable"])
def test_the_simulators_describe_themselves(stack: Stack, mount: str) -> None:
    assert stack.get(f"{mount}/health").status == 200
    assert "openapi" in stack.get(f"{mount}/openapi.json").body


@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize("log", LOGS)
def test_no_log_holds_a_secret_or_a_token(stack: Stack, log: str) -> None:
    text = "\n".join(stack.log_messages(log))
    assert "request" in text
    assert json.loads(secret(stack, "CredentialsSecret"))["password"] not in text
    assert secret(stack, "SigningKeySecret") not in text
    assert "eyJ" not in text  # how every JSON Web Token begins
