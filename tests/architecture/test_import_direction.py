"""Imports run one way, so that a newcomer can read the library from the bottom up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.sources import imports, module_name, python_files, relative

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Each may import its own rank and those below.
RANKS = {
    "de_classes.errors": 0,
    "de_classes.utils": 0,
    "de_classes.version": 0,
    "de_classes.configs": 1,
    "de_classes.common": 1,
    "de_classes.redaction": 0,  # an error is fit to be shown from the moment it is made
    "de_classes.storage.format": 2,
    "de_classes.storage.clients": 3,
    "de_classes.api": 3,
    "de_classes.storage.services": 4,
    "de_classes.storage.datasets": 4,
    "de_classes.api.api_data_service": 4,
    "de_classes.api.source.checking": 5,  # says what a run would cost
    "de_classes.pipelines": 5,
    "de_classes.runs": 5,
    "de_classes.worker": 5,
    "de_classes.bootstrap": 6,
    "de_classes.cli": 7,
    "de_classes.__main__": 7,
}
SHARED_WITH_SIMULATORS = 1
ENTRY_POINT = 7
SIMULATORS = "de_classes.simulators"
# Packages, whose own file only names what is in them.
FOLDERS = {"de_classes", "de_classes.storage"}

LIBRARY_FILES = python_files("layers/de_classes/de_classes")


def rank(module: str) -> int | None:
    """The rank of the longest name that the module is or lies in."""
    parts = module.split(".")
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((RANKS[name] for name in names if name in RANKS), None)


def in_simulators(module: str) -> bool:
    return module == SIMULATORS or module.startswith(f"{SIMULATORS}.")


def violations(wrong: Callable[[str, str], bool], files: list[Path] = LIBRARY_FILES) -> list[str]:
    """The imports of our own that a rule on (importer, imported) calls wrong."""
    return [
        f"{relative(path)}:{found.line} imports {found.module}"
        for path in files
        for found in imports(path)
        if found.module.startswith("de_classes.") and wrong(module_name(path), found.module)
    ]


def unranked() -> Iterator[str]:
    names = (module_name(path) for path in LIBRARY_FILES)
    return (name for name in names if rank(name) is None and not in_simulators(name))


def test_every_module_has_a_rank() -> None:
    assert set(unranked()) <= FOLDERS


def test_a_module_imports_nothing_of_a_higher_rank() -> None:
    def upwards(importer: str, imported: str) -> bool:
        own, other = rank(importer), rank(imported)
        return own is not None and other is not None and other > own

    assert violations(upwards) == []


def test_the_simulators_know_nothing_of_the_ingest_side() -> None:
    def foreign(importer: str, imported: str) -> bool:
        return in_simulators(importer) and (rank(imported) or 0) > SHARED_WITH_SIMULATORS

    assert violations(foreign) == []


def test_the_ingest_side_knows_nothing_of_the_simulators() -> None:
    def foreign(importer: str, imported: str) -> bool:
        return in_simulators(imported) and not in_simulators(importer) and rank(importer) != ENTRY_POINT

    assert violations(foreign) == []


def test_simulator_functions_use_the_simulators_and_the_worker_does_not() -> None:
    users = {
        path.parent.name
        for path in python_files("functions")
        if any(in_simulators(found.module) for found in imports(path))
    }
    assert users == {"auth_simulator", "unstable_simulator"}


def test_the_library_does_not_know_who_deploys_or_tests_it() -> None:
    outside = {"localcloud", "tests", "tools", "functions", "benchmarks", "scoreboard"}
    found = [
        f"{relative(path)} imports {each.module}"
        for path in LIBRARY_FILES
        for each in imports(path)
        if each.module.partition(".")[0] in outside
    ]
    assert found == []
