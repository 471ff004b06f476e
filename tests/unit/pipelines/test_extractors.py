import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from de_classes.errors import (
    InvalidInputError,
    MalformedDataError,
    ObjectNotFoundError,
    RetriesExhaustedError,
    UnsupportedFormatError,
    UnsupportedValueError,
)
from de_classes.pipelines.extractors import ApiExtractor, FrameExtractor, ObjectExtractor, RecordsExtractor
from de_classes.storage.clients import LocalClient


class PagedList:
    """An API client, as far as an extractor asks for one."""

    def __init__(self, *pages: list[dict[str, Any]], fails: bool = False) -> None:
        self.pages = pages
        self.fails = fails
        self.limits: list[int] = []

    def iterate_all_pages(self, limit: int = 100) -> Iterator[tuple[int, SimpleNamespace]]:
        self.limits.append(limit)
        for number, records in enumerate(self.pages, 1):
            yield number, SimpleNamespace(records=records)
        if self.fails:
            raise RetriesExhaustedError("page 3 kept failing", attempts=5)


@pytest.fixture
def store(tmp_path: Path) -> LocalClient:
    (tmp_path / "raw").mkdir()
    return LocalClient(tmp_path, logging.getLogger("test"))


def test_an_api_is_extracted_page_by_page() -> None:
    client = PagedList([{"id": 1}, {"id": 2}], [], [{"id": 3}])
    assert list(ApiExtractor(client, limit=2).extract()) == [[{"id": 1}, {"id": 2}], [{"id": 3}]]
    assert client.limits == [2]


def test_an_api_that_fails_fails_the_extraction() -> None:
    batches = ApiExtractor(PagedList([{"id": 1}], fails=True)).extract()
    assert next(batches) == [{"id": 1}]
    with pytest.raises(RetriesExhaustedError):
        next(batches)


def test_a_frame_gives_plain_values_in_batches() -> None:
    frame = pd.DataFrame(
        {
            "int": pd.Series([2**53 + 1, None, 3], dtype="Int64"),
            "float": [0.5, np.nan, 2.0],
            "text": pd.Series(["a", None, "\u00e4"], dtype="str"),
            "bool": [True, False, True],
            "zoned": pd.to_datetime(["2026-01-31T08:00:00Z", None, "2026-01-31T09:30:00Z"]),
            "nested": [{"a": [1]}, None, [np.int64(1)]],
            "date": [date(2026, 1, 31), None, datetime(2026, 1, 31, tzinfo=UTC)],
        }
    )
    frame.index = pd.Index([7, 7, 7])
    first, second = FrameExtractor(frame, batch_rows=2).extract()
    assert first == [
        {
            "int": 9007199254740993,
            "float": 0.5,
            "text": "a",
            "bool": True,
            "zoned": "2026-01-31T08:00:00+00:00",
            "nested": {"a": [1]},
            "date": "2026-01-31",
        },
        {**dict.fromkeys(frame.columns), "bool": False},
    ]
    assert second[0]["nested"] == [1]
    assert type(second[0]["nested"][0]) is int
    assert type(second[0]["int"]) is int


def test_a_frame_without_rows_or_columns_gives_what_it_has() -> None:
    assert list(FrameExtractor(pd.DataFrame({"a": []})).extract()) == []
    assert list(FrameExtractor(pd.DataFrame(index=range(2))).extract()) == [[{}, {}]]


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        (pd.DataFrame({"a": [Decimal(1)]}), "column 'a': a Decimal is not a JSON value"),
        (pd.DataFrame({"a": pd.to_timedelta([1])}), "column 'a': a Timedelta"),
        (pd.DataFrame({1: [1]}), "different strings"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "different strings"),
    ],
)
def test_what_a_record_cannot_hold_is_refused(frame: pd.DataFrame, complaint: str) -> None:
    with pytest.raises(UnsupportedValueError, match=complaint):
        list(FrameExtractor(frame).extract())


def test_a_stored_object_is_read_through_its_codec(store: LocalClient) -> None:
    store.put_object("raw", "a.jsonl", b'{"id": 1}\n{"id": 2}\n')
    store.put_object("raw", "named", b'[{"id": 3}]')
    assert list(ObjectExtractor(store, "raw", "a.jsonl").extract()) == [[{"id": 1}, {"id": 2}]]
    assert list(ObjectExtractor(store, "raw", "named", format="json").extract()) == [[{"id": 3}]]


def test_an_object_that_cannot_be_read_is_a_typed_error(store: LocalClient) -> None:
    store.put_object("raw", "bad.json", b"{")
    with pytest.raises(MalformedDataError):
        list(ObjectExtractor(store, "raw", "bad.json").extract())
    with pytest.raises(ObjectNotFoundError):
        list(ObjectExtractor(store, "raw", "none.json").extract())
    with pytest.raises(UnsupportedFormatError):
        ObjectExtractor(store, "raw", "a.xlsx")


def test_records_are_cut_into_batches_every_time_anew() -> None:
    extractor = RecordsExtractor([{"id": number} for number in range(3)], batch_rows=2)
    assert [len(batch) for batch in extractor.extract()] == [2, 1]
    assert [len(batch) for batch in extractor.extract()] == [2, 1]


@pytest.mark.parametrize("make", [RecordsExtractor, FrameExtractor])
def test_a_batch_without_rows_is_refused(make: Any) -> None:
    with pytest.raises(InvalidInputError, match="batch_rows is 0"):
        make([], batch_rows=0)


def test_a_pipeline_of_records_imports_no_dataframe_and_no_aws() -> None:
    code = (
        "import sys\n"
        "from de_classes.pipelines import *\n"
        "heavy = {'pandas', 'numpy', 'pyarrow', 'awswrangler', 'boto3', 'botocore', 'requests'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
