"""Words on stderr while mutants run, whatever process has something to say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tools.mutation.forks import Fate

if TYPE_CHECKING:
    from tools.mutation.mutants import Mutant

_EVERY = 100


class Progress:
    """Says what survives as soon as it has, and how far things are. Keeps stderr as it was at the start."""

    def __init__(self) -> None:
        self._out = os.dup(2)
        self._done = 0

    def ended(self, module: str, mutant: Mutant, fate: Fate) -> None:
        """Take note of a mutant's end."""
        self._done += 1
        if fate is not Fate.KILLED:
            self._say(f"{fate.value}: {module}.py:{mutant.line}: {mutant.name}")
        if self._done % _EVERY == 0:
            self._say(f"{self._done} mutants ...")

    def left_out(self, test: str) -> None:
        """Take note of a test that is of no use."""
        self._say(f"left out, it fails without any mutant: {test}")

    def _say(self, line: str) -> None:
        os.write(self._out, f"{line}\n".encode())
