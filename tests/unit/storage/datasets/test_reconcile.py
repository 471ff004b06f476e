from __future__ import annotations

import logging
import tracemalloc
from typing import TYPE_CHECKING, BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from de_classes.errors import MalformedDataError
from de_classes.storage.clients import BaseS3Client, LocalClient
from de_classes.storage.datasets import read_parts
from de_classes.storage.datasets.reconcile import reconcile
from de_classes.storage.format import format_names, get_codec
from de_classes.storage.format.schema import Schema
from de_classes.utils.clock import ManualClock
from tests.fakes.datasets import BUCKET, DATASET, seal
from tests.fakes.effort import examples
from tests.fakes.every import every
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.format_samples import RECORD_CASES, RECORDS, read, same_records, write

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.storage.datasets import WrittenPart
    from de_classes.storage.format.schema import Record

LATE = [[{"id": 1, "a": 1}], [{"id": 2, "a": 2.5}], [{"id": 3, "a": 3.5, "late": "x"}]]


@pytest.fixture
def client() -> BaseS3Client:
    return new_client()


def new_client() -> BaseS3Client:
    s3 = FakeS3()
    s3.create_bucket(Bucket=BUCKET)
    return BaseS3Client(s3, logging.getLogger("tests.datasets"), clock=ManualClock())


def check_against_one_file(name: str, pages: list[list[Record]]) -> None:
    """What the parts of pages hold after reconciling is what one file of all these pages holds."""
    client, codec = new_client(), get_codec(name)
    one = reconcile(client, BUCKET, DATASET, name, seal(client, pages, format=name))
    records = [
        record
        for batch in read_parts(client, BUCKET, DATASET, name, [each.part for each in one.parts])
        for record in batch
    ]
    assert same_records(records, [record for page in pages for record in page])
    if codec.keeps_columns:
        headers = {codec.read_columns(stream(client, each)) for each in one.parts}
        assert headers <= {one.schema.names}
        assert same_records(records, read(codec, write(codec, pages)))


def stream(client: BaseS3Client, stored: WrittenPart) -> BinaryIO:
    return client.open_object(BUCKET, f"{DATASET}/{stored.part.key}")


@every("name", format_names())
@every("records", RECORD_CASES.values())
def test_F50_F51_F53_a_part_a_record_holds_what_one_file_holds(name: str, records: list[Record]) -> None:
    check_against_one_file(name, [[record] for record in records])


@pytest.mark.parametrize("name", ["csv", "parquet"])
@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pages=st.lists(RECORDS, max_size=4))
def test_F50_F51_any_pages_hold_what_one_file_holds(name: str, pages: list[list[Record]]) -> None:
    check_against_one_file(name, pages)


@pytest.mark.parametrize(("name", "rewritten"), [("csv", 2), ("parquet", 2), ("json", 0), ("jsonl", 0)])
def test_only_parts_that_do_not_fit_are_written_again(
    client: BaseS3Client, name: str, rewritten: int
) -> None:
    told: list[tuple[WrittenPart, WrittenPart]] = []
    parts = seal(client, LATE, format=name)
    one = reconcile(
        client, BUCKET, DATASET, name, parts, on_rewritten=lambda old, new: told.append((old, new))
    )
    assert [old for old, _ in told] == parts[:rewritten]
    assert [new for _, new in told] == list(one.parts[:rewritten])
    assert one.parts[rewritten:] == tuple(parts[rewritten:])
    assert one.schema.names == ("id", "a", "late")
    assert [each.part.first_page for each in one.parts] == [1, 2, 3]


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_columns_in_another_order_are_another_header(client: BaseS3Client, name: str) -> None:
    parts = seal(client, [[{"a": 1, "b": 2}], [{"b": 2, "a": 1}]], format=name)
    one = reconcile(client, BUCKET, DATASET, name, parts)
    headers = [get_codec(name).read_columns(stream(client, each)) for each in one.parts]
    assert headers == [("a", "b"), ("a", "b")]


def test_declared_columns_come_first_and_are_in_every_part(client: BaseS3Client) -> None:
    declared = Schema.of_columns(("late", "never"))
    one = reconcile(client, BUCKET, DATASET, "csv", seal(client, LATE, format="csv"), schema=declared)
    assert one.schema.names == ("late", "never", "id", "a")
    assert {stream(client, each).readline() for each in one.parts} == {b'"late","never","id","a"\n'}


def test_no_parts_have_the_declared_schema(client: BaseS3Client) -> None:
    declared = Schema.of_columns(("a",))
    one = reconcile(client, BUCKET, DATASET, "csv", [], schema=declared)
    assert (one.schema, one.parts) == (declared, ())


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_F42_after_a_crash_it_goes_on_or_begins_again_and_ends_the_same(
    client: BaseS3Client, name: str
) -> None:
    parts = seal(client, LATE, format=name)
    progress = list(parts)

    def crash_after_noting(old: WrittenPart, new: WrittenPart) -> None:
        progress[parts.index(old)] = new
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reconcile(client, BUCKET, DATASET, name, parts, on_rewritten=crash_after_noting)
    rest: list[WrittenPart] = []
    resumed = reconcile(client, BUCKET, DATASET, name, progress, on_rewritten=lambda old, _: rest.append(old))
    again = reconcile(client, BUCKET, DATASET, name, parts)
    assert rest == [parts[1]]
    assert resumed == again
    assert len(list(client.list_objects(BUCKET))) == 5


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_reconciling_what_is_reconciled_changes_nothing(client: BaseS3Client, name: str) -> None:
    one = reconcile(client, BUCKET, DATASET, name, seal(client, LATE, format=name))
    assert reconcile(client, BUCKET, DATASET, name, one.parts) == one


def test_a_part_that_was_damaged_is_never_written_again_as_if_it_were_sound(client: BaseS3Client) -> None:
    parts = seal(client, LATE, format="csv")
    client.put_object(BUCKET, f"{DATASET}/{parts[0].part.key}", b"id,a\n7,7\n")
    with pytest.raises(MalformedDataError, match=parts[0].part.key):
        reconcile(client, BUCKET, DATASET, "csv", parts)
    assert len(list(client.list_objects(BUCKET))) == 3


def test_F56_what_was_escaped_is_not_escaped_again(client: BaseS3Client) -> None:
    pages: list[list[Record]] = [[{"a": "'=1+1"}], [{"a": "x", "late": "y"}]]
    parts = seal(client, pages, format="csv")
    one = reconcile(client, BUCKET, DATASET, "csv", parts, escape_formulas=True)
    assert stream(client, one.parts[0]).read() == b'"a","late"\n"\'=1+1",\n'


def test_memory_does_not_grow_with_the_number_of_parts(tmp_path: Path) -> None:
    def peak(pages: int) -> int:
        client = LocalClient(tmp_path / str(pages), logging.getLogger("tests.datasets"))
        client.create_bucket(BUCKET)
        rows = [{"id": number, "text": "x" * 500} for number in range(500)]
        parts = seal(client, [*[rows] * pages, [{"late": 1}]], format="csv")
        tracemalloc.start()
        reconcile(client, BUCKET, DATASET, "csv", parts)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(8) < 1.2 * peak(2)
