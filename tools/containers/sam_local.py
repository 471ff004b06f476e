"""``sam build`` and ``sam local`` for containers, with nothing around them that leads to an account."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from localcloud.emulator import HOST
from localcloud.errors import LocalCloudError
from localcloud.workspace import isolated, without_proxies
from tools.containers import engine
from tools.containers.services import folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from localcloud.workspace import Workspace

SAM_PORT = 3000
BUILD_SECONDS = 600.0
INVOKE_SECONDS = 180.0
READY_SECONDS = 180.0
STOP_SECONDS = 120.0  # the engine gives each container ten seconds to leave
LOG_TAIL_LINES = 40


@dataclass(frozen=True)
class Invocation:
    """What ``sam local invoke`` left behind.

    Args:
        exit_status: Of the command.
        answer: What the function, or Lambda in its place, answered.
        log: The function's log, with Lambda's START, END and REPORT lines.
    """

    exit_status: int
    answer: str
    log: str


class SamLocal:
    """Runs the SAM CLI in the working copy.

    Args:
        workspace: The working copy, and where the CLI's scratch files go.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        scratch = folder(workspace) / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        own = str(Path(sys.executable).parent)  # on the path of make's targets, not of a user
        path = [entry for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry != own]
        self._environment = {
            **without_proxies(isolated(os.environ, workspace)),
            # Nobody's keys: the CLI asks for the account's number by those that it finds.
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "PATH": os.pathsep.join([str(workspace.sam.parent), *path]),
            "TMPDIR": str(scratch),  # the CLI leaves its scratch folders behind
        }

    def build(self) -> None:
        """Build functions and layers as ``sam build`` does by the defaults of samconfig.toml.

        Raises:
            LocalCloudError: The build failed; the end of its output is in the message.
        """
        # With the user's proxies: wheels may come through one.
        proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        environment = {**proxies, **self._environment}
        done = subprocess.run(  # noqa: S603 - the SAM CLI of our own environment
            [str(self._workspace.sam), "build"],
            cwd=self._workspace.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=BUILD_SECONDS,
        )
        if done.returncode:
            raise LocalCloudError(f"sam build failed:\n{_tail(done.stdout)}")

    def run(self, command: Sequence[str], *, event: str = "", directory: Path | None = None) -> Invocation:
        """Run a command of the SAM CLI as a user would type it.

        Args:
            command: Beginning with ``sam``.
            event: What it reads from standard input.
            directory: Where to run it, the working copy's top by default.

        Raises:
            LocalCloudError: It did not end in time.
        """
        process = self._start(command, directory or self._workspace.root)
        try:
            answer, log = process.communicate(event, INVOKE_SECONDS)
        except subprocess.TimeoutExpired as error:
            _stop(process)
            raise LocalCloudError(f"{' '.join(command)} did not end in {INVOKE_SECONDS:.0f} s") from error
        return Invocation(process.returncode, answer, log)

    @contextmanager
    def start_api(self, address: str = HOST, port: int = SAM_PORT) -> Iterator[Path]:
        """Serve both APIs, one warm container a function.

        Args:
            address: To listen on; by default what plain ``sam local start-api`` listens on.
            port: To listen on.

        Yields:
            The file that the functions' logs go to.

        Raises:
            LocalCloudError: It was not ready in time.
        """
        log = folder(self._workspace) / "start-api.log"
        listen = () if (address, port) == (HOST, SAM_PORT) else ("--host", address, "--port", str(port))
        with log.open("w") as file:
            process = subprocess.Popen(  # noqa: S603 - the SAM CLI of our own environment
                [str(self._workspace.sam), "local", "start-api", *listen],
                cwd=self._workspace.root,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,  # Ctrl-C reaches only us, and we end it in order
            )
        try:
            # Both, one after the other: the CLI gives a function two containers if its first calls coincide.
            for mount in ("auth", "unstable"):
                _wait_until_it_answers(f"http://{address}:{port}/{mount}/health", process, log)
            yield log
        finally:
            _stop(process)
            engine.remove_containers_of(self._workspace.root)  # one that it has lost sight of

    def _start(self, command: Sequence[str], directory: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 - the SAM CLI, found in our own environment first
            ["/usr/bin/env", *command],
            cwd=directory,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def _wait_until_it_answers(url: str, process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > deadline:
            raise LocalCloudError(f"sam local start-api is not ready:\n{_tail(log.read_text())}")
        time.sleep(0.5)


def _answers(url: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False  # no proxy
        with suppress(requests.RequestException):
            return session.get(url, timeout=10).ok
    return False


def _stop(process: subprocess.Popen[str]) -> None:
    """Ask it to end, upon which the SAM CLI removes its containers."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)  # a job in the background may ignore SIGINT
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-LOG_TAIL_LINES:])
