"""Schedules on the local cloud: described, deployed, ticking, changed and gone."""

from __future__ import annotations

import json
import re
import shutil
import time
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from de_classes.cli.schedule import OURS
from de_classes.simulators.records import SyntheticRecords
from de_classes.worker.put_off import WAITS
from localcloud.demo import SEED, SYNTHETIC_RECORDS
from localcloud.launch import bring_schedules_up_to_date
from localcloud.verify import differences
from tests.fakes.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from localcloud.stack import Stack
    from tests.integration.conftest import Cloud

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_cloud")]

T = TypeVar("T")
PATIENCE = 240.0
TICK = re.compile(
    r"raw/by-itself/ingest_date=[0-9-]+/(unstable\.data-[0-9]{8}T[0-9]{4}00Z)/_manifest-00000001\.json"
)
FOLDER = "raw/_schedules/unstable.own_records"
WAITING = "unstable.own_records-20261130T060000Z"
GROUP = """
Resources:
  Group: {Type: AWS::Scheduler::ScheduleGroup, Properties: {Name: a-group-of-its-own}}
"""


def described(folder: Path, *schedules: str) -> Path:
    """The project's own descriptions, with schedules for resources of the simulator."""
    shutil.copytree(ROOT / "sources", folder)
    text = (folder / "unstable.toml").read_text(encoding="utf-8")
    (folder / "unstable.toml").write_text("\n".join([text, *schedules]), encoding="utf-8")
    return folder


EVERY_MINUTE = (
    '[sources.unstable.resources.data.schedule]\nrate = "1 minute"\nformat = "jsonl"\ndataset = "by-itself"'
)
EVERY_HOUR = EVERY_MINUTE.replace("1 minute", "2 hours")
WAITS_FOR_OTHERS = (
    '[sources.unstable.resources.own_records.schedule]\ncron = "0 7 * * mon-fri"\nzone = "Europe/Berlin"\n'
    'overlap = "wait"\nformat = "jsonl"\ndataset = "waited"'
)


def test_a_description_is_pulled_by_itself_until_it_says_otherwise(calm_cloud: Cloud, tmp_path: Path) -> None:
    stack, scheduler = calm_cloud.stack, calm_cloud.stack.aws.scheduler()
    group = stack.outputs["ScheduleGroupName"]
    target = {"Arn": stack.outputs["ScheduleTargetArn"], "RoleArn": stack.outputs["ScheduleRoleArn"]}
    for name, place in (("by-hand", group), ("elsewhere", "default")):
        scheduler.create_schedule(
            Name=name,
            GroupName=place,
            ScheduleExpression="rate(30 days)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target,
        )
    first = described(tmp_path / "first", EVERY_MINUTE, WAITS_FOR_OTHERS)
    with calm_cloud.packaged(first):
        assert actions(stack, first) == {"unstable.data": "created", "unstable.own_records": "created"}
        assert set(actions(stack, first).values()) == {"unchanged"}
        made = scheduler.get_schedule(GroupName=group, Name="unstable.own_records")
        assert (made["ScheduleExpression"], made["ScheduleExpressionTimezone"]) == (
            "cron(0 7 ? * 2-6 *)",
            "Europe/Berlin",
        )

        # A run of an earlier tick is at it, as far as anybody knows: this one is put off.
        remember(stack, "current", {"version": 1, "run_id": "the-earlier", "began": time.time()})
        event = {"schedule": "unstable.own_records", "at": "2026-11-30T06:00:00Z"}
        told = invoke(stack, event)
        assert (told["status"], told["run_id"], told["because_of"]) == ("waiting", WAITING, "the-earlier")
        (put_off,) = (each for each in in_group(stack) if each["Description"] == WAITS)
        assert json.loads(put_off["Target"]["Input"]) == event
        ended = {"version": 1, "run_id": "the-earlier", "at": time.time()}
        remember(stack, "committed", ended)

        # A tick of the scheduler's own comes, and its dataset is there.
        key, run_id = awaited(lambda: first_tick(stack))
        source = SyntheticRecords(SEED, SYNTHETIC_RECORDS)
        assert differences(source, stack.records(key), "jsonl") == []
        again = invoke(stack, {"schedule": "unstable.data", "at": as_time(run_id)})
        assert (again["run"]["run_id"], again["run"]["state"]) == (run_id, "complete")

        # The one that was put off comes, and nobody is at it any more.
        awaited(lambda: next((each for each in stack.keys("raw/waited/") if "_manifest-" in each), None))
        assert not [each for each in in_group(stack) if each["Description"] == WAITS]
        looks = {each["schedule"]: each for each in invoke(stack, {"watch": True})["schedules"]}
        assert {name: each["is_late"] for name, each in looks.items()} == dict.fromkeys(looks, False)
        assert looks["unstable.data"]["lag"] < 900
        lines = [each for each in stack.log_lines("IngestionWorkerLogName") if "Lag" in each]
        assert {each["source"] for each in lines} == {"unstable.data", "unstable.own_records"}

    second = described(tmp_path / "second", EVERY_HOUR)
    assert actions(stack, second) == {"unstable.data": "changed", "unstable.own_records": "removed"}
    assert (
        scheduler.get_schedule(GroupName=group, Name="unstable.data")["ScheduleExpression"] == "rate(2 hours)"
    )
    assert actions(stack, ROOT / "sources") == {"unstable.data": "removed"}
    assert sorted(each["Name"] for each in in_group(stack)) == ["by-hand", "watch"]
    assert not [each for each in in_group(stack) if each["Description"] == OURS]
    assert scheduler.get_schedule(GroupName="default", Name="elsewhere")


def test_the_deletion_of_a_stack_takes_the_schedules_of_its_group_along(cloud: Cloud) -> None:
    aws = cloud.stack.aws
    stacks, scheduler = aws.cloudformation(), aws.scheduler()
    stacks.create_stack(StackName="of-a-group", TemplateBody=GROUP)
    stacks.get_waiter("stack_create_complete").wait(StackName="of-a-group", WaiterConfig={"Delay": 1})
    scheduler.create_schedule(
        Name="shop.orders",
        GroupName="a-group-of-its-own",
        ScheduleExpression="rate(30 days)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": cloud.stack.outputs["ScheduleTargetArn"],
            "RoleArn": cloud.stack.outputs["ScheduleRoleArn"],
        },
    )
    stacks.delete_stack(StackName="of-a-group")
    stacks.get_waiter("stack_delete_complete").wait(StackName="of-a-group", WaiterConfig={"Delay": 1})
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule(GroupName="a-group-of-its-own", Name="shop.orders")


def actions(stack: Stack, sources: Path) -> dict[str, str]:
    return {each.name: each.action for each in bring_schedules_up_to_date(stack.aws, sources).schedules}


def in_group(stack: Stack) -> list[dict[str, Any]]:
    scheduler, group = stack.aws.scheduler(), stack.outputs["ScheduleGroupName"]
    listed = scheduler.list_schedules(GroupName=group)["Schedules"]
    return [scheduler.get_schedule(GroupName=group, Name=each["Name"]) for each in listed]


def remember(stack: Stack, what: str, document: dict[str, Any]) -> None:
    stack.aws.s3().put_object(
        Bucket=stack.bucket, Key=f"{FOLDER}/{what}.json", Body=json.dumps(document).encode()
    )


def invoke(stack: Stack, event: dict[str, Any]) -> dict[str, Any]:
    client = stack.aws.session.client("lambda", endpoint_url=stack.aws.endpoint)
    done = client.invoke(FunctionName=stack.outputs["ScheduleTargetArn"], Payload=json.dumps(event).encode())
    answer: dict[str, Any] = json.loads(done["Payload"].read())
    assert "FunctionError" not in done, answer
    return answer


def first_tick(stack: Stack) -> tuple[str, str] | None:
    found = (TICK.fullmatch(key) for key in stack.keys("raw/by-itself/"))
    return next(((match[0], match[1]) for match in found if match), None)


def as_time(run_id: str) -> str:
    """The tick that a run id names."""
    tick = time.strptime(run_id.rpartition("-")[2], "%Y%m%dT%H%M%SZ")
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", tick)


def awaited(look: Callable[[], T | None]) -> T:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(1)
    raise AssertionError("it did not come")
