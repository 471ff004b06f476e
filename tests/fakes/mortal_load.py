"""A process that loads datasets in children of its own, which somebody else kills.

It has imported everything once, so a child costs a fork. It reads an ``Order`` a line; it answers with the
child's process id, and when that is over with its exit status, or the number of its signal below zero.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec
from msgspec import Struct

from de_classes.pipelines.postgres.address import PostgresAddress
from de_classes.pipelines.postgres.arrow_rows import arrow_rows  # imported once, before the forks
from de_classes.pipelines.postgres.loader import PostgresLoader
from de_classes.storage.clients import LocalClient

if TYPE_CHECKING:
    from types import TracebackType

LOGGER = logging.getLogger("tests.mortal_load")


class Order(Struct, frozen=True, kw_only=True):
    """What is to be loaded, and to where."""

    root: str
    bucket: str
    dataset: str
    url: str
    password: str
    key_fields: tuple[str, ...] = ()


class Nursery:
    """The process, as a context manager."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=120)

    def begin(self, order: Order) -> int:
        """Have a child begin; its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()
        return self._answer()

    def ended(self) -> int:
        """Wait for it; its exit status, or its signal's number below zero."""
        return self._answer()

    def _answer(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


def load(order: Order) -> None:
    """Load it, in this process."""
    loader = PostgresLoader(
        PostgresAddress.parse(order.url),
        "orders",
        key_fields=order.key_fields,
        password=lambda _: order.password,
    )
    loader.load_dataset(LocalClient(Path(order.root), LOGGER), order.bucket, order.dataset)


def main() -> None:
    assert callable(arrow_rows)
    for line in sys.stdin.buffer:
        order = msgspec.json.decode(line, type=Order)
        child = os.fork()
        if not child:
            try:
                load(order)
            except BaseException as error:  # noqa: BLE001 - whatever it is, the test has to hear of it
                sys.stderr.write(f"{type(error).__name__}: {error}\n")
                sys.stderr.flush()
                os._exit(1)
            os._exit(0)
        print(child, flush=True)  # noqa: T201 - to the test
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - to the test


if __name__ == "__main__":
    main()
