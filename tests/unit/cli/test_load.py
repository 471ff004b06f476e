"""``load`` as far as it comes without a server; with one see tests/postgres."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from de_classes.__main__ import make_parser
from de_classes.cli.load import run
from de_classes.storage.clients import LocalClient
from tests.fakes.datasets import commit
from tests.fakes.runs import LOGGER

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = "postgresql://ada@127.0.0.1:1/shop"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    store = LocalClient(tmp_path, LOGGER)
    store.create_bucket("lake")
    commit(store, [[{"id": 1}]], dataset="orders", bucket="lake")
    return tmp_path / "lake" / "orders"


def load(what: object, *words: str, to: str = NOBODY) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    args = make_parser(["load"]).parse_args(["load", str(what), "--to", to, *words])
    return run(args, out=out, err=err), out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--type", "placed_at"), "--type is COLUMN=TYPE"),
        (("--type", "id=money"), "cannot be 'money': choose one of"),
        (("--type", "nr=text"), "no column 'nr'"),
        (("--key-field", "nr"), "no column 'nr'"),
        (("--table", "x" * 64), "64 bytes"),
        (("--password-file", "nowhere"), "--password-file: nowhere cannot be read"),
    ],
)
def test_a_mistake_is_told_before_anything_is_connected_to(
    lake: Path, words: tuple[str, ...], reason: str
) -> None:
    status, out, err = load(lake, *words)
    assert (status in {1, 2}, out) == (True, "")
    assert reason in err


def test_a_place_without_a_dataset_is_told(tmp_path: Path) -> None:
    assert load(tmp_path / "nowhere")[0] == 2
    (tmp_path / "empty").mkdir()
    status, _, err = load(tmp_path / "empty")
    assert status == 1
    assert "nothing was committed there" in err


def test_a_password_in_the_address_is_told_its_place(lake: Path) -> None:
    status, _, err = load(lake, to="postgresql://ada:hunter2@db.example/shop")
    assert status == 2
    assert "PGPASSFILE" in err
    assert "hunter2" not in err


def test_a_file_of_a_password_is_closed_to_others(lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2")
    file.chmod(0o644)
    status, _, err = load(lake, "--password-file", str(file))
    assert status == 2
    assert "chmod 600" in err


def test_a_password_that_is_given_as_a_word_is_told_its_place(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        load(lake, "--password", "hunter2")
    said = capsys.readouterr().err
    assert "--password-file FILE or --password-secret ID, or set PGPASSFILE" in said
    assert "hunter2" not in said


def test_without_psycopg_the_extra_is_named(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.startswith("de_classes.pipelines.postgres.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    status, _, err = load(lake)
    assert status == 2
    assert "pip install 'de-classes[postgres]'" in err
