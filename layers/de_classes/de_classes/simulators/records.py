"""What the unstable API serves: records as bytes, computed or from the user's own file, here or in S3.

A computed record is one order of a shop with customers everywhere, by (seed, index) and nothing else.
Between them they hold what breaks pipelines: nested objects, lists, nulls, an optional field, text beyond
Latin, decimals with their zeros, timestamps with zones, and integers beyond 2^53.

boto3 is imported by the call that needs it, for it costs more than everything else here together.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from de_classes.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

_T = TypeVar("_T")

_FIRST_ORDER = datetime(2024, 1, 1, tzinfo=UTC)
_ZONE_MINUTES = (0, 60, 120, 330, 540, -300, -480, 765)
_BEYOND_DOUBLE = 2**53 + 1  # and odd, so that no double holds it
_TEN_YEARS = 10 * 365 * 86_400
_CUSTOMERS = (
    ("Zoë Åkesson", "SE", "Malmö"),
    ("李小龍", "HK", "香港"),
    ("João Conceição", "BR", "São Paulo"),
    ("Ольга Ковальчук", "UA", "Київ"),
    ("Amina O'Connor", "IE", "Dún Laoghaire"),
    ("محمد الفاسي", "MA", "فاس"),
    ('Søren "Sol" Ødegård', "NO", "Tromsø"),
    ("Grace Hopper", "US", "New York"),
)
_PRODUCTS = ("TEA-GREEN", "TEA-BLACK", "CUP-WHITE", "KETTLE-1L", "CAKE-🍰", "SPOON, SMALL")
_STATUSES = ("placed", "paid", "shipped", "delivered", "returned")
_NOTES = (None, None, None, "leave at the door", "line one\nline two", "", "=not a formula")
_TAGS = ("gift", "express", "fragile", "été", "b2b")


class _Draw:
    """Small numbers out of one digest, a byte each."""

    def __init__(self, seed: int, index: int) -> None:
        self._bytes = iter(hashlib.blake2b(f"{seed}|record|{index}".encode()).digest())

    def below(self, bound: int) -> int:
        return next(self._bytes) * bound >> 8

    def one_of(self, choices: Sequence[_T]) -> _T:
        return choices[self.below(len(choices))]


def synthetic_record(seed: int, index: int) -> bytes:
    """The record at that index, from 0, as the bytes of a JSON object."""
    draw = _Draw(seed, index)
    lines = [_OrderLine(draw) for _ in range(1 + draw.below(3))]
    record: dict[str, object] = {
        "id": index + 1,
        "order_no": f"ORD-{index + 1:010d}",
        "created_at": _created_at(draw, index),
        "status": draw.one_of(_STATUSES),
        "customer": _customer(draw),
        "items": [line.as_json() for line in lines],
        "total": _money(sum(line.cents for line in lines)),
        "ledger_id": _BEYOND_DOUBLE + 2 * index,
        "note": draw.one_of(_NOTES),
        "tags": [tag for tag in _TAGS if draw.below(4) == 0],
        "rating": draw.one_of((None, 1, 2, 3, 4, 5)),
    }
    if draw.below(5) == 0:
        record["coupon"] = f"SAVE{5 * (1 + draw.below(6))}"
    return msgspec.json.encode(record)


class _OrderLine:
    def __init__(self, draw: _Draw) -> None:
        self._sku = draw.one_of(_PRODUCTS)
        self._quantity = 1 + draw.below(9)
        self._unit_cents = 5 + draw.below(200) * 100 + draw.below(20) * 5
        self.cents = self._quantity * self._unit_cents

    def as_json(self) -> dict[str, object]:
        return {"sku": self._sku, "quantity": self._quantity, "unit_price": _money(self._unit_cents)}


def _created_at(draw: _Draw, index: int) -> str:
    passed = timedelta(seconds=index * 97 % _TEN_YEARS, milliseconds=draw.below(200) * 5)
    zone = timezone(timedelta(minutes=draw.one_of(_ZONE_MINUTES)))
    return (_FIRST_ORDER + passed).astimezone(zone).isoformat(timespec="milliseconds")


def _customer(draw: _Draw) -> dict[str, object]:
    name, country, city = draw.one_of(_CUSTOMERS)
    email = None if draw.below(4) == 0 else f"customer{draw.below(250)}@example.com"
    return {"name": name, "email": email, "address": {"city": city, "country": country}}


def _money(cents: int) -> msgspec.Raw:
    # Written out, so that 129.90 keeps its last zero.
    return msgspec.Raw(f"{cents // 100}.{cents % 100:02d}".encode())


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

    Attributes:
        path: The same.

    Raises:
        ConfigurationError: It cannot be read, or lines of it, named in ``problems``, hold no JSON object.
    """

    what = "one JSON object a line"

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._starts = array("Q")
        self._stops = array("Q")
        try:
            with self.path.open("rb") as file:
                problems = self._index(file)
                self._size = file.tell()
        except OSError as error:
            raise ConfigurationError(f"the records in {path} cannot be read: {error.strerror}") from error
        if problems:
            summary = f"{path} must hold {self.what}: {'; '.join(problems)}"
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
            with self.path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(start)
                content = file.read(stop - start)
        except OSError as error:
            raise ConfigurationError(f"{self.path} cannot be read any more: {error.strerror}") from error
        if size != self._size:
            raise ConfigurationError(f"{self.path} changed while it was served: start the simulator again")
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
        self._note(start, start + len(record))
        return problem_of(record)

    def _note(self, start: int, stop: int) -> None:
        """One more record is from here to there."""
        self._starts.append(start)
        self._stops.append(stop)


# Raw values are checked for syntax, not decoded: 1e400 and 5,000 digits are JSON, and served as they are.
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def problem_of(record: bytes) -> str | None:
    """Why these bytes are no record; None if they are."""
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


S3_SCHEME = "s3://"


class ObjectFetcher(Protocol):
    """Copies one object to a file."""

    def __call__(self, bucket: str, key: str, path: Path) -> None:
        """Write the object to that path.

        Raises:
            ConfigurationError: It cannot be read.
        """
        ...


def fetch_object(bucket: str, key: str, path: Path) -> None:
    """Copy an object from S3 to a file.

    Raises:
        ConfigurationError: The object is not there, or this role may not read it.
    """
    import boto3  # noqa: PLC0415 - see the module
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see the module

    try:
        boto3.client("s3").download_file(bucket, key, str(path))
    except (BotoCoreError, ClientError) as error:
        message = f"s3://{bucket}/{key} cannot be read: {type(error).__name__}"
        raise ConfigurationError(message) from error


def local_copy(uri: str, fetch: ObjectFetcher = fetch_object) -> Path:
    """The path of a file, which is fetched into the temporary directory if it lies in S3.

    Raises:
        ConfigurationError: An S3 address without bucket or key, or an object that cannot be read.
    """
    if not uri.startswith(S3_SCHEME):
        return Path(uri)
    bucket, _, key = uri.removeprefix(S3_SCHEME).partition("/")
    if not bucket or not key:
        raise ConfigurationError("records_uri must be a path or s3://bucket/key")
    import tempfile  # noqa: PLC0415 - with its archive formats it is a twentieth of a start

    path = Path(tempfile.mkdtemp(prefix="records-")) / f"records{Path(key).suffix}"
    fetch(bucket, key, path)
    return path
