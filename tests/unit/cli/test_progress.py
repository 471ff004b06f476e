from __future__ import annotations

import fcntl
import io
import itertools
import logging
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from de_classes.api.page import Page
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.cli.progress import BETWEEN_LINES, MOST_BETWEEN, Progress
from de_classes.errors import IncompleteRunError, NetworkError
from de_classes.redaction import redact
from de_classes.utils.clock import ManualClock
from de_classes.utils.page_range import PageRange, parse_pages
from tests.fakes.foreign_text import acted_on
from tests.fakes.http_source import HttpSource, as_json, page
from tests.fakes.transports import FakeTransport, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TextIO

    from de_classes.api.messages import HttpRequest, HttpResponse
    from tests.fakes.http_source import GuessRequest
    from tests.fakes.transports import Answer

URL = "http://api.example/data"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class WatchedClock(ManualClock):
    """Lets time pass a second at a time, and looks at the progress each time, as its thread does."""

    def __init__(self) -> None:
        super().__init__()
        self.look: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            super().sleep(1)
            self.look()
        super().sleep(seconds % 1)


class Line(io.StringIO):
    """A pipe that knows when each line was written."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock
        self.lines: list[tuple[float, str]] = []

    def write(self, text: str) -> int:
        self.lines.append((self._clock.monotonic(), text))
        return super().write(text)


def told_while(
    answer: Callable[[HttpRequest], Answer],
    *,
    clock: WatchedClock | None = None,
    pages: int = 3,
    attempts: int = 50,
    **options: bool,
) -> list[tuple[float, str]]:
    """What is written into a pipe, and when, while pages are asked for that come like this."""
    clock = clock or WatchedClock()
    stream = Line(clock)
    progress = Progress(stream, "ingest", clock=clock, has_bar=True, **options)
    if options.get("enabled", True):
        clock.look = progress.look
    policy = RetryPolicy(jitter=False, first_contact=900.0, max_attempts=attempts)
    runtime = progress.runtime(transport=FakeTransport(answer))
    client = UnstableAPIClient(
        "http://api.example", limits=ClientLimits(retry_policy=policy), runtime=runtime
    )
    wanted = PageRange(1, pages)
    with progress.shown(wanted), suppress(IncompleteRunError):
        for _, each in client.iterate_all_pages(1, pages=wanted):
            progress.page(each)
    return stream.lines


def at(seconds: float) -> str:
    """The time of day so long after such a clock was made."""
    return datetime.fromtimestamp(ManualClock().now() + seconds, UTC).astimezone().strftime("%H:%M:%S")


def good(request: HttpRequest) -> HttpResponse:
    number = int(str(request.params["page"]))
    return json_response({"data": [{"id": number}], "page": number, "total_pages": 3, "total_records": 3})


def test_of_a_server_that_is_down_the_first_failure_is_told_at_once_then_seldom_with_the_reason() -> None:
    down = NetworkError(f"{URL}: nobody listens there")
    lines = told_while(lambda _: down)
    first, *others = lines
    assert first == (0, f"ingest: attempt 1: {URL}: nobody listens there; again in 0.03 s\n")
    waits = [when for when, _ in others]
    assert waits[0] <= BETWEEN_LINES + 2
    assert all(later - before >= BETWEEN_LINES for before, later in itertools.pairwise(waits))
    assert waits[-1] > 400
    assert all(later - before <= MOST_BETWEEN + 2 for before, later in itertools.pairwise(waits))
    assert all(
        re.match(rf"ingest: (waiting until ..:..:..: )?attempt \d+: {URL}: nobody listens there", text)
        for _, text in others
    )


def test_how_long_a_429_asks_to_wait_is_told_with_the_time_until_when() -> None:
    answers: list[HttpResponse] = [json_response({}, 429, retry_after="45")]
    lines = told_while(lambda request: answers.pop() if answers else good(request))
    assert lines[0][0] == 0
    assert lines[0][1].endswith(f"answered 429; again in 45.00 s, at {at(45)}\n")
    assert [when for when, _ in lines[1:]] == [5, 15, 35]
    assert all(text.startswith(f"ingest: waiting until {at(45)}: attempt 1: ") for _, text in lines[1:])


def test_why_one_request_waits_is_known_though_others_are_answered() -> None:
    clock = WatchedClock()
    pipe = Line(clock)
    progress = Progress(pipe, "ingest", clock=clock)
    with progress.shown():
        progress.told("attempt 1: no", 45)
        progress.waits(45)
        progress.answered(progress.asking(URL), json_response({}))
        clock.advance(6)
        progress.look()
    assert pipe.lines[1:] == [(6, f"ingest: waiting until {at(45)}: attempt 1: no\n")]


def test_a_terminal_without_columns_has_lines(terminal: tuple[TextIO, Shown]) -> None:
    stream, shown = terminal
    fcntl.ioctl(stream, termios.TIOCSWINSZ, struct.pack("4H", 0, 0, 0, 0))
    clock = WatchedClock()
    progress = Progress(stream, "ingest", clock=clock, has_bar=True)
    with progress.shown():
        progress.asking(URL)
        clock.advance(3)
        progress.look()
    assert shown() == f"ingest: no answer yet from {URL}, asked 3 s ago\r\n"


def test_a_wait_that_the_rate_of_requests_asks_for_has_no_failure_for_its_reason() -> None:
    clock = WatchedClock()

    def answer(request: HttpRequest) -> HttpResponse:
        response = good(request)
        response.headers.update({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "20"})
        return response

    lines = told_while(answer, clock=clock)
    text = f"ingest: waiting until {at(20)}: the source is not to be asked more often"
    assert lines[0] == (2, f"{text}, 1 of 3 pages, 1 records, 0 left of the source's limit, about 4 s left\n")


@pytest.mark.parametrize(("seconds", "said"), [(1, []), (9, [2, 7])])
def test_a_slow_answer_is_told_of_after_two_seconds(seconds: int, said: list[int]) -> None:
    clock = WatchedClock()

    def slow(request: HttpRequest) -> HttpResponse:
        clock.sleep(seconds)
        return good(request)

    lines = [each for each in told_while(slow, clock=clock, pages=1) if each[0] <= seconds]
    assert lines == [(when, f"ingest: no answer yet from {URL}, asked {when} s ago\n") for when in said]


def test_a_long_run_that_goes_well_is_told_of_twice_a_minute() -> None:
    clock = WatchedClock()

    def steady(request: HttpRequest) -> HttpResponse:
        clock.sleep(1)
        number = int(str(request.params["page"]))
        return json_response({"data": [{"id": number}], "page": number, "total_pages": 120})

    lines = told_while(steady, clock=clock, pages=90)
    assert lines == [
        (30, "ingest: 29 of 90 pages, 29 records, about 63 s left\n"),
        (60, "ingest: 59 of 90 pages, 59 records, about 32 s left\n"),
        (90, "ingest: 89 of 90 pages, 89 records, about 1 s left\n"),
    ]


def test_quiet_leaves_only_that_the_source_cannot_be_reached() -> None:
    answers: list[Answer] = [json_response({}, 429, retry_after="45"), NetworkError("refused")]
    lines = told_while(lambda request: answers.pop() if answers else good(request), enabled=False)
    assert lines == [(0, "ingest: attempt 1: refused; again in 0.03 s\n")]


def test_that_nobody_reads_it_stops_no_run() -> None:
    closed = io.StringIO()
    closed.close()
    progress = Progress(closed, "ingest", clock=WatchedClock())
    answers: list[Answer] = [NetworkError("refused")]
    transport = FakeTransport(lambda request: answers.pop() if answers else good(request))
    client = UnstableAPIClient("http://api.example", runtime=progress.runtime(transport=transport))
    assert len(client.fetch_page(1).records) == 1
    assert answers == []


def test_where_a_log_is_told_of_retries_a_wait_has_no_reason_of_ours() -> None:
    clock = WatchedClock()
    pipe = Line(clock)
    progress = Progress(pipe, "ingest", clock=clock)
    clock.look = progress.look
    answers: list[Answer] = [json_response({}, 429, retry_after="9")]
    transport = FakeTransport(lambda request: answers.pop() if answers else good(request))
    runtime = progress.runtime(logging.getLogger("tests.progress"), transport=transport)
    UnstableAPIClient("http://api.example", runtime=runtime).fetch_page(1)
    assert [text for _, text in pipe.lines] == [f"ingest: waiting until {at(9)}: the log says why\n"] * 2


def test_what_a_source_says_is_escaped_and_its_secrets_are_not_said() -> None:
    redact("a-secret-of-the-shop")
    down = NetworkError(f"{URL}: \x1b[2J\x9b2J\u202e a-secret-of-the-shop")
    text = "".join(text for _, text in told_while(lambda _: down, attempts=20))
    assert "\\x1b[2J" in text
    assert "a-secret-of-the-shop" not in text
    assert acted_on(text) == []


class Shown:
    """What was shown on a pseudo-terminal.

    Args:
        stream: The side that is written to.
        reading: The thread that reads the other one.
        pieces: What that has read.
    """

    def __init__(self, stream: TextIO, reading: threading.Thread, pieces: list[bytes]) -> None:
        self._stream = stream
        self._reading = reading
        self._pieces = pieces

    def so_far(self) -> str:
        return b"".join(self._pieces).decode(errors="replace")

    def __call__(self) -> str:
        """All of it: nothing is written any more."""
        self._stream.close()
        self._reading.join(60)
        return b"".join(self._pieces).decode()


@pytest.fixture
def terminal() -> Iterator[tuple[TextIO, Shown]]:
    """A pseudo-terminal: the side that is written to, and what was shown on it."""
    watcher, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))  # rows and columns
    shown: list[bytes] = []

    def collect() -> None:
        try:
            while piece := os.read(watcher, 4096):
                shown.append(piece)
        except OSError:  # the other side is closed
            return

    reading = threading.Thread(target=collect)
    reading.start()
    stream = os.fdopen(side, "w", encoding="utf-8")
    with closing(stream):
        yield stream, Shown(stream, reading, shown)
    reading.join(60)
    os.close(watcher)


def test_the_bar_on_a_terminal_says_why_it_waits_and_until_when(
    terminal: tuple[TextIO, Shown],
) -> None:
    stream, shown = terminal
    clock = WatchedClock()
    progress = Progress(stream, "ingest", clock=clock, has_bar=True, interval=0)
    clock.look = progress.look
    answers: list[Answer] = [
        NetworkError(f"{URL}: \x1b[2Jreset"),
        json_response({}, 429, retry_after="45"),
    ]
    numbers = iter(range(10))

    def answer(request: HttpRequest) -> Answer:
        return answers.pop() if answers and next(numbers) > 0 else good(request)

    client = UnstableAPIClient(
        "http://api.example", runtime=progress.runtime(transport=FakeTransport(answer))
    )
    with progress.shown():
        for _, each in client.iterate_all_pages(1):
            progress.page(each)
    text = shown()
    assert re.search(r" 33%\|.*1/3 \[", text)
    assert re.search(r"2/3 \[..:..<..:.., +[0-9.]+ ?(pages/s|s/ pages), 2 records, 2 asked again", text)
    waiting = rf"1/3 pages \[..:..<..:..\], 1 records, 1 asked again, waiting until {at(45)}: a"
    assert re.search(waiting, text)
    assert "\x1b[2J" not in text


def test_without_tqdm_a_terminal_has_lines_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    clock = WatchedClock()
    stream = Terminal()
    progress = Progress(stream, "ingest", clock=clock, has_bar=True)
    with progress.shown():
        progress.asking(URL)
        clock.advance(3)
        progress.look()
    assert stream.getvalue() == f"ingest: no answer yet from {URL}, asked 3 s ago\n"


@pytest.mark.parametrize("on_terminal", [True, False], ids=["terminal", "pipe"])
def test_the_command_says_itself_why_it_waits(
    terminal: tuple[TextIO, Shown], tmp_path: Path, *, on_terminal: bool
) -> None:
    stream, shown = terminal
    seconds = 4 if on_terminal else 2  # the bar is looked at for two seconds, the line is there at once

    def behave(asked: GuessRequest) -> bytes:
        # On a terminal until it was seen: a machine that stands still meanwhile shows nothing.
        is_to_wait = asked.page == 2 and " waiting until " not in shown.so_far()
        if is_to_wait if on_terminal else asked.number == 2:
            return as_json({}, status="429 Too Many", retry_after=str(seconds))
        return page(asked)

    with HttpSource(behave) as source:
        command = [
            sys.executable,
            "-m",
            "de_classes",
            "ingest",
            source.url,
            "--to",
            str(tmp_path),
            "--limit",
            "10",
        ]
        environment = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=stream if on_terminal else subprocess.PIPE,
            check=False,
        )
    told = shown() if on_terminal else done.stderr.decode()
    assert done.returncode == 0, told
    if on_terminal:
        waiting = (
            r"/3 pages \[..:..<..:..\], \d+ records, \d asked again, waiting until ..:..:..: attempt \d: "
        )
        assert re.search(waiting, told)
    else:
        line = r"^ingest: attempt 1: \S+ answered 429; again in 2\.00 s, at ..:..:..$"
        assert re.search(line, told, re.MULTILINE)


def test_a_run_that_goes_on_counts_what_was_there_before(terminal: tuple[TextIO, Shown]) -> None:
    clock = WatchedClock()
    pipe = Line(clock)
    stream, shown = terminal
    for each in (pipe, stream):
        progress = Progress(each, "ingest", clock=clock, has_bar=True, interval=0)
        with progress.shown():
            for number in (11, 12):
                clock.advance(20)
                progress.page(Page(number, [{"id": 1}], {}, 20, 20))
                progress.look()
    assert pipe.lines == [(40, "ingest: 12 of 20 pages, 2 records, about 160 s left\n")]
    assert re.search(r" 60%\|.*12/20 \[", shown())


def draw(stream: io.StringIO, *, pages: str = "1-", total: int | None = 3, enabled: bool = True) -> list[str]:
    """What stood in the bar, one entry for each time it was drawn."""
    wanted = parse_pages(pages)
    progress = Progress(stream, "ingest", enabled=enabled, has_bar=True, interval=0)
    with progress.shown(wanted):
        for number in range(wanted.start, wanted.start + 3):
            progress.page(Page(number, [{"id": 1}] * 10, {}, total, 30))
    return re.findall(r"(\d+(?:/\d+)?)(?: pages)? \[.*?(?:, (\d+ records))?\]", stream.getvalue())


@pytest.mark.parametrize(
    ("pages", "total", "shown"),
    [
        ("1-", 3, ["1/3", "2/3", "3/3"]),
        ("3-7", 20, ["1/5", "2/5", "3/5"]),
        ("3-7", 5, ["1/3", "2/3", "3/3"]),
        ("18-", 20, ["1/3", "2/3", "3/3"]),
        ("3-7", None, ["1/5", "2/5", "3/5"]),
        ("1-", None, ["1", "2", "3"]),
    ],
)
def test_the_bar_counts_the_pages_that_are_fetched(pages: str, total: int | None, shown: list[str]) -> None:
    drawn = draw(Terminal(), pages=pages, total=total)[1:]
    assert [each[0] for each in drawn] == shown
    assert [each[1] for each in drawn] == ["10 records", "20 records", "30 records"]


def test_where_nobody_watches_there_is_none() -> None:
    assert draw(io.StringIO()) == []
    assert draw(Terminal(), enabled=False) == []
