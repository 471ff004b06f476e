"""Logging for anything that works in steps."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from de_classes.errors import DeClassesError
from de_classes.utils.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.utils.clock import Clock


@dataclass
class RowCounts:
    """What a step has done until now; whoever runs the step keeps it up to date."""

    rows_in: int = 0
    rows_out: int = 0


class LoggingMixin:
    """Gives a class a logger named after it, and logs its steps: start, finish or failure, and counts.

    Whoever mixes it in may call ``use_logger``; without, ``logging.getLogger(<class name>)`` is used.

    Example:
        >>> class Upload(LoggingMixin): ...
        >>> with Upload().log_step("orders") as counts:  # logs "orders started", and how it finished
        ...     counts.rows_in = counts.rows_out = 2
    """

    _parent_logger: logging.Logger | None = None
    _log_clock: Clock = SystemClock()

    def use_logger(self, logger: logging.Logger | None, clock: Clock | None = None) -> None:
        """Log below this logger, as its child named after the class, and measure with this clock."""
        self._parent_logger = logger
        self._log_clock = clock or self._log_clock

    @property
    def logger(self) -> logging.Logger:
        """The logger named after the class."""
        name = type(self).__name__
        return logging.getLogger(name) if self._parent_logger is None else self._parent_logger.getChild(name)

    @contextmanager
    def log_step(self, name: str) -> Iterator[RowCounts]:
        """Log what happens to a step; it may raise whatever it likes.

        Args:
            name: What to call it.

        Yields:
            The counts, to be filled in by the block.
        """
        counts = RowCounts()
        started = self._log_clock.monotonic()
        self.logger.info("%s started", name)
        try:
            yield counts
        except BaseException as error:
            tally = self._tally(started, counts)
            self.logger.error("%s failed after %s: %s", name, tally, _words(error))  # noqa: TRY400 - the traceback is for whoever catches it
            raise
        self.logger.info("%s finished in %s", name, self._tally(started, counts))

    def _tally(self, started: float, counts: RowCounts) -> str:
        seconds = self._log_clock.monotonic() - started
        return f"{seconds:.3f} s: {counts.rows_in} rows in, {counts.rows_out} rows out"


def _words(error: BaseException) -> str:
    # Only the library's own messages are known to hold no secret.
    kind = type(error).__name__
    return f"{kind}: {error}" if isinstance(error, DeClassesError) else kind
