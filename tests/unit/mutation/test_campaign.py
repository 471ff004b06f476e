"""The whole way, in a process of its own: over a package whose tests are known to miss something."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.fakes.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """
from dataclasses import dataclass

BASE = 10

def unused():
    return BASE

@dataclass(frozen=True)
class Account:
    balance: int = 5

    @property
    def is_empty(self):
        return self.balance == 0

    def after(self, payment):
        while payment > self.balance:
            payment -= 1
        return self.balance - payment
"""

TESTS = """
import pytest
from tiny.account import Account

def test_of_a_property():
    assert Account(0).is_empty
    assert not Account().is_empty

def test_of_a_payment():
    assert Account(9).after(4) == 5
    assert Account(3).after(4) == 0

def test_that_fails_anyway():
    assert False
"""

SCRIPT = """
import json, sys
from pathlib import Path
from tools.mutation.campaign import Campaign
from tools.mutation.progress import Progress
from tools.mutation.scope import Scope

equivalent = {"account": {"Account.after: payment > self.balance -> payment >= self.balance": "..."}}
scope = Scope(Path("tiny").resolve(), {"all": ("account",)}, ("test_account.py",), equivalent, patience=0.2)
with Campaign(scope, processes=2, progress=Progress()) as campaign:
    fates = campaign.run()
print(json.dumps({mutant.name: fate.value for _, mutant, fate in fates}))
"""


def test_every_mutant_meets_the_tests_that_reach_it(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "account.py").write_text(SOURCE)
    (tmp_path / "test_account.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    fates = json.loads(done.stdout.splitlines()[-1])
    assert fates == {
        "module: 10 -> 11": "survived",
        "unused: return BASE -> return": "survived",
        "Account: 5 -> 6": "survived",
        "Account.is_empty: return self.balance == 0 -> return": "killed",
        "Account.is_empty: self.balance == 0 -> self.balance != 0": "killed",
        "Account.is_empty: 0 -> 1": "killed",
        "Account.after: while payment > self.balance -> while False": "killed",
        "Account.after: payment -= 1 -> payment += 1": "timed out",
        "Account.after: payment -= 1 -> pass": "timed out",
        "Account.after: 1 -> 2": "killed",
        "Account.after: return self.balance - payment -> return": "killed",
        "Account.after: self.balance - payment -> self.balance + payment": "killed",
    }
    assert "left out, it fails without any mutant: test_account.py::test_that_fails_anyway" in done.stderr
