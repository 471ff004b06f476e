"""Tests on a real server: ``make test-postgres``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from de_classes.storage.clients import LocalClient
from tests.fakes.datasets import BUCKET
from tests.fakes.postgres import Schema, running_server

if TYPE_CHECKING:
    from collections.abc import Iterable

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """All of them need a server."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.postgres)


@pytest.fixture
def store(tmp_path: Path) -> LocalClient:
    made = LocalClient(tmp_path, logging.getLogger("tests.postgres"))
    made.create_bucket(BUCKET)
    return made


@pytest.fixture
def schema() -> Schema:
    return Schema(running_server())
