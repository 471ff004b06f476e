"""An S3 object's content as an ordinary file object."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from de_classes.storage.clients.botocore_errors import errors_from_botocore

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from botocore.response import StreamingBody


class S3ObjectReader(io.RawIOBase):
    """Reads an answer's body; a connection that breaks on the way raises ``StorageUnavailableError``.

    Args:
        body: What boto3's ``get_object`` gave; closed with this reader.
        bucket: For the messages.
        key: For the messages.
    """

    def __init__(self, body: StreamingBody, bucket: str, key: str) -> None:
        super().__init__()
        self._body = body
        self._bucket = bucket
        self._key = key

    def readable(self) -> bool:
        """Always; seeking is not possible."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer as far as the body goes; 0 is the end."""
        view = memoryview(buffer).cast("B")
        with errors_from_botocore(self._bucket, self._key):
            piece = self._body.read(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Give the connection back."""
        if not self.closed:
            self._body.close()
        super().close()
