"""All mutants of some modules, run: those inside functions at once, the others with a fresh import each."""

from __future__ import annotations

import os
import random
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.mutation.forks import Fate, run_all
from tools.mutation.graft import intercept
from tools.mutation.mutants import mutants_of
from tools.mutation.session import ARGUMENTS, Session, chosen, read_trial, run_anew, usable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from tools.mutation.mutants import Mutant
    from tools.mutation.progress import Progress
    from tools.mutation.scope import Scope
    from tools.mutation.session import Trial

_FATES = "fates"


class CampaignError(Exception):
    """The tests could not be run against the code as it is."""


class Campaign:
    """Mutants and what became of them. A context manager: its folder goes with it.

    Args:
        scope: What is mutated, and by which tests it is held.
        processes: Mutants at a time.
        progress: Told of each mutant's end, and of tests that are left out, in whatever process it is.
    """

    def __init__(
        self,
        scope: Scope,
        *,
        processes: int,
        progress: Progress,
    ) -> None:
        self._scope = scope
        self._module_of = {str(scope.source_of(module)): module for module in scope.modules()}
        every = [mutant for path in self._module_of for mutant in mutants_of(Path(path))]
        self.mutants = [mutant for mutant in every if not self._is_equivalent(mutant)]
        self._processes = processes
        self._progress = progress
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="mutation-")))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def sample(self, count: int, seed: int) -> None:
        """Keep only so many mutants, drawn at random."""
        drawn = random.Random(seed).sample(range(len(self.mutants)), min(count, len(self.mutants)))  # noqa: S311 - no secret
        self.mutants = [self.mutants[index] for index in sorted(drawn)]

    def run(self) -> list[tuple[str, Mutant, Fate]]:
        """Every mutant with its module and its fate, in the order of the modules and lines.

        Raises:
            CampaignError: The tests cannot be collected.
        """
        fates = self._run_grafted()
        fates |= self._run_imported([i for i in range(len(self.mutants)) if i not in fates])
        return [(self._module(each), each, fates[index]) for index, each in enumerate(self.mutants)]

    def _run_grafted(self) -> dict[int, Fate]:
        """Exchange functions in a process that has imported everything; those that cannot be are left out."""
        [(_, fate)] = run_all([(0, self._session)], 1)
        if fate is not Fate.SURVIVED:
            raise CampaignError("the tests could not be run without mutants; see above")
        lines = [line.split(maxsplit=1) for line in (self._folder / _FATES).read_text().splitlines()]
        return {int(index): Fate(fate) for index, fate in lines if Fate(fate) is not Fate.NOT_GRAFTED}

    def _session(self) -> int:
        indexes = {id(mutant): index for index, mutant in enumerate(self.mutants)}
        with (self._folder / _FATES).open("w") as fates:

            def note(mutant: Mutant, fate: Fate) -> None:
                print(indexes[id(mutant)], fate.value, file=fates, flush=True)
                if fate is not Fate.NOT_GRAFTED:
                    self._progress.ended(self._module(mutant), mutant, fate)

            plugin = Session(
                self._scope,
                [mutant for mutant in self.mutants if mutant.is_in_body],
                self._module_of.keys(),
                processes=self._processes,
                folder=self._folder,
                on_fate=note,
                on_failure=self._progress.left_out,
            )
            return int(pytest.main([*ARGUMENTS, *self._scope.tests], plugins=[plugin]))

    def _run_imported(self, indexes: list[int]) -> dict[int, Fate]:
        """Import each of these anew; what no test calls by name is tried with all tests of its module."""
        quick = usable(map(read_trial, self._folder.glob("*.trial")), self._scope.slowest_test)
        jobs = ((index, self._job(self.mutants[index], quick)) for index in indexes)
        fates = {}
        for index, fate in run_all(jobs, self._processes):
            fates[index] = fate
            self._progress.ended(self._module(self.mutants[index]), self.mutants[index], fate)
        return fates

    def _job(self, mutant: Mutant, quick: list[Trial]) -> Callable[[], int]:
        def job() -> int:
            path = str(mutant.path)
            near = list(chosen(quick, mutant, self._scope.seconds_per_mutant))
            trials = near or [trial for trial in quick if any(file == path for file, _ in trial.reached)]
            intercept(mutant, self._scope.name_of(self._module(mutant)))
            return run_anew(trials, self._scope.patience) if trials else os.EX_OK

        return job

    def _module(self, mutant: Mutant) -> str:
        return self._module_of[str(mutant.path)]

    def _is_equivalent(self, mutant: Mutant) -> bool:
        return mutant.name in self._scope.equivalent.get(self._module(mutant), {})
