"""Make the environments that the Makefile's targets run in: dev (.venv), emulator and sam (.venvs/).

Usage: ``python tools/environment.py NAME...``. One that is there and matches its lock is left alone, which
takes milliseconds. Uses the standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
DEV = ROOT / ".venv"
STAMP = ".locked"
BOOTSTRAP = "bootstrap"
MADE = 3  # raised when environments are made otherwise, so that those that are there are made again


class SetupError(Exception):
    """Something the user can mend; the message says what."""


def main(names: Sequence[str]) -> int:
    """Bring every named environment up to its lock; the exit status is 0 when all are."""
    try:
        for name in names:
            prepare(name)
    except SetupError as error:
        say(str(error))
        return 1
    return 0


def prepare(name: str) -> None:
    """Make or refresh one environment, and stamp it with what it was made from."""
    folder = DEV if name == "dev" else ROOT / ".venvs" / name
    stamp, key = folder / STAMP, lock_key(name)
    if stamp.exists() and stamp.read_text() == key and interpreter(folder).exists():
        return
    occasion = "its lock changed, or how it is made" if folder.exists() else "first time"
    say(f"setting up {folder.relative_to(ROOT)} ({occasion}) ...")
    started = time.monotonic()
    stamp.unlink(missing_ok=True)
    if name == "dev":
        install_dev()
    else:
        prepare("dev")
        install_beside(name, folder)
    stamp.write_text(key)
    say(f"setting up {folder.relative_to(ROOT)}: done in {time.monotonic() - started:.0f} s")


def lock_key(name: str) -> str:
    """Name the locks' content, and the Python: another one's environment is another environment."""
    digest = hashlib.sha256(repr((sys.version_info[:2], MADE)).encode())
    for lock in locks(name):
        digest.update(Path(lock).read_bytes())
    return digest.hexdigest()


def locks(name: str) -> list[str]:
    """The files that an environment is installed from; .venv holds uv, which makes the others."""
    names = [name, BOOTSTRAP] if name == "dev" else [name]
    return [str(ROOT / "requirements" / f"{each}.txt") for each in names]


def install_dev() -> None:
    """Make .venv by the standard library, uv inside it by pip, and the rest by uv."""
    if not usable(DEV):
        require_venv()
        shutil.rmtree(DEV, ignore_errors=True)
        run(sys.executable, "-m", "venv", str(DEV))
    python = str(interpreter(DEV))
    if not (DEV / "bin" / "uv").exists():
        run(python, "-m", "ensurepip")
        quietly = ("--quiet", "--disable-pip-version-check")
        run(python, "-m", "pip", "install", *quietly, "--require-hashes", "-r", locks("dev")[1])
    sync(DEV, "dev")
    # The library, importable from any folder, without a build step that would need the network.
    (packages,) = DEV.glob("lib/python*/site-packages")
    (packages / "de_classes.pth").write_text(f"{ROOT / 'layers' / 'de_classes'}\n")
    # The command by its name, as the documents have it: pip would have made it of [project.scripts].
    command = DEV / "bin" / "de-classes"
    command.write_text('#!/bin/sh\nexec "$(dirname "$0")/python" -m de_classes "$@"\n')
    command.chmod(0o755)


def install_beside(name: str, folder: Path) -> None:
    """Make an environment next to .venv, with .venv's Python and uv."""
    if not usable(folder):
        python = str(interpreter(DEV))
        run(
            str(DEV / "bin" / "uv"),
            "venv",
            "--quiet",
            "--clear",
            "--no-project",
            "--python",
            python,
            str(folder),
        )
    sync(folder, name)


def sync(folder: Path, name: str) -> None:
    """Install exactly what the locks say, compiled once: not by every process, where none may write."""
    uv = str(DEV / "bin" / "uv")
    exactly = ("--quiet", "--require-hashes", "--compile-bytecode", "--python", str(interpreter(folder)))
    run(uv, "pip", "sync", *exactly, *locks(name))


def interpreter(folder: Path) -> Path:
    """An environment's Python."""
    return folder / "bin" / "python"


def usable(folder: Path) -> bool:
    """Whether the environment's Python runs, and is of this version."""
    probe = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]!r})"
    command = [str(interpreter(folder)), "-c", probe]
    return interpreter(folder).exists() and subprocess.run(command, check=False).returncode == 0  # noqa: S603 - an interpreter that we installed


def require_venv() -> None:
    """Check for the modules that a distribution may leave out of Python.

    Raises:
        SetupError: One is missing; says how to get it.
    """
    missing = [name for name in ("venv", "ensurepip") if not importlib.util.find_spec(name)]
    if missing:
        hint = f"on Debian and Ubuntu: apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        raise SetupError(f"{sys.executable} has no module {missing[0]}; {hint}")


def run(*command: str) -> None:
    """Run quietly.

    Raises:
        SetupError: It failed; the message holds what it said.
    """
    # The user's own virtual environment, if one is active, is none of ours.
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(  # noqa: S603 - our own tools, with arguments from this file
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        hint = "The first set-up fetches packages: it needs a package index; later ones need none."
        raise SetupError(f"{' '.join(command)}\n{done.stdout.strip()}\n{hint}")


def say(message: str) -> None:
    """Tell the user, on stderr: stdout is the target's own."""
    print(message, file=sys.stderr)  # noqa: T201 - a command's own words


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
