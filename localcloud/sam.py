"""The SAM CLI, held to loopback: builds the stack for the local cloud and deploys it there."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from localcloud.errors import LocalCloudError
from localcloud.workspace import exclusive, isolated, without_proxies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from localcloud.workspace import Workspace

SOURCES = (
    "template.yaml",
    "samconfig.toml",
    "functions",
    "layers",
    "sources",
    "tools",
    "requirements/sam.txt",
)
BUILD_WAIT_SECONDS = 300.0
OUTPUT_TAIL_LINES = 40

_IGNORED = ("__pycache__", ".mypy_cache", ".ruff_cache")


class SamCli:
    """Builds and deploys.

    Args:
        workspace: The working copy to build, and where the CLI's output goes.
        environment: The user's environment, the process's own by default.
    """

    def __init__(self, workspace: Workspace, environment: Mapping[str, str] | None = None) -> None:
        self._workspace = workspace
        self._environment = os.environ if environment is None else environment

    @property
    def sources(self) -> Path:
        """The descriptions that are packaged."""
        return self._workspace.root / "sources"

    def build(self) -> bool:
        """Build functions and layers for the emulator's Python; False if nothing changed since the last time.

        Raises:
            LocalCloudError: The build failed; the end of its output is in the message.
        """
        stamp = self._workspace.built / "sources"
        key = self._sources_key()
        with exclusive(self._workspace.built / "lock", seconds=BUILD_WAIT_SECONDS):
            if stamp.exists() and stamp.read_text() == key:
                return False
            stamp.unlink(missing_ok=True)
            self._run("build", self._build_environment())
            stamp.write_text(key)
        return True

    def deploy(self, endpoint: str, parameters: Mapping[str, str]) -> None:
        """Deploy what was built.

        Args:
            endpoint: The local cloud's address.
            parameters: Of the template.

        Raises:
            LocalCloudError: The endpoint is not this machine, or the deployment failed.
        """
        require_loopback(endpoint)
        environment = {
            **without_proxies(isolated(self._environment, self._workspace)),
            "AWS_ENDPOINT_URL": endpoint,
            "SAM_CLI_POLL_DELAY": "0.2",
        }
        overrides = [f"{name}={value}" for name, value in sorted(parameters.items())]
        with exclusive(self._workspace.built / "lock", seconds=BUILD_WAIT_SECONDS):
            self._run("deploy", environment, "--parameter-overrides", *overrides)

    def _build_environment(self) -> dict[str, str]:
        tools = f"{self._workspace.root / '.venv' / 'bin'}{os.pathsep}{self._environment.get('PATH', '')}"
        python = str(self._workspace.emulator_python)
        return {**isolated(self._environment, self._workspace), "PATH": tools, "LAYER_PYTHON": python}

    def _run(self, command: str, environment: Mapping[str, str], *arguments: str) -> None:
        scratch = self._workspace.data / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(  # noqa: S603 - the SAM CLI of our own environment
            [str(self._workspace.sam), command, "--config-env", "local", *arguments],
            cwd=self._workspace.root,
            env={**environment, "TMPDIR": str(scratch)},  # the CLI leaves its scratch folders behind
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        log = self._workspace.data / f"sam-{command}.log"
        log.write_text(done.stdout)
        if done.returncode:
            tail = "\n".join(done.stdout.splitlines()[-OUTPUT_TAIL_LINES:])
            raise LocalCloudError(f"sam {command} failed (all of it is in {log}):\n{tail}")

    def _sources_key(self) -> str:
        digest = hashlib.sha256(repr((sys.version_info[:2], self._workspace.emulator_python)).encode())
        for path in _files(self._workspace.root):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(self._workspace.root)}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()


def require_loopback(endpoint: str) -> None:
    """Refuse any address that is not this machine, by number: a name can be pointed anywhere.

    Raises:
        LocalCloudError: It is another machine's, or no address.
    """
    parts = urlsplit(endpoint)
    try:
        loopback = parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        loopback = False
    if not loopback or parts.username is not None:
        raise LocalCloudError(f"the local cloud deploys to http://127.0.0.1:<port> only, not to {endpoint!r}")


def _files(root: Path) -> Iterator[Path]:
    for source in SOURCES:
        top = root / source
        found = [top] if top.is_file() else sorted(path for path in top.rglob("*") if path.is_file())
        yield from (path for path in found if not any(part in _IGNORED for part in path.parts))
