"""From a paginated API to a DataFrame, or to an object in a bucket: all of it, or an error that says so."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from de_classes.api.receipt import COMPLETE, IngestReceipt
from de_classes.errors import ConfigurationError
from de_classes.storage.format.data_format_service import DataFormatService
from de_classes.storage.format.schema import Schema
from de_classes.utils.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from de_classes.api.counters import Counts
    from de_classes.api.ledger import RunLedger
    from de_classes.api.page import Page
    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.storage.services import StorageDataService
    from de_classes.storage.services.object_sink import StoredObject
    from de_classes.utils.clock import Clock
    from de_classes.utils.page_range import PageRange


@dataclass(frozen=True, slots=True)
class _Start:
    at: float
    counts: Counts


class ApiDataService:
    """Fetches all pages and hands over the result, only if it is complete.

    Args:
        api_client: Gets the pages.
        storage_service: Writes objects; needed by ``fetch_all_to_storage`` alone.
        logger: Told how runs went; defaults to this module's logger.
        columns: Columns that are known beforehand: they come first, also in an empty result.
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
        on_page: Callable[[Page], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._client = api_client
        self._storage = storage_service
        self._logger = logger or logging.getLogger(__name__)
        self._columns = tuple(columns)
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
            FatalError: The API refuses, or cannot be trusted.
        """
        start = self._start()
        records: list[dict[str, Any]] = []
        ledger = self._run(limit, pages, concurrency, records.extend)
        self._logger.info(
            "fetched %d records on %d pages in %.1f s", ledger.records, ledger.pages, self._seconds(start)
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

        Raises:
            IncompleteRunError: Pages are missing, and which; nothing was stored.
            StorageError: The destination does not do what was asked; nothing was stored.
            DataFormatError: The format is unknown, or cannot hold a value; nothing was stored.
            FatalError: The API refuses, or cannot be trusted; nothing was stored.
        """
        if self._storage is None:
            raise ConfigurationError("give ApiDataService a storage_service to store anything")
        start = self._start()
        schema = Schema.of_columns(self._columns)
        with self._storage.open_sink(bucket, key, format, overwrite=overwrite, schema=schema) as sink:
            ledger = self._run(limit, pages, concurrency, sink.write)
            stored = sink.commit()
        receipt = self._receipt(ledger, stored, start)
        self._logger.info("stored %d records at %s in %.1f s", receipt.records, receipt.uri, receipt.seconds)
        return receipt

    def _run(
        self,
        limit: int,
        pages: PageRange | None,
        concurrency: int | None,
        take: Callable[[list[dict[str, Any]]], None],
    ) -> RunLedger:
        run = self._client.start_run(limit, pages=pages, concurrency=concurrency)
        for page in run:
            take(page.records)
            if self._on_page is not None:
                self._on_page(page)
        return run.ledger

    def _start(self) -> _Start:
        return _Start(self._clock.monotonic(), self._client.counts())

    def _seconds(self, start: _Start) -> float:
        return round(self._clock.monotonic() - start.at, 3)

    def _receipt(self, ledger: RunLedger, stored: StoredObject, start: _Start) -> IngestReceipt:
        counts = self._client.counts().since(start.counts)
        return IngestReceipt(
            status=COMPLETE,
            source=self._client.url,
            pages=ledger.pages,
            records=ledger.records,
            expected_records=ledger.expected_records,
            requests=counts.requests,
            retries=counts.retry_count,
            retries_by_cause=counts.retries_by_cause,
            seconds=self._seconds(start),
            seconds_waited=counts.seconds_waited,
            format=stored.format,
            bucket=stored.bucket,
            key=stored.key,
            uri=stored.uri,
            bytes=stored.size,
            sha256=stored.sha256,
            content_type=stored.content_type,
            columns=stored.schema.describe(),
            widenings=[f"{each.path}: {each.before} -> {each.after}" for each in stored.widenings],
        )
