"""Packages that load what they name when it is first used."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest

from tests.fakes.sources import module_name, python_files, those_with, tree

if TYPE_CHECKING:
    from pathlib import Path

LAZY = [
    module_name(path)
    for path in python_files("layers/de_classes/de_classes")
    if path.name == "__init__.py" and "loaded_on_use" in path.read_text()
]


def test_a_module_is_loaded_when_one_of_its_names_is_first_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lazy_example"
    package.mkdir()
    homes = {"near": ("One", "Two"), "far": ("Three",)}
    (package / "__init__.py").write_text(
        "from de_classes.utils.lazy import loaded_on_use\n"
        f"__getattr__, __dir__ = loaded_on_use(__name__, {homes})\n"
    )
    (package / "near.py").write_text("One, Two = 1, 2\n")
    (package / "far.py").write_text("Three = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    example = importlib.import_module("lazy_example")
    assert dir(example) == ["One", "Three", "Two"]
    assert (example.One, example.Two) == (1, 2)
    assert {name for name in sys.modules if name.startswith("lazy_example.")} == {"lazy_example.near"}


@pytest.mark.parametrize("name", LAZY)
def test_a_package_shows_and_gives_what_it_exports_and_nothing_else(name: str) -> None:
    package = importlib.import_module(name)
    assert dir(package) == sorted(package.__all__)
    assert all(hasattr(package, each) for each in package.__all__)
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'Nothing'"):
        _ = package.Nothing


def test_no_package_has_a_loader_of_its_own() -> None:
    assert len(LAZY) > 1
    defined = [
        module_name(path)
        for path in those_with(["__getattr__"], python_files("layers/de_classes/de_classes"))
        if any(getattr(node, "name", "") == "__getattr__" for node in tree(path).body)
    ]
    assert defined == []
