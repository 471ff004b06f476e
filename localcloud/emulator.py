"""MiniStack as a child process on loopback, stopped by what started it."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

import requests

from localcloud.aws import LocalAws
from localcloud.credentials import CredentialFiles, Credentials
from localcloud.errors import LocalCloudError
from localcloud.gate import FORBIDDEN, HEALTH
from localcloud.workspace import exclusive, isolated, without_proxies

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from localcloud.workspace import Workspace

HOST = "127.0.0.1"
STARTUP_SECONDS = 60.0
PORTS = range(20_000, 32_000)  # Linux gives out 32768 and above, others 49152 and above
STOP_SECONDS = 10.0
LOG_TAIL_LINES = 15
OK = 200

_STRANGER = {"Host": "stranger.invalid"}


class Emulator:
    """A context manager: inside it, the local cloud is up, for whoever has this run's credentials.

    Args:
        workspace: Whose data folder it fills; what a former run left there is removed at the start.
        port: To listen on; a free one by default.
        hosts: Values of Host that it answers to besides ``127.0.0.1`` and ``localhost`` with its port: those
            of a forwarder in front of it.
        startup_seconds: The longest wait for it to be ready.

    Attributes:
        credentials: Its root's, new for every run.
        files: Where other programs find them.

    Raises:
        LocalCloudError: It did not come up, or another one uses the same data folder.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        port: int | None = None,
        hosts: Iterable[str] = (),
        startup_seconds: float = STARTUP_SECONDS,
    ) -> None:
        self.credentials = Credentials.made_up()
        self._workspace = workspace
        self._port = port or free_port()
        self._hosts = [f"{HOST}:{self._port}", f"localhost:{self._port}", *hosts]
        self.files = CredentialFiles(workspace)
        self._startup_seconds = startup_seconds
        self._held = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Its address, for every service."""
        return f"http://{HOST}:{self._port}"

    @cached_property
    def aws(self) -> LocalAws:
        """Makes clients of it, with this run's credentials."""
        return LocalAws(self.endpoint, self.credentials)

    @property
    def rest_api_base_url(self) -> str:
        """Where it serves REST APIs: the template's ``ApiBaseUrl``."""
        return f"{self.endpoint}/_aws/execute-api"

    @property
    def log(self) -> Path:
        """What it says."""
        return self._workspace.data / "emulator.log"

    @property
    def pid(self) -> int | None:
        """Its process, and process group; None when it is not running."""
        return self._process.pid if self._process else None

    def __enter__(self) -> Self:
        python = self._workspace.emulator_python
        try:
            lock = self._held.enter_context(exclusive(self._workspace.data / "lock"))
            self._workspace.empty()
            self._held.callback(self.files.remove)
            self.files.write(self.credentials, self.endpoint)
            self._process = self._spawn(python, lock)
            self._wait_until_healthy(self._process)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it and every function it runs; asking twice is harmless."""
        process, self._process = self._process, None
        try:
            if process:
                _end(process)
        finally:
            self._held.close()

    def _spawn(self, python: Path, lock: IO[str]) -> subprocess.Popen[bytes]:
        for folder in ("tmp", "s3", "state"):
            (self._workspace.data / folder).mkdir()
        with self.log.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
                [str(python), "-m", "localcloud.keeper"],
                cwd=Path(__file__).parent.parent,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                # A session of its own: Ctrl-C reaches only us, and one signal reaches all its functions.
                start_new_session=True,
                # The lock outlives us if it does, so the next run waits for its end.
                pass_fds=(lock.fileno(),),
            )
        _admit(process, {"hosts": self._hosts, **asdict(self.credentials)})
        return process

    def _environment(self) -> dict[str, str]:
        data = self._workspace.data
        user = without_proxies({name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ})
        own = isolated(user, self._workspace)
        return {
            **own,
            # Functions inherit this: they must find the emulator's credentials for their role, not ours.
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "HOME": str(data),
            "TMPDIR": str(data / "tmp"),
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self._port),
            "AUTH": "true",  # IAM is enforced: a role that is too narrow shows here, not on AWS
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(data / "s3"),
            "PERSIST_STATE": "1",
            "STATE_DIR": str(data / "state"),
            "IOT_MTLS_ENABLED": "0",  # would open a second port
        }

    def _wait_until_healthy(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self._startup_seconds
        health, to_stranger = self.endpoint + HEALTH, None
        # None is no answer, of which a busy machine has some after the first too.
        while _status(health) != OK or (to_stranger := _status(health, _STRANGER)) is None:
            if process.poll() is not None:
                raise LocalCloudError(f"the local cloud ended while starting:\n{self._log_tail()}")
            if time.monotonic() > deadline:
                waited = f"{self._startup_seconds:.0f} s"
                raise LocalCloudError(f"the local cloud was not ready after {waited}:\n{self._log_tail()}")
            time.sleep(0.05)
        if to_stranger != FORBIDDEN:
            raise LocalCloudError("the local cloud answers strangers: its gate is not closed")

    def _log_tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])


def free_port() -> int:
    """A port that is free now, and of those that no system gives to who asks for any.

    By the system's chance: tests that draw examples seed Python's, and two processes would choose alike.
    """
    for port in random.SystemRandom().sample(PORTS, 100):
        with suppress(OSError), socket.create_server((HOST, port)):
            return port
    raise LocalCloudError(f"of a hundred ports from {PORTS[0]} to {PORTS[-1]} none is free")


def _admit(process: subprocess.Popen[bytes], admission: Mapping[str, object]) -> None:
    """Tell the keeper who may come in, by its pipe: arguments and variables can be read by others."""
    if process.stdin is None:
        raise TypeError("the keeper has no pipe")
    with suppress(BrokenPipeError):  # it has ended already, which is told by whoever waits for it
        process.stdin.write(json.dumps(admission).encode() + b"\n")
        process.stdin.flush()


def _status(url: str, headers: Mapping[str, str] | None = None) -> int | None:
    """What is answered; None if nothing is."""
    with requests.Session() as session:
        session.trust_env = False  # no proxy
        try:
            return session.get(url, headers=headers, timeout=2).status_code
        except requests.RequestException:
            return None


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()  # the keeper's signal to save and end
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # functions that are still there, and itself if it hangs
    process.wait()
