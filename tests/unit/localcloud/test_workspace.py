from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from localcloud.errors import LocalCloudError
from localcloud.workspace import Workspace, exclusive, isolated, without_proxies

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, tmp_path / "data")


def test_no_setting_of_an_account_gets_through(workspace: Workspace) -> None:
    user = {
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "secret",
        "AWS_ENDPOINT_URL_S3": "https://example.com",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
        "SAM_CLI_POLL_DELAY": "9",
        "LAYER_ARCH": "arm64",
        "PATH": "/bin",
    }
    seen = isolated(user, workspace)
    assert seen["PATH"] == "/bin"
    assert {name for name in user if name in seen} == {"PATH"}
    assert seen["AWS_EC2_METADATA_DISABLED"] == "true"
    assert seen["AWS_SHARED_CREDENTIALS_FILE"] == str(workspace.credentials)
    assert not any("KEY" in name for name in seen)


def test_proxies_are_left_out_in_either_spelling() -> None:
    assert without_proxies({"HTTP_PROXY": "a", "https_proxy": "b", "ALL_PROXY": "c", "PATH": "d"}) == {
        "PATH": "d"
    }


def test_what_a_former_run_left_is_removed_except_the_lock(workspace: Workspace) -> None:
    (workspace.data / "s3" / "bucket").mkdir(parents=True)
    (workspace.data / "s3" / "bucket" / "object").write_text("old")
    (workspace.data / "emulator.log").write_text("old")
    (workspace.data / "elsewhere").symlink_to(workspace.root)
    (workspace.data / "lock").write_text("")
    workspace.empty()
    assert [path.name for path in workspace.data.iterdir()] == ["lock"]
    assert workspace.root.exists()


def test_an_absent_folder_is_made(workspace: Workspace) -> None:
    workspace.empty()
    assert workspace.data.is_dir()


def test_nobody_but_the_owner_looks_into_the_data(workspace: Workspace) -> None:
    workspace.data.mkdir(mode=0o755)
    workspace.empty()
    assert workspace.data.stat().st_mode & 0o777 == 0o700


def test_one_lock_has_one_holder(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "lock"
    with (
        exclusive(path),
        pytest.raises(LocalCloudError, match="another run is using"),
        exclusive(path, seconds=0),
    ):
        pass


def test_a_lock_is_free_after_use(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with exclusive(path):
        pass
    with exclusive(path, seconds=0) as file:
        assert not file.closed


def test_a_tool_that_is_not_installed_is_told(workspace: Workspace) -> None:
    with pytest.raises(LocalCloudError, match="emulator/bin/python is missing: run this by make"):
        _ = workspace.emulator_python
