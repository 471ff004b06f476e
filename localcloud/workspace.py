"""Where the local cloud keeps what is its own, and what of the user's environment it lets through."""

from __future__ import annotations

import fcntl
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from localcloud.errors import LocalCloudError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

REGION = "us-east-1"
BUSY_SECONDS = 15.0

_FOREIGN_PREFIXES = ("AWS_", "SAM_", "BOTO_", "LOCALSTACK_", "MINISTACK_", "LAMBDA_", "LAYER_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@dataclass(frozen=True)
class Workspace:
    """The folders that a local cloud works in.

    Args:
        root: The working copy.
        data: The emulator's objects, state and logs; emptied at every start.
    """

    root: Path
    data: Path

    @classmethod
    def default(cls) -> Workspace:
        """This working copy, with ``.localcloud`` in it."""
        root = Path(__file__).resolve().parent.parent
        return cls(root, root / ".localcloud")

    @property
    def emulator_python(self) -> Path:
        """The interpreter that runs the emulator, and by it the functions."""
        return self._tool("emulator", "python")

    @property
    def sam(self) -> Path:
        """The SAM CLI."""
        return self._tool("sam", "sam")

    @property
    def built(self) -> Path:
        """Where the SAM CLI builds for the local cloud; named in samconfig.toml too."""
        return self.root / ".aws-sam" / "local"

    @property
    def objects(self) -> Path:
        """Where the emulator keeps its objects: ``<account>/<bucket>/<key>``."""
        return self.data / "s3"

    @property
    def credentials(self) -> Path:
        """The shared credentials file of the run that is up; no file while none is."""
        return self.data / "aws-credentials"

    def empty(self) -> None:
        """Remove what a former run left, finished or not; the lock file stays. Only its owner may look in."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.data.chmod(0o700)
        for entry in self.data.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != "lock":
                entry.unlink()

    def _tool(self, environment: str, name: str) -> Path:
        path = self.root / ".venvs" / environment / "bin" / name
        if not path.exists():
            raise LocalCloudError(f"{path} is missing: run this by make, which sets it up")
        return path


def isolated(environment: Mapping[str, str], workspace: Workspace) -> dict[str, str]:
    """An environment with nothing in it that could lead to an account, nor any secret.

    Args:
        environment: The user's: its PATH and package index settings are needed to build.
        workspace: Whose credentials file is named, which is there while its local cloud is up.
    """
    kept = {name: value for name, value in environment.items() if not name.startswith(_FOREIGN_PREFIXES)}
    return {
        **kept,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": str(workspace.data / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(workspace.credentials),
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
    }


def without_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment whose programs reach loopback directly."""
    return {name: value for name, value in environment.items() if name.lower() not in _PROXIES}


@contextmanager
def exclusive(path: Path, *, seconds: float = BUSY_SECONDS) -> Iterator[IO[str]]:
    """Hold a lock file; a process that dies lets go of it.

    Args:
        path: Of the lock file.
        seconds: How long to wait for another holder.

    Raises:
        LocalCloudError: Another process held it all that time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        _wait_until(
            lambda: _try_lock(file), seconds, f"another run is using {path.parent}: wait for it or end it"
        )
        yield file


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_until(ready: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise LocalCloudError(otherwise)
        time.sleep(0.1)
