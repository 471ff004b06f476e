"""A plugin for ``make test``: what a file's tests share is made in one process, and not in each of them.

Of pytest-xdist's own distributions, loadgroup sends each test that is in no group wherever there is room, and
looks through all that it has sent before it sends another; loadfile knows no groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadGroupScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer


class ByFile(LoadGroupScheduling):
    """A group's tests go to one process, and so do those of a file that are in no group."""

    def _split_scope(self, nodeid: str) -> str:
        return super()._split_scope(nodeid).partition("::")[0]


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Instead of the one that ``--dist loadgroup`` names; that option still marks the groups."""
    return ByFile(config, log)
