"""How hard a property is tried: by a tenth of its examples in ``make test``, by all in the proofs.

A test that is not one of hypothesis's has to be marked ``examples``, so that it runs there too.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

ALL = os.environ.get("DE_CLASSES_EXAMPLES") == "all"
LEAST = 10


def examples(most: int) -> int:
    """How many examples to try now, of as many as the proof takes."""
    return most if ALL else max(LEAST, most // 10)


def first_of(cases: Iterable[Any]) -> list[Any]:
    """Parameters that show the same thing in several settings: ``make test`` tries the first alone.

    Args:
        cases: The parameters, a tuple where a test takes several.
    """
    first, *others = cases
    values = (each if isinstance(each, tuple) else (each,) for each in others)
    return [first, *(pytest.param(*each, marks=pytest.mark.slow) for each in values)]
