"""What is true of the destination when somebody presses Ctrl-C."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from de_classes.storage.services.storage_data_service import StorageDataService

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.storage.format.schema import Schema
    from de_classes.storage.services.object_sink import ObjectSink


class WatchedStorage(StorageDataService):
    """Remembers the sink it opened last."""

    _sink: ObjectSink | None = None

    def open_sink(
        self,
        bucket: str,
        key: str,
        format: str | None = None,  # noqa: A002 - the name that the class's users write
        *,
        overwrite: bool = True,
        schema: Schema | None = None,
    ) -> ObjectSink:
        """See ``StorageDataService``."""
        self._sink = super().open_sink(bucket, key, format, overwrite=overwrite, schema=schema)
        return self._sink

    @contextmanager
    def telling_of_interrupts(self) -> Iterator[None]:
        """Say in a ``KeyboardInterrupt`` what became of the object."""
        try:
            yield
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt(self._outcome()) from interrupt

    def _outcome(self) -> str:
        if self._sink is None or not self._sink.is_sealed:
            return "nothing was stored"
        if self._sink.stored is not None:
            return f"the run was complete before, and is stored at {self._sink.stored.uri}"
        return "it was being stored just then: the object is there whole, or as it was before"
