from __future__ import annotations

import pandas as pd
import pytest

from de_classes.errors import MalformedDataError, UnsupportedFormatError
from de_classes.storage.format import DataFormatService
from de_classes.utils.formats import FORMATS
from tests.fakes.every import every
from tests.fakes.format_samples import EARTHQUAKES, RECORD_CASES

SERVICE = DataFormatService()


@pytest.mark.parametrize("name", [*FORMATS, "ndjson"])
def test_a_dataframe_goes_to_bytes_and_back(name: str) -> None:
    df = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    pd.testing.assert_frame_equal(SERVICE.from_bytes(SERVICE.to_bytes(df, format=name), format=name), df)


def test_an_unknown_format_is_refused_both_ways() -> None:
    with pytest.raises(UnsupportedFormatError, match="csv"):
        SERVICE.to_bytes(pd.DataFrame(), "avro")
    with pytest.raises(UnsupportedFormatError, match="csv"):
        SERVICE.from_bytes(b"", "avro")


def test_bytes_of_another_format_are_refused() -> None:
    with pytest.raises(MalformedDataError):
        SERVICE.from_bytes(SERVICE.to_bytes(pd.DataFrame({"a": [1]}), "csv"), "json")


@every("name", FORMATS)
@every("case", RECORD_CASES)
def test_a_dataframe_of_any_records_can_be_written_in_every_format(name: str, case: str) -> None:
    frame = SERVICE.from_records(RECORD_CASES[case])
    if case == "text_like_other_types":
        frame = frame[1:].reset_index(drop=True)
    pd.testing.assert_frame_equal(SERVICE.from_bytes(SERVICE.to_bytes(frame, name), name), frame)


def test_F52_records_become_columns_without_loss() -> None:
    frame = SERVICE.from_records([{"a": 9007199254740993, "n": {"x": 1}}, {"a": None}], columns=["id", "a"])
    assert frame.dtypes.astype(str).to_dict() == {"id": "object", "a": "Int64", "n": "object"}
    assert frame["a"][0] == 9007199254740993
    assert frame["n"].tolist() == [{"x": 1}, None]


def test_an_empty_result_keeps_the_columns_it_knows() -> None:
    frame = SERVICE.from_records([], columns=["id", "mag"])
    assert (list(frame.columns), len(frame)) == (["id", "mag"], 0)
    assert SERVICE.to_bytes(frame, "csv") == b'"id","mag"\n'


def test_zoned_text_in_records_stays_text() -> None:
    text = "2024-05-01T12:00:00+02:00[Europe/Vienna]"
    assert SERVICE.from_records([{"a": text}])["a"].tolist() == [text]


def test_records_may_come_from_a_generator() -> None:
    assert len(SERVICE.from_records(record for record in EARTHQUAKES)) == len(EARTHQUAKES)
