"""Finding, sharing and replacing the handlers that this library gave to loggers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PREFIX = "de_classes:"


class CurrentStreamHandler(logging.StreamHandler[TextIO]):
    """Writes to what ``sys.stderr`` or ``sys.stdout`` is at that moment; test runners replace it.

    Args:
        current: Gives the stream.
    """

    def __init__(self, current: Callable[[], TextIO]) -> None:
        self._current = current
        super().__init__()

    @property
    def stream(self) -> TextIO:
        """The stream of this moment."""
        return self._current()

    @stream.setter
    def stream(self, _: TextIO) -> None:
        """Ignored: ``current`` decides."""


def find_handler(name: str) -> logging.Handler | None:
    """The handler of that name on any logger of the process, whoever put it there."""
    return next((handler for handler in _all_handlers() if handler.get_name() == name), None)


def use_only(logger: logging.Logger, wanted: Iterable[logging.Handler]) -> None:
    """Give the logger these handlers, take back other ones of ours, and leave foreign ones alone."""
    wanted = list(wanted)
    for handler in [each for each in logger.handlers if _is_ours(each) and each not in wanted]:
        logger.removeHandler(handler)
        if handler not in _all_handlers():
            handler.close()
    for handler in wanted:
        logger.addHandler(handler)  # which takes a handler only once


def _is_ours(handler: logging.Handler) -> bool:
    return (handler.get_name() or "").startswith(PREFIX)


def _all_handlers() -> Iterator[logging.Handler]:
    for logger in list(logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            yield from logger.handlers
