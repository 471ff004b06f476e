from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.errors import InvalidInputError, MalformedDataError, NewerLayoutError
from de_classes.storage.datasets import Manifest, ManifestPart
from de_classes.storage.datasets.manifest import decode_manifest, encode_manifest
from de_classes.storage.format import infer
from tests.fakes.format_samples import RECORD_CASES


def part(pass_: int, first: int, last: int, *, records: int = 10) -> ManifestPart:
    return ManifestPart(
        key=f"part-{pass_}-{first:08}-{last:08}-0123456789ab.csv",
        pass_=pass_,
        first_page=first,
        last_page=last,
        records=records,
        size=100,
        sha256="0123456789ab" + "0" * 52,
    )


PARTS = [part(2, 1, 4), part(1, 5, 9), part(1, 1, 4)]


def manifest(**changes: Any) -> Manifest:
    settings: dict[str, Any] = {
        "parts": PARTS,
        "run_id": "run",
        "generation": 1,
        "format": "csv",
        "schema": infer(RECORD_CASES["earthquakes"]),
    }
    settings |= changes
    return Manifest.of(settings.pop("parts"), **settings)


WHOLE = encode_manifest(manifest())
BYTES = st.binary(max_size=3)


def changed(**fields: Any) -> bytes:
    document = json.loads(encode_manifest(manifest()))
    document |= fields
    return json.dumps(document).encode()


@pytest.mark.parametrize("records", RECORD_CASES.values(), ids=RECORD_CASES.keys())
def test_any_schema_comes_back_exact(records: list[dict[str, Any]]) -> None:
    first = manifest(schema=infer(records))
    assert decode_manifest(encode_manifest(first), "key") == first


def test_F43_the_same_parts_in_any_order_are_the_same_bytes() -> None:
    assert encode_manifest(manifest()) == encode_manifest(manifest(parts=PARTS[::-1]))


def test_what_follows_from_the_parts_is_derived() -> None:
    made = manifest(missing_pages=("10", "12-14"), quarantine=[part(1, 5, 9, records=2)])
    assert [(p.pass_, p.first_page) for p in made.parts] == [(1, 1), (1, 5), (2, 1)]
    assert (made.records, made.status, made.content_type) == (30, "partial", "text/csv; charset=utf-8")
    assert made.columns["id"] == "string"
    assert manifest().status == "complete"


@pytest.mark.parametrize("second", [part(1, 4, 8), part(1, 1, 4), part(1, 2, 3)])
def test_two_parts_with_a_page_in_common_are_refused_since_its_rows_would_be_doubled(
    second: ManifestPart,
) -> None:
    with pytest.raises(InvalidInputError, match="share a page"):
        manifest(parts=[part(1, 1, 4), second])


def test_a_generation_below_one_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="generation"):
        manifest(generation=0)


def test_fields_of_a_later_writer_are_ignored() -> None:
    assert decode_manifest(changed(note="from the future"), "key") == manifest()


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"", "truncated"),
        (b"[1]", "object"),
        (b'{"run_id": "\xff"}', "decode|UTF-8"),
        (b'{"schema":{"fields":[{"name":"a","type":' + b'{"type":"list","element":' * 100_000, "recursion"),
        (changed(version=0), "version"),
        (changed(version="1"), "version"),
        (changed(status="done"), "status"),
        (changed(records="30"), "records"),
        (changed(schema={"fields": [{"name": "a", "type": "decimal"}]}), "type"),
        (changed(parts=[{"key": "a"}]), "parts"),
        (changed(records=31), "records"),
        (changed(status="partial"), "missing_pages"),
        (changed(generation=0), "generation"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_manifest_is_refused_with_the_field_named(data: bytes, named: str) -> None:
    with pytest.raises(MalformedDataError, match=named) as caught:
        decode_manifest(data, "raw/day/_manifest-00000001.json")
    assert "raw/day/_manifest-00000001.json" in str(caught.value)


def test_a_layout_that_is_newer_is_no_damage() -> None:
    with pytest.raises(NewerLayoutError, match="layout 2"):
        decode_manifest(changed(version=2, parts="in another place"), "key")


def test_a_manifest_without_a_number_is_of_the_first_layout() -> None:
    document = json.loads(WHOLE)
    assert document.pop("version") == 1
    assert decode_manifest(json.dumps(document).encode(), "key") == manifest()


def test_parts_out_of_order_are_refused_since_rows_would_be() -> None:
    parts = json.loads(encode_manifest(manifest()))["parts"]
    with pytest.raises(MalformedDataError, match="out of order"):
        decode_manifest(changed(parts=parts[::-1]), "key")


@given(data=st.binary() | st.builds(lambda end, tail: WHOLE[:end] + tail, st.integers(0, len(WHOLE)), BYTES))
def test_any_bytes_are_a_manifest_or_a_typed_error(data: bytes) -> None:
    with suppress(MalformedDataError, NewerLayoutError):
        found = decode_manifest(data, "key")
        assert decode_manifest(encode_manifest(found), "key") == found


def test_people_can_read_it_a_field_a_line() -> None:
    lines = encode_manifest(manifest()).decode().split("\n")
    assert ' "run_id": "run",' in lines
    assert lines[-2:] == ["}", ""]
