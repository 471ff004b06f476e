"""What a run did, step by step, as frozen facts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from de_classes.redaction import escaped_json


class Status(StrEnum):
    """How a step, or a run, ended; in reports.

    Example:
        >>> EtlPipeline(RecordsExtractor(orders), load=ObjectLoader(store, "lake", "a.csv")).run().status
        <Status.SUCCEEDED: 'succeeded'>
    """

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    """It was under way when another step failed, or asked for no more."""
    SKIPPED = "skipped"
    """It was not begun."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step of a run did; a ``RunReport`` has one of each.

    Example:
        >>> load = ObjectLoader(store, "lake", "ids.csv")
        >>> run = EtlPipeline(RecordsExtractor(orders), Select("id"), load=load).run()
        >>> [(step.kind, step.name, step.rows_out) for step in run.steps]
        [('extract', 'RecordsExtractor', 2), ('transform', 'Select', 2), ('load', 'ObjectLoader', 2)]

    Attributes:
        name: The step's name; a number is added to tell two of one name apart.
        kind: ``extract``, ``transform`` or ``load``.
        status: How it ended.
        rows_in: Records it took.
        rows_out: Records it gave; of a load, those committed.
        seconds: Time it took itself, without the steps it waited for.
        error_type: The class of what it raised, or None.
        uri: Where a load put its records, or None.
    """

    name: str
    kind: str
    status: Status = Status.SKIPPED
    rows_in: int = 0
    rows_out: int = 0
    seconds: float = 0.0
    error_type: str | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class RunReport:
    """What one run of a pipeline did, which ``Pipeline.run`` returns, and ``last_report`` after a failure.

    Example:
        >>> run = EtlPipeline(RecordsExtractor(orders), load=ObjectLoader(store, "lake", "a.csv")).run()
        >>> run.rows_out, run.failed_step, run.uris == (store.uri("lake", "a.csv"),)
        (2, None, True)

    Attributes:
        pipeline: Its name.
        status: ``succeeded`` or ``failed``.
        started_at: Seconds since the Unix epoch, UTC.
        seconds: How long it took.
        steps: In the order in which records pass them.
    """

    pipeline: str
    status: Status
    started_at: float
    seconds: float
    steps: tuple[StepReport, ...]

    @property
    def rows_in(self) -> int:
        """How many records were extracted."""
        return self.steps[0].rows_out if self.steps else 0

    @property
    def rows_out(self) -> int:
        """How many records the last step gave, or committed."""
        return self.steps[-1].rows_out if self.steps else 0

    @property
    def failed_step(self) -> StepReport | None:
        """The step that failed, or None."""
        return next((step for step in self.steps if step.status is Status.FAILED), None)

    @property
    def uris(self) -> tuple[str, ...]:
        """Where this run's records are now."""
        return tuple(step.uri for step in self.steps if step.uri is not None)

    def step(self, name: str) -> StepReport:
        """The step of that name.

        Raises:
            KeyError: There is none.
        """
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        plain = asdict(self)
        plain["status"] = self.status.value
        plain["steps"] = [{**asdict(step), "status": step.status.value} for step in self.steps]
        return plain

    def to_json(self) -> str:
        """One line of JSON."""
        return escaped_json(json.dumps(self.as_dict(), ensure_ascii=False))
