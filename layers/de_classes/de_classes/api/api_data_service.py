"""From a paginated API to a DataFrame, or to an object in a bucket: all of it, or an error that says so."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from de_classes.api.receipt import COMPLETE, IngestReceipt, PageHash, StoredPart, TransformRows
from de_classes.errors import ConfigurationError, SourceChangedError
from de_classes.pipelines.described import DescribedTransforms, plain
from de_classes.storage.format.blocks import CurrentShape
from de_classes.storage.format.data_format_service import DataFormatService
from de_classes.storage.format.schema import Schema
from de_classes.utils.clock import SystemClock
from de_classes.utils.values import Value
from de_classes.version import versions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from de_classes.api.counters import Counts
    from de_classes.api.page import Page
    from de_classes.api.page_run import PageRun
    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.pipelines.described import TransformDescription
    from de_classes.storage.services import StorageDataService
    from de_classes.storage.services.object_sink import StoredObject
    from de_classes.utils.clock import Clock
    from de_classes.utils.page_range import PageRange

T = TypeVar("T")

MAX_READINGS = 4
"""A source that changes while it is read is read anew, at most three times."""


class _Start(Value):
    at: float
    counts: Counts


class ApiDataService:
    """Fetches all pages and hands over the result, only if it is complete.

    Example:
        >>> service = ApiDataService(client, StorageDataService(store, DataFormatService(), logger))
        >>> len(service.fetch_all_to_df(limit=2))
        5
        >>> service.fetch_all_to_storage("lake", "orders.csv", limit=2).records
        5

    Args:
        api_client: Gets the pages.
        storage_service: Writes objects; needed by ``fetch_all_to_storage`` alone.
        logger: Told how runs went; defaults to this module's logger.
        columns: Columns that are known beforehand: they come first, also in an empty result.
        transforms: What becomes of the records before they are handed over or written.
        on_page: Called with every page, in order, once its records are taken: a place for progress.
        clock: What to measure with.
    """

    def __init__(
        self,
        api_client: UnstableAPIClient,
        storage_service: StorageDataService | None = None,
        logger: logging.Logger | None = None,
        *,
        columns: Sequence[str] = (),
        transforms: Sequence[TransformDescription] = (),
        on_page: Callable[[Page], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._client = api_client
        self._storage = storage_service
        self._logger = logger or logging.getLogger(__name__)
        self._columns = tuple(columns)
        self._transforms = tuple(transforms)
        self._on_page = on_page
        self._clock = clock or SystemClock()

    def fetch_all_to_df(
        self, limit: int = 100, *, pages: PageRange | None = None, concurrency: int | None = None
    ) -> pd.DataFrame:
        """All records as one DataFrame, a row each, in the API's order; it is held in memory.

        Args:
            limit: Records a page.
            pages: Which pages; the client's own range if not given.
            concurrency: Pages fetched at once; the client's own if not given.

        Raises:
            IncompleteRunError: Pages are missing, and which.
            TransformError: A transform cannot be applied to a record.
            FatalError: The API refuses, or cannot be trusted.
        """
        start = self._start()

        def read() -> tuple[list[dict[str, Any]], PageRun]:
            records: list[dict[str, Any]] = []
            with DescribedTransforms(self._transforms) as transforms:

                def take(page: Page) -> None:
                    records.extend(transforms.apply(page.records, page.number))

                return records, self._run(limit, pages, concurrency, take)

        (records, run), _ = self._until_still(read)
        self._logger.info(
            "fetched %d records on %d pages in %.1f s",
            run.ledger.records,
            run.ledger.pages,
            self._seconds(start),
        )
        return DataFormatService().from_records(records, self._columns)

    def fetch_all_to_storage(
        self,
        bucket: str,
        key: str,
        format: str | None = None,  # noqa: A002 - the name that the class's users write
        *,
        limit: int = 100,
        pages: PageRange | None = None,
        concurrency: int | None = None,
        overwrite: bool = True,
        keep_receipt: bool = False,
        strict: bool = False,
    ) -> IngestReceipt:
        """All records into one object, page by page; memory does not grow with their number.

        The destination is checked before the first page is fetched, and the object is visible only if
        the run is complete.

        Args:
            bucket: Where to.
            key: Under which key.
            format: csv, json, jsonl or parquet; by default the key's extension tells it.
            limit: Records a page.
            pages: Which pages; the client's own range if not given.
            concurrency: Pages fetched at once; the client's own if not given.
            overwrite: Replace what has the key; otherwise the key must be free.
            strict: Take nothing for complete that is not proved: every page is asked for twice.
            keep_receipt: Store the receipt too, at ``receipt_key(key)``, once the object is there.

        Raises:
            IncompleteRunError: Pages are missing, and which; nothing was stored.
            StorageError: The destination does not do what was asked; nothing was stored.
            TransformError: A transform cannot be applied to a record; nothing was stored.
            DataFormatError: The format is unknown, or cannot hold a value; nothing was stored.
            FatalError: The API refuses, or cannot be trusted; nothing was stored.
        """
        if self._storage is None:
            raise ConfigurationError("give ApiDataService a storage_service to store anything")
        storage, start = self._storage, self._start()

        steps = plain(self._transforms)

        def read() -> tuple[StoredObject, PageRun, list[PageHash], list[TransformRows]]:
            hashes: list[PageHash] = []
            current = None if steps else CurrentShape()
            schema = Schema.of_columns(self._columns)
            with (
                DescribedTransforms(self._transforms) as transforms,
                storage.open_sink(bucket, key, format, overwrite=overwrite, schema=schema) as sink,
            ):

                def take(page: Page) -> None:
                    sink.write(transforms.apply(page.records, page.number) if steps else page.records)
                    if current is not None:
                        current.shape = sink.shape
                    hashes.append(PageHash(page.number, len(page.records), page.digest))

                run = self._run(limit, pages, concurrency, take, current, strict=strict)
                rows = zip(steps, transforms.take_rows(), strict=True)
                transformed = [TransformRows.of(step, went.rows_in, went.rows_out) for step, went in rows]
                return sink.commit(), run, hashes, transformed

        (stored, run, hashes, transformed), changes = self._until_still(read)
        parameters = {
            "limit": limit,
            "pages": str(pages or self._client.pages),
            **({"transforms": steps} if steps else {}),
        }
        receipt = replace(
            self._receipt(run, stored, start, hashes, parameters=parameters, changes=changes),
            transforms=transformed,
        )
        if keep_receipt:
            self._storage.client.put_object(
                bucket, receipt_key(key), receipt.to_json().encode(), content_type="application/json"
            )
        self._logger.info("stored %d records at %s in %.1f s", receipt.records, receipt.uri, receipt.seconds)
        return receipt

    def _until_still(self, read: Callable[[], T]) -> tuple[T, list[str]]:
        """Read, and read anew where the source changes meanwhile; nothing of the reading before is kept.

        Returns:
            What was read, and how the source changed before, a sentence each.
        """
        changes: list[str] = []
        while True:
            try:
                return read(), changes
            except SourceChangedError as error:
                changes.append(f"reading {len(changes) + 1}: {error}")
                if len(changes) == MAX_READINGS:
                    raise
                self._logger.warning("%s; reading it anew", error)

    def _run(
        self,
        limit: int,
        pages: PageRange | None,
        concurrency: int | None,
        take: Callable[[Page], None],
        current: CurrentShape | None = None,
        *,
        strict: bool = False,
    ) -> PageRun:
        run = self._client.start_run(
            limit, pages=pages, concurrency=concurrency, current=current, strict=strict
        )
        for page in run:
            take(page)
            if self._on_page is not None:
                self._on_page(page)
        return run

    def _start(self) -> _Start:
        self._client.begin_timeline()
        return _Start(self._clock.monotonic(), self._client.counts())

    def _seconds(self, start: _Start) -> float:
        return round(self._clock.monotonic() - start.at, 3)

    def _receipt(
        self,
        run: PageRun,
        stored: StoredObject,
        start: _Start,
        hashes: list[PageHash],
        *,
        parameters: dict[str, Any],
        changes: list[str],
    ) -> IngestReceipt:
        ledger, evidence = run.ledger, run.evidence_if_still
        still = evidence.still if evidence else None
        counts = self._client.counts().since(start.counts)
        return IngestReceipt(
            status=COMPLETE,
            source=self._client.url,
            parameters=parameters,
            pages=ledger.pages,
            expected_pages=ledger.expected_pages,
            records=stored.records,
            expected_records=ledger.expected_records,
            drift=changes,
            passes=len(changes) + 1,
            end=evidence.end if evidence else None,
            still=replace(still, by="begun anew") if still and changes else still,
            warnings=list(evidence.warnings) if evidence else [],
            requests=counts.requests,
            requests_by_outcome=dict(counts.requests_by_outcome),
            logins=counts.logins,
            retries=counts.retry_count,
            retries_by_cause=dict(counts.retries_by_cause),
            seconds=self._seconds(start),
            seconds_waited=counts.seconds_waited,
            seconds_working=counts.seconds_working,
            format=stored.format,
            bucket=stored.bucket,
            key=stored.key,
            uri=stored.uri,
            bytes=stored.size,
            sha256=stored.sha256,
            content_type=stored.content_type,
            columns=stored.schema.describe(),
            widenings=[str(widening) for widening in stored.widenings],
            rounded=stored.rounded,
            values=stored.values,
            parts=[_as_part(stored, hashes)] if hashes else [],
            page_hashes=hashes,
            versions=versions(),
            timeline=self._client.timeline(),
        )


def receipt_key(key: str) -> str:
    """The key of the receipt of a single object: beside it, by a name that tables do not read as data."""
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}_receipt-{name}.json"


def _as_part(stored: StoredObject, hashes: list[PageHash]) -> StoredPart:
    return StoredPart(
        key=stored.key,
        size=stored.size,
        sha256=stored.sha256,
        records=stored.records,
        first_page=hashes[0].number,
        last_page=hashes[-1].number,
    )
