"""From a paginated API to a DataFrame, or to an object in a bucket: all of it, or an error that says so."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from de_classes.errors import ConfigurationError
from de_classes.runs.context import Runtime
from de_classes.runs.destination import MemoryDestination, ObjectDestination
from de_classes.runs.plan import RunPlan, new_run_id
from de_classes.runs.run_service import RunService
from de_classes.storage.format.codec import format_of_key
from de_classes.storage.format.data_format_service import DataFormatService
from de_classes.utils.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from de_classes.api.page import Page
    from de_classes.api.receipt import IngestReceipt
    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.pipelines.described import TransformDescription
    from de_classes.storage.services import StorageDataService
    from de_classes.utils.clock import Clock
    from de_classes.utils.page_range import PageRange


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
        self._columns = tuple(columns)
        self._transforms = tuple(transforms)
        self._runtime = Runtime(
            logger=logger or logging.getLogger(__name__),
            clock=clock or SystemClock(),
            on_page=on_page or (lambda _: None),
        )

    def fetch_all_to_df(
        self, limit: int = 100, *, pages: PageRange | None = None, concurrency: int | None = None
    ) -> pd.DataFrame:
        """All records as one DataFrame, a row each, in the API's order; it is held in memory.

        Args:
            limit: Records a page.
            pages: Which pages; the client's own range if not given.
            concurrency: Pages fetched at once; the client's own if not given.

        Raises:
            IncompleteRunError: Pages are missing, and which; or the source changed each time it was read.
            TransformError: A transform cannot be applied to a record.
            FatalError: The API refuses, or cannot be trusted.
        """
        memory = MemoryDestination()
        runs = RunService(self._client, memory, concurrency=concurrency, runtime=self._runtime)
        runs.carry_out(self._plan("records", "jsonl", limit, pages))
        return DataFormatService().from_records(memory.records, self._columns)

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
            format: The format's name, such as parquet; by default the key's extension tells it.
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
        destination = ObjectDestination(self._storage, bucket, overwrite=overwrite, keep_receipt=keep_receipt)
        runs = RunService(
            self._client, destination, concurrency=concurrency, strict=strict, runtime=self._runtime
        )
        return runs.carry_out(self._plan(key, format_of_key(key, format), limit, pages))

    def _plan(self, key: str, format_name: str, limit: int, pages: PageRange | None) -> RunPlan:
        """The run that is asked for."""
        return RunPlan(
            run_id=new_run_id(),
            source=self._client.url,
            fingerprint=self._client.fingerprint,
            dataset=key,
            format=format_name,
            limit=limit,
            pages=pages or self._client.pages,
            columns=self._columns,
            transforms=self._transforms,
        )
