from __future__ import annotations

import subprocess
import sys

import pytest

from de_classes.errors import UnsupportedFormatError
from de_classes.storage.format import DataFormatService, canonical_format, format_names, get_codec

THIN = ("codec", "schema", "inference", "segmented", "registry", "csv_codec", "json_codec", "jsonl_codec")


def imported_by(statement: str) -> set[str]:
    script = f"{statement}\nimport sys; print(*(name for name in sys.modules if '.' not in name))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_streaming_text_imports_neither_pandas_nor_arrow() -> None:
    thin = "; ".join(f"import de_classes.storage.format.{name}" for name in THIN)
    uses = "from de_classes.storage.format import *; get_codec('csv'); get_codec('json'); get_codec('jsonl')"
    heavy = {"pandas", "pyarrow", "numpy", "boto3", "awswrangler"}
    assert not imported_by(f"{thin}; {uses}; DataFormatService().extension('csv')") & heavy


def test_streaming_parquet_imports_arrow_alone() -> None:
    loaded = imported_by("from de_classes.storage.format import get_codec; get_codec('parquet')")
    assert "pyarrow" in loaded
    assert not loaded & {"pandas", "boto3", "awswrangler"}


@pytest.mark.parametrize(
    ("name", "canonical"), [("csv", "csv"), ("CSV", "csv"), ("ndjson", "jsonl"), ("JSONLines", "jsonl")]
)
def test_aliases_and_upper_case_are_understood(name: str, canonical: str) -> None:
    assert canonical_format(name) == canonical
    assert get_codec(name).name == canonical


@pytest.mark.parametrize("name", ["", "xlsx", "csv "])
def test_an_unknown_format_lists_the_known(name: str) -> None:
    with pytest.raises(UnsupportedFormatError, match="csv, json, jsonl, parquet, ndjson, jsonlines"):
        DataFormatService().content_type(name)


def test_formats_say_what_they_are() -> None:
    service = DataFormatService()
    assert service.formats() == format_names() == ("csv", "json", "jsonl", "parquet")
    assert {name: (service.extension(name), service.content_type(name)) for name in service.formats()} == {
        "csv": (".csv", "text/csv; charset=utf-8"),
        "json": (".json", "application/json"),
        "jsonl": (".jsonl", "application/x-ndjson"),
        "parquet": (".parquet", "application/vnd.apache.parquet"),
    }
