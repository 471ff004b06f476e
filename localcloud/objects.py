"""What a demonstration left behind, as plain files: datasets, and single objects."""

from __future__ import annotations

import json
import logging
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from de_classes.cli.tables import table
from de_classes.sql import SqlDatabase
from de_classes.storage.clients import LocalClient
from de_classes.storage.datasets import DatasetReader
from de_classes.storage.datasets.manifest import is_part_key, parse_manifest_key
from de_classes.storage.format.codec import format_names
from localcloud.errors import LocalCloudError
from localcloud.verify import stored_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from de_classes.storage.clients.object_store import ObjectInfo
    from localcloud.console import Console
    from localcloud.workspace import Workspace

KEY_PREFIX = "raw"  # the template's default
ROWS = 2
WIDTH = 108
_NOTES = ".meta.json"  # the emulator's own, beside the objects
_ENDINGS = {f".{name}" for name in format_names()}


def show(workspace: Workspace, console: Console) -> None:
    """List what was ingested with its first rows: a dataset by the manifest that names its parts.

    Raises:
        LocalCloudError: There is nothing.
    """
    count = 0
    for store, found in _found(workspace):
        count += 1
        console.say(f"  {_path(found).relative_to(workspace.root)}  ({found.size} bytes)")
        for row in islice(stored_records(store, found.bucket, found.key), ROWS):
            console.say(f"    {_shortened(json.dumps(row, ensure_ascii=False, default=str))}")
    if not count:
        raise LocalCloudError(f"there are no objects in {workspace.objects}: run `make demo` first")


def ask(workspace: Workspace, questions: Sequence[str], console: Console) -> None:
    """Ask the datasets in SQL, each called as its format is: of two of a format, the later one by its key.

    Args:
        workspace: Where they lie.
        questions: One statement each.
        console: Where the answers go.
    """
    found = (
        DatasetReader(store, each.bucket, each.key)
        for store, each in _found(workspace)
        if parse_manifest_key(each.key)
    )
    with SqlDatabase({reader.manifest.format: reader for reader in found}) as database:
        for question in questions:
            answer = database.ask(question)
            console.say(f"  {question}")
            for line in table(list(answer.columns), answer.rows):
                console.say(f"    {line}")


def readable(listed: Iterable[ObjectInfo]) -> list[ObjectInfo]:
    """What is worth showing of a bucket: the latest manifest of each dataset, and single objects.

    Args:
        listed: All that is in the bucket.
    """
    manifests: dict[str, ObjectInfo] = {}
    singles = []
    for info in listed:  # in the order of their keys, so that the last manifest is the latest
        if found := parse_manifest_key(info.key):
            manifests[found[0]] = info
        elif _is_single(info.key):
            singles.append(info)
    return [*manifests.values(), *singles]


def _found(workspace: Workspace) -> Iterator[tuple[LocalClient, ObjectInfo]]:
    for account in sorted(workspace.objects.glob("*")):
        store = LocalClient(account, logging.getLogger("localcloud.objects"))
        for bucket in store.list_buckets():
            yield from ((store, info) for info in readable(store.list_objects(bucket, f"{KEY_PREFIX}/")))


def _is_single(key: str) -> bool:
    """Not a part, nor what is written beside the data: manifests, receipts, progress."""
    path = PurePosixPath(key)
    is_beside = any(part.startswith("_") for part in path.parts)
    return path.suffix in _ENDINGS and not (is_beside or is_part_key(key) or key.endswith(_NOTES))


def _path(found: ObjectInfo) -> Path:
    return Path(unquote(urlsplit(found.uri).path))


def _shortened(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 3] + "..."
