"""A real browser for all tests here; where there is none, they are skipped, and fail in CI."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from localcloud.emulator import free_port
from tests.fakes.browser import Browser, problem

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if (reason := problem()) is not None:
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent(reason)
    with Browser(tmp_path_factory.mktemp("browser"), free_port()) as running:
        yield running
