from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import tqdm

from de_classes.version import VERSION
from tests.fakes.sources import ROOT


def test_what_is_installed_is_compiled_though_nobody_imported_it() -> None:
    modules = sorted(Path(str(tqdm.__file__)).parent.rglob("*.py"))
    assert len(modules) > 20
    assert [path for path in modules if not Path(importlib.util.cache_from_source(str(path))).exists()] == []


def test_the_command_is_there_by_its_name_from_any_folder(tmp_path: Path) -> None:
    command = [str(ROOT / ".venv" / "bin" / "de-classes"), "--version"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert shown.stdout == f"de-classes {VERSION}\n"


def test_make_lets_processes_keep_what_they_compiled() -> None:
    shown = subprocess.run(
        [shutil.which("make") or "make", "--eval", 'shown:; @echo "[$$PYTHONDONTWRITEBYTECODE]"', "shown"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "[]\n"
