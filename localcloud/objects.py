"""The objects that a demonstration left behind, as plain files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from de_classes.storage.format.registry import format_names, get_codec
from localcloud.errors import LocalCloudError
from localcloud.verify import first_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localcloud.console import Console
    from localcloud.workspace import Workspace

KEY_PREFIX = "raw"  # the template's default
ROWS = 2
WIDTH = 108


@dataclass(frozen=True)
class Found:
    """An object.

    Args:
        path: The file.
        format_name: How it is written, by its name's ending.
    """

    path: Path
    format_name: str


def objects(workspace: Workspace) -> list[Found]:
    """The objects of every bucket, in the order of their formats."""
    endings = {get_codec(name).extension: name for name in format_names()}
    return sorted(_found(workspace.objects, endings), key=lambda found: (found.format_name, found.path))


def show(workspace: Workspace, console: Console) -> None:
    """List the objects with their first rows.

    Raises:
        LocalCloudError: There are none.
    """
    found = objects(workspace)
    if not found:
        raise LocalCloudError(f"there are no objects in {workspace.objects}: run `make demo` first")
    for item in found:
        console.say(f"  {item.path.relative_to(workspace.root)}  ({item.path.stat().st_size} bytes)")
        for row in first_rows(item.path.read_bytes(), item.format_name, ROWS):
            console.say(f"    {_shortened(json.dumps(row, ensure_ascii=False, default=str))}")


def _found(top: Path, endings: dict[str, str]) -> Iterator[Found]:
    for path in top.glob(f"*/*/{KEY_PREFIX}/**/*"):
        # The emulator's own notes lie beside the objects, and old versions in a folder of their own.
        if path.is_file() and path.suffix in endings and not path.name.endswith(".meta.json"):
            yield Found(path, endings[path.suffix])


def _shortened(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 3] + "..."
