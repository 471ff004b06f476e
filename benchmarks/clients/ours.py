"""This library, by its command line: what the task says as options of ``python -m de_classes``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.clients.task import Task

DATASET = "records"


def dataset(task: Task) -> list[str]:
    """The arguments for many parts and a manifest."""
    return [*_common(task), "--dataset", DATASET, *(["--key-field", task.key] if task.key else [])]


def one_object(task: Task) -> list[str]:
    """The arguments for one object."""
    return [*_common(task), "--key", task.output.name]


def _common(task: Task) -> list[str]:
    return [
        *("-m", "de_classes", "ingest", task.url),
        *("--limit", str(task.limit), "--concurrency", str(task.workers), "--quiet"),
        *("--to", task.store or task.folder, "--format", task.format),
    ]
