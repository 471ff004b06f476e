"""Where records come from: an API, a DataFrame, a stored object, or a list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from de_classes.errors import InvalidInputError
from de_classes.storage.format.codec import batched, format_of_key, get_codec

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from de_classes.pipelines.steps import Batch
    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.storage.format.schema import Record

BATCH_ROWS = 1_000


class PageResult(Protocol):
    """A page, as far as a pipeline looks at it."""

    @property
    def records(self) -> list[dict[str, Any]]:
        """Its records."""
        ...


class PagedClient(Protocol):
    """Anything that hands out pages in order, such as ``UnstableAPIClient``."""

    def iterate_all_pages(self, limit: int = 100) -> Iterator[tuple[int, PageResult]]:
        """Page number and page."""
        ...


class ApiExtractor:
    """Pulls every page of an API; a page is a batch. With a ``DatasetLoader`` it is the source of a run.

    Example:
        >>> [len(batch) for batch in ApiExtractor(client, limit=2).extract()]
        [2, 2, 1]

    Args:
        client: Hands out the pages.
        limit: Records a page.

    Attributes:
        client: What hands out the pages.
        limit: Records a page.
    """

    def __init__(self, client: PagedClient, *, limit: int = 100) -> None:
        self.client = client
        self.limit = limit

    def extract(self) -> Iterator[Batch]:
        """Yield the records of each page that has some.

        Raises:
            DeClassesError: What the client raises when a page cannot be had.
        """
        for _, page in self.client.iterate_all_pages(limit=self.limit):
            if page.records:
                yield page.records


class FrameExtractor:
    """Takes the rows of a DataFrame; see ``frame_batches`` for what becomes of its values.

    Example:
        >>> frame = DataFormatService().from_records(orders)
        >>> list(FrameExtractor(frame).extract()) == [orders]
        True

    Args:
        frame: The DataFrame; its index is left behind.
        batch_rows: Rows in a batch.

    Raises:
        InvalidInputError: ``batch_rows`` is below 1.
    """

    def __init__(self, frame: pd.DataFrame, *, batch_rows: int = BATCH_ROWS) -> None:
        self._frame = frame
        self._batch_rows = _checked(batch_rows)

    def extract(self) -> Iterator[Batch]:
        """Yield the rows.

        Raises:
            UnsupportedValueError: A value has no equal among JSON's; the column is named.
        """
        from de_classes.pipelines.frame_batches import frame_batches  # noqa: PLC0415 - numpy only with a frame

        return frame_batches(self._frame, self._batch_rows)


class ObjectExtractor:
    r"""Reads the records of a stored object, as its format's codec gives them.

    Example:
        >>> _ = store.put_object("lake", "days.csv", b"day\n1\n2\n")
        >>> list(ObjectExtractor(store, "lake", "days.csv").extract())
        [[{'day': 1}, {'day': 2}]]

    Args:
        client: Where the object is.
        bucket: Its bucket.
        key: Its key.
        format: Its format; by default the key's extension tells it.

    Raises:
        UnsupportedFormatError: There is no such format.
    """

    def __init__(
        self,
        client: ObjectStore,
        bucket: str,
        key: str,
        *,
        format: str | None = None,  # noqa: A002 - the same name as everywhere in this library
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key
        self._codec = get_codec(format_of_key(key, format))

    def extract(self) -> Iterator[Batch]:
        """Yield the records.

        Raises:
            ObjectNotFoundError: There is none at that key.
            MalformedDataError: Its bytes are not what the format promises.
        """
        with self._client.open_object(self._bucket, self._key) as stream:
            yield from self._codec.read(stream)


class RecordsExtractor:
    """Takes records that are there already: a list, or anything that can be gone through again.

    Example:
        >>> list(RecordsExtractor([{"id": 1}, {"id": 2}, {"id": 3}], batch_rows=2).extract())
        [[{'id': 1}, {'id': 2}], [{'id': 3}]]

    Args:
        records: JSON objects.
        batch_rows: Records in a batch.

    Raises:
        InvalidInputError: ``batch_rows`` is below 1, or ``records`` is a generator or another iterator: a
            second run would find it used up, and store nothing over what the first one stored.
    """

    def __init__(self, records: Iterable[Record], *, batch_rows: int = BATCH_ROWS) -> None:
        if isinstance(records, Iterator):
            raise InvalidInputError(
                f"records are a {type(records).__name__}, which can be gone through only once: give a list, "
                "or an extractor of your own whose extract() starts anew"
            )
        self._records = records
        self._batch_rows = _checked(batch_rows)

    def extract(self) -> Iterator[Batch]:
        """Yield the records."""
        return batched(self._records, self._batch_rows)


def _checked(batch_rows: int) -> int:
    if batch_rows < 1:
        raise InvalidInputError(f"batch_rows is {batch_rows}: a batch has 1 row at least")
    return batch_rows
