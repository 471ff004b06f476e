from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from de_classes.errors import (
    BucketNotFoundError,
    InvalidKeyError,
    ObjectExistsError,
    ObjectNotFoundError,
    UnsupportedFormatError,
)
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.format import DataFormatService
from de_classes.storage.format.codec import format_names
from de_classes.storage.services import StorageDataService
from tests.fakes.datasets import BUCKET, commit
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.object_stores import VARIANTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.object_stores import StoreCase

pytestmark = pytest.mark.xdist_group("object_stores")  # one emulator, so one process

LOGGER = logging.getLogger("tests.storage")


@pytest.fixture(params=["local", "base-on-fake", "s3-on-moto"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreCase]:
    with VARIANTS[request.param](tmp_path) as case:
        yield case


@pytest.fixture
def storage(case: StoreCase) -> StorageDataService:
    return StorageDataService(case.store, DataFormatService(), LOGGER)


@pytest.fixture
def df() -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2], "b": [3, 4]})


def test_the_example_of_the_readme_works(
    storage: StorageDataService, case: StoreCase, df: pd.DataFrame
) -> None:
    storage.upload_df(df, bucket=case.bucket, key="test.csv", format="csv")
    downloaded_df = storage.download_df(case.bucket, "test.csv", format="csv")
    assert_frame_equal(downloaded_df, df)


@pytest.mark.parametrize("name", format_names())
def test_a_frame_comes_back_equal_in_every_format(
    storage: StorageDataService, case: StoreCase, df: pd.DataFrame, name: str
) -> None:
    info = storage.upload_df(df, case.bucket, "data", name)
    assert_frame_equal(storage.download_df(case.bucket, "data", name), df)
    assert info.content_type == DataFormatService().content_type(name)


@pytest.mark.parametrize("key", ["a/data.parquet", "a/data.CSV", "a.b/data.ndjson"])
def test_the_keys_extension_tells_the_format(
    storage: StorageDataService, case: StoreCase, df: pd.DataFrame, key: str
) -> None:
    storage.upload_df(df, case.bucket, key)
    assert_frame_equal(storage.download_df(case.bucket, key), df)


@pytest.mark.parametrize("key", ["data", "data.v1/part", "data.xlsx"])
def test_a_format_that_nobody_tells_is_a_typed_error(
    storage: StorageDataService, case: StoreCase, df: pd.DataFrame, key: str
) -> None:
    with pytest.raises(UnsupportedFormatError):
        storage.upload_df(df, case.bucket, key)
    with pytest.raises(UnsupportedFormatError):
        storage.download_df(case.bucket, key)


def test_overwriting_is_the_default_and_can_be_refused(
    storage: StorageDataService, case: StoreCase, df: pd.DataFrame
) -> None:
    storage.upload_df(df, case.bucket, "a.csv")
    storage.upload_df(df * 2, case.bucket, "a.csv")
    with pytest.raises(ObjectExistsError):
        storage.upload_df(df, case.bucket, "a.csv", overwrite=False)
    storage.upload_df(df * 2, case.bucket, "a.csv", overwrite=False)
    assert_frame_equal(storage.download_df(case.bucket, "a.csv"), df * 2)


def test_the_stores_errors_come_through(
    storage: StorageDataService, case: StoreCase, df: pd.DataFrame
) -> None:
    with pytest.raises(ObjectNotFoundError):
        storage.download_df(case.bucket, "absent.csv")
    with pytest.raises(BucketNotFoundError):
        storage.upload_df(df, "no-such-bucket", "a.csv")
    with pytest.raises(InvalidKeyError):
        storage.upload_df(df, case.bucket, "../a.csv")


def test_what_was_done_is_logged(
    storage: StorageDataService, case: StoreCase, df: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOGGER.name)
    storage.upload_df(df, case.bucket, "a.csv")
    assert "Uploaded 2 rows" in caplog.text


def test_F56_csv_for_spreadsheets_is_written_on_demand(case: StoreCase) -> None:
    careful = StorageDataService(case.store, DataFormatService(escape_formulas=True), LOGGER)
    careful.upload_df(pd.DataFrame({"a": ["=1+1", "b"]}), case.bucket, "frame.csv")
    with careful.open_sink(case.bucket, "records.csv") as sink:
        sink.write([{"a": "=1+1", "n": -1}])
        sink.write([{"a": "@x", "n": 0.5, "late": "+2"}])  # a wider schema: the first part is written again
        sink.commit()
    assert case.store.get_object(case.bucket, "frame.csv") == b'"a"\n"\'=1+1"\n"b"\n'
    assert case.store.get_object(case.bucket, "records.csv").splitlines()[1:] == [
        b'"\'=1+1",-1,',
        b'"\'@x",0.5,"\'+2"',
    ]


def test_F56_other_formats_and_the_default_keep_what_looks_like_a_formula(
    storage: StorageDataService, case: StoreCase
) -> None:
    careful = StorageDataService(case.store, DataFormatService(escape_formulas=True), LOGGER)
    frame = pd.DataFrame({"a": ["=1+1"]})
    for service, key in ((careful, "a.jsonl"), (careful, "a.parquet"), (storage, "a.csv")):
        service.upload_df(frame, case.bucket, key)
        assert_frame_equal(service.download_df(case.bucket, key), frame)


def test_an_object_comes_before_a_dataset_of_the_same_name(df: pd.DataFrame) -> None:
    s3 = FakeS3()
    s3.create_bucket(Bucket=BUCKET)
    client = BaseS3Client(s3, LOGGER)
    storage = StorageDataService(client, DataFormatService(), LOGGER)
    commit(client, [[{"id": 1}]], dataset="a.csv")
    storage.upload_df(df, BUCKET, "a.csv")
    assert_frame_equal(storage.download_df(BUCKET, "a.csv"), df)
    assert_frame_equal(storage.download_df(BUCKET, "a.csv/"), pd.DataFrame({"id": [1]}))


def test_where_there_is_neither_object_nor_dataset_the_first_problem_is_told(
    storage: StorageDataService, case: StoreCase
) -> None:
    with pytest.raises(ObjectNotFoundError, match=r"absent\.csv"):
        storage.download_df(case.bucket, "absent.csv")
    with pytest.raises(UnsupportedFormatError, match="extension"):
        storage.download_df(case.bucket, "absent")
    with pytest.raises(ObjectNotFoundError, match="nothing was committed"):
        storage.download_df(case.bucket, "absent/")
