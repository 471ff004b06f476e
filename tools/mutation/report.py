"""What became of the mutants, counted and written down."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.mutation.forks import Fate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tools.mutation.mutants import Mutant

_HEADS = ("", "Mutants", "Killed", "Timed out", "Survived", "Score")


@dataclass
class Tally:
    """The mutants of one module, or of several.

    Attributes:
        killed: A test failed.
        timed_out: A test did not end; counts as noticed.
        survivors: No test noticed.
    """

    killed: int = 0
    timed_out: int = 0
    survivors: list[str] = field(default_factory=list)

    @property
    def mutants(self) -> int:
        """All of them."""
        return self.killed + self.timed_out + len(self.survivors)

    @property
    def score(self) -> float:
        """Percent that were noticed; of none, all."""
        return 100.0 * (self.killed + self.timed_out) / self.mutants if self.mutants else 100.0

    def add(self, mutant: Mutant, fate: Fate) -> None:
        """Count one."""
        self.killed += fate is Fate.KILLED
        self.timed_out += fate is Fate.TIMED_OUT
        if fate not in {Fate.KILLED, Fate.TIMED_OUT}:
            self.survivors.append(f"{mutant.line}: {mutant.name}")

    def cells(self) -> list[str]:
        """The figures, in the order of the table."""
        return [
            str(self.mutants),
            str(self.killed),
            str(self.timed_out),
            str(len(self.survivors)),
            f"{self.score:.1f} %",
        ]

    def figures(self) -> dict[str, object]:
        """The same for machines, with the survivors by name."""
        counts = {"mutants": self.mutants, "killed": self.killed, "timed_out": self.timed_out}
        return {**counts, "score": round(self.score, 1), "survivors": sorted(self.survivors)}


def together(tallies: Iterable[Tally]) -> Tally:
    """The sum of several."""
    whole = Tally()
    for tally in tallies:
        whole.killed += tally.killed
        whole.timed_out += tally.timed_out
        whole.survivors += tally.survivors
    return whole


class Report:
    """Every module's tally, by group.

    Args:
        groups: The modules of each group.
    """

    def __init__(self, groups: Mapping[str, Iterable[str]]) -> None:
        self._groups = {group: {module: Tally() for module in modules} for group, modules in groups.items()}
        self._modules = {module: tally for group in self._groups.values() for module, tally in group.items()}

    def add(self, module: str, mutant: Mutant, fate: Fate) -> None:
        """Count a mutant of a module."""
        self._modules[module].add(mutant, fate)

    def below(self, bound: float) -> list[str]:
        """The groups that miss the bound, in percent."""
        return [group for group, tally in self._sums().items() if tally.score < bound]

    def survivors(self) -> list[str]:
        """Those that no test noticed: module, line and change."""
        return [f"{module}.py:{each}" for module, tally in self._modules.items() for each in tally.survivors]

    def table(self) -> str:
        """All figures, as Markdown."""
        rows = [list(_HEADS), ["---"] + ["---:"] * (len(_HEADS) - 1)]
        for group, modules in self._groups.items():
            rows.append([f"**{group}**", *(f"**{cell}**" for cell in together(modules.values()).cells())])
            rows += [[f"`{module}.py`", *tally.cells()] for module, tally in modules.items()]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows if row[1] not in {"0", "**0**"})

    def write(self, path: Path, about: Mapping[str, object]) -> None:
        """Write all figures and survivors down as JSON."""
        groups = {
            group: {module: tally.figures() for module, tally in modules.items()}
            for group, modules in self._groups.items()
        }
        sums = {group: round(tally.score, 1) for group, tally in self._sums().items()}
        text = json.dumps({**about, "scores": sums, "modules": groups}, indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")

    def _sums(self) -> dict[str, Tally]:
        return {group: together(modules.values()) for group, modules in self._groups.items()}
