"""Logging on a laptop: lines to the console, and errors to a file as well."""

from __future__ import annotations

import logging
import sys
import time
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from de_classes.common.logger.handlers import PREFIX, CurrentStreamHandler, find_handler
from de_classes.redaction import escaped_lines, shared_filter

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "errors.log"
MAX_BYTES = 1_000_000
BACKUPS = 5


class LineFormatter(logging.Formatter):
    """``2026-01-31T08:15:00.123Z ERROR demo: message``, with everything that follows indented.

    Time is UTC. Control characters are escaped and further lines indented, so that no message can
    pass itself off as a line of its own.
    """

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Format and tame."""
        text = super().format(record).replace("\r\n", "\n")
        return escaped_lines(text).replace("\n", "\n    ")


def console_handler() -> logging.Handler:
    """The console's handler, from DEBUG, shared by all loggers of the process."""
    name = f"{PREFIX}console"
    return find_handler(name) or _dressed(CurrentStreamHandler(lambda: sys.stderr), name, logging.DEBUG)


def file_handler(log_dir: Path) -> logging.Handler:
    """The rotating file's handler, from ERROR, shared by all loggers that write to that directory.

    The directory is made now, the file with its first line.

    Raises:
        OSError: The directory cannot be made.
    """
    log_dir.mkdir(parents=True, exist_ok=True)
    path = (log_dir / FILE_NAME).resolve()
    name = f"{PREFIX}{path}"
    return find_handler(name) or _dressed(_rotating(path), name, logging.ERROR)


def _rotating(path: Path) -> logging.Handler:
    return RotatingFileHandler(
        path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", delay=True, errors="backslashreplace"
    )


def _dressed(handler: logging.Handler, name: str, level: int) -> logging.Handler:
    handler.set_name(name)
    handler.setLevel(level)
    handler.setFormatter(LineFormatter())
    handler.addFilter(shared_filter())
    return handler
