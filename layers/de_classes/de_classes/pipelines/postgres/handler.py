"""What AWS Lambda calls when a manifest was written: its dataset is loaded into a table, each part once.

S3 tells EventBridge of each object, and a rule sends those that are manifests. An event may come twice, or
late, or behind that of a later commit: each loads the latest one, and what is there is not loaded again. A
load that is stopped goes on when Lambda calls again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from de_classes.common.logger.app_logger import AppLogger
from de_classes.configs.settings import environment, load
from de_classes.errors import InvalidInputError, ObjectExistsError
from de_classes.pipelines.postgres.address import PostgresAddress, iam_token, secret_password
from de_classes.pipelines.postgres.loader import PostgresLoader
from de_classes.redaction import shared_filter
from de_classes.storage.datasets.manifest import dataset_name, parse_manifest_key

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from de_classes.pipelines.postgres.loader import Loaded
    from de_classes.storage.clients.object_store import ObjectStore

SERVICE: Final = "postgres-loader"
_OF_ONE_RUN: Final = re.compile(r"(?:^|/)ingest_date=\d{4}-\d{2}-\d{2}/")


class LoaderSettings(Struct, frozen=True, kw_only=True):
    """The loader's settings, read from the environment variables of the same names.

    Args:
        bucket: Where the datasets are.
        key_prefix: What their keys begin with; the rest of a key is the name of its table.
        postgres_address: ``postgresql://USER@HOST/DATABASE/SCHEMA``, without a password.
        postgres_secret_id: Of the secret in Secrets Manager that has the password; empty for tokens of IAM.
    """

    bucket: Annotated[str, Meta(min_length=3)]
    postgres_address: Annotated[str, Meta(min_length=1)]
    key_prefix: str = "raw"
    postgres_secret_id: str = ""


class LoadsCommits:
    """Loads the dataset that an event is about.

    Args:
        settings: From where, and to where.
        store: S3.
        logger: Told what was loaded.
        password: Asked for each connection; that of the settings by default.

    Raises:
        ConfigurationError: The address is none.
    """

    def __init__(
        self,
        settings: LoaderSettings,
        store: ObjectStore,
        logger: logging.Logger,
        *,
        password: Callable[[PostgresAddress], str] | None = None,
    ) -> None:
        secret = settings.postgres_secret_id
        by_settings = (lambda _: secret_password(secret)) if secret else iam_token
        self._settings = settings
        self._store = store
        self._logger = logger
        self._address = PostgresAddress.parse(settings.postgres_address)
        self._password = password or by_settings

    def __call__(self, event: object) -> dict[str, Any]:
        """Load the latest commit of the dataset.

        Args:
            event: S3's *Object Created*, as EventBridge sends it; or ``{"dataset": "raw/shop/orders"}``.

        Returns:
            What was loaded, as ``load --json`` says it; or why nothing was.

        Raises:
            DeClassesError: Whatever kept it from being loaded whole: the next call goes on.
        """
        dataset = self._dataset(event)
        if _OF_ONE_RUN.search(dataset):
            return self._nothing(dataset, "it is the dataset of one run, and a table is of one for all runs")
        table = dataset.removeprefix(f"{self._settings.key_prefix}/").replace("/", "_")
        loader = PostgresLoader(self._address, table, password=self._password, logger=self._logger)
        try:
            loaded = loader.load_dataset(self._store, self._settings.bucket, dataset, allow_partial=True)
        except ObjectExistsError as error:  # a later commit is there, or another call has it under way
            return self._nothing(dataset, shared_filter().text(str(error)))
        self._logger.info("loaded", extra={"loaded": _plain(loaded)})
        return _plain(loaded)

    def _dataset(self, event: object) -> str:
        detail = event.get("detail") if isinstance(event, Mapping) else None
        dataset = event.get("dataset") if isinstance(event, Mapping) else None
        if isinstance(detail, Mapping):
            bucket = detail.get("bucket", {}).get("name")
            key = str(detail.get("object", {}).get("key"))
            found = parse_manifest_key(key)
            if bucket != self._settings.bucket or found is None:
                raise InvalidInputError("it is of no manifest of the bucket: mend the rule that sent it")
            dataset = found[0]
        if not isinstance(dataset, str) or not dataset.startswith(f"{self._settings.key_prefix}/"):
            raise InvalidInputError(
                "the event names no dataset below the prefix: send S3's Object Created of a manifest, or "
                f'{{"dataset": "{self._settings.key_prefix}/..."}}'
            )
        return dataset_name(dataset)

    def _nothing(self, dataset: str, why: str) -> dict[str, Any]:
        self._logger.info("nothing to load", extra={"dataset": dataset, "reason": why})
        return {"dataset": dataset, "nothing": why}


def _plain(loaded: Loaded) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(loaded)
    return plain


@cache
def _loads() -> LoadsCommits:
    # boto3, as late as it can be
    from de_classes.storage.clients.s3_client import S3Client  # noqa: PLC0415

    logger = AppLogger(SERVICE, on_lambda=True).get_logger()
    return LoadsCommits(load(LoaderSettings, environment()), S3Client(logger), logger)


def lambda_handler(event: object, context: object = None) -> dict[str, Any]:
    """Load what one event is about; the first one in an instance reads the settings."""
    del context
    return _loads()(event)
