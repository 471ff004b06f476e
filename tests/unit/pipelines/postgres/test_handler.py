"""The loader's own entry, as Lambda calls it: its settings, and what it does before any database is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from de_classes.errors import ConfigurationError, InvalidInputError
from de_classes.pipelines.postgres import handler
from tests.fakes.aws import no_aws_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

OF_ONE_RUN = {"dataset": "raw/unstable/data/ingest_date=2026-11-30/run-1"}


@pytest.fixture
def environ() -> Iterator[pytest.MonkeyPatch]:
    """The function's variables, as postgres.yaml gives them."""
    with no_aws_environment() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("BUCKET", "lake")
        patch.setenv("KEY_PREFIX", "raw")
        patch.setenv("POSTGRES_ADDRESS", "postgresql://ada@db.example/shop/raw")
        handler._loads.cache_clear()  # noqa: SLF001 - an instance of its own for each test
        yield patch
        handler._loads.cache_clear()  # noqa: SLF001


@pytest.mark.usefixtures("environ")
def test_an_event_that_needs_no_database_is_answered() -> None:
    assert handler.lambda_handler(OF_ONE_RUN)["nothing"].startswith("it is the dataset of one run")
    with pytest.raises(InvalidInputError, match="names no dataset below the prefix"):
        handler.lambda_handler({"dataset": "other/orders"})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("POSTGRES_ADDRESS", "", "POSTGRES_ADDRESS"),
        ("POSTGRES_ADDRESS", "postgresql://ada:hunter2@db.example/shop", "does not belong into an address"),
        ("BUCKET", "", "BUCKET"),
    ],
)
def test_a_setting_that_is_wrong_is_named_and_not_repeated(
    environ: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    environ.setenv(name, value)
    with pytest.raises(ConfigurationError, match=said) as raised:
        handler.lambda_handler(OF_ONE_RUN)
    assert "hunter2" not in str(raised.value)
