"""A PostgreSQL server as a child process, with a cluster of its own in a temporary folder."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from localcloud.emulator import free_port
from localcloud.errors import LocalCloudError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

HOST = "127.0.0.1"
OWNER = "owner"
DATABASE = "postgres"
COMMAND_SECONDS = 60.0
STARTUP_SECONDS = 60.0
STOP_SECONDS = 20.0
LOG_TAIL_LINES = 15
INSTALLED = Path("/usr/lib/postgresql")
_UNPRIVILEGED = ("postgres", "nobody")
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests: the machine does not fail under them, so nothing has to be on the disk when a process dies."""


class Server:
    """A context manager: inside it, the server answers on loopback, and afterwards nothing of it is left.

    It asks for a password, drawn anew each time, which lies in ``password_file`` as libpq reads it.

    Args:
        settings: Of postgresql.conf, beside where it listens.

    Raises:
        LocalCloudError: There is no PostgreSQL here, or it did not come up; says what it said last.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self._settings = dict(settings or {})
        self._held = ExitStack()
        self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, without a schema."""
        return f"postgresql://{OWNER}@{HOST}:{self.port}/{DATABASE}"

    @property
    def password_file(self) -> Path:
        """For PGPASSFILE: only who started the server may read it."""
        return self._folder / "pgpass"

    @property
    def password(self) -> str:
        """That of ``OWNER``."""
        return self.password_file.read_text(encoding="utf-8").rpartition(":")[2].strip()

    @property
    def folder(self) -> Path:
        """Where all of it lies; the server's user may write there."""
        return self._folder

    @property
    def as_its_user(self) -> dict[str, Any]:
        """How ``subprocess`` starts what root may not be: initdb and the server refuse to run as root."""
        if os.geteuid() != 0:
            return {}
        account = _account()
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def __enter__(self) -> Self:
        with ExitStack() as held:
            self._folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="postgres-")))
            self._make_cluster()
            held.callback(self.stop)
            self.start()
            self._held = held.pop_all()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._held.close()

    def own_folder(self, name: str) -> Path:
        """Make a folder in which the server may write, such as the place of a tablespace."""
        made = self._folder / name
        made.mkdir()
        self._give(made)
        return made

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": str(self._folder / "socket"),
            **self._settings,
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - Debian's own server
                [program("postgres"), "-D", str(self._folder / "data"), *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                start_new_session=True,  # so that Ctrl-C does not reach it before what uses it has ended
                **self.as_its_user,
            )
        self._wait_until_it_answers(self._process)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT closes its connections, SIGQUIT lets it die as if it had crashed."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def restart(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Let it die, and start it again: it recovers from its log."""
        self.stop(how)
        self.start()

    def _make_cluster(self) -> None:
        password = secrets.token_urlsafe(24)
        for name in ("data", "socket"):
            self.own_folder(name)
        handed_over = self._folder / "password"
        _write_secretly(handed_over, password)
        self._give(handed_over)
        self._folder.chmod(0o711)  # its user passes through
        options = (
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth=scram-sha-256",
            "--no-sync",
            "--no-instructions",
        )
        self._run(
            "initdb", "-D", str(self._folder / "data"), "-U", OWNER, f"--pwfile={handed_over}", *options
        )
        handed_over.unlink()
        _write_secretly(self.password_file, f"*:*:*:{OWNER}:{password}\n")

    def _give(self, path: Path) -> None:
        user = self.as_its_user
        if user:
            os.chown(path, user["user"], user["group"])

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + STARTUP_SECONDS
        ask = [program("pg_isready"), "-q", "-h", HOST, "-p", str(self.port)]
        while True:
            asked = subprocess.run(ask, check=False, timeout=COMMAND_SECONDS)  # noqa: S603 - Debian's own
            if process.poll() is not None or time.monotonic() > deadline:  # another's may have answered
                log = (self._folder / "log").read_text(encoding="utf-8", errors="replace")
                raise LocalCloudError(f"postgres did not come up: {_tail(log)}")
            if asked.returncode == 0:
                return
            time.sleep(0.05)

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603 - Debian's own program, with arguments from this file
            [program(name), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            **self.as_its_user,
        )
        if done.returncode:
            raise LocalCloudError(f"{name} failed: {_tail(done.stderr)}")


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs, of the newest version that is installed.

    Raises:
        LocalCloudError: None is.
    """
    versions = sorted(INSTALLED.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which(name)
    if not found:
        raise LocalCloudError(f"{name} is missing: run this by tools/postgres/with-postgres.sh")
    return found


def _account() -> pwd.struct_passwd:
    for name in _UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise LocalCloudError(
        f"PostgreSQL does not run as root, and there is no user {' or '.join(_UNPRIVILEGED)}"
    )


def _write_secretly(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-LOG_TAIL_LINES:])
