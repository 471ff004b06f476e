"""Records on their way into one object: encoded into a temporary file until they are all there."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from de_classes.errors import InvalidInputError
from de_classes.storage.clients.checksums import METADATA_KEY
from de_classes.storage.clients.os_errors import errors_from_os
from de_classes.storage.format.segmented import SegmentedWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from de_classes.storage.clients.checksums import Content
    from de_classes.storage.clients.object_store import ObjectInfo, ObjectStore, ObjectWrite
    from de_classes.storage.clients.spool import Spool
    from de_classes.storage.format.blocks import Shape
    from de_classes.storage.format.codec import FormatCodec
    from de_classes.storage.format.schema import Record, Schema, Widening


class RecordSpool:
    """Takes records until it is sealed, then is uploaded, as often as it takes.

    Memory does not grow with the records. The disk holds the file once, and for a moment twice if its
    schema widened on the way; nothing of it is left after ``release``.

    Args:
        codec: The format.
        name: What it is to become, for the messages.
        spool: Where it is encoded into; closed by ``release``.
        schema: Columns known beforehand.
        spool_dir: Where other temporary files go; the system's directory by default.
    """

    def __init__(
        self,
        codec: FormatCodec,
        name: str,
        spool: Spool,
        *,
        schema: Schema | None = None,
        spool_dir: Path | None = None,
    ) -> None:
        self._name = name
        self._is_sealed = False
        self._is_aborted = False
        self._spool = spool
        # A writer asks of its target nothing but ``write``.
        target = cast("BinaryIO", spool)
        self._writer = SegmentedWriter(
            codec, target, schema=schema, spool_dir=spool_dir, set_aside=spool.set_aside
        )

    @property
    def records(self) -> int:
        """How many records were taken until now."""
        return self._writer.records

    @property
    def size(self) -> int:
        """Bytes on the disk until now; what a format still gathers in memory is not among them."""
        return self._spool.content.size + self._writer.pending_size

    @property
    def schema(self) -> Schema:
        """The columns and types seen until now; final once sealed."""
        return self._writer.schema

    @property
    def shape(self) -> Shape | None:
        """How to decode straight what is written next, see ``SegmentedWriter``."""
        return self._writer.shape

    @property
    def widenings(self) -> tuple[Widening, ...]:
        """What later records changed in the schema."""
        return self._writer.widenings

    @property
    def rounded(self) -> dict[str, int]:
        """By column, how many numbers had more digits than the format keeps."""
        return dict(self._writer.rounded)

    @property
    def content(self) -> Content:
        """The finished file's size and checksum, once sealed."""
        return self._spool.content

    @property
    def is_sealed(self) -> bool:
        """Whether it takes no more records because they are all there."""
        return self._is_sealed

    def write(self, records: Sequence[Record]) -> None:
        """Take records. If that fails, it is aborted: some of them would be missing.

        Raises:
            UnsupportedValueError: The format cannot hold a value.
            InvalidInputError: It was sealed or aborted before.
            StorageUnavailableError: The disk is full.
        """
        if self._is_sealed or self._is_aborted:
            raise InvalidInputError(f"{self._name!r} is closed: open another sink for more records")
        with self._abort_on_failure(), errors_from_os(self._name):
            self._writer.write(records)

    def seal(self) -> None:
        """Complete the file; asking twice is harmless.

        Raises:
            InvalidInputError: It was aborted, or a write failed.
        """
        if self._is_aborted:
            raise InvalidInputError(f"nothing to commit to {self._name!r}: it was aborted, or a write failed")
        if not self._is_sealed:
            with self._abort_on_failure(), errors_from_os(self._name):
                self._writer.close()
            self._is_sealed = True

    def upload(self, client: ObjectStore, write: ObjectWrite, *, part_size: int) -> ObjectInfo:
        """Store the sealed file, with its checksum declared; may be tried again.

        Raises:
            StorageError: The store refuses, or does not answer; nothing is visible.
        """
        return client.upload_stream(
            self._spool.measured(),
            write.bucket,
            write.key,
            part_size=part_size,
            content_type=write.content_type,
            metadata={**(write.metadata or {}), METADATA_KEY: self.content.sha256},
            if_none_match=write.if_none_match,
        )

    def abort(self) -> None:
        """Forget what was written."""
        self._is_aborted = True
        self.release()

    def release(self) -> None:
        """Delete the temporary files; what was measured stays known."""
        self._writer.abandon()
        self._spool.close()

    @contextmanager
    def _abort_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.abort()
            raise
