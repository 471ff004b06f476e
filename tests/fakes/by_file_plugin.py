"""A plugin for ``make test``: which process runs what, and what begins first.

Of pytest-xdist's own distributions, loadgroup sends each test that is in no group wherever there is room:
what a file's tests share is made in every process, and all that was sent is looked through for each test.
And loadfile knows no groups. Of what every test tells, one report is enough where all is well.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from _pytest.runner import runtestprotocol  # as pytest-rerunfailures has it; there is no public name
from xdist.scheduler import LoadGroupScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

FIRST = ("local_cloud", "template_lint", "layers")
"""Groups that take long, and wait for other programs meanwhile: the longest first."""


class ByFile(LoadGroupScheduling):
    """A group's tests go to one process, and so do those of a file that are in no group."""

    def _split_scope(self, nodeid: str) -> str:
        return super()._split_scope(nodeid).partition("::")[0]


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Instead of the one that ``--dist loadgroup`` names; that option still marks the groups."""
    config.option.loadscopereorder = False  # or the files with most tests would come first
    return ByFile(config, log)


def pytest_collection(session: pytest.Session) -> None:
    """Import the modules of tests beforehand, each process from another one on.

    In a fresh clone they are yet to be compiled, and pytest writes its assertions anew: what one process has
    done by then, the next one reads. What cannot be imported fails when it is collected.
    """
    own = getattr(session.config, "workerinput", {"workerid": "gw0", "workercount": 1})
    tops = [session.config.rootpath / name for name in session.config.getini("testpaths")]
    paths = sorted(path for top in tops for path in top.rglob("test_*.py"))
    first = len(paths) * int(own["workerid"].removeprefix("gw")) // own["workercount"]
    for path in paths[first:] + paths[:first]:
        with suppress(Exception, pytest.skip.Exception):
            _ = pytest.Module.from_parent(session, path=path).obj


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the groups that take long."""
    items.sort(key=_place)


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a test, and report what it came to, and what failed before or after it.

    That a test begins and ends, and that nothing is wrong with what it needs, is as many messages between the
    processes again, and a second of processor time for a thousand tests.
    """
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    return True


def _place(item: pytest.Item) -> int:
    mark = item.get_closest_marker("xdist_group")
    return FIRST.index(mark.args[0]) if mark and mark.args[0] in FIRST else len(FIRST)
