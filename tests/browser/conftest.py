"""A real browser for all tests here; where there is none, they are skipped, and fail in CI."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from tests.fakes.browser import Browser, problem

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if (reason := problem()) is not None:
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent(reason)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Browser(tmp_path_factory.mktemp("browser"), port) as running:
        yield running
