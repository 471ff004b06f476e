"""What somebody at a terminal sees: progress, why a command waits, and text made fit to be shown.

Nothing in a text from elsewhere moves the cursor, and its width is known.
"""

from __future__ import annotations

import logging
import threading
import unicodedata
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, Self, TextIO

from de_classes.redaction import shared_filter
from de_classes.utils.page_range import PageRange

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from tqdm import tqdm

    from de_classes.api.page import Page
    from de_classes.api.unstable_api_client import UnstableAPIClient

_WIDE = frozenset({"W", "F"})


def escaped(text: str) -> str:
    """The text with everything escaped that a terminal would obey instead of showing."""
    if text.isprintable():
        return text
    # Python's own escapes, such as \\n and \\x1b.
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def width(text: str) -> int:
    """How many columns a printable text takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def fitted(text: str, columns: int, *, right: bool = False) -> str:
    """The text in exactly so many columns: filled up, or cut with a mark.

    Args:
        text: Printable.
        columns: 1 or more.
        right: Whether it stands at the right.
    """
    if width(text) > columns:
        kept, used = [], 0
        for character in text:
            used += _columns(character)
            if used > columns - 1:
                break
            kept.append(character)
        text = f"{''.join(kept)}…"
    space = " " * (columns - width(text))
    return space + text if right else text + space


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


SAID_AFTER = 1.5
"""Seconds without an answer after which it is said that there is none yet."""


def told_of_waits(stream: TextIO, command: str, *, first_contact_only: bool = False) -> logging.Logger:
    """A logger for a command that somebody waits for: why it asks again, and when.

    Args:
        stream: Where that is said.
        command: Begins each line.
        first_contact_only: Whether no more is said once the source has answered anything at all.
    """
    logger = logging.Logger(f"de_classes.{command}")  # noqa: LOG001 - nobody else's: it goes with its stream
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Escaping(f"{command}: %(message)s"))
    handler.setLevel(logging.WARNING)
    if first_contact_only:
        handler.addFilter(lambda record: getattr(record, "is_first_contact", False))
    handler.addFilter(shared_filter())
    logger.addHandler(handler)
    return logger


@contextmanager
def told_of_silence(
    stream: TextIO,
    command: str,
    client: UnstableAPIClient,
    *,
    enabled: bool = True,
    seconds: float = SAID_AFTER,
) -> Iterator[None]:
    """Say once that a source has not answered yet, if it has not after some seconds.

    Args:
        stream: Where that is said.
        command: Begins the line.
        client: Asks the source.
        enabled: Whether it is said at all.
        seconds: How long it may take.
    """

    def say() -> None:
        if enabled and client.is_unheard:
            stream.write(escaped(f"{command}: no answer yet from {client.url}") + "\n")
            stream.flush()

    timer = threading.Timer(seconds, say)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _Escaping(logging.Formatter):
    """What a source said must not move the cursor either."""

    def format(self, record: logging.LogRecord) -> str:
        return escaped(super().format(record))


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
