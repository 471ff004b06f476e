"""A monitor, one storage daemon and the object gateway, as child processes of the test run."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

import requests

from localcloud.emulator import free_port
from localcloud.errors import LocalCloudError
from tools.ceph.configuration import HOST, monitor_address, render

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

COMMAND_SECONDS = 60.0
STARTUP_SECONDS = 120.0
STOP_SECONDS = 10.0
LOG_TAIL_LINES = 15
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Ceph's tools run on the system's Python, so ours is not on their path."""


@dataclass(frozen=True, slots=True)
class Login:
    """An S3 user of the gateway, made up for one run. Its text shows no secret.

    Attributes:
        access_key: Access key id.
        secret_key: Secret of that key.
    """

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


class Cluster:
    """A context manager: inside it, the gateway answers on loopback, and afterwards nothing of it is left.

    Raises:
        LocalCloudError: It did not come up; says what its daemons said last.
    """

    def __init__(self) -> None:
        self._held = ExitStack()
        self._folder = Path()
        self._monitor_port, self._gateway_port = free_port(), free_port()

    @property
    def endpoint(self) -> str:
        """The gateway's address."""
        return f"http://{HOST}:{self._gateway_port}"

    @property
    def version(self) -> str:
        """What it is: ``ceph version 16.2.15 ...``, without the hash of its source."""
        return " ".join(self._run("ceph", "--version").split()[:3])

    def __enter__(self) -> Self:
        with ExitStack() as held:
            self._folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="ceph-")))
            self._prepare()
            self._start_monitor(held)
            self._start_storage(held)
            self._start_gateway(held)
            self._held = held.pop_all()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._held.close()

    def create_user(self) -> Login:
        """Make a user; the gateway draws the keys, so they appear on no command line."""
        made = self._run("radosgw-admin", "user", "create", "--uid", "contract", "--display-name", "contract")
        (keys,) = json.loads(made)["keys"]
        return Login(keys["access_key"], keys["secret_key"])

    def _prepare(self) -> None:
        fsid = str(uuid.uuid4())
        configuration = render(
            self._folder, fsid=fsid, monitor_port=self._monitor_port, gateway_port=self._gateway_port
        )
        (self._folder / "ceph.conf").write_text(configuration, encoding="utf-8")
        for name in ("mon", "osd", "rgw"):
            (self._folder / name).mkdir()
        self._make_keys()
        address = monitor_address(self._monitor_port)
        self._run("monmaptool", "--create", "--addv", "a", address, "--fsid", fsid, self._path("monmap"))

    def _make_keys(self) -> None:
        """Both keys lie in the cluster's one keyring, which only its owner can read."""
        keyring, make = self._path("keyring"), "ceph-authtool"
        everything = ["--cap", "mon", "allow *", "--cap", "osd", "allow *"]
        self._run(make, "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        self._run(make, keyring, "--gen-key", "-n", "client.admin", *everything)

    def _start_monitor(self, held: ExitStack) -> None:
        keys = ["--monmap", self._path("monmap"), "--keyring", self._path("keyring")]
        self._run("ceph-mon", "--mkfs", "-i", "a", *keys)
        held.enter_context(self._daemon("ceph-mon", "-i", "a"))
        self._run("ceph", "--connect-timeout", str(round(COMMAND_SECONDS)), "status")

    def _start_storage(self, held: ExitStack) -> None:
        storage = str(uuid.uuid4())  # the monitor and the daemon must agree on it
        number = self._run("ceph", "osd", "create", storage).strip()
        may = ["mon", "allow profile osd", "osd", "allow *"]
        key = self._run("ceph", "auth", "get-or-create", f"osd.{number}", *may)
        with (self._folder / "keyring").open("a", encoding="utf-8") as keyring:
            keyring.write(key)
        self._run("ceph-osd", "-i", number, "--mkfs", "--osd-uuid", storage)
        held.enter_context(self._daemon("ceph-osd", "-i", number))

    def _start_gateway(self, held: ExitStack) -> None:
        gateway = held.enter_context(self._daemon("radosgw", "-n", "client.admin"))
        gateway.wait_until(self._answers)

    def _answers(self) -> bool:
        with requests.Session() as session:
            session.trust_env = False  # no proxy
            try:
                return session.get(self.endpoint, timeout=2).ok
            except requests.RequestException:
                return False

    def _path(self, name: str) -> str:
        return str(self._folder / name)

    def _command(self, program: str, *arguments: str) -> list[str]:
        found = shutil.which(program, path=SYSTEM_PATH)
        if not found:
            raise LocalCloudError(f"{program} is missing: run this by tools/ceph/with-server.sh")
        needs_no_cluster = program in {"ceph-authtool", "monmaptool"}
        return [found, *([] if needs_no_cluster else ["-c", self._path("ceph.conf")]), *arguments]

    def _run(self, program: str, *arguments: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - Ceph's own command, with arguments from this file
                self._command(program, *arguments),
                capture_output=True,
                text=True,
                check=False,
                timeout=COMMAND_SECONDS,
                env={"PATH": SYSTEM_PATH},
            )
        except subprocess.TimeoutExpired as error:
            raise LocalCloudError(f"{program} did not end within {COMMAND_SECONDS:.0f} s") from error
        if done.returncode:
            raise LocalCloudError(f"{program} {arguments[0]} failed: {_tail(done.stderr)}")
        return done.stdout

    def _daemon(self, program: str, *arguments: str) -> _Daemon:
        log = self._folder / f"{program}.out"
        return _Daemon(self._command(program, *arguments, "--foreground"), log)


class _Daemon:
    """A child in a session of its own, so that Ctrl-C does not reach it before what uses it has ended."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = _spawn(command, output)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait for it to be ready.

        Raises:
            LocalCloudError: It ended, or took too long.
        """
        deadline = time.monotonic() + STARTUP_SECONDS
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise LocalCloudError(f"{self._log.stem} did not come up: {_tail(self._log.read_text())}")
            time.sleep(0.1)


def _spawn(command: list[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - Ceph's own daemon, with arguments from this file
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={"PATH": SYSTEM_PATH},
        start_new_session=True,
    )


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-LOG_TAIL_LINES:])
