"""Servers that the first test which wants one starts, and the last test ends."""

from __future__ import annotations

from contextlib import ExitStack

RUNNING = ExitStack()
"""Closed by ``tests/conftest.py`` when the tests of this process are over."""
