from __future__ import annotations

import io
import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from de_classes.errors import MalformedDataError, UnsupportedFormatError
from de_classes.storage.clients import LocalClient
from de_classes.storage.format import DataFormatService, canonical_format, format_names, get_codec
from de_classes.storage.format.codec import (
    CHUNK_BYTES,
    MAX_RECORD_BYTES,
    Chunker,
    batched,
    check_size,
    format_of_key,
    read_lines,
    read_text,
)
from de_classes.storage.format.json_codec import JsonLinesCodec
from de_classes.storage.services.object_sink import ObjectSink
from de_classes.utils.formats import FORMATS, Format
from tests.fakes.effort import examples

if TYPE_CHECKING:
    from pathlib import Path


class TheirCodec(JsonLinesCodec):
    """Of another package."""

    name = "theirs"


THIN = ("codec", "schema", "decoders", "segmented", "pinned", "csv_codec", "json_codec")


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
    known = ", ".join((*format_names(), "ndjson, jsonlines"))
    with pytest.raises(UnsupportedFormatError, match=f"choose one of {known}"):
        DataFormatService().content_type(name)


def test_formats_say_what_they_are() -> None:
    service = DataFormatService()
    assert service.formats() == format_names() == tuple(FORMATS)
    found = {name: (service.extension(name), service.content_type(name)) for name in service.formats()}
    ours = {
        "csv": (".csv", "text/csv; charset=utf-8"),
        "json": (".json", "application/json"),
        "jsonl": (".jsonl", "application/x-ndjson"),
        "parquet": (".parquet", "application/vnd.apache.parquet"),
    }
    assert found == found | ours


def test_a_format_of_ones_own_is_written_read_and_told_by_its_key_like_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    their = Format(
        codec=f"{__name__}:TheirCodec",
        media_type="text/x-theirs",
        is_text=True,
        is_table=False,
        aliases=("them",),
    )
    monkeypatch.setitem(FORMATS, "theirs", their)  # and taken out after the test
    store = LocalClient(tmp_path, logging.getLogger("tests.formats"))
    store.create_bucket("lake")
    records = [{"id": 1}, {"id": 2}]
    with ObjectSink(store, "lake", "a.theirs") as sink:
        sink.write(records)
        sink.commit()
    info = store.head_object("lake", "a.theirs")
    assert (info.content_type, format_of_key("b.THEM")) == ("text/x-theirs", "theirs")
    with store.open_object("lake", "a.theirs") as stream:
        assert list(get_codec("theirs").read(stream)) == [records]
    with pytest.raises(UnsupportedFormatError, match="theirs"):
        get_codec("none-of-these")


@pytest.mark.parametrize(
    ("extra", "advice"), [(None, "pip install lib_missing,"), ("parquet", r"'de-classes\[parquet\]'")]
)
def test_a_format_whose_library_is_missing_says_what_to_install(
    extra: str | None, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    their = Format(codec="lib_missing:C", media_type="a/b", is_text=True, is_table=True, extra=extra)
    monkeypatch.setitem(FORMATS, "theirs", their)
    with pytest.raises(UnsupportedFormatError, match=advice):
        get_codec("theirs")


@settings(max_examples=examples(100), deadline=None, database=None)
@given(data=st.binary(max_size=40).map(lambda data: data.replace(b"\x00", b"\n") * 3))
def test_lines_are_those_of_the_data(data: bytes) -> None:
    assert list(read_lines(io.BytesIO(data))) == list(io.BytesIO(data))


def test_lines_longer_than_a_chunk_are_whole() -> None:
    data = b"x" * (3 * CHUNK_BYTES) + b"\ny" + b"\n" * 3
    assert list(read_lines(io.BytesIO(data))) == list(io.BytesIO(data))


def test_characters_cut_by_a_chunk_are_whole() -> None:
    text = "a" + "é" * CHUNK_BYTES
    assert "".join(read_text(io.BytesIO(text.encode()))) == text


def test_text_that_ends_inside_a_character_is_refused() -> None:
    with pytest.raises(MalformedDataError, match="UTF-8"):
        list(read_text(io.BytesIO("é".encode()[:1])))


def test_F19_a_record_has_a_ceiling() -> None:
    assert check_size(MAX_RECORD_BYTES) == MAX_RECORD_BYTES
    with pytest.raises(MalformedDataError, match="longer than"):
        check_size(MAX_RECORD_BYTES + 1)


@settings(max_examples=examples(100), deadline=None, database=None)
@given(pages=st.lists(st.integers(0, 12)), size=st.integers(1, 7))
def test_batches_depend_on_positions_alone(pages: list[int], size: int) -> None:
    rebatcher: Chunker[int] = Chunker(size)
    items = iter(range(sum(pages)))
    out = [batch for page in pages for batch in rebatcher.add([next(items) for _ in range(page)])]
    assert [*out, *filter(None, [rebatcher.rest()])] == list(batched(range(sum(pages)), size))
    assert rebatcher.rest() == []
