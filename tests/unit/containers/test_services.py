from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from de_classes.api.source import Source
from de_classes.configs.ingest import WorkerSettings
from de_classes.configs.sam_local import sam_local
from de_classes.configs.settings import load
from localcloud.workspace import Workspace
from tests.fakes.events import ROOT as EVENTS
from tests.fakes.events import STANDING
from tests.fakes.template import functions
from tools.containers.services import Services

if TYPE_CHECKING:
    from pathlib import Path

WORKSPACE = Workspace.default()
ENDPOINT = "http://172.17.0.1:4566"
NAMED = {name: set(each["Environment"]["Variables"]) for name, each in functions().items()}


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    """What the functions are told where there is a local cloud."""
    shutil.copytree(EVENTS, tmp_path / "events")
    services = Services(Workspace(tmp_path, tmp_path / "data"), "127.0.0.1")
    return services.variables(ENDPOINT, "AKIA", "made up for this run")


def test_the_template_names_every_variable_since_others_never_reach_a_container(
    given: dict[str, str],
) -> None:
    assert set(given) == set(STANDING)
    assert set(given) <= set.union(*NAMED.values())


@pytest.mark.parametrize("function", NAMED)
def test_every_function_can_be_led_to_a_local_cloud(function: str, given: dict[str, str]) -> None:
    assert "SAM_LOCAL" in NAMED[function]
    local = sam_local({**given, "AWS_SAM_LOCAL": "true"})
    assert local is not None
    assert local.variables()["AWS_ENDPOINT_URL"] == ENDPOINT
    assert local.variables()["AWS_ACCESS_KEY_ID"] == "AKIA"


def test_the_worker_takes_its_settings_from_them(given: dict[str, str]) -> None:
    settings = load(WorkerSettings, given)
    assert settings.bucket == given["BUCKET"]
    resource = Source.load(WORKSPACE.root / "sources").resources(settings.default_source, in_order=True)[0]
    told = settings.source_parameters[resource.source_name]
    assert str(told["address"]).startswith("http://127.0.0.1:")
    assert set(told) == resource.address_parameters()


@pytest.mark.parametrize("cloud", [True, False])
def test_the_worker_reads_its_login_from_the_cloud_and_the_simulators_theirs_without_one(
    given: dict[str, str], *, cloud: bool
) -> None:
    told = given if cloud else STANDING
    secrets = json.loads(told["SAM_LOCAL"])["secrets"]
    assert load(WorkerSettings, told).source_secrets["unstable"] not in secrets
    assert {told["CREDENTIALS_SECRET_ID"], told["SIGNING_SECRET_ID"]} == set(secrets)
