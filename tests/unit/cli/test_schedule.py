from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.cli.schedule import OURS, Reconciled
from de_classes.worker.put_off import WAITS
from tests.fakes.aws import no_aws_environment
from tests.fakes.commands import called
from tests.fakes.scheduled import RESOURCE, scheduled
from tests.fakes.scheduling_aws import SchedulingAws
from tests.unit.cli.test_help import PROGRAM, examples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GROUP = "the-group"
TARGET = {"Arn": "arn:x", "RoleArn": "arn:y"}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[SchedulingAws]:
    with no_aws_environment(), SchedulingAws() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def schedule(folder: Path, *words: str) -> tuple[int, str, str]:
    return called("schedule", "my-lake", "--sources", str(folder / "sources"), *words)


def test_what_is_described_is_made_once_and_then_stays(aws: SchedulingAws, tmp_path: Path) -> None:
    scheduled(tmp_path, 'cron = "30 6 * * mon-fri"', 'zone = "Europe/Berlin"')
    status, out, err = schedule(tmp_path)
    assert (status, err) == (0, "")
    when = "cron(30 6 ? * 2-6 *) Europe/Berlin"
    assert out == f"created   unstable.data  {when}\nthe-group: 1 created\n"
    made = aws.schedules[GROUP, RESOURCE]
    assert (made["ScheduleExpression"], made["ScheduleExpressionTimezone"]) == tuple(when.rsplit(" ", 1))
    target = made["Target"]
    assert (target["Arn"], target["RoleArn"]) == ("arn:ScheduleTargetArn", "arn:ScheduleRoleArn")
    assert target["DeadLetterConfig"] == {"Arn": "arn:FailedTicksArn"}
    assert json.loads(target["Input"]) == {"schedule": RESOURCE, "at": "<aws.scheduler.scheduled-time>"}
    before = len(aws.writes)
    assert schedule(tmp_path)[1] == f"unchanged unstable.data  {when}\nthe-group: 1 unchanged\n"
    assert len(aws.writes) == before


def test_what_changed_is_changed_and_what_is_gone_is_removed(aws: SchedulingAws, tmp_path: Path) -> None:
    scheduled(tmp_path, 'rate = "1 hour"')
    schedule(tmp_path)
    scheduled(tmp_path, 'rate = "2 hours"')
    assert "changed   unstable.data  rate(1 hour) -> rate(2 hours)" in schedule(tmp_path)[1]
    aws.outputs["ScheduleTargetArn"] = "arn:another"
    assert "changed   unstable.data  rate(2 hours): Arn" in schedule(tmp_path)[1]
    assert aws.schedules[GROUP, RESOURCE]["Target"]["Arn"] == "arn:another"
    (tmp_path / "sources" / "unstable.toml").write_text("version = 1\n")
    assert "removed   unstable.data  rate(2 hours)" in schedule(tmp_path)[1]
    assert aws.schedules == {}
    assert schedule(tmp_path)[1] == "the-group: no schedules are described, and there were none\n"


def test_one_that_somebody_paused_stays_paused(aws: SchedulingAws, tmp_path: Path) -> None:
    scheduled(tmp_path, 'rate = "1 hour"')
    schedule(tmp_path)
    aws.schedules[GROUP, RESOURCE]["State"] = "DISABLED"
    scheduled(tmp_path, 'rate = "2 hours"')
    assert "rate(2 hours), paused" in schedule(tmp_path)[1]
    assert aws.schedules[GROUP, RESOURCE]["State"] == "DISABLED"


def test_nothing_is_touched_that_other_hands_made(aws: SchedulingAws, tmp_path: Path) -> None:
    aws.put(GROUP, "watch", Description="How schedules are doing", ScheduleExpression="rate(5 minutes)")
    aws.put("default", "shop.orders", Description=OURS, ScheduleExpression="rate(1 hour)")
    kept = dict(aws.schedules)
    scheduled(tmp_path, 'rate = "1 hour"')
    schedule(tmp_path)
    (tmp_path / "sources" / "unstable.toml").write_text("version = 1\n")
    schedule(tmp_path)
    assert aws.schedules == kept


def test_a_name_that_other_hands_took_is_told_before_anything_is_done(
    aws: SchedulingAws, tmp_path: Path
) -> None:
    aws.put(GROUP, RESOURCE, Description="by hand", ScheduleExpression="rate(1 hour)", Target=TARGET)
    aws.put(GROUP, "shop.orders", Description=OURS, ScheduleExpression="rate(1 hour)", Target=TARGET)
    scheduled(tmp_path, 'rate = "2 hours"')
    status, _, err = schedule(tmp_path)
    assert status == 2
    assert err.startswith(
        "schedule: the group the-group has schedules that no description made: delete unsta"
    )
    assert aws.writes == []


def test_a_tick_waits_as_long_as_its_schedule_is_described(aws: SchedulingAws, tmp_path: Path) -> None:
    for name, resource in (("waits-1", RESOURCE), ("waits-2", "shop.orders")):
        waiting = {"Target": {"Input": json.dumps({"schedule": resource, "at": "2026-11-30T06:00:00Z"})}}
        aws.put(GROUP, name, Description=WAITS, ScheduleExpression="at(2026-11-30T07:00:00)", **waiting)
    scheduled(tmp_path, 'rate = "1 hour"')
    assert "removed   waits-2" in schedule(tmp_path)[1]
    assert {name for _, name in aws.schedules} == {"waits-1", RESOURCE}


def test_a_dry_run_says_the_same_and_does_nothing(aws: SchedulingAws, tmp_path: Path) -> None:
    aws.put(GROUP, "shop.orders", Description=OURS, ScheduleExpression="rate(1 hour)", Target=TARGET)
    scheduled(tmp_path, 'rate = "1 hour"')
    status, out, _ = schedule(tmp_path, "--dry-run")
    assert status == 0
    assert out.endswith("the-group: 1 created, 1 removed; nothing was done (--dry-run)\n")
    assert aws.writes == []
    done: dict[str, Any] = json.loads(schedule(tmp_path, "--dry-run", "--json")[1])
    assert done["dry_run"] is True
    assert {each["name"]: each["action"] for each in done["schedules"]} == {
        RESOURCE: "created",
        "shop.orders": "removed",
    }
    assert set(done) == set(Reconciled.__struct_fields__)


def test_what_is_wrong_is_told_and_nothing_is_done(aws: SchedulingAws, tmp_path: Path) -> None:
    scheduled(tmp_path, 'rate = "hourly"')
    status, _, err = schedule(tmp_path)
    assert status == 2
    assert "unstable.toml:" in err
    assert "schedule.rate must be a number and minutes, hours or days" in err
    scheduled(tmp_path, 'rate = "1 hour"', 'parameters = { address = "https://evil.example" }')
    assert "schedule.parameters.address is the deployment's to say" in schedule(tmp_path)[2]
    scheduled(tmp_path, 'rate = "1 hour"')
    words = ("--sources", str(tmp_path / "sources"))
    assert called("schedule", "no-such", *words)[2].startswith("schedule: there is no stack no-such here")
    del aws.outputs["ScheduleGroupName"]
    assert "the stack my-lake has no output ScheduleGroupName" in schedule(tmp_path)[2]
    assert aws.writes == []


def test_an_aws_that_does_not_answer_is_told(
    aws: SchedulingAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled(tmp_path, 'rate = "1 hour"')
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    status, _, err = schedule(tmp_path)
    assert status == 1
    assert err.startswith(
        "schedule: the schedules of my-lake cannot be brought up to date: Could not connect"
    )
    assert aws.writes == []


@pytest.mark.usefixtures("aws")
def test_the_examples_of_the_help_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduled(tmp_path, 'rate = "1 hour"')
    monkeypatch.chdir(tmp_path)
    for example in examples("schedule"):
        status, out, err = called(*shlex.split(example.removeprefix(PROGRAM)))
        assert (status, err) == (0, ""), example
        assert RESOURCE in out
