"""``load`` with a server: where the password is found, what is printed, and how it exits."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import boto3
import msgspec
import pytest
from moto import mock_aws

from de_classes.__main__ import make_parser
from de_classes.cli import parsers
from de_classes.cli.load import run
from de_classes.storage.datasets import DatasetCommits, Manifest
from de_classes.utils.clock import ManualClock
from tests.fakes.aws import no_aws_environment
from tests.fakes.datasets import BUCKET, commit, make_manifest
from tools.postgres.server import HOST, OWNER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from de_classes.storage.clients import LocalClient
    from tests.fakes.postgres import Schema

CREATED = [[{"id": 1, "created_at": "2026-01-01T00:00:00Z"}]]
PAGES = [[{"id": 1, "at": "2026-01-01"}], [{"id": 2, "at": "2026-01-02"}]]
TABLE = "da%y"


def load(what: Path, to: str, *words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    args = make_parser(["load"]).parse_args(["load", str(what), "--to", to, *words])
    return run(args, out=out, err=err, clock=ManualClock()), out.getvalue(), err.getvalue()


@pytest.fixture
def dataset(store: LocalClient, tmp_path: Path) -> Path:
    commit(store, PAGES)
    return tmp_path / BUCKET / "raw" / "day"


@pytest.fixture(autouse=True)
def nobody_knows_a_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("PGPASSFILE", "PGPASSWORD", "PGSERVICEFILE", "PGUSER"):
        monkeypatch.delenv(name, raising=False)
    with no_aws_environment(), mock_aws():
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
        yield


def test_the_table_has_the_datasets_name_and_a_second_load_does_nothing(
    dataset: Path, schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSFILE", str(schema.server.password_file))
    status, out, err = load(dataset, schema.url)
    assert (status, err) == (0, "")
    assert out == (
        "loaded: generation 1 of run run: 2 records in 2 parts, 2 of them now\n"
        f"table:  {schema.name}.day\n"
        "tls:    disable\n"
    )
    assert schema.ids("day") == [1, 2]
    _, out, _ = load(dataset, schema.url, "--json")
    assert msgspec.json.decode(out)["parts_before"] == 2


def test_types_a_name_and_a_key_are_options(
    dataset: Path, schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSFILE", str(schema.server.password_file))
    words = ["--table", TABLE, "--type", "at=date", "--key-field", "id", "--generation", "1"]
    assert load(dataset, schema.url, *words)[0] == 0
    assert schema.types(TABLE) == {"id": "bigint", "at": "date"}


def test_a_service_of_libpqs_says_where_and_who(
    dataset: Path, schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = tmp_path / "services"
    services.write_text(
        f"[lake]\nhost={HOST}\nport={schema.server.port}\nuser={OWNER}\n"
        f"dbname=postgres\npassfile={schema.server.password_file}\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    status, out, err = load(dataset, f"postgresql:///postgres/{schema.name}?service=lake")
    assert (status, err) == (0, "")
    assert "tls:    as the service says\n" in out


def test_the_first_line_of_a_file_is_the_password(dataset: Path, schema: Schema, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text(f"{schema.server.password}\n")
    assert load(dataset, schema.url, "--password-file", str(file))[0] == 0


@pytest.mark.parametrize("shape", ["%s", '{"username": "owner", "password": "%s"}'], ids=["text", "object"])
def test_a_secret_of_secrets_manager_is_the_password_or_has_it(
    dataset: Path, schema: Schema, shape: str
) -> None:
    boto3.client("secretsmanager").create_secret(Name="db", SecretString=shape % schema.server.password)
    assert load(dataset, schema.url, "--password-secret", "db")[0] == 0


def test_a_secret_without_a_password_is_told(dataset: Path, schema: Schema) -> None:
    boto3.client("secretsmanager").create_secret(Name="db", SecretString='{"user": "hunter2"}')
    status, _, err = load(dataset, schema.url, "--password-secret", "db")
    assert (status, err) == (2, "load: the secret db is an object without a password\n")


def test_a_server_that_knows_no_token_of_iam_lets_nobody_in_by_one(dataset: Path, schema: Schema) -> None:
    status, _, err = load(dataset, schema.url, "--iam")
    assert status == 1
    assert err.startswith("load: AuthenticationError: postgresql://127.0.0.1:")
    assert "X-Amz-Signature" not in err


def test_without_any_password_it_is_told_where_one_belongs(dataset: Path, schema: Schema) -> None:
    status, _, err = load(dataset, schema.url)
    assert status == 1
    assert "PGPASSFILE" in err


def test_a_dataset_that_is_partial_is_loaded_where_that_is_allowed_and_says_so(
    store: LocalClient, tmp_path: Path, schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSFILE", str(schema.server.password_file))
    manifest = make_manifest(store, PAGES)
    DatasetCommits(store, BUCKET, "raw/day").commit(
        Manifest.of(
            manifest.parts,
            run_id="run",
            generation=1,
            format="jsonl",
            schema=manifest.schema,
            missing_pages=["7"],
        )
    )
    dataset = tmp_path / BUCKET / "raw" / "day"
    status, _, err = load(dataset, schema.url)
    assert status == 2
    assert "lacks pages 7" in err
    status, out, _ = load(dataset, schema.url, "--partial")
    assert status == 3
    assert "of run run, which is partial: 2 records" in out


EXAMPLES = [
    " ".join(example.split())
    for example in parsers._LOAD_EPILOG.partition("examples:\n")[2].replace("\\\n", " ").splitlines()  # noqa: SLF001
    if "glue://" not in example  # which tests/unit/cli/test_load.py tries
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_help_works(
    example: str, store: LocalClient, schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = tmp_path / "services"
    services.write_text(f"[shop]\nhost={HOST}\nport={schema.server.port}\nuser={OWNER}\ndbname=postgres\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    monkeypatch.setenv("PGPASSFILE", str(schema.server.password_file))
    commit(store, CREATED, dataset="orders")
    here = {
        "lake/orders": str(tmp_path / BUCKET / "orders"),
        "s3://my-bucket/raw/orders": str(tmp_path / BUCKET / "orders"),
        "postgresql://ada@db.example/shop/raw": schema.url,
        "postgresql://ada@db.example/shop": schema.url,
        "postgresql:///shop?service=shop": f"postgresql:///postgres/{schema.name}?service=shop",
    }
    program, *words = example.split()
    assert program == "%(prog)s"
    args = make_parser(["load"]).parse_args(["load", *(here.get(word, word) for word in words)])
    assert run(args, out=io.StringIO(), err=io.StringIO(), clock=ManualClock()) == 0


def test_a_server_that_does_not_answer_is_an_error(dataset: Path, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text("x")
    status, _, err = load(dataset, "postgresql://ada@127.0.0.1:1/shop", "--password-file", str(file))
    assert status == 1
    assert "StorageUnavailableError: postgresql://127.0.0.1:1/shop/public does not answer" in err
