"""Runs whose pages go straight to columns: the parts are the same at any width and by either road."""

from __future__ import annotations

import io
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from de_classes.runs.verify import differences
from de_classes.storage.format.codec import get_codec
from de_classes.storage.format.schema import Schema, merge
from de_classes.storage.format.segmented import SegmentedWriter
from de_classes.utils import strict_json
from tests.fakes.runs import BUCKET, DATASET, KilledError, memory, plan, rows, service
from tests.fakes.transports import FakePagedApi, json_response

if TYPE_CHECKING:
    from de_classes.storage.clients import BaseS3Client
    from de_classes.storage.format.schema import Record

PAGE_ROWS = 600
PAGES = 11
PART_PAGES = 5
FORMATS = ["csv", "jsonl", "parquet"]


def record(number: int) -> Record:
    """Mostly of one shape; at times a key is absent, an integer is large, a type is new, or a key is."""
    made: Record = {"id": number, "amount": number / 4, "at": f"12:{number % 60:02}", "on": number % 2 == 0}
    odd = {1_700: {"at": None}, 2_900: {"amount": 3}, 4_300: {"id": 2**53 + 1}, 5_000: {"on": "yes"}}
    made |= odd.get(number, {})
    if number == 6_100:
        return {**made, "new": [1, None]}
    return {key: value for key, value in made.items() if key != "at" or number % 1_900 > 99}


def source() -> FakePagedApi:
    records = [record(number) for number in range(PAGE_ROWS * PAGES)]
    api = FakePagedApi(len(records))
    for number in range(1, PAGES + 1):
        data = records[(number - 1) * PAGE_ROWS : number * PAGE_ROWS]
        body = {"page": number, "total_pages": PAGES, "total_records": len(records), "data": data}
        api.faults_for(number, [json_response(body)] * 9)
    return api


def parts(store: BaseS3Client) -> dict[str, bytes]:
    found = sorted(info.key for info in store.list_objects(BUCKET, prefix=f"{DATASET}/part"))
    return {key: store.get_object(BUCKET, key) for key in found}


def by_dictionaries(name: str) -> list[bytes]:
    """The parts, written from dictionaries."""
    pages = [[record(n) for n in range(p * PAGE_ROWS, (p + 1) * PAGE_ROWS)] for p in range(PAGES)]
    made, schema = [], Schema()
    for start in range(0, PAGES, PART_PAGES):
        target = io.BytesIO()
        with SegmentedWriter(get_codec(name), target, schema=schema) as writer:
            writer.write(list(chain.from_iterable(pages[start : start + PART_PAGES])))
        made.append(target.getvalue())
        schema = merge(schema, writer.schema)
    return made


@pytest.mark.parametrize("name", FORMATS)
def test_parts_are_the_same_at_any_width_and_by_either_road(name: str) -> None:
    found = []
    for width in (1, 16):
        store = memory()
        receipt = service(store, source(), width=width, part_pages=PART_PAGES).carry_out(
            plan(format=name, limit=PAGE_ROWS)
        )
        assert list(differences(receipt, store, BUCKET)) == []
        found.append(parts(store))
    assert found[0] == found[1]
    if name != "jsonl":
        assert set(by_dictionaries(name)) <= set(found[0].values())  # the others were written again
    assert [row["id"] for row in rows(store, receipt)] == [record(n)["id"] for n in range(PAGE_ROWS * PAGES)]


def test_JSON_Lines_of_a_run_are_the_source_s_text() -> None:
    store = memory()
    service(store, source(), width=4, part_pages=PART_PAGES).carry_out(plan(limit=PAGE_ROWS))
    lines = b"".join(parts(store).values()).splitlines()
    assert [strict_json.loads(line) for line in lines] == [record(n) for n in range(PAGE_ROWS * PAGES)]
    assert lines[100] == b'{"id": 100, "amount": 25.0, "at": "12:40", "on": true}'


@pytest.mark.parametrize("name", FORMATS)
def test_a_run_that_died_ends_with_the_same_parts(name: str) -> None:
    whole, resumed = memory(), memory()
    wanted = plan(format=name, limit=PAGE_ROWS)
    service(whole, source(), part_pages=PART_PAGES).carry_out(wanted)
    with pytest.raises(KilledError):
        service(resumed, source(), part_pages=PART_PAGES, die_after=7).carry_out(wanted)
    service(resumed, source(), part_pages=PART_PAGES, width=8).carry_out(wanted)
    assert parts(whole) == parts(resumed)
