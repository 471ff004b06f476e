"""A port that nobody listens on, for as long as a test needs that."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST: Final = "127.0.0.1"


@contextmanager
def nobody_listens() -> Iterator[str]:
    """Its address: it is taken, so that nobody else gets it, and not open, so that it refuses connections."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        yield f"{HOST}:{taken.getsockname()[1]}"
