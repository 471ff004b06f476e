"""Runs MiniStack behind our gate, and ends it when whoever started it is gone, however it went.

Run by the emulator's own interpreter, as a module. The first line of its standard input says who may come in;
after it, the input is a pipe that nobody writes to: its end closes with the parent, even one that was killed.
"""

import functools
import hashlib
import importlib
import json
import os
import secrets
import signal
import sys
import tempfile
import threading
import time
import types
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from localcloud.gate import Gate

SECONDS_TO_SAVE = 8.0


def end_with_parent() -> None:
    """Wait for the parent's end, then end this process and the functions it runs."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SECONDS_TO_SAVE)
    os.killpg(0, signal.SIGKILL)


def issued_secret(access_key: str, session_token: str) -> str | None:
    """The secret of credentials that MiniStack gave out: to users of IAM, by STS, to functions.

    None for any others, and for its own roots, whose names everybody knows.
    """
    evaluator = importlib.import_module("ministack.core.iam_evaluator")
    if evaluator.is_root_access_key(access_key):
        return None
    found = evaluator.resolve_credential(access_key, session_token=session_token)
    secret: str | None = getattr(found, "secret_access_key", None)  # what is wrong with them has none
    return secret


def salted(issue: Callable[[dict[str, Any]], dict[str, str]], salt: str) -> Callable[[Any], dict[str, str]]:
    """MiniStack's credentials for a function's role, no longer to be computed from the function's name alone.

    Args:
        issue: Derives them from the function's configuration, by hashing its ARN.
        salt: Of this run; it takes the place of one more qualifier at the ARN's end.
    """

    def credentials(configuration: dict[str, Any]) -> dict[str, str]:
        arn = configuration.get("FunctionArn")
        return issue({**configuration, "FunctionArn": f"{arn}:{salt}"} if arn else configuration)

    return credentials


class SharedArchive(zipfile.ZipFile):
    """A function's code or one of its layers, which is unpacked once, for all processes that are given it.

    MiniStack unpacks all of a function's layers, thousands of files, for each of its processes; and each
    compiles anew what it imports, for the bytecode lies beside it. Here only the first one waits for both.

    Attributes:
        folder: Where the files are, by the digest of their archive; emptied with the emulator's other data.
    """

    folder = Path(tempfile.gettempdir()) / "unpacked"
    _one_at_a_time = threading.Lock()

    def extractall(
        self,
        path: str | os.PathLike[str] | None = None,
        members: Iterable[str | zipfile.ZipInfo] | None = None,
        pwd: bytes | None = None,
    ) -> None:
        """Put a link to the files where they are wanted, which is an empty folder."""
        if path is None or members is not None or not self.filename:
            raise NotImplementedError("whole archives that are files are unpacked, into a folder")
        with self._one_at_a_time:
            shared = self._shared
            if not shared.exists():
                partial = shared.with_suffix(".partial")
                super().extractall(partial, pwd=pwd)
                partial.rename(shared)
        Path(path).rmdir()
        Path(path).symlink_to(shared)

    def namelist(self) -> list[str]:
        """The names that are still to be unpacked, which is what MiniStack looks through them for."""
        return [] if self._shared.exists() else super().namelist()

    @functools.cached_property
    def _shared(self) -> Path:
        digest = hashlib.sha256(Path(self.filename or "").read_bytes()).hexdigest()
        return self.folder / digest


def main() -> None:
    """Read who may come in, and serve until the parent is gone."""
    admission = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=end_with_parent, daemon=True).start()
    emulator: Any = importlib.import_module("ministack.app")
    functions: Any = importlib.import_module("ministack.core.lambda_runtime")
    functions.execution_credentials = salted(functions.execution_credentials, secrets.token_hex())
    functions.zipfile = types.SimpleNamespace(**{**vars(zipfile), "ZipFile": SharedArchive})
    root = (admission["access_key"], admission["secret_key"])
    emulator.app = Gate(emulator.app, hosts=admission["hosts"], root=root, issued=issued_secret)
    emulator.main()


if __name__ == "__main__":
    main()
