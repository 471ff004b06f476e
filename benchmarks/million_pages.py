"""``python -m benchmarks.million_pages``: what plan, ranges and commit of a run of many pages take, by step.

A source that answers out of nothing, a page of one record at a time; each step is a process of its own, as
each is an invocation of its own on AWS, and every range is carried out. Processor time, and peak memory, of
each: what a page costs beside its records, which is what the commit of a run with many pages is made of.
``--docs docs`` writes ``limits.json``, which ``python -m tools.limits_document`` reckons by.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from de_classes.api.messages import HttpResponse
from de_classes.api.runtime import ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.runs.context import Runtime
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.plan import RunPlan
from de_classes.runs.ranges import PageRangeOfRun, RangeSizes
from de_classes.runs.run_service import RunService
from de_classes.storage.clients import LocalClient
from de_classes.utils.command_line import CommandParser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.api.messages import HttpRequest
    from tools.limits_document import Measured

PAGES: Final = 1_000_000
RANGES: Final = 100
_BUCKET, _RUN = "lake", "million"


class Pages:
    """A source of so many pages of one record; a transport."""

    def __init__(self, pages: int) -> None:
        self._pages = pages

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        """The page that is asked for."""
        del timeout
        page, pages = int(str(request.params.get("page", 1))), self._pages
        record = {"id": page, "name": f"name {page}"}
        body = {"page": page, "total_pages": pages, "total_records": pages, "data": [record]}
        return HttpResponse(200, {}, json.dumps(body).encode())


def carry_out(step: str, folder: Path, pages: int, ranges: int) -> dict[str, Any]:
    """One step, in this process.

    Args:
        step: ``start``, ``plan``, ``commit``, or a line of the run's ``ranges.jsonl``.
        folder: The store.
        pages: Of the source.
        ranges: To cut it into.
    """
    silent = logging.Logger("million", level=logging.CRITICAL)  # noqa: LOG001 - nobody else's
    store = LocalClient(folder, silent)
    store.create_bucket(_BUCKET)
    client = UnstableAPIClient(
        "https://api.example", runtime=ClientRuntime(transport=Pages(pages), logger=silent)
    )
    plan = RunPlan(run_id=_RUN, source=client.url, dataset="records", format="jsonl", limit=1)
    runs = RunService(client, DatasetDestination(store, _BUCKET), runtime=Runtime(logger=silent))
    began = time.process_time()
    said: dict[str, Any] = {}
    match step:
        case "start":
            pass
        case "plan":
            runs.cut(plan, RangeSizes(at_once=ranges, pages=-(-pages // ranges)))
        case "commit":
            receipt = runs.carry_out(plan, passes_in_ranges=True)
            if (receipt.status, receipt.records) != ("complete", pages):
                raise RuntimeError(f"{receipt.records} of {pages} records came: {receipt.status}")
            said = {"parts": len(receipt.parts)}
        case _:
            outcome = runs.carry_out_range(plan, msgspec.json.decode(step, type=PageRangeOfRun))
            if outcome.status != "done":
                raise RuntimeError(f"a range is {outcome.status}: {outcome.reason}")
    said["seconds"] = time.process_time() - began
    said["megabytes"] = peak_megabytes()
    return said


def peak_megabytes() -> float:
    """The most memory that this process has had since it was started: getrusage has its parent's in it."""
    (line,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    return int(line) * 1024 / 1e6


def in_a_process(step: str, folder: Path, pages: int, ranges: int) -> dict[str, Any]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.million_pages", "--step", step, "--folder", str(folder)]
    command += ["--pages", str(pages), "--ranges", str(ranges)]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        raise RuntimeError(f"{step}: {done.stderr}")
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def measured(pages: int, ranges: int, date: str) -> Measured:
    """Every step of a run.

    Args:
        pages: Of the source.
        ranges: To cut it into.
        date: To be written beside the figures.
    """
    from benchmarks.__main__ import machine  # noqa: PLC0415 - a step has no use for it
    from tools.limits_document import Measured  # noqa: PLC0415 - as above

    with tempfile.TemporaryDirectory(prefix="million-") as name:
        folder = Path(name)
        start = in_a_process("start", folder, pages, ranges)
        plan = in_a_process("plan", folder, pages, ranges)
        journal = folder / _BUCKET / "_runs" / _RUN
        lines = (journal / "ranges.jsonl").read_text(encoding="utf-8").splitlines()
        each = [in_a_process(line, folder, pages, ranges) for line in lines]
        journal_bytes = sum(path.stat().st_size for path in journal.rglob("part-*.json"))
        commit = in_a_process("commit", folder, pages, ranges)
        (receipt,) = (folder / _BUCKET / "records").glob("_receipt-*.json")
        (manifest,) = (folder / _BUCKET / "records").glob("_manifest-*.json")
        return Measured(
            date=date,
            machine=machine(),
            pages=pages,
            ranges=len(lines),
            parts=commit["parts"],
            journal_bytes=journal_bytes,
            receipt_bytes=receipt.stat().st_size,
            manifest_bytes=manifest.stat().st_size,
            seconds={
                "plan": round(plan["seconds"], 2),
                "ranges": round(sum(one["seconds"] for one in each), 1),
                "commit": round(commit["seconds"], 1),
            },
            megabytes={
                "plan": round(plan["megabytes"]),
                "ranges": round(max(one["megabytes"] for one in each)),
                "commit": round(commit["megabytes"]),
            },
            start_megabytes=round(start["megabytes"]),
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; or carry out one step.

    Args:
        arguments: The command's; those of the process if not given.
    """
    parser = CommandParser(prog="python -m benchmarks.million_pages", description=__doc__)
    parser.add_argument("--pages", type=int, default=PAGES, help=f"({PAGES:,})")
    parser.add_argument("--ranges", type=int, default=RANGES, help=f"({RANGES})")
    parser.add_argument("--date", default="", help="to be written beside the figures")
    parser.add_argument("--docs", action="store_true", help="write docs/limits.json")
    parser.add_argument("--step", default="", help="one step alone, for a process of its own")
    parser.add_argument("--folder", type=Path, default=Path(), help="its store")
    args = parser.parse_args(arguments)
    if args.step:
        sys.stdout.write(json.dumps(carry_out(args.step, args.folder, args.pages, args.ranges)))
        return 0
    figures = msgspec.json.format(msgspec.json.encode(measured(args.pages, args.ranges, args.date)), indent=1)
    if args.docs:
        from tools.limits_document import FIGURES  # noqa: PLC0415 - as above

        FIGURES.write_bytes(figures + b"\n")
    sys.stdout.write(figures.decode() + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
