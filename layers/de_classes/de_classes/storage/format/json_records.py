"""What JSON and JSON Lines share: a record as one line of JSON, and what is wrong with one that is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.errors import MalformedDataError, UnsupportedValueError
from de_classes.storage.format.schema import unsupported_value
from de_classes.utils import strict_json

if TYPE_CHECKING:
    from de_classes.storage.format.schema import Record


def encode_record(record: Record, row: int) -> bytes:
    """Write one record.

    Raises:
        UnsupportedValueError: JSON cannot hold a value exactly; column and row are named.
    """
    try:
        return strict_json.dumps(record).encode()
    except UnsupportedValueError as error:
        raise unsupported_value(_refused_column(record), row, str(error)) from error


def as_record(value: object, where: str) -> Record:
    """Take what was read for a record.

    Raises:
        MalformedDataError: It is no object.
    """
    if not isinstance(value, dict):
        raise MalformedDataError(f"{where}: a {type(value).__name__} where a JSON object should be")
    return value


def _refused_column(record: Record) -> str:
    return next((str(name) for name, value in record.items() if not _is_accepted({name: value})), "")


def _is_accepted(part: Record) -> bool:
    try:
        strict_json.dumps(part)
    except UnsupportedValueError:
        return False
    return True
