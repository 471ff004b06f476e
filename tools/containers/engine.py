"""The Docker engine that the SAM CLI will use: whether it is there, and where its containers find us."""

from __future__ import annotations

import ipaddress
import json
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

from localcloud.errors import LocalCloudError

RUNTIME_IMAGE = "public.ecr.aws/lambda/python:3.13-x86_64"
STAND_IN_LABEL = "de-classes.stand-in"
ANSWER_SECONDS = 30.0
IPV4 = 4


def problem() -> str | None:
    """Why no function can be run in a container here; None if one can."""
    if platform.machine() != "x86_64":
        return f"the containers are for x86_64, and this machine is {platform.machine()}"
    if _docker("version") is None:
        return (
            "no Docker engine answers: start one, or run this by tools/containers/with-engine.sh; "
            "Finch does for plain `sam local`, without a local cloud"
        )
    if _docker("image", "inspect", RUNTIME_IMAGE) is None:
        return f"the engine has no image {RUNTIME_IMAGE}: run tools/containers/runtime-image.sh"
    return None


def require() -> None:
    """Insist on an engine that has the image.

    Raises:
        LocalCloudError: Something is missing; says what to do.
    """
    reason = problem()
    if reason:
        raise LocalCloudError(reason)


def image_origin() -> str:
    """Whose runtime image it is: AWS's own, or the stand-in and what that was made of."""
    (image,) = _inspect("image", RUNTIME_IMAGE)
    stand_in = (image["Config"].get("Labels") or {}).get(STAND_IN_LABEL)
    return f"a stand-in ({stand_in})" if stand_in else "AWS's own"


def gateway() -> str:
    """This machine's address on the engine's bridge: containers reach it, other machines do not.

    Raises:
        LocalCloudError: There is no such private address.
    """
    (network,) = _inspect("network", "bridge")
    for pool in network["IPAM"]["Config"]:
        subnet = ipaddress.ip_network(pool["Subnet"])
        if subnet.version == IPV4 and subnet.is_private:
            return str(pool.get("Gateway") or next(subnet.hosts()))  # the first one, if it is not said
    raise LocalCloudError("the engine's bridge network has no private IPv4 address")


def containers() -> set[str]:
    """The ids of all containers there are, running or not."""
    return set((_docker("ps", "--all", "--quiet", "--no-trunc") or "").split())


def remove_containers_of(folder: Path) -> None:
    """Remove the containers that mount anything below a folder; the SAM CLI leaves one behind at times."""
    for container in containers():
        if any(_is_below(mount.get("Source", ""), folder) for mount in _mounts(container)):
            _docker("rm", "--force", container)


def _mounts(container: str) -> list[dict[str, str]]:
    output = _docker("container", "inspect", "--format", "{{json .Mounts}}", container)
    mounts: list[dict[str, str]] = json.loads(output) if output else []  # gone meanwhile
    return mounts


def _is_below(path: str, folder: Path) -> bool:
    return bool(path) and Path(path).resolve().is_relative_to(folder.resolve())


def _inspect(kind: str, name: str) -> list[dict[str, Any]]:
    output = _docker(kind, "inspect", name)
    if output is None:
        raise LocalCloudError(f"the Docker engine knows no {kind} {name}")
    found: list[dict[str, Any]] = json.loads(output)
    return found


def _docker(*arguments: str) -> str | None:
    program = shutil.which("docker")
    if not program:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - Docker's own command, with arguments from this file
            [program, *arguments], capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None
