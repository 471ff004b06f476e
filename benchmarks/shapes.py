"""``python -m benchmarks.shapes``: what data as people have it costs, as a multiple of plain records.

A run into a dataset, in a process of its own, of as many records as ``RECORDS`` says: plain ones; with keys,
told apart by them, which are integers in order, or texts; held to a pinned schema; with two nested columns;
with a column that comes in the middle; with one of mixed values. Processor time from the first request to the
commit, without imports and without a network. The shapes take turns in rounds; a ratio is that of one round,
and the median is shown with the least and the most. A shape that is above its bound after three rounds may
have met a moment that others used: it is measured anew, more often, and that decides.

The exit status is 1 if a median is above its bound.
"""

from __future__ import annotations

import json
import logging
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from de_classes.api.messages import HttpRequest, HttpResponse

PLAIN: Final = "plain"
SHAPES: Final = ("keyed", "keyed-text", "pinned", "nested", "late", "mixed")
RECORDS: Final = 60_000
ROUNDS: Final = 3
DECIDING_ROUNDS: Final = 15
PAGE_RECORDS: Final = 1_000

BOUNDS: Final = {
    "parquet": {"keyed": 1.4, "keyed-text": 1.6, "pinned": 1.25, "nested": 2.8, "late": 1.7, "mixed": 1.7},
    "jsonl": {"keyed": 1.4, "keyed-text": 1.9, "pinned": 1.25, "nested": 3.2, "late": 1.4, "mixed": 1.6},
    "csv": {"keyed": 1.5, "keyed-text": 1.7, "pinned": 1.25, "nested": 3.7, "late": 1.6, "mixed": 1.5},
}
"""About what was measured, times 1.3. A nested record has half as many bytes again, and twice the values."""

_KEYS: Final = {"keyed": ("id",), "keyed-text": ("email",)}
_PINNED: Final = {
    "id": "int64!",
    "name": "string",
    "email": "string",
    "amount": "float64",
    "active": "bool",
    "city": "string",
    "score": "float64",
    "created": "string",
    "note": "string",
    "count": "int64",
}


def record(number: int, shape: str, of: int) -> dict[str, Any]:
    """Ten fields, and what the shape has besides."""
    made: dict[str, Any] = {
        "id": number,
        "name": f"name {number}",
        "email": f"user{number}@example.org",
        "amount": number * 1.25,
        "active": number % 3 == 0,
        "city": "Berlin",
        "score": number / 7,
        "created": "2026-01-02T03:04:05Z",
        "note": None if number % 5 else "x" * 20,
        "count": number % 100,
    }
    if shape == "nested":
        made["where"] = {"lat": number / 3, "lon": number / 7, "place": {"city": "B", "zip": str(number)}}
        made["tags"] = [{"k": "a", "v": number}, {"k": "b", "v": number + 1}]
    if shape == "late" and number >= of // 2:
        made["late"] = "x"
    if shape == "mixed":
        made["mixed"] = number if number % 2 else f"text {number}"
    return made


class Pages:
    """A source that answers out of memory; a transport.

    Args:
        shape: Of its records.
        records: How many.
    """

    def __init__(self, shape: str, records: int) -> None:
        pages = -(-records // PAGE_RECORDS)
        self._bodies = [
            json.dumps(
                {
                    "page": page + 1,
                    "total_pages": pages,
                    "total_records": records,
                    "data": [
                        record(number, shape, records)
                        for number in range(page * PAGE_RECORDS, min(records, (page + 1) * PAGE_RECORDS))
                    ],
                }
            ).encode()
            for page in range(pages)
        ]

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        """The page that is asked for."""
        from de_classes.api.messages import HttpResponse  # noqa: PLC0415 - the driver needs none of it

        del timeout
        return HttpResponse(200, {}, self._bodies[int(str(request.params.get("page", 1))) - 1])


def measure(format_name: str, shape: str, records: int) -> float:
    """Seconds of processor time that one run takes, in this process."""
    from de_classes.api.runtime import ClientRuntime  # noqa: PLC0415 - as above
    from de_classes.api.unstable_api_client import UnstableAPIClient  # noqa: PLC0415 - as above
    from de_classes.runs.context import Runtime  # noqa: PLC0415 - as above
    from de_classes.runs.dataset import DatasetDestination  # noqa: PLC0415 - as above
    from de_classes.runs.plan import RunPlan  # noqa: PLC0415 - as above
    from de_classes.runs.run_service import RunService  # noqa: PLC0415 - as above
    from de_classes.storage.clients import LocalClient  # noqa: PLC0415 - as above
    from de_classes.storage.format.codec import get_codec  # noqa: PLC0415 - as above
    from de_classes.storage.format.pinned import PinnedSchema  # noqa: PLC0415 - as above

    get_codec(format_name)
    silent = logging.Logger("shapes", level=logging.CRITICAL)  # noqa: LOG001 - nobody else's
    source = ClientRuntime(transport=Pages(shape, records), logger=silent)
    client = UnstableAPIClient("https://api.example", runtime=source)
    plan = RunPlan(
        run_id="shapes",
        source=client.url,
        dataset=shape,
        format=format_name,
        limit=PAGE_RECORDS,
        key_fields=_KEYS.get(shape, ()),
        pinned=PinnedSchema.parse(_PINNED) if shape == "pinned" else None,
    )
    with tempfile.TemporaryDirectory() as folder:
        store = LocalClient(Path(folder), silent)
        store.create_bucket("lake")
        service = RunService(client, DatasetDestination(store, "lake"), runtime=Runtime(logger=silent))
        began = time.process_time()
        receipt = service.carry_out(plan)
        took = time.process_time() - began
    if receipt.records != records or receipt.duplicates:
        raise RuntimeError(f"{receipt.records} of {records} records came")
    return took


def in_a_process(format_name: str, shape: str, records: int) -> float:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.shapes", format_name, shape, str(records)]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        raise RuntimeError(f"{format_name}, {shape}: {done.stderr}")
    return float(done.stdout)


def compare(
    measure: Callable[[str], float], bounds: Mapping[str, float], rounds: int = ROUNDS
) -> dict[str, list[float]]:
    """By shape, a ratio to plain records for each round.

    Args:
        measure: Seconds that a run of a shape takes.
        bounds: By shape, the largest median that is let pass.
        rounds: Of all shapes; those above their bound then are measured ``DECIDING_ROUNDS`` times anew.
    """
    ratios: dict[str, list[float]] = {shape: [] for shape in bounds}
    for _ in range(rounds):
        plain = measure(PLAIN)
        for shape, taken in ratios.items():
            taken.append(measure(shape) / plain)
    for shape in above(ratios, bounds):
        ratios[shape] = [measure(shape) / measure(PLAIN) for _ in range(DECIDING_ROUNDS)]
    return ratios


def above(ratios: Mapping[str, Sequence[float]], bounds: Mapping[str, float]) -> list[str]:
    """The shapes whose median is above their bound."""
    return [shape for shape, taken in ratios.items() if statistics.median(taken) > bounds[shape]]


def main(arguments: Sequence[str]) -> int:
    """Compare, print and judge; or, told a format, a shape and a number, measure that one run."""
    if len(arguments) == len(("format", "shape", "records")):
        format_name, shape, count = arguments
        sys.stdout.write(f"{measure(format_name, shape, int(count))}\n")
        return 0
    records = int(arguments[0]) if arguments else RECORDS
    failed = False
    for format_name, stated in BOUNDS.items():
        bounds = stated if records == RECORDS else dict.fromkeys(stated, math.inf)
        ratios = compare(partial(in_a_process, format_name, records=records), bounds)
        broken = above(ratios, bounds)
        failed = failed or bool(broken)
        for shape, taken in ratios.items():
            told = f"{statistics.median(taken):.2f} ({min(taken):.2f}-{max(taken):.2f}) of plain"
            more = f", ABOVE {bounds[shape]}" if shape in broken else ""
            sys.stdout.write(f"{format_name:8} {shape:7} {told}{more}\n")
            sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
