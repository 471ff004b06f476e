"""How hard a property is tried: by a fifth of its examples in ``make test``, by all in ``make test-slow``.

A test that is not one of hypothesis's has to be marked ``examples``, so that it runs there too.
"""

from __future__ import annotations

import os

ALL = os.environ.get("DE_CLASSES_EXAMPLES") == "all"
LEAST = 10


def examples(most: int) -> int:
    """How many examples to try now, of as many as the proof takes."""
    return most if ALL else max(LEAST, most // 5)
