"""A pytest session that runs its tests not once, but against every mutant, each in a copy of the process."""

from __future__ import annotations

import gc
import json
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pytest

from tools.mutation.forks import KILLED, NOT_GRAFTED, SURVIVED, limit_time, run_all
from tools.mutation.graft import GraftError, exchange, functions_of
from tools.mutation.probes import probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from tools.mutation.forks import Fate
    from tools.mutation.mutants import Mutant
    from tools.mutation.probes import Reached
    from tools.mutation.scope import Scope

_TIMES_LONGER = 10.0
_TO_IMPORT = 60.0  # seconds, on a machine that has other things to do
ARGUMENTS = ("-q", "-p", "no:cacheprovider", "--hypothesis-seed=0")


@dataclass(frozen=True)
class Trial:
    """One test as it ran against the code as it is.

    Attributes:
        test: Its node id.
        seconds: How long it took.
        processor_seconds: How long it computed.
        passed: Whether it passed; one that was skipped has.
        reached: The functions of the mutated modules that it called: path and qualified name.
    """

    test: str
    seconds: float
    processor_seconds: float
    passed: bool
    reached: list[Reached]

    def limit(self, patience: float) -> float:
        """Seconds that it may take against a mutant."""
        return patience + _TIMES_LONGER * self.seconds

    def is_of(self, mutant: Mutant) -> bool:
        """Whether it is in the file of tests that is named after the mutant's module."""
        return f"/test_{mutant.path.stem}.py::" in f"/{self.test}"

    def may_notice(self, mutant: Mutant) -> bool:
        """Whether it reaches the mutant. What no function holds, such as a default, need not be called."""
        return self._reaches(mutant) or (self.is_of(mutant) and not mutant.is_in_body)

    def _reaches(self, mutant: Mutant) -> bool:
        """Whether it calls the mutant's function, or any of its class or module."""
        inner = f"{mutant.scope}."
        return any(
            path == str(mutant.path) and (not mutant.scope or name == mutant.scope or name.startswith(inner))
            for path, name in self.reached
        )


class Session:
    """The plugin: tries every test alone, then every mutant against the tests that reach it.

    Args:
        scope: What it is about.
        mutants: Those whose function can be exchanged.
        paths: The files of the mutated modules.
        processes: Mutants at a time.
        folder: Where the trials are kept while they run.
        on_fate: Told of each mutant's end.
        on_failure: Told of each test that fails without any mutant.

    Attributes:
        trials: The tests that are used, the fastest first.
    """

    def __init__(
        self,
        scope: Scope,
        mutants: Sequence[Mutant],
        paths: Iterable[str],
        *,
        processes: int,
        folder: Path,
        on_fate: Callable[[Mutant, Fate], None],
        on_failure: Callable[[str], None],
    ) -> None:
        self._mutants = mutants
        self._paths = frozenset(paths)
        self._processes = processes
        self._scope = scope
        self._folder = folder
        self._on_fate = on_fate
        self._on_failure = on_failure
        self._failed = False
        self._reached: set[Reached] = set()
        self.trials: list[Trial] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of running the tests once."""
        session.config.pluginmanager.unregister(name="terminalreporter")
        items = {item.nodeid: item for item in session.items}
        self._functions = functions_of(self._paths)
        probe(self._paths, self._functions, self._reached.add)
        gc.collect()
        gc.freeze()  # what is here stays where it is, so that copies go on sharing its memory
        self.trials = self._tried(items)
        jobs = ((mutant, self._job(mutant, items)) for mutant in self._mutants)
        for mutant, fate in run_all(jobs, self._processes):
            self._on_fate(mutant, fate)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure, at whatever stage."""
        self._failed |= report.failed

    def _tried(self, items: dict[str, pytest.Item]) -> list[Trial]:
        """Run every test alone in a copy of this process, as it will be run against mutants.

        One that fails as it is says nothing of a mutant, and is left out.
        """
        numbered = enumerate(items.values())
        jobs = (
            (number, lambda item=item, number=number: self._try(item, number)) for number, item in numbered
        )
        for _ in run_all(jobs, self._processes):
            pass
        trials = [read_trial(path) for path in self._folder.glob("*.trial")]
        for test in sorted({*items} - {trial.test for trial in trials if trial.passed}):
            self._on_failure(test)
        return usable(trials, self._scope.slowest_test)

    def _try(self, item: pytest.Item, number: int) -> int:
        self._reached.clear()
        started, computed = time.monotonic(), time.process_time()
        passed = self._passes(item)
        spent = time.monotonic() - started, time.process_time() - computed
        trial = Trial(item.nodeid, *spent, passed, sorted(self._reached))
        (self._folder / f"{number}.trial").write_text(json.dumps(asdict(trial)))
        return SURVIVED

    def _job(self, mutant: Mutant, items: dict[str, pytest.Item]) -> Callable[[], int]:
        def job() -> int:
            try:
                exchange(mutant, self._functions)
            except GraftError:
                return NOT_GRAFTED
            return (
                KILLED
                if any(
                    self._notices(trial, items)
                    for trial in chosen(self.trials, mutant, self._scope.seconds_per_mutant)
                )
                else SURVIVED
            )

        return job

    def _notices(self, trial: Trial, items: dict[str, pytest.Item]) -> bool:
        limit_time(trial.limit(self._scope.patience))
        return not self._passes(items[trial.test])

    def _passes(self, item: pytest.Item) -> bool:
        self._failed = False
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return not self._failed


def usable(trials: Iterable[Trial], slowest: float) -> list[Trial]:
    """Those that passed and are quick, the quickest first."""
    quick = (trial for trial in trials if trial.passed and trial.processor_seconds <= slowest)
    return sorted(quick, key=lambda trial: trial.processor_seconds)


def chosen(trials: Iterable[Trial], mutant: Mutant, seconds: float) -> Iterator[Trial]:
    """Those that may notice a mutant, in their order, for as long as they take together."""
    spent = 0.0
    for trial in (each for each in trials if each.may_notice(mutant)):
        spent += trial.processor_seconds
        if spent <= seconds:
            yield trial


def read_trial(path: Path) -> Trial:
    """A trial, as another process wrote it down."""
    fields = json.loads(path.read_text())
    return Trial(**{**fields, "reached": [(file, name) for file, name in fields["reached"]]})


def run_anew(trials: Sequence[Trial], patience: float) -> int:
    """Run tests in this process, which has not imported the library yet; the status of a mutant's job."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    limit_time(_TO_IMPORT + sum(trial.limit(patience) for trial in trials))
    return SURVIVED if pytest.main([*ARGUMENTS, "-x", *(trial.test for trial in trials)]) == 0 else KILLED
