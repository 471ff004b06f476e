"""What is mutated, by which tests it is held, and how much of it they must notice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tools.mutation.equivalent import EQUIVALENT

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).resolve().parents[2]

BOUND: Final = 90.0
"""Percent of a group's mutants that must be noticed."""

SAMPLE_BOUND: Final = 85.0
"""The same for a sample, which may be a little off."""


@dataclass(frozen=True)
class Scope:
    """What a run of the mutants is about.

    Attributes:
        package: The folder of the package that is mutated; its name is what it is imported by.
        groups: Modules by what they are about, as paths in the package, without ``.py``.
        tests: What pytest is told to collect: only what is quick, with no server and no emulator.
        equivalent: By module, the mutants that no test can tell from the original, and why.
        slowest_test: Seconds of processor time; slower tests are left out, which can only lower the score.
        seconds_per_mutant: Seconds of processor time for the tests that one mutant meets, the quickest first.
            Leaving some out can only lower the score, too.
        patience: Seconds beyond ten times what a test took before, after which the mutant counts as endless.
    """

    package: Path
    groups: Mapping[str, tuple[str, ...]]
    tests: tuple[str, ...]
    equivalent: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    slowest_test: float = 1.0
    seconds_per_mutant: float = 5.0
    patience: float = 5.0

    def narrowed(self, names: str) -> Scope:
        """Keep the modules whose names hold one of these words; all of them if there is none."""
        words = names.replace(",", " ").split()
        groups = {
            group: tuple(module for module in modules if any(word in module for word in words))
            for group, modules in self.groups.items()
        }
        return replace(self, groups=groups) if words else self

    def modules(self) -> list[str]:
        """All of them."""
        return [module for modules in self.groups.values() for module in modules]

    def source_of(self, module: str) -> Path:
        """A module's file."""
        return self.package / f"{module}.py"

    def name_of(self, module: str) -> str:
        """What a module is imported by."""
        return f"{self.package.name}.{module.replace('/', '.')}"


LIBRARY: Final = Scope(
    package=ROOT / "layers" / "de_classes" / "de_classes",
    groups={
        "retry": ("api/retry", "api/retry_after", "api/retry_budget", "api/status"),
        "auth": ("api/auth_client", "api/token"),
        "pagination": (
            "api/pagination",
            "api/walk",
            "api/followed_walk",
            "api/window",
            "api/page_decoder",
            "api/run_fetcher",
            "api/ledger",
            "api/page_counts",
            "api/drift",
            "api/overlap",
            "api/loop_guard",
            "api/page_run",
            "api/run_state",
        ),
        "commit": (
            "storage/datasets/commits",
            "storage/datasets/manifest",
            "storage/datasets/part_writer",
            "storage/datasets/keys",
            "runs/journal",
            "runs/progress",
            "runs/commit",
            "runs/pass_over",
            "runs/run_service",
        ),
    },
    tests=("tests/unit/api", "tests/unit/storage/datasets", "tests/unit/runs"),
    equivalent=EQUIVALENT,
)
"""What decides whether pages are lost or doubled."""
