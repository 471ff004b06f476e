"""The receipt of a run: what was expected, what came, and where it lies."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class IngestReceipt:
    """A run that is complete; one that is not raises ``IncompleteRunError`` and has no receipt.

    Attributes:
        status: ``"complete"``.
        source: The endpoint, without anything secret.
        pages: Pages obtained.
        records: Records written.
        expected_records: Records the source says it has; None where it does not say, or for a part.
        requests: Requests for pages that were sent.
        retries: Attempts that failed and were made again.
        retries_by_cause: The same by status or kind of error.
        seconds: From the first request to the commit.
        seconds_waited: Seconds of waiting that the retries asked for, added over threads.
        format: csv, json, jsonl or parquet.
        bucket: Where the object is.
        key: Its key.
        uri: Both, as people write it: ``s3://bucket/key``.
        bytes: Its size.
        sha256: Its checksum, hexadecimal.
        content_type: Its media type.
        columns: Its columns in order, by type; empty for formats that have none.
        widenings: Columns whose type had to widen during the run: ``"mag: int64 -> float64"``.
    """

    status: str
    source: str
    pages: int
    records: int
    expected_records: int | None
    requests: int
    retries: int
    retries_by_cause: Mapping[str, int]
    seconds: float
    seconds_waited: float
    format: str
    bucket: str
    key: str
    uri: str
    bytes: int
    sha256: str
    content_type: str
    columns: Mapping[str, str] = field(default_factory=dict)
    widenings: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        """As plain values, ready for JSON."""
        return asdict(self)

    def to_json(self) -> str:
        """As one line of JSON."""
        return json.dumps(self.as_dict(), ensure_ascii=False)
