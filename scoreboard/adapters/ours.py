"""This library: its command line as it comes, no option but where from and where to."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from de_classes.__main__ import main
from scoreboard.adapters import protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


def run(task: protocol.Task) -> Iterator[dict[str, Any]]:
    """Ingest into a folder; then read what is there."""
    os.environ["INGEST_PASSWORD"] = task.password
    lake = Path(task.folder, "lake")
    command = ["ingest", task.base_url, "--username", task.username, "--quiet"]
    if not task.states_pages:
        command += ["--total-pages-field", "none", "--total-records-field", "none"]
    status = main([*command, "--limit", str(task.limit), "--to", str(lake), "--format", "jsonl"])
    if status:
        raise SystemExit(status)
    for path in sorted(lake.rglob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


if __name__ == "__main__":
    protocol.carry_out(run)
