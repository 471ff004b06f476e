"""Compare what a page costs from its bytes to a file: straight, through dictionaries, and by pyarrow.

Usage: ``python benchmarks/straight.py``. All candidates take turns in one process, on the same pages; the
figures are CPU microseconds a record, the median of seven rounds. On a busy machine only the ratios count.

The reference does less: pyarrow's JSON reader is told the schema, takes the records as slices of the page
that are joined to lines, and looks neither for duplicate keys nor for integers that a float cannot hold.
"""

from __future__ import annotations

import io
import json
import random
import statistics
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.json as pj  # type: ignore[import-untyped]  # as above
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # as above

from de_classes.api.answers import PageReader
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination import PageRequest
from de_classes.api.prefetch import PageDecoder
from de_classes.storage.format.blocks import SharedDecoder
from de_classes.storage.format.codec import get_codec
from de_classes.storage.format.segmented import SegmentedWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.api.page import Page
    from de_classes.errors import CorruptResponseError

ROUNDS = 7
PAGES, PAGE_RECORDS = 50, 1_000
FORMATS = ("parquet", "jsonl", "csv")
SEED = 1
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("email", pa.string()),
        ("amount", pa.float64()),
        ("quantity", pa.int64()),
        ("active", pa.bool_()),
        ("city", pa.string()),
        ("created_at", pa.string()),
        ("score", pa.float64()),
        ("note", pa.string()),
    ]
)


class Answer(msgspec.Struct):
    """An answer, its records left as they are."""

    data: msgspec.Raw


def record(number: int, draw: random.Random) -> dict[str, Any]:
    """Ten flat fields, 219 bytes or so."""
    return {
        "id": number,
        "name": f"customer {number % 9973}",
        "email": f"customer{number}@example.com",
        "amount": round(draw.uniform(0, 10_000), 2),
        "quantity": draw.randrange(1_000),
        "active": draw.choice([True, False]),
        "city": draw.choice(["Wien", "Graz", "Zürich", None]),
        "created_at": f"2024-05-{number % 28 + 1:02}T12:{number % 60:02}:00Z",
        "score": draw.random(),
        "note": draw.choice(["", "call back", "paid in advance", "moved house"]),
    }


def pages() -> list[HttpResponse]:
    """The answers of a source."""
    draw = random.Random(SEED)  # noqa: S311 - made-up data, the same each time
    made = []
    for page in range(PAGES):
        first = page * PAGE_RECORDS
        data = [record(number, draw) for number in range(first, first + PAGE_RECORDS)]
        answer = {"page": page + 1, "total_pages": PAGES, "total_records": PAGES * PAGE_RECORDS, "data": data}
        made.append(
            HttpResponse(200, {}, json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode())
        )
    return made


def straight(answers: list[HttpResponse], name: str, current: SharedDecoder | None) -> bytes:
    """What the library does; without a current shape, all goes through dictionaries."""
    reader, target = PageReader(), io.BytesIO()
    with SegmentedWriter(get_codec(name), target) as writer:
        for number, answer in enumerate(answers, 1):
            page = reader.read(answer, number, leaves_text=current is not None)
            if current is not None:
                page = PageDecoder(reader, current, not_again).decode(page, PageRequest(number))
            writer.write(page.records)
            if current is not None:
                current.decoder = writer.decoder
    return target.getvalue()


def not_again(request: PageRequest, page: Page, because: CorruptResponseError) -> NoReturn:  # noqa: ARG001 - a contract
    """These answers are sound."""
    raise because


def reference(answers: list[HttpResponse]) -> bytes:
    """What pyarrow does alone, in one thread."""
    options = pj.ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="error")
    reading = pj.ReadOptions(use_threads=False, block_size=1 << 24)
    slices, envelope = msgspec.json.Decoder(list[msgspec.Raw]), msgspec.json.Decoder(Answer)
    target = io.BytesIO()
    with pq.ParquetWriter(target, SCHEMA, compression="zstd", write_page_checksum=True) as writer:
        tables = []
        for answer in answers:
            lines = b"\n".join(slices.decode(envelope.decode(answer.body).data))
            tables.append(pj.read_json(pa.BufferReader(lines), reading, options))
        writer.write_table(pa.concat_tables(tables))
    return target.getvalue()


def straight_anew(answers: list[HttpResponse], name: str) -> bytes:
    """By typed rows, from the first page on."""
    return straight(answers, name, SharedDecoder())


def candidates(answers: list[HttpResponse]) -> dict[str, Callable[[], bytes]]:
    """What is compared."""
    found: dict[str, Callable[[], bytes]] = {"pyarrow to parquet": lambda: reference(answers)}
    for name in FORMATS:
        found[f"straight to {name}"] = partial(straight_anew, answers, name)
        found[f"dictionaries to {name}"] = partial(straight, answers, name, None)
    return found


def measure(run: Callable[[], bytes]) -> float:
    """CPU microseconds a record."""
    started = time.process_time()
    run()
    return (time.process_time() - started) / (PAGES * PAGE_RECORDS) * 1e6


def main() -> None:
    """Measure, and print a table."""
    answers = pages()
    runs = candidates(answers)
    same = [straight(answers, name, SharedDecoder()) == straight(answers, name, None) for name in FORMATS]
    rounds = [{name: measure(run) for name, run in runs.items()} for _ in range(ROUNDS)]
    size = statistics.mean(len(answer.body) for answer in answers) / PAGE_RECORDS
    sys.stdout.write(
        f"{size:.0f} bytes a record, {PAGE_RECORDS} records a page, the same bytes: {all(same)}\n"
    )
    for name in runs:
        cost = statistics.median(each[name] for each in rounds)
        ratio = statistics.median(each[name] / each["pyarrow to parquet"] for each in rounds)
        sys.stdout.write(f"{name:24} {cost:6.2f} us/record {ratio:6.2f} x pyarrow\n")


if __name__ == "__main__":
    main()
