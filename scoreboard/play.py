"""One client through one case: a server of its own, a process of its own, and the server's word on both."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from de_classes.errors import ConfigurationError
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.token_faults import LEAKED
from scoreboard.adapters.protocol import READY, RESULT, ROWS, Result, Task
from scoreboard.cases import NONE, PAGE_RECORDS, wants_refusal
from scoreboard.contestants import TUNED
from scoreboard.figures import Run, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from scoreboard.cases import Case
    from scoreboard.contestants import Contestant

LIMIT_SECONDS = 60.0
_SAID_CHARS = 1000
_BROKEN = ("ImportError", "ModuleNotFoundError")  # says nothing of the client, but of its installation


def play(contestant: Contestant, variant: str, case: Case, *, limit: float = LIMIT_SECONDS) -> Run:
    """Run it, and hold what it brought against what there was.

    Args:
        contestant: The client.
        variant: The name of its settings.
        case: What goes wrong.
        limit: Seconds after which it is stopped.

    Raises:
        ConfigurationError: The client cannot be run, or fails without any fault.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        with SimulatorServer(case.settings) as server:
            result = _result(contestant, _task(server, case, variant, folder), limit)
        wrong = _compared(server, Path(folder, ROWS)) if result and result.complete else Wrong()
    ended = verdict(result, case, is_exact=not any(wrong))
    if case.name == NONE and ended is not Verdict.COMPLETE:
        raise ConfigurationError(f"{contestant.name}, {variant}, fails where nothing goes wrong: {result}")
    return Run(
        client=contestant.name,
        variant=variant,
        case=case.name,
        seed=case.seed,
        verdict=ended,
        leaks=server.log.by_fault.get(LEAKED, 0),
        logins=server.log.logins,
        requests=server.log.requests,
        seconds=round(result.seconds if result else limit, 1),
        said=result.said.partition(":")[0] if result else "",
        **wrong._asdict(),
    )


def verdict(result: Result | None, case: Case, *, is_exact: bool) -> Verdict:
    """How a run ended.

    Args:
        result: What the client said; None if it had to be stopped.
        case: What went wrong.
        is_exact: Whether the rows are the source's.
    """
    if result is None:
        return Verdict.UNFINISHED
    if result.complete:
        return Verdict.COMPLETE if is_exact else Verdict.FALSE_SUCCESS
    return Verdict.REFUSED if wants_refusal(case.name) else Verdict.GAVE_UP


class Wrong(NamedTuple):
    """In what rows differ from the source's; see ``Run``."""

    lost: int = 0
    doubled: int = 0
    foreign: int = 0


def compared(rows: Counter[object], lasting: set[object], known: set[object]) -> Wrong:
    """Hold rows against what the source held.

    Args:
        rows: What a client brought, by id.
        lasting: What the source held from the first request to the last.
        known: All that it held at any time.
    """
    return Wrong(
        lost=len(lasting - rows.keys()),
        doubled=sum(count - 1 for each, count in rows.items() if each in known),
        foreign=sum(count for each, count in rows.items() if each not in known),
    )


def _task(server: SimulatorServer, case: Case, variant: str, folder: str) -> Task:
    return Task(
        base_url=server.base_url,
        username=server.username,
        password=server.password,
        limit=PAGE_RECORDS,
        tuned=variant == TUNED,
        folder=folder,
        states_pages=case.states_pages,
    )


def _compared(server: SimulatorServer, path: Path) -> Wrong:
    with path.open(encoding="ascii") as lines:
        rows = Counter(json.loads(line).get("id") for line in lines)
    every = server.records.slice(0, server.records.count)
    return compared(rows, _ids(server.steady_truth()), _ids(every))


def _ids(records: list[bytes]) -> set[object]:
    return {json.loads(record)["id"] for record in records}


def _result(contestant: Contestant, task: Task, limit: float) -> Result | None:
    """What the adapter wrote down; None if it was not done in time."""
    errors, path = Path(task.folder, "stderr"), Path(task.folder, RESULT)
    with errors.open("wb") as stderr, _started(contestant, task, stderr) as process:
        if not _ends(process, limit):
            return None
    if not path.exists():
        said = errors.read_text(encoding="utf-8", errors="replace")[-_SAID_CHARS:]
        raise ConfigurationError(f"{contestant.name} cannot be run: {said}")
    result = Result(**json.loads(path.read_text(encoding="utf-8")))
    if result.said.startswith(_BROKEN):
        raise ConfigurationError(f"{contestant.name} cannot be run: {result.said}")
    return result


@contextlib.contextmanager
def _started(contestant: Contestant, task: Task, stderr: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """The adapter, in a home and a folder of its own; nothing that it started outlives it."""
    given = Path(task.folder, "task.json")
    given.write_text(json.dumps(asdict(task)), encoding="utf-8")
    with (
        given.open("rb") as stdin,
        subprocess.Popen(  # noqa: S603 - our own adapters
            [str(contestant.python), "-m", contestant.adapter],
            cwd=task.folder,
            env={"PATH": os.defpath, "HOME": task.folder, "PYTHONPATH": contestant.path, "LANG": "C.UTF-8"},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _ends(process: subprocess.Popen[bytes], limit: float) -> bool:
    """Whether it ends by itself within so many seconds after it was ready."""
    first_line = process.stdout.readline() if process.stdout else b""
    try:
        process.wait(limit if first_line.decode().strip() == READY else None)
    except subprocess.TimeoutExpired:
        return False
    return True
