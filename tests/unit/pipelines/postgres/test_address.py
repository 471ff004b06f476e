from __future__ import annotations

import ssl

import boto3
import pytest

from de_classes.errors import InvalidInputError
from de_classes.pipelines.postgres.address import PostgresAddress, iam_token
from tests.fakes.aws import no_aws_environment


def parse(text: str) -> PostgresAddress:
    return PostgresAddress.parse(text)


@pytest.mark.parametrize(
    ("text", "options", "schema"),
    [
        ("postgresql://127.0.0.1/shop", {"host": "127.0.0.1", "dbname": "shop"}, "public"),
        (
            "postgres://localhost:5433/shop/raw",
            {"host": "localhost", "port": "5433", "dbname": "shop"},
            "raw",
        ),
        (
            "postgresql://a%40b@[::1]/my%20shop/r%C3%A4w/",
            {"host": "::1", "user": "a@b", "dbname": "my shop"},
            "r\u00e4w",
        ),
        ("postgresql:///shop?host=/run/postgresql", {"host": "/run/postgresql", "dbname": "shop"}, "public"),
        ("postgresql:///?service=lake", {"service": "lake"}, "public"),
    ],
)
def test_an_address_is_what_libpq_is_told_and_a_schema(
    text: str, options: dict[str, str], schema: str
) -> None:
    found = parse(text)
    assert (found.options, found.schema) == (options, schema)


@pytest.mark.parametrize(
    ("text", "tls"),
    [
        ("postgresql://db.example/shop", "verify-full"),
        ("postgresql://db.example/shop?sslmode=require", "require"),
        ("postgresql://127.0.0.1/shop", "local"),
        ("postgresql:///shop", "local"),
        ("postgresql:///shop?host=10.0.0.7", "verify-full"),
        ("postgresql:///shop?service=lake", "as the service says"),
    ],
)
def test_to_another_machine_tls_is_checked_unless_it_is_said_otherwise(text: str, tls: str) -> None:
    assert parse(text).tls == tls


def test_the_systems_authorities_count_unless_a_file_of_them_is_named() -> None:
    found = parse("postgresql://db.example/shop").options["sslrootcert"]
    assert found == (ssl.get_default_verify_paths().cafile or "system")
    named = parse("postgresql://db.example/shop?sslrootcert=rds.pem")
    assert (named.options["sslrootcert"], named.tls) == ("rds.pem", "verify-full")


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://ada:hunter2@db.example/shop",
        "postgresql://ada:@db.example/shop",
        "postgresql://db.example/shop?password=hunter2",
        "postgresql://db.example/shop?user=x&password=hunter2",
        "postgresql://db.example/shop?passfile=hunter2",
    ],
)
def test_a_password_in_an_address_is_refused_and_told_its_place(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"PGPASSFILE.*--password-file or --password-secret") as told:
        parse(text)
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lake",
        "mysql://hunter2/shop",
        "postgresql://db.example:hunter2/shop",
        "postgresql://db.example/shop/raw/hunter2",
        "postgresql://db.example/shop?options=-c%20hunter2",
        "postgresql://db.example/shop?hunter2",
        "postgresql://db.example/shop?sslmode=hunter2",
        "postgresql://db.example/shop#hunter2",
        "postgresql://[hunter2/shop",
    ],
)
def test_what_is_no_address_is_a_mistake_that_is_not_repeated(text: str) -> None:
    with pytest.raises(InvalidInputError) as told:
        parse(text)
    assert "hunter2" not in str(told.value)


def test_an_address_shows_no_user_and_no_option() -> None:
    assert str(parse("postgresql://ada@db.example:5433/shop/raw?sslmode=require")) == (
        "postgresql://db.example:5433/shop/raw"
    )
    assert str(parse("postgresql:///shop?service=lake")) == "postgresql:///shop/public?service=lake"


def test_a_token_of_iam_is_of_this_host_port_and_user(monkeypatch: pytest.MonkeyPatch) -> None:
    with no_aws_environment():
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        token = iam_token(parse("postgresql://loader@db.example:5433/shop"))
    assert token.startswith("db.example:5433/?Action=connect&DBUser=loader&")
    assert "eu-north-1" in token
    assert "secret" not in token


@pytest.mark.parametrize("text", ["postgresql://db.example/shop", "postgresql://ada@/shop"])
def test_a_token_of_iam_needs_a_host_and_a_user(text: str) -> None:
    with pytest.raises(InvalidInputError, match="name both"):
        iam_token(parse(text))
