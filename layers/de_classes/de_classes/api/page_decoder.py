"""Pages that were read as text: decoded together where several are there, or each by itself if one is amiss.

Threads fetch, and whoever takes the pages decodes them: so what is held decoded does not grow with the number
of threads, and a processor that is busy decoding does not keep requests from being sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from de_classes.api.page import UndecodedRecords
from de_classes.errors import CorruptResponseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.api.answers import PageReader
    from de_classes.api.page import Page
    from de_classes.api.pagination import PageRequest

TOGETHER: Final = 512 * 1024
"""Bytes of pages that are decoded in one go: small pages cost as many calls as large ones."""


class RecordDecoder(Protocol):
    """Makes of JSON arrays what somebody is to write: a client is handed one, and knows no format.

    Whatever it makes is a sequence of the same dictionaries that a strict reader gives.
    """

    def decode_together(self, texts: Sequence[bytes]) -> Sequence[Sequence[dict[str, Any]] | None]:
        """Records by the shortest way there is; None for a text that must be decoded by itself.

        Args:
            texts: JSON arrays, well-formed, of which nothing more need be known. It never raises.
        """
        ...

    def decode(self, text: bytes) -> Sequence[dict[str, Any]]:
        """Records, strictly.

        Raises:
            MalformedDataError: The text is not sound.
        """
        ...


class AskAgain(Protocol):
    """Asks once more for a page whose records were found not to be sound."""

    def __call__(self, request: PageRequest, page: Page, because: CorruptResponseError) -> Page:
        """Send the request until it is answered by a page that is sound, or given up."""
        ...


class PageDecoder:
    """Decodes the records of pages that were read as text, and leaves those alone that came decoded.

    Args:
        reader: Read the pages.
        decoder: Decodes records.
        again: Asks once more for a page whose records are not sound, and gives it decoded.
    """

    def __init__(self, reader: PageReader, decoder: RecordDecoder, again: AskAgain) -> None:
        self._reader = reader
        self._decoder = decoder
        self._again = again

    def decode_together(self, pages: Sequence[Page]) -> list[Page]:
        """The pages, decoded as far as that can be done in one go. It never raises."""
        texts = [page.records.text for page in pages if isinstance(page.records, UndecodedRecords)]
        found = iter(self._decoder.decode_together(texts) if texts else ())
        return [
            page
            if not isinstance(page.records, UndecodedRecords) or (records := next(found)) is None
            else page.decoded(records)
            for page in pages
        ]

    def decode(self, page: Page, request: PageRequest) -> Page:
        """The page, decoded; another one if it was not sound.

        Args:
            page: What came.
            request: What it was asked for by.

        Raises:
            PageGivenUpError: It was asked for again and kept failing.
            FatalError: It cannot be had, or cannot be trusted.
        """
        (page,) = self.decode_together([page])
        try:
            return self._reader.decoded(page, self._decoder.decode)
        except CorruptResponseError as error:
            return self._again(request, page, error)
