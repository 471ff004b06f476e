from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.errors import LocalCloudError
from localcloud.sam import SamCli, require_loopback
from localcloud.workspace import Workspace

RECORDER = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
env >> "$(dirname "$0")/environment"
[ "$1" = build ] && mkdir -p .aws-sam/local/build
exit ${RECORDER_STATUS:-0}
"""
USER = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "AWS_PROFILE": "production", "HTTPS_PROXY": "http://proxy"}  # noqa: S108 - never written


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A small working copy, whose SAM CLI writes down how it was called."""
    for name, content in {
        "template.yaml": "Resources: {}",
        "samconfig.toml": "version = 0.1",
        "requirements/sam.txt": "aws-sam-cli",
        "functions/f/app.py": "A = 1",
        "layers/l/Makefile": "build:",
        ".venvs/sam/bin/sam": RECORDER,
        ".venvs/emulator/bin/python": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tmp_path / ".venvs/sam/bin/sam").chmod(0o755)
    return Workspace(tmp_path, tmp_path / ".localcloud")


def calls(workspace: Workspace) -> list[str]:
    path = workspace.root / ".venvs/sam/bin/calls"
    return path.read_text().splitlines() if path.exists() else []


def seen_environment(workspace: Workspace) -> dict[str, str]:
    text = (workspace.root / ".venvs/sam/bin/environment").read_text()
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:4566", "http://[::1]:4566", "http://127.8.8.8:1"])
def test_this_machine_is_accepted(endpoint: str) -> None:
    assert require_loopback(endpoint) is None


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "https://cloudformation.us-east-1.amazonaws.com",
        "http://localhost:4566",  # a name, which may be pointed anywhere
        "http://127.0.0.1@example.com:4566",
        "http://127.0.0.1:80@example.com",
        "http://example.com/127.0.0.1",
        "http://127.0.0.1.example.com",
        "http://user@127.0.0.1:4566",
        "http://0.0.0.0:4566",
        "http://10.0.0.1:4566",
        "http://169.254.169.254",
        "127.0.0.1:4566",
    ],
)
def test_nothing_is_deployed_anywhere_else(workspace: Workspace, endpoint: str) -> None:
    with pytest.raises(LocalCloudError, match=r"http://127\.0\.0\.1:<port> only"):
        SamCli(workspace, USER).deploy(endpoint, {})
    assert calls(workspace) == []


def test_a_deployment_sees_the_local_endpoint_and_the_runs_credentials_by_their_file(
    workspace: Workspace,
) -> None:
    SamCli(workspace, USER).deploy("http://127.0.0.1:4566", {"B": "2", "A": "1"})
    assert calls(workspace) == ["deploy --config-env local --parameter-overrides A=1 B=2"]
    seen = seen_environment(workspace)
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert seen["AWS_SHARED_CREDENTIALS_FILE"] == str(workspace.credentials)
    assert not [name for name in seen if "KEY" in name]
    assert "AWS_PROFILE" not in seen
    assert "HTTPS_PROXY" not in seen
    assert not Path(seen["AWS_CONFIG_FILE"]).exists()


def test_a_build_keeps_the_users_proxy_and_names_the_emulators_python(workspace: Workspace) -> None:
    assert SamCli(workspace, USER).build()
    seen = seen_environment(workspace)
    assert seen["LAYER_PYTHON"] == str(workspace.emulator_python)
    assert seen["PATH"].startswith(str(workspace.root / ".venv" / "bin"))
    assert seen["HTTPS_PROXY"] == "http://proxy"
    assert "AWS_PROFILE" not in seen


def test_what_did_not_change_is_not_built_again(workspace: Workspace) -> None:
    sam = SamCli(workspace, USER)
    assert [sam.build(), sam.build()] == [True, False]
    assert len(calls(workspace)) == 1


@pytest.mark.parametrize(
    "name", ["template.yaml", "functions/f/app.py", "layers/l/Makefile", "layers/l/new.py"]
)
def test_a_change_is_built(workspace: Workspace, name: str) -> None:
    sam = SamCli(workspace, USER)
    sam.build()
    (workspace.root / name).write_text("changed")
    assert sam.build()


def test_bytecode_is_no_change(workspace: Workspace) -> None:
    sam = SamCli(workspace, USER)
    sam.build()
    cache = workspace.root / "functions" / "f" / "__pycache__"
    cache.mkdir()
    (cache / "app.pyc").write_bytes(b"x")
    assert not sam.build()


def test_a_failed_build_is_told_with_its_output_and_tried_again(workspace: Workspace) -> None:
    with pytest.raises(LocalCloudError, match="sam build failed"):
        SamCli(workspace, {**USER, "RECORDER_STATUS": "1"}).build()
    assert SamCli(workspace, USER).build()


def test_a_missing_environment_is_told(tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match="run this by make"):
        SamCli(Workspace(tmp_path, tmp_path / "data"), USER).deploy("http://127.0.0.1:1", {})
