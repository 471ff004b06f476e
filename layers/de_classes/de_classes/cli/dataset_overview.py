"""What a dataset is, for ``show``: its columns, commits and runs, what they rest on, and its first rows."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain, islice
from shlex import quote
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from msgspec import Struct, structs

from de_classes.api.evidence import End, Evidence, Still
from de_classes.cli.tables import ABSENT, table
from de_classes.cli.verify import read_receipt
from de_classes.errors import InvalidInputError, ObjectNotFoundError
from de_classes.redaction import printable
from de_classes.storage.datasets.commits import DatasetCommits
from de_classes.storage.datasets.manifest import commit_receipt_key, manifest_prefix, parse_manifest_key
from de_classes.storage.datasets.reader import DatasetReader
from de_classes.utils import strict_json
from de_classes.utils.run_records import Reached
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from de_classes.api.receipt import IngestReceipt
    from de_classes.cli.destination import Place
    from de_classes.storage.datasets.manifest import Manifest

MOST_GENERATIONS: Final = 10
"""Commits that are looked at, the latest ones: each takes two requests."""


class ColumnOverview(Value):
    """A column.

    Attributes:
        name: Its name.
        type: Its type, as the manifest has it.
        null_share: Of its values, how many are null, 0 to 1; None where nobody counted.
    """

    name: str
    type: str
    null_share: float | None = None


class GenerationOverview(Value):
    """A commit.

    Attributes:
        generation: Its number.
        run_id: The run that made it.
        status: complete or partial.
        write: ``append``, ``upsert`` or ``snapshot``; None where the dataset is the run's alone, or no
            receipt says so.
        records: In all parts together.
        parts: How many there are.
        bytes: The size of all parts.
        committed: When, in UTC, by the store; None where it does not say.
    """

    generation: int
    run_id: str
    status: Literal["complete", "partial"]
    write: Literal["append", "upsert", "snapshot"] | None
    records: int
    parts: int
    bytes: int
    committed: str | None


class RunOverview(Value):
    """A run of which the commit lists parts.

    Attributes:
        run_id: Its id.
        records: In its parts, as far as they are listed.
        parts: How many of them are listed.
        bytes: Their size.
    """

    run_id: str
    records: int
    parts: int
    bytes: int


class DatasetOverview(Struct, frozen=True, kw_only=True):
    """What ``show DATASET --json`` prints.

    Attributes:
        uri: The manifest that is shown.
        generation: The commit.
        generations: How many commits there are.
        status: complete or partial.
        missing_pages: Ranges of pages that are not in it; none if it is complete.
        format: Of the parts.
        records: In all of them.
        bytes: Their size.
        columns: In order.
        primary_key: The fields by which no two records are the same; none where that was not seen to.
        incremental: How far the dataset is read; None where it is read as a whole.
        end: How the end of the collection is known; None if the commit is partial, or no receipt is there.
        still: How it is known that the source stood still; None as for ``end``.
        warnings: What weakens that, a sentence each.
        receipt: The address of the commit's receipt; None if there is none.
        runs: The runs whose parts are listed, in order.
        history: The commits up to the one that is shown, the latest first; ten at the most.
        rows: The first records.
        read: Commands that read on: ``sql``, and ``page`` for the receipt as a page.
    """

    uri: str
    generation: int
    generations: int
    status: Literal["complete", "partial"]
    missing_pages: list[str]
    format: str
    records: int
    bytes: int
    columns: list[ColumnOverview]
    primary_key: list[str]
    incremental: Reached | None
    end: End | None
    still: Still | None
    warnings: list[str]
    receipt: str | None
    runs: list[RunOverview]
    history: list[GenerationOverview]
    rows: list[dict[str, Any]]
    read: dict[str, str]


def overview(
    place: Place, dataset: str, what: str, *, generation: int | None, rows: int
) -> DatasetOverview | None:
    """Look at a dataset; None where nothing was committed.

    Args:
        place: Where it lies.
        dataset: Its key.
        what: It, as it was named.
        generation: Which commit; the latest by default.
        rows: How many of the first records are wanted.

    Raises:
        InvalidInputError: There is no such generation.
        MalformedDataError: Something else has the key of a manifest or a receipt, or a part was changed.
    """
    listed = {
        named[1]: info.modified
        for info in place.store.list_objects(place.bucket, manifest_prefix(dataset))
        if (named := parse_manifest_key(info.key))
    }
    if not listed:
        return None
    shown = generation or max(listed)
    if shown not in listed:
        raise InvalidInputError(f"--generation: {what} has {_spans(sorted(listed))}, and not {shown}")
    looked_at = sorted((each for each in listed if each <= shown), reverse=True)[:MOST_GENERATIONS]
    commits = DatasetCommits(place.store, place.bucket, dataset)
    manifests = {each: commits.read(each) for each in looked_at}
    receipts = {each: _receipt(place, dataset, manifest) for each, manifest in manifests.items()}
    manifest, receipt = manifests[shown], receipts[shown]
    reader = DatasetReader(place.store, place.bucket, dataset, generation=shown)
    return DatasetOverview(
        uri=reader.uri,
        generation=shown,
        generations=len(listed),
        status=manifest.status,
        missing_pages=list(manifest.missing_pages),
        format=manifest.format,
        records=manifest.records,
        bytes=sum(part.size for part in manifest.parts),
        columns=list(_columns(manifest, receipt)),
        primary_key=list(manifest.primary_key or ()),
        incremental=manifest.incremental or None,
        end=receipt.end if receipt else None,
        still=receipt.still if receipt else None,
        warnings=receipt.warnings if receipt else [],
        receipt=place.store.uri(place.bucket, commit_receipt_key(dataset, manifest)) if receipt else None,
        runs=_runs(manifest),
        history=[_generation(manifests[each], receipts[each], listed[each]) for each in looked_at],
        rows=list(islice(chain.from_iterable(reader.records()), rows)) if rows else [],
        read=_how_to_read(what, dataset),
    )


def in_words(found: DatasetOverview, columns: int | None) -> Iterator[str]:
    """The same as lines for people.

    Args:
        found: What is shown.
        columns: Of the terminal; None where nothing is to be cut.
    """
    latest = "" if found.history[0].generation == found.generations else " (not the latest)"
    yield (
        f"{found.status}: {found.records} records in {sum(run.parts for run in found.runs)} parts, "
        f"{found.bytes} bytes of {found.format}"
    )
    yield f"stored:   {printable(found.uri)}, generation {found.generation} of {found.generations}{latest}"
    if found.missing_pages:
        yield f"missing:  pages {', '.join(found.missing_pages)}"
    if found.end and found.still:
        yield f"proof:    {printable(str(Evidence(found.end, found.still)))}"
    yield from (f"warning:  {printable(warning)}" for warning in found.warnings)
    if found.primary_key:
        yield f"key:      {printable(', '.join(found.primary_key))}"
    if reached := found.incremental:
        goes_on = f"from {reached.from_}; the next run goes on from {reached.to}"
        yield f"new:      by {printable(f'{reached.field}, {goes_on}')}"
    yield f"receipt:  {printable(found.receipt or 'none')}"
    yield ""
    yield from _table(("column", "type", "null"), map(_column_cells, found.columns), columns)
    yield ""
    commits = (tuple(getattr(each, field) for field in _HISTORY) for each in found.history)
    heads = ("generation", "run", "status", "write", "records", "parts", "bytes", "committed")
    yield from _table(heads, commits, columns)
    if len(found.runs) > 1:
        yield ""
        runs = ((each.run_id, each.records, each.parts, each.bytes) for each in found.runs)
        yield from _table(("of run", "records", "parts", "bytes"), runs, columns)
    if found.rows:
        yield ""
        fields = list(dict.fromkeys(chain.from_iterable(found.rows)))
        yield from table(
            fields, [[[row.get(each, ABSENT) for each in fields] for row in found.rows]], columns
        )
    yield ""
    yield from (f"{name + ':':<9} {printable(line)}" for name, line in found.read.items())


def as_json(found: DatasetOverview) -> str:
    """The same as JSON: its rows have numbers that are spelled as they came."""
    plain: dict[str, Any] = msgspec.to_builtins(structs.replace(found, rows=[]))
    return strict_json.dumps({**plain, "rows": found.rows})


_HISTORY: Final = GenerationOverview.__struct_fields__


def _table(names: Iterable[str], rows: Iterable[Iterable[Any]], columns: int | None) -> Iterator[str]:
    cells = [[ABSENT if cell is None else cell for cell in row] for row in rows]
    return table(list(names), [cells], columns)


def _column_cells(column: ColumnOverview) -> tuple[str, str, str | None]:
    share = column.null_share
    return column.name, column.type, None if share is None else f"{share:.1%}"


def _spans(generations: list[int]) -> str:
    first, last = generations[0], generations[-1]
    return f"generation {first}" if first == last else f"generations {first} to {last}"


def _receipt(place: Place, dataset: str, manifest: Manifest) -> IngestReceipt | None:
    key = commit_receipt_key(dataset, manifest)
    try:
        return read_receipt(place.store.get_object(place.bucket, key), key)
    except ObjectNotFoundError:
        return None


def _columns(manifest: Manifest, receipt: IngestReceipt | None) -> Iterator[ColumnOverview]:
    """Nulls are known of Parquet that one run wrote: it counted them."""
    counted = receipt.values if receipt and receipt.values and receipt.records == manifest.records else None
    for name, kind in manifest.columns.items():
        share = None
        if counted is not None and manifest.records:
            share = 1 - counted.get(name, 0) / manifest.records
        yield ColumnOverview(name, kind, share)


def _runs(manifest: Manifest) -> list[RunOverview]:
    ids = dict.fromkeys(part.run_id or manifest.run_id for part in manifest.parts)
    listed = {run_id: manifest.parts_of(run_id) for run_id in ids}
    return [
        RunOverview(run_id, sum(part.records for part in parts), len(parts), sum(part.size for part in parts))
        for run_id, parts in listed.items()
    ]


def _generation(
    manifest: Manifest, receipt: IngestReceipt | None, modified: float | None
) -> GenerationOverview:
    when = None if modified is None else datetime.fromtimestamp(modified, UTC)
    return GenerationOverview(
        generation=manifest.generation,
        run_id=manifest.run_id,
        status=manifest.status,
        write=receipt.dataset.write if receipt and receipt.dataset else None,
        records=manifest.records,
        parts=len(manifest.parts),
        bytes=sum(part.size for part in manifest.parts),
        committed=None if when is None else when.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _how_to_read(what: str, dataset: str) -> dict[str, str]:
    name = dataset.rpartition("/")[2]
    in_sql = name if name.isidentifier() else '"' + name.replace('"', '""') + '"'
    question = quote(f"FROM {in_sql} LIMIT 10")
    return {
        "sql": f"de-classes sql {quote(what)} {question}",
        "page": f"de-classes show {quote(what)} --html {quote(f'{name}.html')}",
    }
