import gc
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from boto3.session import Session
from botocore.exceptions import ConnectionClosedError
from moto import mock_aws

from de_classes.errors import (
    BucketNotFoundError,
    InvalidInputError,
    StorageError,
    StorageUnavailableError,
    UnsupportedValueError,
)
from de_classes.pipelines import EtlPipeline, RecordsExtractor
from de_classes.pipelines.catalog_loader import GlueCatalogLoader
from de_classes.storage.clients import S3Client
from tests.fakes.aws import ACCESS_KEY, REGION, SECRET_KEY, no_aws_environment
from tests.fakes.effort import first_of

# awswrangler 3.17 drops partition columns in a way that pandas 3.1 says it will not know for ever.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")

PATH = "s3://lake/orders/"
RECORDS = [
    {"id": 2**53 + 1, "name": "\u00e4", "day": "2026-01-31", "at": {"x": 1.5}, "tags": ["a"]},
    {"id": None, "name": None, "day": "2026-02-01", "at": None, "tags": None},
]


@pytest.fixture(name="session")
def session_with_bucket_and_database() -> Iterator[Session]:
    with no_aws_environment(), mock_aws():
        session = Session(ACCESS_KEY, SECRET_KEY, region_name=REGION)
        session.client("s3").create_bucket(Bucket="lake")
        session.client("glue").create_database(DatabaseInput={"Name": "raw"})
        yield session


def run(session: Session, records: list[dict[str, Any]], **options: Any) -> int:
    load = GlueCatalogLoader(PATH, "raw", "orders", boto3_session=session, **options)
    return EtlPipeline(RecordsExtractor(records), load=load).run().rows_out


def columns(session: Session) -> dict[str, str]:
    table = session.client("glue").get_table(DatabaseName="raw", Name="orders")["Table"]
    return {c["Name"]: c["Type"] for c in table["StorageDescriptor"]["Columns"] + table["PartitionKeys"]}


def rows(session: Session) -> list[dict[str, Any]]:
    import awswrangler as wr  # noqa: PLC0415 - only here to read what it wrote

    frame = wr.s3.read_parquet(PATH, dataset=True, boto3_session=session)
    return sorted(frame.to_dict("records"), key=str)


def files(session: Session) -> list[str]:
    listing = session.client("s3").list_objects_v2(Bucket="lake")
    return [each["Key"] for each in listing.get("Contents", [])]


def test_records_become_a_table_in_the_catalog(session: Session) -> None:
    assert run(session, RECORDS, partition_columns=["day"]) == 2
    assert columns(session) == {
        "id": "bigint",
        "name": "string",
        "at": "struct<x:double>",
        "tags": "array<string>",
        "day": "string",
    }
    assert [key.rpartition("/")[0] for key in files(session)] == [
        "orders/day=2026-01-31",
        "orders/day=2026-02-01",
    ]
    partitions = session.client("glue").get_partitions(DatabaseName="raw", TableName="orders")["Partitions"]
    assert [each["Values"] for each in partitions] == [["2026-01-31"], ["2026-02-01"]]
    assert {row["id"] for row in rows(session) if row["name"] == "\u00e4"} == {2**53 + 1}


def test_a_later_load_adds_rows_and_columns(session: Session) -> None:
    run(session, [{"id": 1, "name": None}, {"id": 2, "name": "x"}])
    run(session, [{"id": 3, "name": None, "late": True}])
    assert columns(session) == {"id": "bigint", "name": "string", "late": "boolean"}
    assert len(rows(session)) == 3


def test_a_column_of_another_type_is_refused_and_nothing_added(session: Session) -> None:
    run(session, [{"id": 1}])
    before = files(session)
    with pytest.raises(
        UnsupportedValueError, match=r"column 'id' is bigint in raw\.orders, and double here: cast"
    ):
        run(session, [{"id": 2.5}])
    assert files(session) == before
    assert columns(session) == {"id": "bigint"}


def test_an_empty_run_changes_nothing(session: Session) -> None:
    assert run(session, []) == 0
    assert files(session) == []


def test_a_new_column_without_values_needs_a_type(session: Session) -> None:
    with pytest.raises(UnsupportedValueError, match=r"table raw\.orders cannot hold this"):
        run(session, [{"id": 1, "none": None}])
    assert files(session) == []
    run(session, [{"id": 1, "none": None}], types={"none": "string"})
    assert columns(session)["none"] == "string"


@pytest.mark.parametrize("value", [2**70, object()])
def test_a_value_that_no_column_holds_is_a_typed_error(session: Session, value: object) -> None:
    with pytest.raises(UnsupportedValueError):
        run(session, [{"id": value}])
    assert files(session) == []


@pytest.mark.parametrize("call", first_of(["glue.BatchCreatePartition", "s3.PutObject"]))
def test_files_of_a_commit_that_fails_are_removed(session: Session, call: str) -> None:
    run(session, [{"id": 1, "day": "a"}], partition_columns=["day"])
    before = files(session)
    calls: list[str] = []

    def cut_off_once(params: dict[str, Any], **_: object) -> None:
        calls.append(params["url_path"])
        if call == "glue.BatchCreatePartition" or len(calls) == 2:
            raise ConnectionClosedError(endpoint_url="https://aws")

    session.events.register(f"before-call.{call}", cut_off_once)
    with pytest.raises(StorageUnavailableError):
        run(session, [{"id": 2, "day": "b"}, {"id": 3, "day": "c"}], partition_columns=["day"])
    gc.collect()  # awswrangler's files try their upload again when they are freed
    assert calls
    assert files(session) == before


def test_bucket_and_database_are_checked_before_anything_is_fetched(session: Session) -> None:
    with pytest.raises(StorageError, match="no Glue database 'none'"):
        GlueCatalogLoader(PATH, "none", "orders", boto3_session=session).open()
    with pytest.raises(BucketNotFoundError):
        GlueCatalogLoader("s3://no-lake/orders/", "raw", "orders", boto3_session=session).open()


@pytest.mark.parametrize("path", ["", "orders", "s3://lake", "s3://lake/", "https://lake/orders/"])
def test_a_path_that_is_no_prefix_is_refused(path: str) -> None:
    with pytest.raises(InvalidInputError, match="no place for a table"):
        GlueCatalogLoader(path, "raw", "orders")


def test_the_bucket_is_the_one_that_s3_clients_see(session: Session) -> None:
    run(session, [{"id": 1}])
    client = S3Client(logging.getLogger("test"), access_key=ACCESS_KEY, secret_key=SECRET_KEY, region=REGION)
    assert len(list(client.list_objects("lake", "orders/"))) == len(files(session)) == 1
