"""The receipt of a run: what was expected, what came, what it took, and where it lies."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from de_classes.api.counters import Timeline
from de_classes.api.evidence import End, Still
from de_classes.redaction import escaped_json
from de_classes.utils import layouts
from de_classes.utils.run_records import Reached

COMPLETE: Literal["complete"] = "complete"
PARTIAL: Literal["partial"] = "partial"
MOST_PARTS_IN_BRIEF = 1_000


class StoredPart(Struct, frozen=True, kw_only=True):
    """One object of a run.

    Attributes:
        key: Its key in the bucket.
        size: Bytes.
        sha256: Its checksum, hexadecimal.
        records: How many records it holds.
        first_page: The first page in it.
        last_page: The last page in it.
        pass_: On which pass over the source its records came, from 1. In JSON: ``pass``.
    """

    key: str
    size: int
    sha256: str
    records: int
    first_page: int
    last_page: int
    pass_: int = field(default=1, name="pass")


class PageHash(Struct, frozen=True, array_like=True):
    """What came on one page; in JSON ``[number, records, sha256]``.

    Attributes:
        number: The page.
        records: How many records the source sent on it.
        sha256: The checksum of the source's answer as it was decoded, hexadecimal.
    """

    number: int
    records: int
    sha256: str


class TransformRows(Struct, frozen=True, kw_only=True):
    """What one transform did to the records of a run.

    Attributes:
        step: The transform, as the description says it.
        rows_in: Records that went in; into the first one, those that the source sent and whose key was new.
        rows_out: Records that came out; of the last one, those that were written or set aside.
        rows_dropped: How many fewer came out; 0 where a function gave more.
    """

    step: dict[str, Any]
    rows_in: int
    rows_out: int
    rows_dropped: int

    @classmethod
    def of(cls, step: dict[str, Any], rows_in: int, rows_out: int) -> TransformRows:
        """A transform by what it was given and what it gave."""
        return cls(step=step, rows_in=rows_in, rows_out=rows_out, rows_dropped=max(0, rows_in - rows_out))


class Figures(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run takes: foreseen from its first page, or as it turned out.

    Attributes:
        seconds: Over all invocations.
        invocations: How often it was started: once, and again whenever it went on.
        requests: For pages, and for proof.
        proof_requests: Those of them that bring nothing, but prove the end and that the source stood still;
            foreseen, the most that it takes if the source does. None if it was not counted.
        gigabyte_seconds: What AWS Lambda charges by.
        dollars: At AWS's published prices for us-east-1 on arm64.
        memory_megabytes: What the process needs at the most; foreseen alone.
        best_concurrency: Pages at once above which it would not be faster; foreseen alone.
    """

    seconds: float
    invocations: int
    requests: int
    gigabyte_seconds: float
    dollars: float
    memory_megabytes: float | None = None
    best_concurrency: int | None = None
    proof_requests: int | None = None


class DatasetChange(Struct, frozen=True, kw_only=True):
    """What a commit made of a dataset that takes more runs than one.

    Attributes:
        write: ``append``, ``upsert`` or ``snapshot``.
        records_before: Records of other runs that were listed before.
        records: Records that are listed now, of all runs.
        replaced: Records that went because the run brought others of the same key.
        deleted: Records that went because the run brought none of their key, though it read everything; of a
            snapshot all that were before.
        parts: Parts that are listed now, of all runs.
        parts_rewritten: Parts of other runs that were written again, without what went or with a new column.
        bytes_rewritten: The bytes written for that.
        bytes_read: The bytes of other runs' parts that were read for their keys.
    """

    write: Literal["append", "upsert", "snapshot"]
    records_before: int = 0
    records: int = 0
    replaced: int = 0
    deleted: int = 0
    parts: int = 0
    parts_rewritten: int = 0
    bytes_rewritten: int = 0
    bytes_read: int = 0


class CatalogEntry(Struct, frozen=True, kw_only=True):
    """What a table of the catalog shows after a run.

    Attributes:
        table: Database and table.
        generation: Which commit the table shows; None if that is not known.
        problem: Why it does not show the run's, which is committed all the same, and how to mend that; None
            if it does, or shows a later one.
    """

    table: str
    generation: int | None = None
    problem: str | None = None


class IngestReceipt(Struct, frozen=True, kw_only=True, tag_field="version", tag=layouts.RECEIPT):
    """A run that is complete, or partial where that was allowed; any other raises ``IncompleteRunError``.

    Example:
        >>> receipt = RunService(client, DatasetDestination(store, "lake")).carry_out(plan)
        >>> receipt.status, receipt.records, receipt.end.by, receipt.warnings
        ('complete', 5, 'total', [])

    Attributes:
        status: ``"complete"`` or ``"partial"``.
        run_id: What to call the run by; None for a single object, which is not resumed.
        complete_before: Whether the run was complete before it was asked for this time, so that nothing was
            fetched, and the counts are of then. Of an answer alone: in what is stored it is false.
        source: The endpoint, without anything secret.
        parameters: What the run was asked for: page size, pages, key fields and so on.
        pages: Pages obtained.
        expected_pages: Pages the source says it has; None where it does not say.
        missing_pages: Pages that could not be had: ``["17", "40-41"]``; none if complete.
        records: Records written.
        expected_records: Records the source says it has; None where it does not say, or for a part.
        duplicates: Records dropped because their key had come before.
        repaired: Records that only a second pass found, after the source had changed during the first.
        quarantined: Records set aside because they do not fit the pinned schema.
        transforms: What became of the records between the source and what was written, step by step.
        drift: How the source changed during the run, a sentence each.
        passes: How many times the source was gone over.
        end: How the end of the collection is known; None if the run is partial.
        still: How it is known that the source stood still; None if the run is partial.
        warnings: What weakens that, a sentence each.
        invocations: How often the run was started: once, and again whenever it went on.
        requests: Requests for pages that were sent.
        requests_by_outcome: The same by status or kind of failure.
        logins: Requests to log in.
        retries: Attempts that failed and were made again.
        retries_by_cause: The same by status or kind of error.
        seconds: From the first request to the commit; over all invocations, without the time between.
        seconds_waited: Seconds of waiting that the retries asked for, added over threads.
        seconds_working: Seconds in which requests were under way, added over threads.
        format: The format's name, such as parquet.
        bucket: Where the data is.
        key: The object's key, or that of the manifest that names the parts.
        uri: Both, as people write it: ``s3://bucket/key``.
        bytes: The size of all parts.
        sha256: The checksum of what has the key, hexadecimal.
        content_type: The media type of the data.
        columns: Its columns in order, by type; empty for formats that have none.
        widenings: Columns whose type had to widen during the run: ``"mag: int64 -> float64"``.
        rounded: By column, how many numbers had more digits than the format keeps, and were stored as the
            nearest float: Parquet alone does that.
        values: By column, how many values are not null: of Parquet alone, and of no run that was begun before
            they were counted.
        parts: The objects that hold the data, in order.
        quarantine: The objects that hold what was set aside.
        page_hashes: What came on each page.
        versions: Of what wrote this: ``{"de-classes": "0.1.0", "python": "3.13.1"}``.
        forecast: What its first page let one expect; None where it was not reckoned.
        actual: The same figures as they turned out.
        timeline: What happened when; None in receipts from before there was one.
        dataset: What became of the dataset; None where it is the run's alone.
        incremental: How far the dataset is read; None where it is read as a whole.
        catalog: What the dataset's table in the catalog shows; None where it has none. Of an answer alone: in
            what is stored it is null, since the commit comes first.
    """

    status: Literal["complete", "partial"]
    run_id: str | None = None
    complete_before: bool = False
    source: str
    parameters: dict[str, Any] = {}
    pages: int
    expected_pages: int | None = None
    missing_pages: list[str] = []
    records: int
    expected_records: int | None
    duplicates: int = 0
    repaired: int = 0
    quarantined: int = 0
    transforms: list[TransformRows] = []
    drift: list[str] = []
    passes: int = 1
    end: End | None = None
    still: Still | None = None
    warnings: list[str] = []
    invocations: int = 1
    requests: int
    requests_by_outcome: dict[str, int] = {}
    logins: int = 0
    retries: int
    retries_by_cause: dict[str, int]
    seconds: float
    seconds_waited: float
    seconds_working: float = 0.0
    format: str
    bucket: str
    key: str
    uri: str
    bytes: Annotated[int, Meta(ge=0)]
    sha256: str
    content_type: str
    columns: dict[str, str] = {}
    widenings: list[str] = []
    rounded: dict[str, int] = {}
    values: dict[str, int] = {}
    parts: list[StoredPart] = []
    quarantine: list[StoredPart] = []
    page_hashes: list[PageHash] = []
    versions: dict[str, str] = {}
    forecast: Figures | None = None
    actual: Figures | None = None
    timeline: Timeline | None = None
    dataset: DatasetChange | None = None
    incremental: Reached | None = None
    catalog: CatalogEntry | None = None

    def as_dict(self, *, brief: bool = False) -> dict[str, Any]:
        """As plain values, ready for JSON.

        Args:
            brief: Without what grows with the run: an answer has a limit, a stored receipt has none.
        """
        plain: dict[str, Any] = msgspec.to_builtins(self)
        if brief:
            del plain["page_hashes"]
            plain["parts"] = plain["parts"][:MOST_PARTS_IN_BRIEF]
        return plain

    def to_json(self) -> str:
        """As one line of JSON, which may be printed: column names are the source's."""
        return escaped_json(msgspec.json.encode(self).decode())
