"""``python -m benchmarks.starts``: how long each function takes to start, as a multiple of ``import boto3``.

Processor time to import a handler, in a fresh process, from the layers alone as the SAM CLI builds them.
Other work on the machine only ever adds to it, so the fastest of several processes says most; the starts
take turns, so that a slow moment meets all of them. The exit status is 1 if a start takes more than its
bound.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud.sam import SamCli
from localcloud.workspace import Workspace
from tools.template import template

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 10
MOST_ROUNDS = 30  # where a start is above its bound after ten: it may be the machine
BOTO3 = "import boto3"
_TIMED = """
import sys, time
sys.path[:0] = {path!r}
started = time.process_time()
{code}
print(time.process_time() - started)
"""
_WORKER = """import app
import de_classes.storage.clients.s3_client
from de_classes.storage.format.codec import get_codec
"""


@dataclass(frozen=True)
class Start:
    """What a process imports, and the most that it may take.

    Attributes:
        function: Whose code and layers it sees, by its name in the template.
        code: The imports.
        bound: The largest multiple of ``import boto3`` that is let pass: about what was measured, times 1.25.
    """

    function: str
    code: str
    bound: float


STARTS = {
    "auth simulator": Start("AuthSimulatorFunction", "import app", 0.70),
    "unstable simulator": Start("UnstableSimulatorFunction", "import app", 0.70),
    "worker to text": Start(
        "IngestionWorkerFunction",
        f"{_WORKER}get_codec('csv'), get_codec('json'), get_codec('jsonl')",
        1.90,
    ),
    "worker to Parquet": Start("IngestionWorkerFunction", f"{_WORKER}get_codec('parquet')", 2.30),
}
"""Name of a start to what it is."""


def main() -> int:
    """Build, measure and print; the exit status is 1 if a bound is broken."""
    with tempfile.TemporaryDirectory(prefix="starts-") as folder:
        workspace = Workspace(Workspace.default().root, Path(folder))
        SamCli(workspace).build()
        seconds = fastest(lambda name: cpu_seconds(workspace, name))
    sys.stdout.write(f"import boto3: {seconds[BOTO3] * 1000:.0f} ms of processor time\n")
    for name, start in STARTS.items():
        taken = f"{seconds[name] * 1000:.0f} ms, {ratio(seconds, name):.2f} times that"
        sys.stdout.write(f"{name}: {taken}, at most {start.bound:.2f}\n")
    failures = above(seconds)
    sys.stdout.write("".join(f"{name} is above its bound\n" for name in failures))
    return 1 if failures else 0


def fastest(measure: Callable[[str], float]) -> dict[str, float]:
    """Seconds of the fastest process of each start, and of `import boto3`.

    Args:
        measure: Runs one start once, by its name, for seconds of processor time.
    """
    seconds: dict[str, float] = {}
    for number in range(MOST_ROUNDS):
        if number >= ROUNDS and not above(seconds):
            break
        for name in (*STARTS, BOTO3):
            seconds[name] = min(measure(name), seconds.get(name, float("inf")))
    return seconds


def ratio(seconds: dict[str, float], name: str) -> float:
    """A start's time over that of `import boto3`."""
    return seconds[name] / seconds[BOTO3]


def above(seconds: dict[str, float]) -> list[str]:
    """The starts that take more than their bound."""
    return [name for name, start in STARTS.items() if ratio(seconds, name) > start.bound]


def script(workspace: Workspace, name: str) -> str:
    """A program that makes one start and prints its seconds."""
    start = STARTS.get(name, Start("IngestionWorkerFunction", BOTO3, 1.0))
    built = workspace.built / "build"
    stated = template()["Globals"]["Function"], template()["Resources"][start.function]["Properties"]
    layers = [layer for each in stated for layer in each.get("Layers", ())]
    folders = [built / start.function, *(built / each["Ref"] / "python" for each in layers)]
    return _TIMED.format(path=[str(each) for each in folders], code=start.code)


def cpu_seconds(workspace: Workspace, name: str) -> float:
    """One start's processor time, of a fresh process that sees the layers alone."""
    # -S and -E: nothing but the layers; -B: nothing is cached where Lambda could not.
    command = [str(workspace.emulator_python), "-S", "-E", "-B", "-c", script(workspace, name)]
    bare = {"PATH": os.defpath}
    done = subprocess.run(command, env=bare, capture_output=True, text=True, check=True)  # noqa: S603 - code from this file
    return float(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
