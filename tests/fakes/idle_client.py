"""A client of the scoreboard that is never done, run as a program."""

from __future__ import annotations

import threading
from typing import Any

from scoreboard.adapters import protocol


def wait_for_ever(_: protocol.Task) -> list[dict[str, Any]]:
    threading.Event().wait()
    return []


if __name__ == "__main__":
    protocol.carry_out(wait_for_ever)
