from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from de_classes.api.auth.kept_secrets import KeptTokens
from de_classes.api.source import EnvironmentSecrets, FileSecrets, NoSecrets
from de_classes.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

VALUES = {"token": "hunter2-token", "refresh_token": "refresh-0"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps(VALUES))
    file.chmod(0o600)
    return file


def keep(file: Path, token: str) -> None:
    store = FileSecrets(file).rotation("refresh_token")
    lease = store.lease("a", now=0.0, until=60.0)
    assert lease is not None
    store.keep(lease, store.read().refresh_token, KeptTokens(token, "access"))
    store.release(lease, is_unanswered=False)


def test_a_secret_of_a_file_is_read_anew_each_time(file: Path) -> None:
    secrets = FileSecrets(file)
    assert secrets.get("token") == "hunter2-token"
    keep(file, "refresh-1")
    assert secrets.get("refresh_token") == "refresh-1"


def test_keeping_leaves_the_other_secrets_and_the_mode_as_they_are(file: Path) -> None:
    keep(file, "refresh-1")
    assert json.loads(file.read_text())["token"] == "hunter2-token"
    assert {stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()} == {0o600}


def test_keeping_through_a_link_changes_the_file_that_it_leads_to(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(file)
    keep(link, "refresh-1")
    assert link.is_symlink()
    assert json.loads(file.read_text())["refresh_token"] == "refresh-1"


def test_the_file_of_leases_holds_no_secret(file: Path) -> None:
    keep(file, "refresh-1")
    text = file.with_name("secrets.json.lease").read_text()
    assert "refresh-1" not in text
    assert "access" not in text
    assert json.loads(text)["refresh_token"]["number"] == 2


def test_two_secrets_of_one_file_rotate_each_for_itself(file: Path) -> None:
    keep(file, "refresh-1")
    store = FileSecrets(file).rotation("token")
    assert store.lease("b", now=0.0, until=60.0) is not None
    assert FileSecrets(file).rotation("refresh_token").lease("c", now=0.0, until=60.0) is not None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_can_read_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        FileSecrets(file)


@pytest.mark.parametrize(
    "text", ["[]", '{"token": 1}', "hunter2-token", '{"token": "hunter2-token"', '{"a": null}']
)
def test_a_file_of_another_kind_is_refused_and_not_quoted(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigurationError, match="JSON object of names and texts") as caught:
        FileSecrets(file)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.json cannot be read"):
        FileSecrets(tmp_path / "none.json")


def test_a_name_that_is_missing_is_named_with_its_place(file: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"'key' is not in .*secrets\.json"):
        FileSecrets(file).get("key")
    with pytest.raises(ConfigurationError, match=r"'key' in .*secrets\.json is missing"):
        FileSecrets(file).rotation("key").read()


def test_a_folder_that_cannot_be_written_is_found_out_before_anything_is_spent(file: Path) -> None:
    store = FileSecrets(file).rotation("refresh_token")
    file.with_name("secrets.json.lock").mkdir()
    with pytest.raises(ConfigurationError, match=r"rotates, but .* cannot be written"):
        store.lease("a", now=0.0, until=60.0)


def test_leases_that_cannot_be_read_are_named_with_what_to_do(file: Path) -> None:
    file.with_name("secrets.json.lease").write_text("{")
    with pytest.raises(ConfigurationError, match="remove it, no secret is in it"):
        FileSecrets(file).rotation("refresh_token").lease("a", now=0.0, until=60.0)


def test_a_variable_is_read_by_its_name_and_cannot_rotate() -> None:
    secrets = EnvironmentSecrets({"DE_CLASSES_SECRET_API_KEY": "hunter2"})
    assert secrets.get("api-key") == "hunter2"
    with pytest.raises(ConfigurationError, match="set DE_CLASSES_SECRET_TOKEN"):
        secrets.get("token")
    with pytest.raises(ConfigurationError, match="--secrets FILE"):
        secrets.rotation("token")


def test_without_secrets_each_is_missing() -> None:
    with pytest.raises(ConfigurationError, match="'token' is needed"):
        NoSecrets().get("token")
    with pytest.raises(ConfigurationError, match="nowhere to keep"):
        NoSecrets().rotation("token")
