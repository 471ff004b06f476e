"""Handlers of the probes: they use the standard library alone."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any


def raise_an_error(event: dict[str, Any], _: object) -> None:
    raise ValueError(event["message"])


def leave(event: dict[str, Any], _: object) -> None:
    os._exit(event["status"])


def fill_memory(event: dict[str, Any], _: object) -> int:
    return len(b"x" * (event["megabytes"] * 1024 * 1024))


def answer_at_length(event: dict[str, Any], _: object) -> str:
    return "x" * event["characters"]


def sleep(event: dict[str, Any], context: Any) -> int:
    time.sleep(event["seconds"])
    remaining: int = context.get_remaining_time_in_millis()
    return remaining


def tell_where_it_runs(_event: dict[str, Any], _: object) -> dict[str, Any]:
    return {
        "python": list(sys.version_info[:2]),
        "region": os.environ["AWS_REGION"],
        "writable": [folder for folder in ("/var/task", "/tmp") if _is_writable(Path(folder))],  # noqa: S108 - Lambda's one scratch folder
    }


def _is_writable(folder: Path) -> bool:
    with suppress(OSError):
        (folder / "probe").touch()
        return True
    return False
