from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING

import pytest

from de_classes.storage.clients import LocalClient
from localcloud.console import Console
from localcloud.demo import QUESTIONS
from localcloud.errors import LocalCloudError
from localcloud.objects import ask, readable, show
from localcloud.workspace import Workspace
from tests.fakes.datasets import commit

if TYPE_CHECKING:
    from pathlib import Path

NOTES = "raw/one.csv.meta.json"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, tmp_path / "data")


def store_of(workspace: Workspace) -> LocalClient:
    """The emulator's folder with a dataset of two commits in it, an object, and what lies beside both."""
    store = LocalClient(workspace.objects / "000000000000", logging.getLogger("tests.localcloud"))
    store.create_bucket("bucket")
    commit(store, [[{"id": 1}]])
    commit(store, [[{"id": 1}], [{"id": 2}]], generation=2)
    for key in ("raw/_runs/run/plan.json", "raw/day/_receipt-00000001-run-0a1b2c3d4e5f.json", NOTES):
        store.put_object("bucket", key, b"{}")
    store.put_object("bucket", "raw/one.csv", b'"id"\n3\n')
    return store


def test_a_dataset_is_shown_by_its_latest_manifest_and_nothing_of_it_twice(workspace: Workspace) -> None:
    listed = readable(store_of(workspace).list_objects("bucket"))
    assert [info.key for info in listed] == ["raw/day/_manifest-00000002.json", "raw/one.csv"]


def test_the_first_rows_are_shown_with_the_file(workspace: Workspace) -> None:
    store_of(workspace)
    out = io.StringIO()
    show(workspace, Console(out))
    lines = [line.strip() for line in out.getvalue().splitlines()]
    assert lines[0].startswith("data/s3/000000000000/bucket/raw/day/_manifest-00000002.json  (")
    assert lines[1:3] == ['{"id": 1}', '{"id": 2}']
    assert lines[4:] == ['{"id": 3}']


def test_where_there_is_nothing_it_is_said_what_to_do(workspace: Workspace) -> None:
    with pytest.raises(LocalCloudError, match="make demo"):
        show(workspace, Console(io.StringIO()))


def test_the_demos_questions_are_answered_from_what_lies_there(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, tmp_path / "data")
    store = LocalClient(workspace.objects / "000000000000", logging.getLogger("tests.localcloud"))
    store.create_bucket("bucket")
    for name in ("csv", "jsonl", "parquet"):
        commit(store, [[{"id": 1, "v": "x"}], [{"id": 2, "v": None}]], dataset=f"raw/{name}", format=name)
    out = io.StringIO()
    ask(workspace, QUESTIONS, Console(out))
    lines = out.getvalue().splitlines()
    assert [line for line in lines if line.startswith("  S")] == [f"  {question}" for question in QUESTIONS]
    answers = [line.split() for line in lines]
    assert ["2"] in answers
    assert ["0"] in answers
    assert ["v", "VARCHAR", "50.00"] in answers
