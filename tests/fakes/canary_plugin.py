"""A pytest plugin: a test that passes, but lets a canary out, fails."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes import canary

if TYPE_CHECKING:
    from collections.abc import Generator

LOGGERS = ("de_classes", "tests")


class Listener(logging.Handler):
    """Counts what was logged with a canary in it; no record is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.leaks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Look at the message, the traceback and everything attached to the record."""
        if canary.is_in(_everything(record)):
            self.leaks.append(f"a log record of {record.name}")


def _everything(record: logging.LogRecord) -> str:
    """What a handler could show of it; a traceback that was masked counts as it was masked."""
    shown = {name: value for name, value in vars(record).items() if name != "exc_info"}
    if record.exc_info and not record.exc_text:
        shown["exc_text"] = logging.Formatter().formatException(record.exc_info)
    try:
        return f"{record.getMessage()} {shown!r}"
    except Exception:  # noqa: BLE001 - what cannot be formatted is another test's subject
        return ""


class Heard:
    """Stands for ``capsys`` or ``capfd``, and looks at what a test takes out of it."""

    def __init__(self, capture: pytest.CaptureFixture[str], leaks: list[str]) -> None:
        self._capture = capture
        self._leaks = leaks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._capture, name)

    def readouterr(self) -> Any:
        """The same as the capture's own."""
        taken = self._capture.readouterr()
        self._leaks += ["what was printed"] if canary.is_in(f"{taken.out}{taken.err}") else []
        return taken


LISTENER = Listener()


def pytest_configure() -> None:
    """Listen from the start, to what is said at any level."""
    logging.getLogger().addHandler(LISTENER)
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.DEBUG)


def pytest_unconfigure() -> None:
    """Listen no more."""
    logging.getLogger().removeHandler(LISTENER)


@pytest.fixture(name="capsys")
def heard_capsys(capsys: pytest.CaptureFixture[str]) -> Heard:
    """What a test takes out is looked at, too."""
    return Heard(capsys, LISTENER.leaks)


@pytest.fixture(name="capfd")
def heard_capfd(capfd: pytest.CaptureFixture[str]) -> Heard:
    """The same for the descriptors."""
    return Heard(capfd, LISTENER.leaks)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that passed, if a canary is somewhere."""
    report = yield
    if call.when == "setup":
        return report
    leaks, LISTENER.leaks[:] = [*LISTENER.leaks], []
    leaks += [name for name, text in report.sections if canary.is_in(text)]
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    leaks += canary.files_with(folder) if folder and call.when == "call" else []
    if leaks and report.passed:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} let a canary out: {', '.join(sorted(set(leaks)))}"
    return report
