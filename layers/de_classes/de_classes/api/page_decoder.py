"""Pages on their way into a file: decoded together where several are there, and made sure of one by one.

Threads fetch, and whoever takes the pages decodes them: so what is held decoded does not grow with the number
of threads, and a processor that is busy decoding does not keep requests from being sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from de_classes.errors import CorruptResponseError
from de_classes.storage.format.blocks import RecordBlock, decode_straight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.api.answers import PageReader
    from de_classes.api.page import Page
    from de_classes.api.pagination import PageRequest
    from de_classes.storage.format.blocks import CurrentShape

TOGETHER: Final = 512 * 1024
"""Bytes of pages that are decoded in one go: small pages cost as many calls as large ones."""


class AskAgain(Protocol):
    """Asks once more for a page whose records were found not to be sound."""

    def __call__(self, request: PageRequest, page: Page, because: CorruptResponseError) -> Page:
        """Send the request until it is answered by a page that is sound, or given up."""
        ...


class PageDecoder:
    """Decodes the records of pages that were read as text.

    Args:
        reader: Read the pages.
        current: What is written of the pages that came; None if pages come decoded.
        again: Asks once more for a page whose records are not sound, and gives it decoded.
    """

    def __init__(self, reader: PageReader, current: CurrentShape | None, again: AskAgain) -> None:
        self._reader = reader
        self._current = current
        self._again = again

    def prepare(self, pages: Sequence[Page]) -> None:
        """Decode what can be decoded straight, all of it in one go. It never raises."""
        if self._current is not None:
            blocks = [page.records for page in pages if isinstance(page.records, RecordBlock)]
            decode_straight(blocks, self._current.shape)

    def settle(self, page: Page, request: PageRequest) -> Page:
        """The page, decoded; another one if it was not sound.

        Args:
            page: What came.
            request: What it was asked for by.

        Raises:
            PageGivenUpError: It was asked for again and kept failing.
            FatalError: It cannot be had, or cannot be trusted.
        """
        self.prepare([page])
        try:
            self._reader.make_sure(page.records, page.headers)
        except CorruptResponseError as error:
            return self._again(request, page, error)
        return page
