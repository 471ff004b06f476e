"""How an adapter is told what to do, and how it says what came of it. Standard library only.

In on stdin, a ``Task`` as JSON. Out on stdout, a line once the client is imported, when the clock starts.
Out in the task's folder: ``rows.jsonl``, the records as the client handed them on, and ``result.json``, a
``Result``.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ROWS = "rows.jsonl"
RESULT = "result.json"
READY = "ready"
SAID_CHARS = 300
# For whoever tunes a client: what is worth waiting for, and how often to ask again.
PATIENCE_SECONDS = 10
TIMEOUT_SECONDS = 10
ATTEMPTS = 10
RETRIED_STATUSES = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Task:
    """One run of one client.

    Attributes:
        base_url: Where the API is: POST /login, GET /data?page=1&limit=...
        username: Who logs in.
        password: Likewise.
        limit: Records a page.
        tuned: Whether the client's documented best settings are used, or its defaults.
        folder: An empty folder of the run's own.
        states_pages: Whether a page says by ``total_pages`` how many there are.
    """

    base_url: str
    username: str
    password: str
    limit: int
    tuned: bool
    folder: str
    states_pages: bool = True

    @property
    def login_url(self) -> str:
        """Where a username and a password buy a token."""
        return f"{self.base_url}/login"

    @property
    def credentials(self) -> dict[str, str]:
        """What the login wants, as JSON."""
        return {"username": self.username, "password": self.password}


@dataclass(frozen=True)
class Result:
    """How a client ended.

    Attributes:
        complete: Whether it says that all went well.
        said: What it said if it did not; the first characters.
        seconds: From the start of the run to its end.
    """

    complete: bool
    said: str
    seconds: float


def carry_out(client: Callable[[Task], Iterable[dict[str, Any]]]) -> None:
    """Run the client on the task on stdin; whatever it raises is its way of saying that it failed."""
    task = Task(**json.load(sys.stdin))
    print(READY, flush=True)  # noqa: T201 - the protocol
    _mute()
    started = time.monotonic()
    said = ""
    try:
        _write(Path(task.folder, ROWS), client(task))
    except BaseException as error:  # noqa: BLE001 - a client may end by SystemExit, too
        said = "" if isinstance(error, SystemExit) and not error.code else _words(error)
    result = Result(complete=not said, said=said, seconds=round(time.monotonic() - started, 3))
    Path(task.folder, RESULT).write_text(json.dumps(asdict(result)), encoding="utf-8")


def merged(records: Iterable[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """What a destination holds that merges by key, as each of these tools offers: the last of each."""
    return list({record.get(key): record for record in records}.values())


@contextlib.contextmanager
def printed_to(path: Path) -> Iterator[None]:
    """Everything printed goes to a file, whoever prints it: stdout is how these tools hand records on."""
    kept = os.dup(1)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)


def printed_messages(path: Path, kind: str) -> list[dict[str, Any]]:
    """The messages of one ``type`` among the lines that were printed."""
    lines = path.read_text(encoding="utf-8", errors="surrogatepass").split("\n")
    messages = [json.loads(line) for line in lines if line.startswith("{")]
    return [each for each in messages if each.get("type") == kind]


def _mute() -> None:
    """Nobody reads what a client prints from here on, and a full pipe would hold it up."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)


def _write(path: Path, records: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="ascii") as file:
        file.writelines(f"{json.dumps(record, default=str)}\n" for record in records)


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:SAID_CHARS]
