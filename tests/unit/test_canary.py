"""The watch for leaked credentials sees each kind of leak: what never fails shows nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from de_classes.errors import RetriesExhaustedError, StorageError
from tests.fakes import canary
from tests.fakes.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LEAKY = """
import json
import logging
import pytest
from tests.fakes.canary import PASSWORD, TOKEN

def test_nothing(): print("all is well")
def test_prints(): print(PASSWORD)
def test_takes_out(capsys): print(TOKEN); capsys.readouterr()
def test_logs(): logging.getLogger("de_classes.api").debug("the login %s", {"password": PASSWORD})
def test_attaches(): logging.getLogger("any").warning("the login", extra={"body": TOKEN})
def test_traces():
    try:
        raise ValueError(PASSWORD)
    except ValueError:
        logging.getLogger("any").exception("failed")
def test_stores(tmp_path): (tmp_path / "receipt.json").write_text(json.dumps({"as": PASSWORD}))
def test_is_given(tmp_path): (tmp_path / "password").write_text(PASSWORD)
"""


def test_every_kind_of_leak_fails_the_test_that_has_it(tmp_path: Path) -> None:
    (tmp_path / "test_leaky.py").write_text(LEAKY)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-rA",
            "-p",
            "tests.fakes.canary_plugin",
            "-p",
            "no:cacheprovider",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "layers" / "de_classes"), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    lines = [line.partition(" - ")[0].split() for line in done.stdout.splitlines() if "::test_" in line]
    outcomes = {each[1].partition("::test_")[2]: each[0] for each in lines if each[0] in {"PASSED", "FAILED"}}
    leaking = ("prints", "takes_out", "logs", "attaches", "traces", "stores")
    assert outcomes == {"nothing": "PASSED", "is_given": "PASSED"} | dict.fromkeys(leaking, "FAILED")


def caused_by(cause: Exception) -> Exception:
    error = StorageError("the store is full")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        StorageError(f"refused {canary.PASSWORD}"),
        StorageError(f"at https://api.example/?token={quote(canary.TOKEN)}"),
        caused_by(ValueError({"password": canary.PASSWORD})),
        ExceptionGroup("two", [ValueError("one"), ValueError(canary.TOKEN)]),
    ],
    ids=["message", "url", "cause", "group"],
)
def test_an_error_that_holds_a_secret_is_seen(error: Exception) -> None:
    assert canary.leaks_of(error)


def test_a_note_and_an_attribute_are_seen() -> None:
    noted, holding = StorageError("full"), RetriesExhaustedError("gave up", attempts=3)
    noted.add_note(f"as {canary.PASSWORD}")
    vars(holding)["request"] = {"Authorization": f"Bearer {canary.TOKEN}"}
    assert canary.leaks_of(noted)
    assert canary.leaks_of(holding)


def test_an_error_without_one_is_not() -> None:
    assert canary.leaks_of(caused_by(ValueError("the disk is full"))) == []
