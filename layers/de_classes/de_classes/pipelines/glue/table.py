"""A table of the Glue catalog that shows the latest commit of a dataset, whole.

The table leads to a list of parts that is one commit's alone and never changes. So one call of
``UpdateTable`` moves columns and parts together from one commit to the next, and whoever queries sees the
one or the other. The manifest comes first, always: a table is made of a commit, and never a commit of a
table. What a failure leaves is the table as it was, over parts that are still there.

Two that register at once: each reads the table with its version, and changes it only if it has that version
still. The one who comes second reads again, sees a later generation, and leaves it. And whoever has changed
the table looks for a later commit once more, so that it is the latest even where versions are not compared.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from de_classes.errors import (
    InvalidInputError,
    NothingToShowError,
    PermissionDeniedError,
    StorageError,
    StorageUnavailableError,
    UnsupportedFormatError,
)
from de_classes.pipelines.glue.address import GlueAddress
from de_classes.pipelines.glue.columns import columns_of
from de_classes.redaction import excerpt
from de_classes.storage.clients.botocore_errors import error_code, error_of_library
from de_classes.storage.datasets.commits import DatasetCommits
from de_classes.storage.datasets.manifest import dataset_name, parse_manifest_key
from de_classes.storage.datasets.reader import DatasetReader
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.errors import FatalError
    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.storage.datasets.manifest import Manifest

_TRIES: Final = 10
"""Each is lost to somebody who has changed the table meanwhile."""

_SERVER_ERROR: Final = 500
_READ_TIMEOUT_SECONDS: Final = 10
_ATTEMPTS: Final = 3
"""A worker has some seconds left when it has committed, and what it does not get done is done by the next."""

_OURS: Final = "de_classes_"
"""What the names of the table's parameters begin with that say what it shows."""

_SYMLINKS: Final = "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"
_OUTPUT: Final = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_SERDES: Final = {
    "parquet": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    "jsonl": "org.openx.data.jsonserde.JsonSerDe",
}
_CLASSIFICATIONS: Final = {"parquet": "parquet", "jsonl": "json"}
_WHY_NOT: Final = {
    "csv": "its readers there cut a cell at a line break, and take every value for text",
    "json": "its parts are one array each, and its readers there take a record a line",
}
_EXCERPT_CHARS: Final = 300
_MAY_NOT: Final = (
    "the role may not: it needs glue:GetTable, glue:CreateTable and glue:UpdateTable on the catalog, the "
    "database and its tables, and where Lake Formation governs the database its grants"
)
_LATER: Final = "Glue did not do it within the retries; try again later"
_BY_CODE: Final[dict[str, tuple[type[FatalError], str]]] = {
    "AccessDeniedException": (PermissionDeniedError, _MAY_NOT),
    "UnrecognizedClientException": (PermissionDeniedError, "the credentials are not valid"),
    "InvalidSignatureException": (PermissionDeniedError, "the secret key does not belong to the access key"),
    "ExpiredTokenException": (PermissionDeniedError, "the session token has expired; get new credentials"),
    "EntityNotFoundException": (StorageError, "there is no such database: create it, or name another"),
    "ResourceNumberLimitExceededException": (StorageError, "the account has as many tables as it may"),
    "ThrottlingException": (StorageUnavailableError, _LATER),
    "OperationTimeoutException": (StorageUnavailableError, _LATER),
    "ResourceNotReadyException": (StorageUnavailableError, _LATER),
}


class Registered(Value, tag_field="to", tag="glue"):
    """What a table shows.

    Example:
        >>> shown = Registered("shop.orders", 7, "monday", "complete", 2000, 4, "s3://lake/orders/_symlink-00000007/")
        >>> shown.generation, shown.is_new
        (7, True)

    Attributes:
        table: Database and table.
        generation: The commit that the table shows now.
        run_id: The run that made it.
        status: complete or partial, as the commit is.
        records: How many the commit has.
        parts: How many parts.
        location: Where the list of these parts is.
        left_out: The dataset's columns that are none of the table's, since they have no value yet.
        is_new: Whether the table was made or changed for it, and did not show it before.
    """

    table: str
    generation: int
    run_id: str
    status: str
    records: int
    parts: int
    location: str
    left_out: tuple[str, ...] = ()
    is_new: bool = True


class GlueTable:
    """A table that shows the latest commit of a dataset in S3 to Athena and whatever else reads the catalog.

    Registering is repeated without harm, and repairs what a failure left or somebody changed by hand. A table
    that nobody registered, or that shows another dataset, is refused. Parquet and JSON Lines can be shown.

    Example:
        >>> orders = GlueTable(GlueAddress("shop", "orders"))
        >>> str(orders.address)
        'shop.orders'

    Args:
        address: Which table of which database; the database has to be there.
        client: boto3's client of Glue; made by its default chain when it is first needed, if not given.

    Attributes:
        address: The same.
    """

    def __init__(self, address: GlueAddress, *, client: Any | None = None) -> None:  # noqa: ANN401 - boto3's
        self.address = GlueAddress.of(address.database, address.table)
        self._given = client

    def register(
        self, store: ObjectStore, bucket: str, dataset: str, *, allow_partial: bool = False
    ) -> Registered:
        """Let the table show the latest commit; again, or by several at once, it comes to the same.

        Args:
            store: S3.
            bucket: Its bucket.
            dataset: The dataset's key prefix.
            allow_partial: Show a commit that lacks pages, too.

        Raises:
            InvalidInputError: The dataset is partial or not in S3, or the table is somebody else's.
            ObjectNotFoundError: Nothing was committed there.
            UnsupportedFormatError: Engines cannot read this format whole.
            NothingToShowError: No column has a value yet, and there is no table.
            UnsupportedValueError: A table cannot have such columns; the first one is named.
            PermissionDeniedError: The role may not.
            StorageUnavailableError: Glue or the store does not answer; the table is as it was.
            StorageError: There is no such database, or Glue refuses.
        """
        if parse_manifest_key(dataset):
            raise InvalidInputError(
                f"{dataset} is one commit, and a table shows the latest of a dataset: name the dataset"
            )
        prefix = dataset_name(dataset)
        address = store.uri(bucket, prefix)
        _check_place(address)
        commits = DatasetCommits(store, bucket, prefix)
        manifest = DatasetReader(store, bucket, prefix).manifest
        while True:
            if manifest.status == "partial" and not allow_partial:
                raise InvalidInputError(
                    f"generation {manifest.generation} of {prefix} lacks pages "
                    f"{', '.join(manifest.missing_pages)}: replay its run, or show it as it is by --partial"
                )
            registered = self._show(commits, manifest, address)
            latest = commits.latest() or manifest
            if latest.generation <= registered.generation:
                return registered
            manifest = latest

    def check(self, store: ObjectStore, bucket: str, dataset: str, format: str) -> None:  # noqa: A002
        """Make sure, before there is a commit, that the table can show one.

        Args:
            store: S3.
            bucket: Its bucket.
            dataset: The dataset's key prefix.
            format: The format that its parts will have.

        Raises:
            DeClassesError: As ``register``, as far as it can be known by now.
        """
        address = store.uri(bucket, dataset_name(dataset))
        _check_place(address)
        _serde(format, address)
        there = self._read()
        if there is None:
            with self._errors():
                self._client.get_database(Name=self.address.database)
        else:
            self._told(there, address)

    def _show(self, commits: DatasetCommits, manifest: Manifest, address: str) -> Registered:
        """Let the table show a commit, unless it shows a later one."""
        columns, left_out = columns_of(manifest.schema)
        serde = _serde(manifest.format, address)
        wanted = {
            "Name": self.address.table,
            "Description": f"Generation {manifest.generation} of the dataset {address}"[:2048],
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": [],
            "StorageDescriptor": {
                "Columns": [
                    {"Name": each.name, "Type": each.type, "Comment": each.comment} for each in columns
                ],
                "InputFormat": _SYMLINKS,
                "OutputFormat": _OUTPUT,
                "SerdeInfo": {"SerializationLibrary": serde, "Parameters": {"serialization.format": "1"}},
            },
            "Parameters": {
                "EXTERNAL": "TRUE",
                "classification": _CLASSIFICATIONS[manifest.format],
                f"{_OURS}dataset": address,
                f"{_OURS}generation": str(manifest.generation),
                f"{_OURS}run_id": manifest.run_id,
                f"{_OURS}status": manifest.status,
                f"{_OURS}records": str(manifest.records),
                f"{_OURS}parts": str(len(manifest.parts)),
            },
        }
        for _ in range(_TRIES):
            there = self._read()
            if there is not None and self._shows_later(there, manifest, address, commits):
                return _as_it_is(self.address, there)
            table = _beside(wanted, there)
            if not table["StorageDescriptor"]["Columns"]:
                raise NothingToShowError(
                    f"{address} has no column with a value yet, and a table has one at least: it is made by "
                    "the first run that brings a record"
                )
            table["StorageDescriptor"]["Location"] = _folder(commits.list_alone(manifest).uri)
            is_current = there is not None and _says(there, table)
            if is_current or self._write(table, there):
                return Registered(
                    table=str(self.address),
                    generation=manifest.generation,
                    run_id=manifest.run_id,
                    status=manifest.status,
                    records=manifest.records,
                    parts=len(manifest.parts),
                    location=table["StorageDescriptor"]["Location"],
                    left_out=tuple(left_out),
                    is_new=not is_current,
                )
        raise StorageUnavailableError(f"table {self.address} is being changed again and again: try later")

    def _shows_later(
        self, there: dict[str, Any], manifest: Manifest, address: str, commits: DatasetCommits
    ) -> bool:
        """Whether the table shows a later commit of the same dataset.

        Raises:
            InvalidInputError: It shows another dataset, or one that was made anew, or nobody registered it.
        """
        shown, by = self._told(there, address)
        latest = manifest
        if shown > manifest.generation:
            latest = commits.latest() or manifest
        if shown > latest.generation or (shown == latest.generation and by != latest.run_id):
            raise InvalidInputError(
                f"table {self.address} shows generation {shown} of run {by!r}, and the dataset has "
                f"{latest.generation} of run {latest.run_id!r}: it was made anew, so name another table, or "
                "delete this one"
            )
        return shown > manifest.generation

    def _told(self, there: dict[str, Any], address: str) -> tuple[int, str]:
        """Which generation the table shows, of which run.

        Raises:
            InvalidInputError: It shows another dataset, or nobody registered it.
        """
        told = there.get("Parameters", {})
        of, by, shown = (told.get(f"{_OURS}{name}", "") for name in ("dataset", "run_id", "generation"))
        if not of or not shown.isdigit():
            raise InvalidInputError(
                f"table {self.address} is there, and no dataset was registered in it: name another table"
            )
        if of != address:
            raise InvalidInputError(
                f"table {self.address} shows the dataset {of}, not {address}: name another table"
            )
        return int(shown), by

    # Calls of Glue.

    def _read(self) -> dict[str, Any] | None:
        try:
            found = self._client.get_table(DatabaseName=self.address.database, Name=self.address.table)
        except ClientError as error:
            if error_code(error) == "EntityNotFoundException":  # the table, or else the database
                return None
            raise self._error(error) from error
        except BotoCoreError as error:
            raise error_of_library(error, f"table {self.address}") from error
        there: dict[str, Any] = found["Table"]
        return there

    def _write(self, table: dict[str, Any], there: dict[str, Any] | None) -> bool:
        """Make the table, or change it from what it is; False if somebody else was first."""
        with self._errors():
            try:
                if there is None:
                    self._client.create_table(DatabaseName=self.address.database, TableInput=table)
                else:
                    version = {"VersionId": there["VersionId"]} if there.get("VersionId") else {}
                    self._client.update_table(
                        DatabaseName=self.address.database, TableInput=table, SkipArchive=True, **version
                    )
            except ClientError as error:
                first = {"AlreadyExistsException", "ConcurrentModificationException"}
                was_dropped = there is not None and error_code(error) == "EntityNotFoundException"
                if error_code(error) not in first and not was_dropped:
                    raise
                return False
        return True

    @property
    def _client(self) -> Any:  # noqa: ANN401 - boto3's client has no types here
        if self._given is None:
            from de_classes.storage.clients.sessions import make_client  # noqa: PLC0415 - unless one was given

            with self._errors():
                self._given = make_client("glue", read_timeout=_READ_TIMEOUT_SECONDS, attempts=_ATTEMPTS)
        return self._given

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._error(error) from error
        except BotoCoreError as error:
            raise error_of_library(error, f"table {self.address}") from error

    def _error(self, error: ClientError) -> FatalError:
        code = error_code(error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        otherwise = (
            (StorageUnavailableError, _LATER)
            if status >= _SERVER_ERROR
            else (StorageError, "Glue refuses this")
        )
        kind, advice = _BY_CODE.get(code, otherwise)
        said = excerpt(error.response.get("Error", {}).get("Message") or "", _EXCERPT_CHARS)
        return kind(f"table {self.address}: {advice} ({error.operation_name}: {code} {said})".rstrip())


def _check_place(address: str) -> None:
    if not address.startswith("s3://"):
        raise InvalidInputError(
            f"{address} is not in S3, and what reads the catalog reads nothing else: ingest to s3://BUCKET"
        )


def _serde(format_name: str, address: str) -> str:
    """What reads a format's parts.

    Raises:
        UnsupportedFormatError: Nothing that reads all of them as they are.
    """
    if format_name in _SERDES:
        return _SERDES[format_name]
    why = _WHY_NOT.get(format_name, "no reader of it is known there")
    raise UnsupportedFormatError(
        f"{address} is {format_name}, which cannot be shown as a table: {why}; ingest as parquet or jsonl"
    )


def _folder(listed: str) -> str:
    """The folder of a list, as a location: with a slash, or it would be of all that begins so."""
    return f"{listed.rpartition('/')[0]}/"


def _beside(wanted: dict[str, Any], there: dict[str, Any] | None) -> dict[str, Any]:
    """The table as it is wanted, beside what somebody else has added to it.

    A commit without any column is of no record: the table keeps those that it has.
    """
    if there is None:
        return wanted
    descriptor = {**wanted["StorageDescriptor"]}
    descriptor["Columns"] = descriptor["Columns"] or there["StorageDescriptor"].get("Columns", [])
    parameters = {**there.get("Parameters", {}), **wanted["Parameters"]}
    return {**wanted, "StorageDescriptor": descriptor, "Parameters": parameters}


def _says(there: dict[str, Any], table: dict[str, Any]) -> bool:
    """Whether a table says already all that it is to say; Glue adds things of its own."""
    own, wanted = there.get("StorageDescriptor", {}), table["StorageDescriptor"]
    return (
        all(there.get("Parameters", {}).get(name) == value for name, value in table["Parameters"].items())
        and there.get("TableType") == table["TableType"]
        and own.get("Columns") == wanted["Columns"]
        and own.get("Location", "").rstrip("/") == wanted["Location"].rstrip("/")
        and own.get("InputFormat") == wanted["InputFormat"]
        and own.get("SerdeInfo", {}).get("SerializationLibrary")
        == wanted["SerdeInfo"]["SerializationLibrary"]
    )


def _as_it_is(address: GlueAddress, there: dict[str, Any]) -> Registered:
    """A table that somebody else has brought to a later commit."""
    told = {
        name.removeprefix(_OURS): value
        for name, value in there["Parameters"].items()
        if name.startswith(_OURS)
    }
    return Registered(
        table=str(address),
        generation=int(told["generation"]),
        run_id=told.get("run_id", ""),
        status=told.get("status", ""),
        records=int(told.get("records", "0")),
        parts=int(told.get("parts", "0")),
        location=there["StorageDescriptor"].get("Location", ""),
        is_new=False,
    )
