"""The allocators of a process that ingests: told to keep little, unless somebody has chosen."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.fakes.sources import LIBRARY

CODE = """
from de_classes.cli.process_memory import keep_memory_small
keep_memory_small()
keep_memory_small()
import pyarrow
print(pyarrow.default_memory_pool().backend_name)
"""


def backend(**environment: str) -> str:
    environment |= {"PATH": os.defpath, "PYTHONPATH": str(LIBRARY.parent)}
    command = [sys.executable, "-c", CODE]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_arrow_takes_its_memory_from_the_system() -> None:
    assert backend() == "system"


@pytest.mark.parametrize("chosen", ["mimalloc", "system"])
def test_a_choice_is_left_alone(chosen: str) -> None:
    assert backend(ARROW_DEFAULT_MEMORY_POOL=chosen) == chosen
