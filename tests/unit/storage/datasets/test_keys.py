from __future__ import annotations

import pytest

from de_classes.storage.clients.checksums import Content
from de_classes.storage.datasets.keys import (
    PART,
    QUARANTINE,
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
from de_classes.storage.format import get_codec

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
