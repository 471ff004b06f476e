"""``schedule``: a deployed stack's schedules, brought up to date with what descriptions say.

A schedule in a file cannot be a resource of a template that does not know the file. The template has a group,
a role and a queue for them; this creates, changes and removes what is in the group, and touches nothing else
in it: each of its schedules says by its description that it is one.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

import msgspec

from de_classes.api.schedules import name_of
from de_classes.api.source import Source
from de_classes.errors import ConfigurationError, DeClassesError, StorageError
from de_classes.utils.values import Value
from de_classes.worker.put_off import WAITS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from de_classes.api.source import Resource

EXIT_FAILED = 1
EXIT_USAGE = 2
OURS: Final = "Of a description, by de-classes"
"""What each of these schedules has for its description; no other is touched."""
SCHEDULED_TIME: Final = "<aws.scheduler.scheduled-time>"
RETRIES: Final = {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 10}
OUTPUTS: Final = {
    "group": "ScheduleGroupName",
    "role": "ScheduleRoleArn",
    "target": "ScheduleTargetArn",
    "queue": "FailedTicksArn",
}
"""Which of a stack's outputs say where schedules go."""

Action = Literal["created", "changed", "removed", "unchanged"]


class Deployment(Value):
    """Where a stack's schedules go.

    Attributes:
        group: The schedule group.
        role: The ARN of the role that delivers ticks.
        target: The ARN of what they are delivered to.
        queue: The ARN of the queue for those that cannot be.
    """

    group: str
    role: str
    target: str
    queue: str


class ScheduleChange(Value):
    """What became of one schedule, or would become of it.

    Attributes:
        name: In the group.
        action: ``created``, ``changed``, ``removed`` or ``unchanged``.
        expression: When its ticks are, as the scheduler has it, with the zone if it has one.
        before: The same as it was; null where it was not there.
        is_paused: Whether somebody has disabled it, which stays so.
        differs: What of it changed, by the scheduler's own names.
    """

    name: str
    action: Action
    expression: str
    before: str | None = None
    is_paused: bool = False
    differs: tuple[str, ...] = ()


class Reconciled(Value):
    """What ``schedule --json`` prints.

    Attributes:
        stack: The stack.
        group: Its schedule group.
        dry_run: Whether nothing was done, but only said.
        schedules: Each schedule that is described, or was.
    """

    stack: str
    group: str
    dry_run: bool
    schedules: tuple[ScheduleChange, ...]


def run(args: argparse.Namespace, *, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Bring a stack's schedules up to date.

    Args:
        args: As ``parsers`` parses them.
        out: In place of stdout: a line a schedule.
        err: In place of stderr: what went wrong.

    Returns:
        The exit status: 0 they are as described, 1 AWS refuses, 2 a mistake in the command or a description.
    """
    out, err = out or sys.stdout, err or sys.stderr
    try:
        wanted = scheduled(Path(args.sources or "sources"))
        made = clients(region=args.region, profile=args.profile)
        done = reconcile(*made, stack=args.stack, wanted=wanted, dry_run=args.dry_run)
    except ConfigurationError as error:
        err.writelines(f"schedule: {problem}\n" for problem in error.problems)
        return EXIT_USAGE
    except DeClassesError as error:
        err.write(f"schedule: {error}\n")
        return EXIT_FAILED
    out.write(f"{msgspec.json.encode(done).decode()}\n" if args.json else as_text(done))
    return 0


def scheduled(sources: Path) -> list[Resource]:
    """The resources that have a schedule.

    Args:
        sources: A file or a folder of descriptions.

    Raises:
        ConfigurationError: A description is wrong.
    """
    resources = Source.load(sources, allow_functions=True).scheduled
    problems = [
        f"{resource.name}: schedule.parameters.{name} is the deployment's to say: it stands in an address"
        for resource in resources
        if resource.described.schedule is not None
        for name in sorted(resource.described.schedule.parameters.keys() & resource.address_parameters())
    ]
    if problems:
        raise ConfigurationError("; ".join(problems), problems=problems)
    return resources


def clients(*, region: str | None = None, profile: str | None = None) -> tuple[Any, Any]:
    """boto3's clients of CloudFormation and of the scheduler, by the credentials of the shell.

    Raises:
        ConfigurationError: There is no region or no such profile.
    """
    import boto3  # noqa: PLC0415 - half a second, for this command alone
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - as above

    try:
        session = boto3.Session(region_name=region, profile_name=profile)
        return session.client("cloudformation"), session.client("scheduler")
    except BotoCoreError as error:
        raise ConfigurationError(f"AWS cannot be reached: {error}") from error


def reconcile(
    cloudformation: Any,  # noqa: ANN401 - boto3's clients are made at run time
    scheduler: Any,  # noqa: ANN401 - as above
    *,
    stack: str,
    wanted: Sequence[Resource],
    dry_run: bool = False,
) -> Reconciled:
    """Make the schedules of a stack's group those that are described.

    Args:
        cloudformation: boto3's client, which knows the stack.
        scheduler: boto3's client, which has its group.
        stack: The stack's name.
        wanted: The resources that have a schedule.
        dry_run: Only say what would be done.

    Raises:
        ConfigurationError: There is no such stack, or it has no schedule group.
        StorageError: AWS refuses.
    """
    to = deployment(cloudformation, stack)
    with _told(stack):
        there = {each["Name"]: each for each in _in_group(scheduler, to.group)}
        said = {name_of(resource.name): said_of(resource, to) for resource in wanted}
        strangers = [name for name in said if name in there and there[name].get("Description") != OURS]
        if strangers:
            raise ConfigurationError(
                f"the group {to.group} has schedules that no description made: delete {', '.join(strangers)}"
            )
        known = {resource.name for resource in wanted}
        changes = [_change(name, each, there.get(name)) for name, each in said.items()]
        changes += [
            ScheduleChange(name, "removed", _when(found), _when(found))
            for name, found in there.items()
            if (found.get("Description") == OURS and name not in said) or _waits_in_vain(found, known)
        ]
        if not dry_run:
            for change in changes:
                _apply(scheduler, to.group, change, said.get(change.name, {}))
    return Reconciled(stack, to.group, dry_run, tuple(changes))


def deployment(cloudformation: Any, stack: str) -> Deployment:  # noqa: ANN401 - as above
    """Where a stack's schedules go, as its outputs say.

    Raises:
        ConfigurationError: There is no such stack, or it has no schedule group.
    """
    with _told(stack):
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    missing = [name for name in OUTPUTS.values() if name not in outputs]
    if missing:
        raise ConfigurationError(
            f"the stack {stack} has no output {', '.join(missing)}: its template must have a schedule group"
        )
    return Deployment(**{field: outputs[name] for field, name in OUTPUTS.items()})


def said_of(resource: Resource, to: Deployment) -> dict[str, Any]:
    """A resource's schedule as the scheduler takes it, but for its name and its group.

    Args:
        resource: It has a schedule.
        to: Where it goes.

    Raises:
        ConfigurationError: It has none.
    """
    schedule = resource.described.schedule
    if schedule is None:
        raise ConfigurationError(f"{resource.name} has no schedule")
    return {
        "Description": OURS,
        "ScheduleExpression": schedule.expression(),
        "ScheduleExpressionTimezone": schedule.zone,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": to.target,
            "RoleArn": to.role,
            "Input": json.dumps({"schedule": resource.name, "at": SCHEDULED_TIME}),
            "DeadLetterConfig": {"Arn": to.queue},
            "RetryPolicy": RETRIES,
        },
    }


def as_text(done: Reconciled) -> str:
    """What was done, a line a schedule."""
    longest = max((len(each.name) for each in done.schedules), default=0)
    lines = [f"{each.action:<9} {each.name:<{longest}}  {_words(each)}" for each in done.schedules]
    counted = ", ".join(
        f"{number} {action}"
        for action in ("created", "changed", "removed", "unchanged")
        if (number := sum(each.action == action for each in done.schedules))
    )
    said = f"{done.group}: {counted or 'no schedules are described, and there were none'}"
    return "\n".join([*lines, f"{said}; nothing was done (--dry-run)" if done.dry_run else said, ""])


def _words(change: ScheduleChange) -> str:
    paused = ", paused" if change.is_paused else ""
    if change.action != "changed":
        return f"{change.expression}{paused}"
    if change.before != change.expression:
        return f"{change.before} -> {change.expression}{paused}"
    return f"{change.expression}{paused}: {', '.join(change.differs)}"


def _change(name: str, said: Mapping[str, Any], found: Mapping[str, Any] | None) -> ScheduleChange:
    if found is None:
        return ScheduleChange(name, "created", _when(said))
    differs = tuple(_differences(said, found))
    is_paused = found.get("State") == "DISABLED"
    action: Action = "changed" if differs else "unchanged"
    return ScheduleChange(name, action, _when(said), _when(found), is_paused, differs)


def _differences(said: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """The names of what is said otherwise; what the scheduler adds of its own is not looked at."""
    for name, value in said.items():
        if isinstance(value, dict):
            yield from _differences(value, found.get(name) or {})
        elif found.get(name) != value:
            yield name


def _apply(
    scheduler: Any,  # noqa: ANN401 - as above
    group: str,
    change: ScheduleChange,
    said: Mapping[str, Any],
) -> None:
    which = {"Name": change.name, "GroupName": group}
    if change.action == "created":
        scheduler.create_schedule(**which, **said)
    elif change.action == "changed":
        scheduler.update_schedule(**which, **said, State="DISABLED" if change.is_paused else "ENABLED")
    elif change.action == "removed":
        scheduler.delete_schedule(**which)


def _in_group(scheduler: Any, group: str) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - as above
    """Every schedule of a group, whole: a listing leaves out what they are and when."""
    for page in scheduler.get_paginator("list_schedules").paginate(GroupName=group):
        for each in page["Schedules"]:
            try:
                yield scheduler.get_schedule(GroupName=group, Name=each["Name"])
            except scheduler.exceptions.ResourceNotFoundException:
                continue  # one that came once, and was listed before it went


def _waits_in_vain(found: Mapping[str, Any], known: set[str]) -> bool:
    """Whether a tick waits whose schedule is gone."""
    if found.get("Description") != WAITS:
        return False
    tick = json.loads(found["Target"]["Input"])
    return tick.get("schedule") not in known


def _when(schedule: Mapping[str, Any]) -> str:
    expression, zone = schedule["ScheduleExpression"], schedule.get("ScheduleExpressionTimezone", "UTC")
    return str(expression) if zone == "UTC" else f"{expression} {zone}"


@contextmanager
def _told(stack: str) -> Iterator[None]:
    """Foreign errors as ours."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

    try:
        yield
    except ClientError as error:
        told = error.response.get("Error", {})
        text = f"{told.get('Code', 'an error')}: {told.get('Message', '')}"
        if "does not exist" in text and error.operation_name == "DescribeStacks":
            raise ConfigurationError(f"there is no stack {stack} here: check the region") from error
        raise StorageError(f"the schedules of {stack} cannot be brought up to date: {text}") from error
    except BotoCoreError as error:
        raise StorageError(f"the schedules of {stack} cannot be brought up to date: {error}") from error
