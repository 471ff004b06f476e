"""The benchmark's records behind APIs that a description is shipped for, so that its speed is measured too.

The mimics are those that the tests read every shipped description against. They answer as they do there, but
for what they hold: pages out of the benchmark's file, whose bytes go into the answers as they are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, overload

import msgspec

from de_classes.api.source.loading import SHIPPED
from tests.fakes.mimics import MIMICS
from tests.fakes.mimics.kit import Request

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.records_file import RecordsFile


class FileRecords(Sequence[Any]):
    """Records in a file as a mimic's rows; a slice of them is one piece of JSON, however many it holds.

    Args:
        file: Holds them.
        count: How many of them there are to be.
    """

    def __init__(self, file: RecordsFile, count: int) -> None:
        self._file = file
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> msgspec.Raw: ...
    @overload
    def __getitem__(self, place: slice) -> list[msgspec.Raw]: ...
    def __getitem__(self, place: int | slice) -> msgspec.Raw | list[msgspec.Raw]:
        if isinstance(place, int):
            return self[place : place + 1][0]
        first, end, _ = place.indices(self._count)
        records = self._file.part(first, end)
        return [msgspec.Raw(records)] if records else []


class MimickedApi:
    """A mimic on the wire.

    Args:
        name: The source's.
        records: What it holds.
    """

    def __init__(self, name: str, records: FileRecords) -> None:
        self._mimic = MIMICS[name](0, is_throttled=False)
        self._mimic.rows = records

    def answer(self, asked: bytes) -> list[bytes | memoryview]:
        """The parts of an answer, to be sent one after the other.

        Args:
            asked: A request without a body.
        """
        first, *lines = asked.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        request = Request(method, target, headers, b"", f"http://{headers['host']}")
        status, named, body = self._mimic.answer(request)
        said = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{said}Content-Length: {len(body)}\r\n\r\n"
        return [head.encode("latin-1"), body]


def words(name: str, url: str, folder: Path) -> tuple[str, ...]:
    """What ``ingest`` is told of a described source, in place of an address.

    Args:
        name: The source's.
        url: Where its mimic is.
        folder: For a file of secrets.
    """
    mimic = MIMICS[name]
    secrets = folder / "secrets.json"
    secrets.touch(mode=0o600)
    secrets.write_text(json.dumps(mimic.secrets), encoding="utf-8")
    given = [word for pair in mimic.parameters.items() for word in ("--set", "=".join(pair))]
    return (
        f"{name}.{mimic.resources[0]}",
        *("--sources", str(SHIPPED / f"{name}.toml"), "--base-url", url, "--secrets", str(secrets)),
        *given,
    )
