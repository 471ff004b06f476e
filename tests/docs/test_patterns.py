"""The programs that show patterns run as they stand, are short, and are listed."""

from __future__ import annotations

import subprocess
import sys

from tests.fakes.sources import ROOT

FOLDER = ROOT / "examples" / "patterns"
PROGRAMS = sorted(FOLDER.glob("*.py"))
MOST_LINES = 30
# In one process: each import is paid for once. First the one that shows what is not imported.
RUN = """
import runpy, sys
for path in sorted(sys.argv[1:], key=lambda path: "registry" not in path):
    print(f"--- {path}", flush=True)
    runpy.run_path(path, run_name="__main__")
"""


def test_every_program_runs_and_shows_something() -> None:
    command = [sys.executable, "-c", RUN, *(str(path) for path in PROGRAMS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.split("--- ")[1:]
    assert len(shown) == len(PROGRAMS) == 8
    assert [each for each in shown if len(each.splitlines()) < 2] == []


def test_every_program_is_short_says_what_it_costs_and_has_an_exercise() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in PROGRAMS}
    assert {
        name: len(text.splitlines()) for name, text in texts.items() if text.count("\n") > MOST_LINES
    } == {}
    assert [name for name, text in texts.items() if not {"costs", "Exercise:"} <= {*text.split()}] == []


def test_the_page_lists_every_program() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in PROGRAMS if f"]({path.name})" not in page] == []
