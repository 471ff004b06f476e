from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from de_classes.configs.ingest import WorkerSettings
from de_classes.configs.settings import load
from localcloud.workspace import Workspace
from tests.fakes.template import functions
from tools.containers.services import Services

if TYPE_CHECKING:
    from pathlib import Path

ENDPOINT = "http://172.17.0.1:4566"
NAMED = {name: set(each["Environment"]["Variables"]) for name, each in functions().items()}


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    """What the functions are told where they run in containers."""
    return Services(Workspace(tmp_path, tmp_path / "data"), "127.0.0.1").variables(ENDPOINT)


def test_the_template_names_every_variable_since_others_never_reach_a_container(
    given: dict[str, str],
) -> None:
    assert set(given) <= set.union(*NAMED.values())


@pytest.mark.parametrize("function", NAMED)
def test_every_function_can_be_led_to_a_local_cloud(function: str, given: dict[str, str]) -> None:
    assert "AWS_ENDPOINT_URL" in NAMED[function]
    assert given["AWS_ENDPOINT_URL"] == ENDPOINT


def test_the_worker_takes_its_settings_from_them(given: dict[str, str]) -> None:
    settings = load(WorkerSettings, given)
    assert settings.bucket == given["BUCKET"]
    assert settings.source().credentials_secret_id == given["CREDENTIALS_SECRET_ID"]
