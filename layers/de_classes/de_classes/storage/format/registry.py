"""Which formats there are. A new one is a codec in a file of its own, and a line in ``utils/formats.py``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from de_classes.errors import UnsupportedFormatError
from de_classes.utils.formats import CODECS

if TYPE_CHECKING:
    from de_classes.storage.format.codec import FormatCodec

_ALIASES = {"ndjson": "jsonl", "jsonlines": "jsonl"}


def format_names() -> tuple[str, ...]:
    """Name every format, without its aliases."""
    return tuple(CODECS)


def canonical_format(name: str) -> str:
    """Find the name a format goes by; upper case and aliases are understood.

    Raises:
        UnsupportedFormatError: There is no such format; those there are get listed.
    """
    lowered = name.lower()
    canonical = _ALIASES.get(lowered, lowered)
    if canonical not in CODECS:
        known = ", ".join((*CODECS, *_ALIASES))
        raise UnsupportedFormatError(f"{name!r} is no format: choose one of {known}")
    return canonical


def get_codec(name: str, *, escape_formulas: bool = False) -> FormatCodec:
    """Load a format's codec, importing what it needs only now.

    Args:
        name: The format's name or alias.
        escape_formulas: Write CSV for spreadsheets, see ``CsvCodec``; the other formats run no formulas.

    Raises:
        UnsupportedFormatError: There is no such format, or the library it needs is not installed.
    """
    canonical = canonical_format(name)
    module_name, _, class_name = CODECS[canonical].partition(":")
    try:
        module = import_module(f"{__package__}.{module_name}")
    except ModuleNotFoundError as error:
        raise UnsupportedFormatError(
            f"format {canonical!r} needs {error.name}: pip install 'de-classes[parquet]', or take a format "
            "of text, --format jsonl or csv"
        ) from error
    options = {"escape_formulas": True} if escape_formulas and canonical == "csv" else {}
    codec: FormatCodec = getattr(module, class_name)(**options)
    return codec
