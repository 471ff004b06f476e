"""Bounds that hold wherever a thing can be said: in a setting, an argument or an option."""

from __future__ import annotations

from typing import Final

MAX_CONCURRENCY: Final = 64
"""Pages fetched at once."""
