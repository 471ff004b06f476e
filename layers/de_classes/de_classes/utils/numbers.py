"""Numbers with a fraction, as JSON writes them: floats that have not forgotten their digits."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

_HELD: Final = 16  # characters: a float gives 15 digits back, whatever they are


class Number(float):
    """A float that Python would write otherwise than it was read: ``100.10``, ``1E5``, or one of 20 digits.

    It is that float everywhere; formats of text write it as it came.

    Attributes:
        text: As it came.
    """

    __slots__ = ("text",)

    text: str

    def __new__(cls, text: str) -> Number:  # noqa: PYI034 - of this very class
        """Of a JSON number's text."""
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __getnewargs__(self) -> tuple[str]:  # type: ignore[override]  # copies are made of the text
        return (self.text,)

    @property
    def is_rounded(self) -> bool:
        """Whether the float is another number than the text, and not only spelled otherwise."""
        return Decimal(self.text) != Decimal(float.__repr__(self))


def read_number(text: str) -> float:
    """The float of a JSON number with a fraction or an exponent; a ``Number`` if it is written otherwise.

    Raises:
        ValueError: It is too large for a float.
    """
    if len(text) <= _HELD and text[-1] != "0" and "e" not in text and "E" not in text:
        return float(text)
    value = float(text)
    if float.__repr__(value) == text:
        return value
    if math.isinf(value):
        raise ValueError("a number too large for float64")
    return Number(text)
