"""Keeps the collector of garbage out of tests under mutmut, which fail by it now and then.

mutmut follows calls by a ContextVar. Where the collector ends one of our generators in the middle of
setting it, CPython 3.11 loses the value, and the test fails by a LookupError:
``gc.set_threshold(1)`` shows it at once.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
