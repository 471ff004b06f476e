"""This library, by its command line: what the task says as options of ``python -m de_classes``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.clients.task import Task

DATASET = "records"


def dataset(task: Task) -> list[str]:
    """The arguments for many parts and a manifest."""
    return [*_common(task, task.url), "--dataset", DATASET, *_asked(task)]


def one_object(task: Task) -> list[str]:
    """The arguments for one object."""
    return [*_common(task, task.url), "--key", task.output.name]


def described(task: Task) -> list[str]:
    """The arguments for one object, out of a source that has a description."""
    return [*_common(task, *task.described), "--key", task.output.name]


def _asked(task: Task) -> list[str]:
    options = {"--key-field": task.key, "--columns": task.columns, "--part-pages": task.part_pages}
    return [str(word) for option, value in options.items() if value for word in (option, value)]


def _common(task: Task, *source: str) -> list[str]:
    return [
        *("-m", "de_classes", "ingest", *source),
        *("--limit", str(task.limit), "--concurrency", str(task.workers), "--quiet"),
        *("--to", task.store or task.folder, "--format", task.format),
    ]
