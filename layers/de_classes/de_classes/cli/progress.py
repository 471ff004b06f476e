"""A progress bar for people who wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Self, TextIO

from de_classes.utils.page_range import PageRange

if TYPE_CHECKING:
    from types import TracebackType

    from tqdm import tqdm

    from de_classes.api.page import Page


class Progress:
    """Pages done, of how many, and records so far.

    Args:
        stream: Where the bar is drawn.
        enabled: Whether there is one at all; where nobody watches (no terminal) there is none either.
        pages: Which pages are fetched.
        interval: Seconds between two drawings, at the least.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        enabled: bool = True,
        pages: PageRange | None = None,
        interval: float = 0.1,
    ) -> None:
        self._pages = pages or PageRange()
        self._records = 0
        self._bar = self._drawn_on(stream, interval) if enabled and stream.isatty() else None

    def page(self, page: Page) -> None:
        """One more page is there."""
        if self._bar is None:
            return
        self._records += len(page.records)
        if page.total_pages is not None:
            fetched = self._pages.up_to(page.total_pages)
            self._bar.total = None if fetched is None else len(fetched)
        self._bar.set_postfix_str(f"{self._records} records", refresh=False)
        self._bar.update()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def _drawn_on(self, stream: TextIO, interval: float) -> tqdm[NoReturn]:
        from tqdm import tqdm  # noqa: PLC0415 - only where somebody watches

        return tqdm(
            file=stream,
            unit=" pages",
            total=None if self._pages.is_open else len(self._pages),
            mininterval=interval,
            dynamic_ncols=True,
            leave=False,
        )
