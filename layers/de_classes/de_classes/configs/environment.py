"""The one place that touches the process's environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def environment() -> Mapping[str, str]:
    """A copy of this process's environment, taken when asked and never at import."""
    return dict(os.environ)


def replace(values: Mapping[str, str]) -> None:
    """Set variables that a library reads when it is first used, whoever has set them before."""
    os.environ.update(values)


def prefer(name: str, value: str) -> None:
    """Set a variable that a library reads when it is first used, unless somebody has set it."""
    os.environ.setdefault(name, value)
