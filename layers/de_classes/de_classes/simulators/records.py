"""What the unstable API serves: records as bytes, computed or from the user's own file."""

from __future__ import annotations

import re
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from de_classes.errors import ConfigurationError
from de_classes.simulators.synthetic import synthetic_record

if TYPE_CHECKING:
    from typing import BinaryIO

_BOM = b"\xef\xbb\xbf"
_MAX_PROBLEMS = 20
_BLANK = re.compile(rb"[ \t\r\n]*")


class RecordSource(Protocol):
    """Records in a fixed order, each the bytes of one JSON object."""

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    def slice(self, start: int, stop: int) -> list[bytes]:
        """Those from ``start`` up to ``stop``, from 0; fewer, or none, past the end."""
        ...


class SyntheticRecords:
    """Orders computed from (seed, index): any number of them, and nothing stored.

    Args:
        seed: Other seeds give other records.
        count: How many.

    Raises:
        ConfigurationError: The count is negative.
    """

    def __init__(self, seed: int, count: int) -> None:
        if count < 0:
            raise ConfigurationError("the number of records must not be negative")
        self._seed = seed
        self._count = count

    @property
    def count(self) -> int:
        """How many there are."""
        return self._count

    def slice(self, start: int, stop: int) -> list[bytes]:
        """Compute those from ``start`` up to ``stop``, from 0."""
        return [synthetic_record(self._seed, index) for index in range(start, min(stop, self._count))]


class JsonLinesRecords:
    r"""The user's own file, one JSON object a line, served byte for byte.

    Blank lines, a byte order mark and the line ends (``\n`` or ``\r\n``) are not part of a record. The
    file is checked whole once; afterwards only 16 bytes a record stay in memory.

    Args:
        path: Of the file, which must not change while it is served.

    Raises:
        ConfigurationError: It cannot be read, or lines of it, named in ``problems``, hold no JSON object.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._starts = array("Q")
        self._stops = array("Q")
        try:
            with self._path.open("rb") as file:
                problems = self._index(file)
                self._size = file.tell()
        except OSError as error:
            raise ConfigurationError(f"the records in {path} cannot be read: {error.strerror}") from error
        if problems:
            summary = f"{path} must hold one JSON object a line: {'; '.join(problems)}"
            raise ConfigurationError(summary, problems=problems)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._starts)

    def slice(self, start: int, stop: int) -> list[bytes]:
        """Read those from ``start`` up to ``stop``, from 0.

        Raises:
            ConfigurationError: The file is gone, or has another size than at the start.
        """
        starts, stops = self._starts[start:stop], self._stops[start:stop]
        if not starts:
            return []
        content = self._read(starts[0], stops[-1])
        return [content[a - starts[0] : b - starts[0]] for a, b in zip(starts, stops, strict=True)]

    def _read(self, start: int, stop: int) -> bytes:
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(start)
                content = file.read(stop - start)
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be read any more: {error.strerror}") from error
        if size != self._size:
            raise ConfigurationError(f"{self._path} changed while it was served: start the simulator again")
        return content

    def _index(self, file: BinaryIO) -> list[str]:
        problems: list[str] = []
        position = 0
        for number, line in enumerate(file, start=1):
            start = position + (len(_BOM) if number == 1 and line.startswith(_BOM) else 0)
            position += len(line)
            problem = self._index_line(line[start - position :], start)
            if problem:
                problems.append(f"line {number}: {problem}")
            if len(problems) == _MAX_PROBLEMS:
                return [*problems, "and perhaps more after these"]
        return problems

    def _index_line(self, line: bytes, start: int) -> str | None:
        if _BLANK.fullmatch(line):
            return None
        record = line.removesuffix(b"\n").removesuffix(b"\r")
        self._starts.append(start)
        self._stops.append(start + len(record))
        return _problem_of(record)


# Raw values are checked for syntax, not decoded: 1e400 and 5,000 digits are JSON, and served as they are.
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _problem_of(record: bytes) -> str | None:
    try:
        record.decode()
        _OBJECT.decode(record)
    except UnicodeDecodeError:
        return "no UTF-8 text"
    except msgspec.ValidationError:
        return "no JSON object"
    except (msgspec.DecodeError, RecursionError) as error:
        return f"no valid JSON: {error}"
    return None
