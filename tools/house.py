"""``python -m tools.house``: what a newcomer meets who follows a page, and a run, through the library.

Both are carried out on a loopback server, and every function of the library that is called for them is
counted, with the files that these are in and the deepest chain of calls; imports, and objects that are made
beforehand, are not. Beside it stands how large the library is, next to packages that are held to be good to
read. These are aims to look at, and no gate: what is inlined to please a count is no gain.
"""

from __future__ import annotations

import ast
import logging
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from de_classes.api.auth_client import AuthClient
from de_classes.api.runtime import ClientLimits
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.plan import RunPlan
from de_classes.runs.run_service import RunService
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.storage.clients import LocalClient

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "layers" / "de_classes" / "de_classes"
PEERS = ROOT / ".venvs" / "house"
LIMIT = 10


class Walk(NamedTuple):
    """What was called.

    Attributes:
        functions: How many functions of the library.
        files: In how many files.
        depth: The most of them that were on the stack at once.
    """

    functions: int
    files: int
    depth: int


class Size(NamedTuple):
    """How large a package is.

    Attributes:
        files: With code.
        lines: Of them, without those that are blank.
        functions: Methods and nested ones included.
        called_once: Functions whose name begins with an underscore and is used in one place.
    """

    files: int
    lines: int
    functions: int
    called_once: int


class Follower:
    """Notes what is called below a folder, in this thread and in those that it starts."""

    def __init__(self, folder: Path) -> None:
        self._folder = f"{folder}/"
        self._depths: Counter[int] = Counter()
        self.seen: set[tuple[str, str]] = set()
        self.depth = 0

    def note(self, frame: FrameType, event: str, _: Any) -> None:  # noqa: ANN401 - what the interpreter passes
        """A profile function of the interpreter's."""
        code, thread = frame.f_code, threading.get_ident()
        if not code.co_filename.startswith(self._folder) or code.co_name.startswith("<"):
            return
        if event == "call":
            self.seen.add((code.co_filename, code.co_qualname))
            self._depths[thread] += 1
            self.depth = max(self.depth, self._depths[thread])
        elif event == "return":
            self._depths[thread] -= 1


def followed(action: Callable[[], object], folder: Path = LIBRARY) -> Walk:
    """Carry something out, and say what was called for it.

    Args:
        action: What to do; it must have been done once before, or imports are counted.
        folder: Whose functions count.
    """
    follower = Follower(folder)
    threading.setprofile(follower.note)
    sys.setprofile(follower.note)
    try:
        action()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return Walk(len(follower.seen), len({file for file, _ in follower.seen}), follower.depth)


def size_of(folder: Path) -> Size:
    """Count what is in a package."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))]
    trees = [ast.parse(text) for text in texts]
    defined = [
        node.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    used = Counter(
        node.attr if isinstance(node, ast.Attribute) else node.id
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name)
    )
    return Size(
        files=sum(bool(tree.body) for tree in trees),
        lines=sum(bool(line.strip()) for text in texts for line in text.splitlines()),
        functions=len(defined),
        called_once=sum(used[name] == 1 for name in defined if name[:1] == "_" != name[1:2]),
    )


def page() -> Walk:
    """One page, from the client's method to its records."""
    with SimulatorServer(_calm()) as api:
        client = _client(api)
        client.fetch_page(1, limit=LIMIT)
        return followed(lambda: client.fetch_page(2, limit=LIMIT))


def keyed_run() -> Walk:
    """A run of four pages into a dataset whose records have a key."""
    with SimulatorServer(_calm()) as api, tempfile.TemporaryDirectory() as folder:
        store = LocalClient(Path(folder), logging.getLogger("house"))
        store.create_bucket("lake")
        client = _client(api)

        def run(name: str) -> None:
            plan = RunPlan(
                run_id=name, source=client.url, dataset=name, format="jsonl", limit=LIMIT, key_fields=("id",)
            )
            RunService(client, DatasetDestination(store, "lake")).carry_out(plan)

        run("first")
        return followed(lambda: run("second"))


def report() -> str:
    """All of it, as two tables."""
    walks = {"one page": page(), "a keyed run of four pages": keyed_run()}
    (packages,) = PEERS.glob("lib/python*/site-packages")
    peers = {name: size_of(packages / name) for name in ("stamina", "httpx", "dlt")}
    return "\n".join(
        [
            _table(("what is followed", *Walk._fields), walks),
            _table(("package", *Size._fields), {"de_classes": size_of(LIBRARY), **peers}),
        ]
    )


def _table(head: tuple[str, ...], rows: dict[str, Any]) -> str:
    width = max(map(len, (*rows, head[0])))
    lines = [f"{name:{width}}  {'  '.join(f'{value:>11,}' for value in row)}" for name, row in rows.items()]
    return "\n".join([f"{head[0]:{width}}  {'  '.join(f'{each:>11}' for each in head[1:])}", *lines, ""])


def _calm() -> SimulatorSettings:
    return SimulatorSettings(total_records=40, rate_500=0, rate_503=0, rate_429=0, jitter_seconds=0)


def _client(api: SimulatorServer) -> UnstableAPIClient:
    return UnstableAPIClient(
        api.base_url,
        AuthClient(api.login_url, api.username, api.password),
        limits=ClientLimits(concurrency=1),
    )


if __name__ == "__main__":
    sys.stdout.write(report())
