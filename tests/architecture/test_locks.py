"""The locks agree with each other, and name no host to install from."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.fakes.every import every
from tests.fakes.sources import ROOT, relative

if TYPE_CHECKING:
    from pathlib import Path

PLACES = ("requirements/*.txt", "benchmarks/requirements/*.txt", "layers/*/requirements.txt")
LOCKS = sorted(path for place in PLACES for path in ROOT.glob(place))
LAYERS = sorted((ROOT / "layers").glob("*/requirements.txt"))
PIN = re.compile(r"^([a-z0-9-]+)==([^ ;\\]+)", re.MULTILINE)


def pins(path: Path) -> set[tuple[str, str]]:
    return set(PIN.findall(path.read_text()))


def packages(path: Path) -> set[str]:
    return {name for name, _ in pins(path)}


@every("path", LOCKS)
def test_every_package_is_pinned_by_hash(path: Path) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE))
    assert entries
    assert [entry for entry in entries if not PIN.match(entry) or "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("path", LAYERS, ids=relative)
def test_a_layer_ships_the_versions_that_the_tests_ran_with(path: Path) -> None:
    assert pins(path) <= pins(ROOT / "requirements" / "dev.txt")


def test_mutants_are_tried_with_all_that_the_tests_ran_with() -> None:
    """A lock that was not made anew after a dependency came leaves `make mutation` without it."""
    assert pins(ROOT / "requirements" / "dev.txt") <= pins(ROOT / "requirements" / "mutation.txt")


def test_no_package_is_in_two_layers() -> None:
    shipped = [name for path in LAYERS for name in packages(path)]
    assert sorted(shipped) == sorted(set(shipped))


def test_the_layers_together_ship_all_that_the_library_depends_on() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["dataframes"]]
    names = {re.split(r"[\[>=<]", requirement)[0].strip() for requirement in declared}
    assert names <= {name for path in LAYERS for name in packages(path)}
