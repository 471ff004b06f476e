"""What every loader keeps to: all of the records or none. A new one is a line in VARIANTS."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from boto3.session import Session
from moto import mock_aws

from de_classes.errors import DeClassesError, NetworkError
from de_classes.pipelines import FrameLoader, Loader, ObjectExtractor, ObjectLoader
from de_classes.pipelines.catalog_loader import GlueCatalogLoader
from de_classes.pipelines.glue import GlueAddress, GlueTable, GlueTableLoader
from de_classes.storage.clients import LocalClient, S3Client
from de_classes.storage.format import DataFormatService
from de_classes.storage.services import StorageDataService
from tests.fakes.aws import no_aws_environment, nobodys_session

LOGGER = logging.getLogger("test")
BATCHES = [[{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], [{"id": 2**53 + 1, "name": "\u00e4"}]]


@dataclass(frozen=True)
class Case:
    """A loader, and a way to see what is visible of what it loaded; None for nothing at all."""

    loader: Loader
    visible: Callable[[], list[dict[str, Any]] | None]


def local_case(root: Path, key: str, make: Callable[[LocalClient], Loader]) -> Case:
    (root / "lake").mkdir()
    store = LocalClient(root, LOGGER)

    def visible() -> list[dict[str, Any]] | None:
        if not store.object_exists("lake", key):
            return None
        return list(chain.from_iterable(ObjectExtractor(store, "lake", key).extract()))

    return Case(make(store), visible)


def object_case(root: Path, format_name: str) -> Case:
    key = f"x.{format_name}"
    return local_case(root, key, lambda store: ObjectLoader(store, "lake", key))


def frame_case(root: Path) -> Case:
    def make(store: LocalClient) -> Loader:
        return FrameLoader(StorageDataService(store, DataFormatService(), LOGGER), "lake", "x.parquet")

    return local_case(root, "x.parquet", make)


def glue_case(session: Session) -> Case:
    session.client("s3").create_bucket(Bucket="lake")
    session.client("glue").create_database(DatabaseInput={"Name": "raw"})

    def visible() -> list[dict[str, Any]] | None:
        import awswrangler as wr  # noqa: PLC0415 - only the catalog's own case needs it

        if not wr.s3.list_objects("s3://lake/t/", boto3_session=session):
            return None
        frame = wr.s3.read_parquet("s3://lake/t/", dataset=True, boto3_session=session)
        return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]

    return Case(GlueCatalogLoader("s3://lake/t/", "raw", "t", boto3_session=session), visible)


def glue_table_case(session: Session, format_name: str) -> Case:
    """A table of the catalog as a query sees it: the parts that the list at its location names."""
    session.client("s3").create_bucket(Bucket="lake")
    glue = session.client("glue")
    glue.create_database(DatabaseInput={"Name": "raw"})
    store = S3Client(LOGGER, session=session)
    table = GlueTable(GlueAddress("raw", "t"), client=glue)

    def visible() -> list[dict[str, Any]] | None:
        tables = glue.get_tables(DatabaseName="raw")["TableList"]
        if not tables:
            return None
        location = tables[0]["StorageDescriptor"]["Location"]
        listed = store.get_object("lake", f"{location.removeprefix('s3://lake/')}manifest.txt").decode()
        keys = [line.removeprefix("s3://lake/") for line in listed.splitlines()]
        parts = (ObjectExtractor(store, "lake", key).extract() for key in keys)
        return list(chain.from_iterable(chain.from_iterable(parts)))

    return Case(GlueTableLoader(table, store, "lake", "t", format=format_name), visible)


def postgres_case(*key_fields: str) -> Case:
    from tests.fakes.postgres import Schema, running_server  # noqa: PLC0415 - a server, for its own cases alone

    schema = Schema(running_server())

    def visible() -> list[dict[str, Any]] | None:
        return schema.rows("t") if "t" in schema.relations() else None

    return Case(schema.loader("t", key_fields=key_fields), visible)


VARIANTS: dict[str, Callable[[Path, Session], Case]] = {
    "csv": lambda root, _: object_case(root, "csv"),
    "json": lambda root, _: object_case(root, "json"),
    "jsonl": lambda root, _: object_case(root, "jsonl"),
    "parquet": lambda root, _: object_case(root, "parquet"),
    "frame": lambda root, _: frame_case(root),
    "glue": lambda _, session: glue_case(session),
    "glue-table": lambda _, session: glue_table_case(session, "parquet"),
    "glue-table-jsonl": lambda _, session: glue_table_case(session, "jsonl"),
    "postgres": lambda *_: postgres_case(),
    "postgres-by-key": lambda *_: postgres_case("id"),
}
PARAMS = [
    pytest.param(each, marks=pytest.mark.postgres if each.startswith("postgres") else ()) for each in VARIANTS
]


@pytest.fixture(params=PARAMS, name="case")
def each_case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    with no_aws_environment(), mock_aws():
        yield VARIANTS[request.param](tmp_path, nobodys_session())


def cut_short() -> Iterator[list[dict[str, Any]]]:
    yield BATCHES[0]
    raise NetworkError("reset")


def test_what_is_loaded_is_visible_and_counted(case: Case) -> None:
    receipt = case.loader.load(BATCHES)
    assert receipt.records == 3
    assert "://" in receipt.uri
    assert case.visible() == list(chain.from_iterable(BATCHES))


def test_a_stream_that_breaks_leaves_nothing(case: Case) -> None:
    with pytest.raises(NetworkError):
        case.loader.load(cut_short())
    assert case.visible() is None


def test_a_value_that_cannot_be_stored_leaves_nothing(case: Case) -> None:
    with pytest.raises(DeClassesError):
        case.loader.load([BATCHES[0], [{"id": object(), "name": "c"}]])
    assert case.visible() is None


def test_nothing_is_visible_before_the_commit_nor_after_an_abort(case: Case) -> None:
    session = case.loader.open()
    session.write(BATCHES[0])
    assert case.visible() is None
    session.abort()
    session.abort()
    assert case.visible() is None


def test_an_abort_after_the_commit_takes_nothing_back(case: Case) -> None:
    session = case.loader.open()
    session.write(BATCHES[0])
    session.commit()
    session.abort()
    assert case.visible() == BATCHES[0]


def test_an_empty_text_is_no_null(case: Case) -> None:
    records = [{"id": 1, "name": ""}, {"id": 2, "name": None}, {"id": 3, "name": "x"}]
    case.loader.load([records])
    assert case.visible() == records


def test_a_load_that_failed_can_be_done_again(case: Case) -> None:
    with pytest.raises(NetworkError):
        case.loader.load(cut_short())
    assert case.loader.load(BATCHES).records == 3
    assert case.visible() == list(chain.from_iterable(BATCHES))
