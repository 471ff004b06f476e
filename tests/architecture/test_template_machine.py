"""The state machine of template.yaml: one run by many workers, on AWS and on the local cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from de_classes.worker.run_actions import RangeItem, RunItem
from tests.fakes.template import resources

if TYPE_CHECKING:
    from collections.abc import Iterator

(MACHINE,) = (each["Properties"] for each in resources("AWS::Serverless::StateMachine").values())
INVOKE = "arn:${Partition}:states:::lambda:invoke"


def states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


STATES = dict(states(MACHINE["Definition"]))
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}


def test_every_task_asks_the_worker_for_an_action_that_there_is() -> None:
    asked = {state["Parameters"]["Payload"]["action"] for state in TASKS.values()}
    hints = (get_type_hints(item)["action"] for item in (RunItem, RangeItem))
    assert asked == {action for hint in hints for action in get_args(hint)}
    assert {state["Resource"] for state in TASKS.values()} == {INVOKE}
    assert {state["Parameters"]["FunctionName"] for state in TASKS.values()} == {"${Worker}"}
    assert MACHINE["DefinitionSubstitutions"]["Worker"] == {"Ref": "IngestionWorkerFunction.Alias"}


def test_every_field_of_an_event_is_one_that_the_worker_knows() -> None:
    for state in TASKS.values():
        item = RangeItem if state["Parameters"]["Payload"]["action"] == "ingest" else RunItem
        names = {name.removesuffix(".$") for name in state["Parameters"]["Payload"]}
        assert names <= set(item.__struct_fields__)


def test_every_task_is_tried_again_after_a_crash_and_when_it_is_throttled() -> None:
    for state in TASKS.values():
        errors = {error for rule in state["Retry"] for error in rule["ErrorEquals"]}
        assert "Lambda.TooManyRequestsException" in errors
        assert errors & {"States.ALL", "Sandbox.Timedout"}


def test_failed_ranges_are_left_to_the_commit() -> None:
    ranges = STATES["Ranges"]
    assert (ranges["ToleratedFailurePercentage"], ranges["Next"]) == (100, "Commit")
    assert ranges["ResultPath"] is None
    assert ranges["ItemReader"]["ReaderConfig"] == {"InputType": "JSONL"}


def test_the_machine_is_one_that_the_local_cloud_carries_out() -> None:
    assert "QueryLanguage" not in repr(MACHINE["Definition"])
    assert "AutoPublishAlias" not in MACHINE
    for kind in ("AWS::StepFunctions::StateMachineVersion", "AWS::StepFunctions::StateMachineAlias"):
        assert [each["Condition"] for each in resources(kind).values()] == ["OnAws"]


def test_the_machine_logs_no_data_of_a_run() -> None:
    assert MACHINE["Logging"]["IncludeExecutionData"] is False


def test_the_machines_role_may_do_only_what_its_states_do() -> None:
    (policy,) = resources("AWS::IAM::Role")["RunStateMachineRole"]["Properties"]["Policies"]
    bound = {
        str(statement["Action"]): statement["Resource"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Resource"] != "*"
    }
    assert set(bound) == {
        "lambda:InvokeFunction",
        "s3:GetObject",
        "states:StartExecution",
        "states:RedriveExecution",
    }
    assert bound["lambda:InvokeFunction"] == {"Ref": "IngestionWorkerFunction.Alias"}
    assert bound["s3:GetObject"] == {"Sub": "${Bucket.Arn}/${KeyPrefix}/_runs/*/ranges.jsonl"}
    assert MACHINE["Name"] == {"Sub": "${AWS::StackName}-run"}
