"""Records of JSON in a file, any stretch of which is one slice of memory. Standard library only."""

from __future__ import annotations

import mmap
from pathlib import Path

OFFSETS = ".offsets"
"""What the name of the file beside it ends with, which says where each record begins."""


class RecordsFile:
    """Such a file, opened.

    Args:
        path: See ``benchmarks.kinds.write``.
    """

    def __init__(self, path: Path) -> None:
        self._bytes = _mapped(path)
        self._places = _mapped(Path(f"{path}{OFFSETS}")).cast("Q")

    def __len__(self) -> int:
        return len(self._places) - 1

    def part(self, first: int, end: int) -> memoryview:
        """The records from one index to before another, with commas between them."""
        last = max(first, end)
        return self._bytes[self._places[first] : self._places[last]][:-1]


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
