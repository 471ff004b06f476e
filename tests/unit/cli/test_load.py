"""``load`` as far as it comes without a server of PostgreSQL; with one see tests/postgres."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from moto import mock_aws

from de_classes.__main__ import make_parser
from de_classes.cli import parsers
from de_classes.cli.load import run
from de_classes.storage.clients import LocalClient, S3Client
from tests.fakes.aws import no_aws_environment, nobodys_session
from tests.fakes.datasets import commit
from tests.fakes.runs import LOGGER

if TYPE_CHECKING:
    from collections.abc import Iterator
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


# Into Glue, where a table shows what is in S3.


@pytest.fixture
def shop() -> Iterator[Any]:
    """A catalog with a database, and a bucket with a dataset."""
    with no_aws_environment() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        session = nobodys_session()
        session.client("s3").create_bucket(Bucket="lake")
        glue = session.client("glue")
        glue.create_database(DatabaseInput={"Name": "shop"})
        store = S3Client(LOGGER, session=session)
        commit(store, [[{"id": 1, "gone": None}]], dataset="raw/Orders", bucket="lake", format="parquet")
        yield glue


def test_glue_shows_a_dataset_under_its_own_name_and_a_second_time_as_before(shop: Any) -> None:
    status, out, err = load("s3://lake/raw/Orders/", to="glue://shop")
    assert (status, err) == (0, "")
    assert out == (
        "shown:  generation 1 of run run: 1 records in 1 parts\n"
        "table:  shop.orders\n"
        "list:   s3://lake/raw/Orders/_symlink-00000001/\n"
        "empty:  gone\n"
    )
    assert shop.get_table(DatabaseName="shop", Name="orders")["Table"]["TableType"] == "EXTERNAL_TABLE"
    again = load("s3://lake/raw/Orders", to="glue://shop/orders")[1]
    assert again.startswith("shown:  generation 1 of run run: 1 records in 1 parts, as before\n")


def test_the_example_of_the_help_works_with_glue(shop: Any) -> None:
    (example,) = (
        line.split()
        for line in parsers._LOAD_EPILOG.splitlines()  # noqa: SLF001
        if "glue://" in line
    )
    program, what, *words = example
    assert (program, what) == ("%(prog)s", "s3://my-bucket/raw/orders")
    args = make_parser(["load"]).parse_args(["load", "s3://lake/raw/Orders", *words])
    assert run(args, out=io.StringIO(), err=io.StringIO()) == 0
    assert shop.get_table(DatabaseName="shop", Name="orders")["Table"]["Name"] == "orders"


def test_glue_answers_in_json_and_takes_a_name(shop: Any) -> None:
    status, out, _ = load("s3://lake/raw/Orders", "--table", "daily", "--json", to="glue://shop")
    assert status == 0
    told = msgspec.json.decode(out)
    assert (told["table"], told["generation"], told["left_out"]) == ("shop.daily", 1, ["gone"])
    assert shop.get_table(DatabaseName="shop", Name="daily")["Table"]["Name"] == "daily"


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("what", "to", "status", "reason"),
    [
        ("s3://lake/raw/Orders", "glue://none", 1, "load: StorageError: table none.orders: there is no such"),
        ("s3://lake/raw/Orders", "glue://Shop", 2, "'Shop' cannot be a database of Glue"),
        ("s3://lake/raw/none", "glue://shop", 1, "nothing was committed there"),
        ("s3://lake/raw/Orders", "mysql://shop", 2, "--to is postgresql://"),
    ],
)
def test_what_glue_cannot_show_is_told(what: str, to: str, status: int, reason: str) -> None:
    found = load(what, to=to)
    assert found[:2] == (status, "")
    assert reason in found[2]


def test_a_folder_is_nothing_that_glue_shows(lake: Path) -> None:
    status, _, err = load(lake, to="glue://shop")
    assert status == 2
    assert "is not in S3" in err


def test_options_that_change_nothing_of_a_table_in_glue_are_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        load("s3://lake/raw/orders", "--key-field", "id", "--generation", "1", to="glue://shop")
    said = capsys.readouterr().err
    assert "--key-field has no effect with glue://: nothing is copied" in said
    assert "--generation has no effect with glue://" in said
