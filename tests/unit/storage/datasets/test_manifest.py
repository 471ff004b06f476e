from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.errors import InvalidInputError, MalformedDataError, NewerLayoutError
from de_classes.storage.clients.object_store import Content
from de_classes.storage.datasets import Manifest, ManifestPart
from de_classes.storage.datasets.manifest import (
    PART,
    QUARANTINE,
    decode_manifest,
    encode_manifest,
    is_part_key,
    is_plan_key,
    is_receipt_key,
    is_reserved,
    manifest_key,
    names_dataset,
    parse_journal_key,
    parse_manifest_key,
    part_name,
)
from de_classes.storage.format import get_codec, infer
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
    with pytest.raises(NewerLayoutError, match="layout 3"):
        decode_manifest(changed(version=3, parts="in another place"), "key")


def test_parts_of_several_runs_say_of_which_each_is_in_a_layout_of_their_own() -> None:
    others = manifest(run_id="monday").parts_of_others("tuesday")
    both = manifest(run_id="tuesday", before=others, generation=2)
    assert (both.version, both.records) == (2, 60)
    assert [(p.run_id, p.pass_, p.first_page) for p in both.parts] == [
        (run_id, *place) for run_id in ("monday", "tuesday") for place in [(1, 1), (1, 5), (2, 1)]
    ]
    assert [p.run_id for p in both.parts_of_others("tuesday")] == ["monday"] * 3
    assert len(both.parts_of("tuesday")) == 3
    assert decode_manifest(encode_manifest(both), "key") == both


@pytest.mark.parametrize("order", [[0, 3, 1, 2, 4, 5], [1, 0, 2, 3, 4, 5]])
def test_parts_of_several_runs_that_are_mixed_or_out_of_order_are_refused(order: list[int]) -> None:
    others = manifest(run_id="monday").parts_of_others("tuesday")
    document = json.loads(encode_manifest(manifest(run_id="tuesday", before=others)))
    document["parts"] = [document["parts"][place] for place in order]
    with pytest.raises(MalformedDataError, match=r"stand apart|out of order"):
        decode_manifest(json.dumps(document).encode(), "key")


def test_one_manifest_says_of_no_part_or_of_every_part_which_run_it_is_of() -> None:
    document = json.loads(encode_manifest(manifest()))
    document["parts"][0]["run_id"] = "another"
    for version in (1, 2):
        document["version"] = version
        with pytest.raises(MalformedDataError, match="do not name it"):
            decode_manifest(json.dumps(document).encode(), "key")


def test_a_manifest_of_one_run_has_the_bytes_that_it_had_before_there_were_several() -> None:
    assert b"run_id" not in WHOLE.replace(b'"run_id": "run"', b"")
    assert b"primary_key" not in WHOLE


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


CONTENT = Content.of(b"")


def test_a_part_is_named_by_its_pages_and_its_content() -> None:
    name = part_name(PART, (1, 51, 100), CONTENT, get_codec("csv"))
    assert name == "part-1-00000051-00000100-e3b0c44298fc.csv"
    assert is_part_key(f"raw/day/{name}")
    aside = part_name(QUARANTINE, (1, 51, 100), CONTENT, get_codec("jsonl"))
    assert aside == "_quarantine-1-00000051-00000100-e3b0c44298fc.jsonl"
    assert is_part_key(aside)


def test_a_page_beyond_eight_digits_is_spelled_in_full() -> None:
    name = part_name(PART, (12, 999_999_999, 1_000_000_000), CONTENT, get_codec("json"))
    assert name == "part-12-999999999-1000000000-e3b0c44298fc.json"
    assert is_part_key(name)


@pytest.mark.parametrize(
    "key",
    [
        "part-1-00000051-00000100.csv",
        "part-1-51-100-e3b0c44298fc.csv",
        "part-00000-e3b0c442-98fc.snappy.parquet",
        "my-part-1-00000051-00000100-e3b0c44298fc.csv",
        "part-1-00000051-00000100-e3b0c44298fc.csv.bak",
        "part-1-00000051-00000100-e3b0c44298fc.csv/x",
    ],
)
def test_what_others_call_a_part_is_none(key: str) -> None:
    assert not is_part_key(key)


def test_a_manifest_is_known_by_its_key() -> None:
    assert manifest_key("raw/day/", 7) == "raw/day/_manifest-00000007.json"
    assert parse_manifest_key("raw/day/_manifest-00000007.json") == ("raw/day", 7)
    assert parse_manifest_key("raw/day/_manifest-7.json") is None
    assert parse_manifest_key("raw/day/_manifest-00000007.json.bak") is None


def test_progress_is_known_by_its_key() -> None:
    assert parse_journal_key("raw/_runs/r1/plan.json") == ("raw/_runs/r1", 0)
    assert parse_journal_key("_runs/r1/part-00000051.json") == ("_runs/r1", 51)
    assert parse_journal_key("raw/_runs/r1/notes.json") is None
    assert parse_journal_key("raw/runs/r1/plan.json") is None


def test_a_plan_and_a_receipt_are_told_from_what_lies_beside_them() -> None:
    assert is_plan_key("raw/_runs/r1/plan.json")
    assert not is_plan_key("raw/_runs/r1/part-00000051.json")
    assert is_receipt_key("raw/day/_receipt-00000001-r1-5f4e3d2c1b0a.json")
    assert not is_receipt_key("raw/day/_manifest-00000001.json")


@pytest.mark.parametrize(
    ("key", "answer"),
    [("raw/day/", True), ("raw/day/_manifest-00000007.json", True), ("raw/day", False), ("a.csv", False)],
)
def test_a_key_that_can_only_mean_a_dataset_is_told(key: str, answer: bool) -> None:  # noqa: FBT001 - a case
    assert names_dataset(key) is answer


@pytest.mark.parametrize(
    "key",
    [
        "raw/_runs/r1/plan.json",
        "_runs/r1/anything/else",
        "raw/day/_symlink/manifest.txt",
        "raw/day/_symlink-00000007/manifest.txt",
        "raw/day/_manifest-00000001.json",
        "raw/day/_receipt-00000001-r1-5f4e3d2c1b0a.json",
        "raw/day/_quarantine-1-00000051-00000100-5f4e3d2c1b0a.jsonl",
        "raw/day/part-1-00000051-00000100-0a1b2c3d4e5f.parquet",
        "part-1-anything",
    ],
)
def test_what_runs_and_commits_write_is_reserved(key: str) -> None:
    assert is_reserved(key)


@pytest.mark.parametrize(
    "key", ["raw/day.csv", "raw/part-one.csv", "raw/my_runs/a.csv", "raw/_manifest.json", "_runs"]
)
def test_what_others_write_is_not(key: str) -> None:
    assert not is_reserved(key)
