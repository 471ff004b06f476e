"""The SAM CLI, as far as a test of what it is told needs one."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class FakeSam:
    """A program ``sam`` that notes what it is told, and does nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._notes = folder / "notes"
        program = folder / "sam"
        program.write_text(
            f"#!{sys.executable}\nimport json, os, sys\n"
            f"layers = {{name: value for name, value in os.environ.items() if name.startswith('LAYER_')}}\n"
            f"print(json.dumps([sys.argv[1:], layers]), file=open({str(self._notes)!r}, 'a'))\n"
        )
        program.chmod(0o755)

    @property
    def told(self) -> list[tuple[list[str], dict[str, str]]]:
        """The arguments and the layers' variables of each call."""
        lines = self._notes.read_text().splitlines() if self._notes.exists() else []
        return [tuple(json.loads(line)) for line in lines]

    @property
    def words(self) -> list[list[str]]:
        return [words for words, _ in self.told]
