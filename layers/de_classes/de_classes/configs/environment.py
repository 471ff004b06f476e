"""The one place that reads the process's environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def environment() -> Mapping[str, str]:
    """A copy of this process's environment, taken when asked and never at import."""
    return dict(os.environ)
