from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from tools.house import Size, Walk, followed, keyed_run, page, size_of

if TYPE_CHECKING:
    from pathlib import Path

CODE = """
def top(n):
    return _below(n) + _below(n)


def _below(n):
    return _deepest(n)


def _deepest(n):
    return n


class Thing:
    def __init__(self):
        self.x = 1
"""


def test_what_is_called_below_a_folder_is_counted_with_its_depth(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(CODE)
    spec = importlib.util.spec_from_file_location("one", tmp_path / "one.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert followed(lambda: module.top(1), tmp_path) == Walk(functions=3, files=1, depth=3)
    assert followed(lambda: None, tmp_path) == Walk(0, 0, 0)


def test_a_package_is_measured_by_its_code(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(CODE)
    (tmp_path / "__init__.py").write_text("")
    assert size_of(tmp_path) == Size(files=1, lines=9, functions=4, called_once=1)


def test_a_page_and_a_run_are_followed_through_the_library() -> None:
    one, run = page(), keyed_run()
    assert 0 < one.functions < run.functions
    assert 0 < one.files < run.files
    assert 0 < one.depth <= run.depth
