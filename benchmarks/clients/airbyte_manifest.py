"""Airbyte's CDK: a low-code manifest, read by its own command, without a destination."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airbyte_cdk.cli.source_declarative_manifest import run as source_declarative_manifest

from benchmarks.clients.task import given
from scoreboard.adapters.airbyte_manifest import catalog, manifest
from scoreboard.adapters.protocol import Task as Adapted
from scoreboard.adapters.protocol import printed_to

if TYPE_CHECKING:
    from benchmarks.clients.task import Task


def without_login(task: Task) -> dict[str, Any]:
    """The scoreboard's manifest for the same API, which asks for no token here; with more tries than five."""
    declared = manifest(Adapted(task.url, "", "", task.limit, tuned=True, folder=task.folder))
    del declared["streams"][0]["retriever"]["requester"]["authenticator"]
    return declared


def main() -> None:
    """Run the connector with its stdout in a file."""
    task = given()
    files = {"config": {}, "catalog": catalog(), "manifest-path": without_login(task)}
    sys.argv = ["source-declarative-manifest", "read"]
    for option, content in files.items():
        path = Path(task.folder, f"{option}.json")
        path.write_text(json.dumps(content), encoding="utf-8")
        sys.argv += [f"--{option}", str(path)]
    with printed_to(Path(task.folder, "records.jsonl")):
        source_declarative_manifest()


if __name__ == "__main__":
    main()
