"""The floor: download every page, and do nothing with it."""

from __future__ import annotations

from benchmarks.clients.fetching import pages
from benchmarks.clients.task import given

if __name__ == "__main__":
    for _ in pages(given()):
        pass
