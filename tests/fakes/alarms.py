"""What CloudWatch does with the worker's lines: datapoints out of EMF, and alarms that look at them."""

from __future__ import annotations

import json
import math
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
_COMPARES: Final = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_STATISTICS: Final = {
    "Sum": math.fsum,
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
    "Average": lambda values: math.fsum(values) / len(values),
}


@dataclass(frozen=True)
class Datapoint:
    """One value of one metric.

    Args:
        namespace: The metric's.
        name: The metric's.
        dimensions: Of this value, all of them: a metric without one of them is another metric.
        unit: Of this value; an alarm that names another sees it not.
        value: The number.
        seconds: When, since the epoch.
    """

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]
    unit: str
    value: float
    seconds: float


def datapoints(printed: str) -> list[Datapoint]:
    """What CloudWatch makes of a function's log by the embedded metric format; other lines are none."""
    found = []
    for line in printed.splitlines():
        document = json.loads(line) if line.startswith("{") else {}
        about = document.get("_aws", {})
        for directive in about.get("CloudWatchMetrics", []):
            for names in directive["Dimensions"]:
                dimensions = frozenset((name, document[name]) for name in names)
                for metric in directive["Metrics"]:
                    given = document[metric["Name"]]
                    found += [
                        Datapoint(
                            directive["Namespace"],
                            metric["Name"],
                            dimensions,
                            metric.get("Unit", "None"),
                            value,
                            about["Timestamp"] / 1000,
                        )
                        for value in (given if isinstance(given, list) else [given])
                    ]
    return found


def state(alarm: Mapping[str, Any], points: Iterable[Datapoint], *, now: float) -> str:
    """The state of an alarm by its properties, as CloudWatch documents it.

    Args:
        alarm: The properties of an ``AWS::CloudWatch::Alarm`` of one metric.
        points: All that was ever reported.
        now: The end of the latest period, in seconds since the epoch.
    """
    mine = [point for point in points if _is_of(alarm, point)]
    period, looked_at = int(alarm["Period"]), int(alarm["EvaluationPeriods"])
    verdicts = [_verdict(alarm, mine, now - period * number, period) for number in range(looked_at)]
    treated = alarm.get("TreatMissingData", "missing")
    if all(each is None for each in verdicts) and treated in {"missing", "ignore"}:
        return INSUFFICIENT_DATA
    breaching = sum(treated == "breaching" if each is None else each for each in verdicts)
    return ALARM if breaching >= int(alarm.get("DatapointsToAlarm", looked_at)) else OK


def _is_of(alarm: Mapping[str, Any], point: Datapoint) -> bool:
    dimensions = frozenset((each["Name"], each["Value"]) for each in alarm.get("Dimensions", []))
    return (point.namespace, point.name, point.dimensions) == (
        alarm["Namespace"],
        alarm["MetricName"],
        dimensions,
    ) and alarm.get("Unit", point.unit) == point.unit


def _verdict(alarm: Mapping[str, Any], points: Sequence[Datapoint], end: float, period: int) -> bool | None:
    """Whether a period breaches; None if it has no data."""
    values = [point.value for point in points if end - period < point.seconds <= end]
    if not values:
        return None
    statistic = _STATISTICS[alarm["Statistic"]](values)
    return bool(_COMPARES[alarm["ComparisonOperator"]](statistic, float(alarm["Threshold"])))
