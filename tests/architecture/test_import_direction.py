"""Imports run one way, so that a newcomer can read the library from the bottom up."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import pytest

from tests.fakes.sources import imported_by, imports, module_name, python_files, relative

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# Each may import its own rank and those below.
RANKS = {
    "de_classes.errors": 0,
    "de_classes.utils": 0,
    "de_classes.version": 0,
    "de_classes.html": 1,
    "de_classes.configs": 1,
    "de_classes.common": 1,
    "de_classes.redaction": 0,  # an error is fit to be shown from the moment it is made
    "de_classes.storage.format": 2,
    "de_classes.storage.clients": 3,
    "de_classes.storage.services": 4,
    "de_classes.storage.datasets": 4,
    "de_classes.pipelines": 5,
    "de_classes.sql": 5,
    "de_classes.api": 6,  # a description names transforms and schemas
    "de_classes.runs": 7,
    "de_classes.worker": 7,
    "de_classes.checks": 8,  # it says what a run would cost
    "de_classes.bootstrap": 8,
    "de_classes.handler": 8,
    "de_classes.cli": 9,
    "de_classes.__main__": 9,
}
SHARED_WITH_SIMULATORS = 1
ENTRY_POINT = 9
SIMULATORS = "de_classes.simulators"
# Packages, whose own file only names what is in them.
FOLDERS = {"de_classes", "de_classes.storage"}

LIBRARY_FILES = python_files("layers/de_classes/de_classes")
PROGRAMS = ("functions", "localcloud", "tools", "benchmarks", "scoreboard", "examples", "tests")


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


def test_what_fetches_pages_knows_no_file_format_and_no_transform() -> None:
    """A decoder is handed to it. Descriptions alone know schemas and transforms, which they name."""

    def foreign(importer: str, imported: str) -> bool:
        fetches = importer.startswith("de_classes.api.") and not importer.startswith("de_classes.api.source.")
        return fetches and imported.startswith(("de_classes.storage.", "de_classes.pipelines."))

    assert violations(foreign) == []


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


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Names that import one another, the first again at the end; none if there is no circle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def package(module: str) -> str:
    """What a module belongs to: a folder of the library, of its stores, or the module itself."""
    parts = module.split(".")
    return ".".join(parts[: 3 if parts[:2] == ["de_classes", "storage"] else 2])


def test_no_modules_of_the_library_import_one_another_for_types_either() -> None:
    assert circle(imported_by({module_name(path): path for path in LIBRARY_FILES})) == []


@pytest.mark.parametrize("folder", PROGRAMS)
def test_no_modules_of_a_program_import_one_another_for_types_either(folder: str) -> None:
    assert circle(imported_by({module_name(path): path for path in python_files(folder)})) == []


def test_no_packages_import_one_another_for_types_either() -> None:
    graph: dict[str, set[str]] = {}
    for importer, modules in imported_by({module_name(path): path for path in LIBRARY_FILES}).items():
        graph.setdefault(package(importer), set()).update({*map(package, modules)} - {package(importer)})
    assert circle(graph) == []


def test_every_import_names_its_module_in_full() -> None:
    """Otherwise the tests here would not see it."""
    found = [
        f"{relative(path)}:{each.line}"
        for path in (*LIBRARY_FILES, *python_files(*PROGRAMS))
        for each in imports(path)
        if each.level
    ]
    assert found == []


def circle_with(back: str, folder: Path) -> set[str]:
    """The circle among three modules, of which the last has this import."""
    texts = {
        "folder": "",
        "folder.low": "import folder.middle\n",
        "folder.middle": "from folder import high\n",
        "folder.high": back,
    }
    # A file is parsed once, and pytest gives the names of folders again.
    sources = {name: Path(mkdtemp(dir=folder)) / f"{name}.py" for name in texts}
    for name, text in texts.items():
        sources[name].write_text(text)
    return set(circle(imported_by(sources)))


@pytest.mark.parametrize(
    "back",
    [
        "import folder.low\n",
        "from folder.low import name\n",
        "from folder import low\n",
        "if TYPE_CHECKING:\n    from folder.low import name\n",
        "def ask():\n    from folder import low\n",
    ],
)
def test_a_circle_is_found_however_a_module_is_imported(back: str, tmp_path: Path) -> None:
    assert circle_with(back, tmp_path) == {"folder.low", "folder.middle", "folder.high"}


def test_what_goes_to_a_package_or_to_others_alone_is_no_circle(tmp_path: Path) -> None:
    assert circle_with("import folder\nimport json\nfrom folder import name\n", tmp_path) == set()
