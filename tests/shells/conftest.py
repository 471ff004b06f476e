"""Each shell that people type in; where one is missing, its tests are skipped, and fail in CI."""

from __future__ import annotations

import os
import shutil

import pytest

SHELLS = ("bash", "zsh", "fish")


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    """Its name."""
    name: str = request.param
    if shutil.which(name) is None:
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent(f"no {name} here: make test-shells installs it")
    return name
