"""A tick that waits, as a schedule of its own that comes once and is gone then."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from de_classes.errors import ConfigurationError
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from de_classes.configs.ingest import WorkerSettings

WAITS: Final = "A tick that waits, by de-classes"
"""What such a schedule has for its description."""


class OneTimeSchedules(Value):
    """Has a tick come again, by a one-time schedule in the deployment's group.

    Attributes:
        group: The group.
        role: The ARN of the role that invokes the target.
        queue: The ARN of the queue for ticks that cannot be delivered.
        target: The ARN of what is invoked.
        client: boto3's of the scheduler; one by the default credentials if it is not given.
    """

    group: str
    role: str
    queue: str
    target: str
    client: Any = None

    @classmethod
    def of(cls, settings: WorkerSettings, target: str) -> OneTimeSchedules:
        """As a deployment has it.

        Args:
            settings: The worker's.
            target: The ARN that this worker was invoked by.
        """
        return cls(settings.schedule_group, settings.schedule_role, settings.failed_ticks, target)

    def __call__(self, name: str, tick: dict[str, Any], *, due: float) -> None:
        """See ``PutOff``.

        Raises:
            ConfigurationError: The deployment has no group, or this role may not make a schedule in it.
        """
        if not (self.group and self.role and self.target):
            raise ConfigurationError(
                'overlap = "wait" needs a deployment with a schedule group: SCHEDULE_GROUP and SCHEDULE_ROLE'
            )
        import boto3  # noqa: PLC0415 - by those alone whose ticks wait
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

        client = self.client or boto3.client("scheduler")
        moment = datetime.fromtimestamp(due, UTC)
        target: dict[str, Any] = {"Arn": self.target, "RoleArn": self.role, "Input": json.dumps(tick)}
        if self.queue:
            target["DeadLetterConfig"] = {"Arn": self.queue}
        try:
            client.create_schedule(
                Name=waiting_name(name, tick["at"], due),
                GroupName=self.group,
                Description=WAITS,
                ScheduleExpression=f"at({moment:%Y-%m-%dT%H:%M:%S})",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target=target,
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code != "ConflictException":  # it was put off to the same moment already
                raise ConfigurationError(f"a tick of {name} cannot be put off: {code}") from error
        except BotoCoreError as error:
            raise ConfigurationError(f"a tick of {name} cannot be put off: {error}") from error


def waiting_name(name: str, at: str, due: float) -> str:
    """What the schedule of a tick that waits is called: the same tick, put off to the same moment, is one."""
    digest = hashlib.sha256(f"{name} {at} {due:.0f}".encode()).hexdigest()
    return f"waits-{digest[:20]}"
