"""What a command says of its waits, for somebody who wonders why nothing happens."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from de_classes.cli.terminal import escaped
from de_classes.redaction import shared_filter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.api.unstable_api_client import UnstableAPIClient

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
