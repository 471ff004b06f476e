"""How far a command is, what it asks without an answer, and why it waits: on a terminal and in a pipe.

It listens where a client meets the world: its transport, its clock and its logger. On a terminal the pages
are tqdm's bar; elsewhere, and where tqdm is not installed, it writes plain lines, seldom.
"""

from __future__ import annotations

import logging
import math
import os
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Final, TextIO

from de_classes.api.http_transport import HttpClientTransport
from de_classes.api.messages import without_secrets
from de_classes.api.pace import read_rate_limit
from de_classes.api.runtime import ClientRuntime
from de_classes.cli.terminal import escaped
from de_classes.redaction import shared_filter
from de_classes.utils.clock import SystemClock
from de_classes.utils.page_range import PageRange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.api.messages import HttpRequest, HttpResponse
    from de_classes.api.page import Page
    from de_classes.api.transport import Transport
    from de_classes.utils.clock import Clock

SAID_AFTER: Final = 2.0
"""Seconds without an answer after which it is said what is asked, or waited for."""

BETWEEN_LINES: Final = 5.0
"""Seconds between two lines at the least; twice that after each, as long as nothing better is to be said."""

MOST_BETWEEN: Final = 30.0
"""Seconds after which there is another line at the latest."""

_TICK: Final = 0.5
_PACED: Final = "the source is not to be asked more often"
_OK: Final = range(200, 300)
# The bar comes last: what does not fit is cut there.
_IN_TROUBLE: Final = "{n_fmt}/{total_fmt} pages [{elapsed}<{remaining}]{postfix} {bar}"


class Progress:
    """What a command shows while it works. Safe among threads.

    Example:
        >>> progress = Progress(sys.stderr, "ingest", has_bar=True)
        >>> client = UnstableAPIClient(api.base_url, auth, runtime=progress.runtime())
        >>> with progress.shown():
        ...     pages = [page for _, page in client.iterate_all_pages()]

    Args:
        stream: Where it is shown.
        command: Begins each line.
        enabled: Whether more is said than that the source cannot be reached at first.
        has_bar: Whether pages are counted, by a bar where somebody watches.
        tells_warnings: Whether warnings are said that are not of waits.
        interval: Seconds between two drawings of the bar, at the least.
        clock: Measures and waits.
    """

    def __init__(
        self,
        stream: TextIO,
        command: str,
        *,
        enabled: bool = True,
        has_bar: bool = False,
        tells_warnings: bool = True,
        interval: float = 0.1,
        clock: Clock | None = None,
    ) -> None:
        self._stream = stream
        self._command = command
        self._enabled = enabled
        self._has_bar = has_bar
        self._tells_warnings = tells_warnings
        self._interval = interval
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._bar: Any = None
        self._asked: dict[int, tuple[float, str]] = {}  # the requests under way: since when, and where
        self._numbers = count()
        self._is_heard = False
        self._is_told = True
        self._begin(PageRange())

    def _begin(self, pages: PageRange) -> None:
        now = self._clock.monotonic()
        self._wanted = pages
        self._total = None if pages.is_open else len(pages)
        self._pages = self._records = self._retries = self._before = 0
        self._began = self._answered = now
        self._said = -math.inf
        self._gap = BETWEEN_LINES
        self._until = -math.inf
        self._because = ""  # why the last request was in vain, until one is not
        self._because_until = -math.inf  # until when somebody waits for that, whatever others are answered
        self._left: int | None = None

    def runtime(
        self,
        logger: logging.Logger | None = None,
        *,
        transport: Transport | None = None,
    ) -> ClientRuntime:
        """What a client is given so that it is listened to.

        Args:
            logger: Told of retries in place of this, which then knows of waits, but not why.
            transport: In place of the network.
        """
        self._is_told = logger is None
        heard = _HeardTransport(self, transport or HttpClientTransport())
        return ClientRuntime(heard, _HeardClock(self, self._clock), logger or self.logger())

    def logger(self) -> logging.Logger:
        """A logger that tells this why something is asked again."""
        logger = logging.Logger(f"de_classes.{self._command}")  # noqa: LOG001 - it goes with its stream
        handler = _Listener(self)
        handler.addFilter(shared_filter())
        logger.addHandler(handler)
        return logger

    @contextmanager
    def shown(self, pages: PageRange | None = None) -> Iterator[None]:
        """Show it for the length of the block.

        Args:
            pages: Which are fetched.
        """
        with self._lock:
            self._begin(pages or PageRange())
            self._bar = self._make_bar()
        over = threading.Event()
        watching = threading.Thread(target=self._watch, args=(over,), daemon=True)
        if self._enabled:
            watching.start()
        try:
            yield
        finally:
            over.set()
            if watching.is_alive():
                watching.join()
            with self._lock:
                bar, self._bar = self._bar, None
            if bar is not None:
                bar.close()

    def page(self, page: Page) -> None:
        """One more page is there."""
        with self._lock:
            if not self._pages:  # a run that goes on: those before were there already
                self._before = max(page.number - self._wanted.start, 0)
                if self._bar is not None:
                    self._bar.initial = self._bar.n = self._before
            self._pages += 1
            self._records += len(page.records)
            if page.total_pages is not None:
                fetched = self._wanted.up_to(page.total_pages)
                self._total = None if fetched is None else len(fetched)
            if self._bar is not None:
                self._bar.total = self._total
                self._describe(self._trouble())
                self._bar.update()

    def asking(self, url: str) -> int:
        """A request is sent; its number, for ``answered``."""
        with self._lock:
            number = next(self._numbers)
            self._asked[number] = (self._clock.monotonic(), url)
        return number

    def answered(self, number: int, response: HttpResponse | None) -> None:
        """A request has an answer, or none will come."""
        with self._lock:
            del self._asked[number]
            if response is None:
                return
            self._is_heard = True
            limit = read_rate_limit(response.headers, now=self._clock.now())
            self._left = None if limit is None else limit.remaining
            if response.status in _OK:
                self._answered, self._gap = self._clock.monotonic(), BETWEEN_LINES
                if self._answered >= self._because_until:
                    self._because = ""

    def waits(self, seconds: float) -> None:
        """Somebody waits before the next request."""
        with self._lock:
            self._until = max(self._until, self._clock.monotonic() + seconds)

    def told(self, message: str, wait: float | None) -> None:
        """Something was warned of.

        Args:
            message: What.
            wait: Seconds until it is tried again; None if it is no such thing.
        """
        with self._lock:
            if wait is None:
                if self._tells_warnings:
                    self._write(message)
                return
            self._retries += 1
            self._because = message.rpartition("; again in")[0] or message
            self._because_until = self._clock.monotonic() + wait
            is_worth_it = not self._is_heard or (self._enabled and wait >= SAID_AFTER)
            if is_worth_it and self._bar is None and self._is_due():
                self._say(message if wait < SAID_AFTER else f"{message}, at {self._time(wait)}")

    def look(self) -> None:
        """Bring what is shown up to date; while it is shown, this is called twice a second."""
        with self._lock:
            trouble = self._trouble()
            if self._bar is not None:
                self._describe(trouble)
                self._bar.refresh()
            elif trouble is not None:
                if self._is_due():
                    self._say(", ".join([trouble, *(self._counts() if self._pages else [])]))
            elif self._pages and self._clock.monotonic() - max(self._began, self._said) >= MOST_BETWEEN:
                self._say(", ".join(self._counts()))

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(_TICK):
            self.look()

    def _trouble(self) -> str | None:
        """What keeps it from going on, if anything has for a while."""
        now = self._clock.monotonic()
        if now - self._answered < SAID_AFTER:
            return None
        if self._until > now:
            because = self._because or (_PACED if self._is_told else "the log says why")
            return f"waiting until {self._time(self._until - now)}: {because}"
        since, url = min(self._asked.values(), default=(now, ""))
        if not self._asked or not (self._because or now - since >= SAID_AFTER):
            return None
        before = f"; before: {self._because}" if self._because else ""
        return f"no answer yet from {without_secrets(url)}, asked {now - since:.0f} s ago{before}"

    def _counts(self) -> list[str]:
        """How far it is, in words."""
        of = "" if self._total is None else f" of {self._total}"
        return [f"{self._before + self._pages}{of} pages", *self._other_counts(), *self._time_left()]

    def _other_counts(self) -> list[str]:
        return [
            f"{self._records} records",
            *([f"{self._retries} asked again"] if self._retries else []),
            *([f"{self._left} left of the source's limit"] if self._left is not None else []),
        ]

    def _time_left(self) -> list[str]:
        if not self._pages or self._total is None:
            return []
        each = (self._clock.monotonic() - self._began) / self._pages
        left = max(self._total - self._before - self._pages, 0)
        return [f"about {each * left:.0f} s left"]

    def _time(self, seconds: float) -> str:
        """The time of day so many seconds from now, where the reader is."""
        return datetime.fromtimestamp(self._clock.now() + seconds, UTC).astimezone().strftime("%H:%M:%S")

    def _is_due(self) -> bool:
        return self._clock.monotonic() - self._said >= self._gap

    def _say(self, text: str) -> None:
        if self._said > -math.inf:
            self._gap = min(self._gap * 2, MOST_BETWEEN)
        self._said = self._clock.monotonic()
        self._write(text)

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # that nobody reads it any more stops no run
            self._stream.write(escaped(f"{self._command}: {shared_filter().text(text)}") + "\n")
            self._stream.flush()

    def _describe(self, trouble: str | None) -> None:
        """Say in the bar what there is to say; it is drawn anew when tqdm finds it due."""
        words = [*self._other_counts(), *([trouble] if trouble else [])]  # a reason may be long, and is cut
        self._bar.bar_format = _IN_TROUBLE if trouble else None
        self._bar.set_postfix_str(escaped(shared_filter().text(", ".join(words))), refresh=False)

    def _make_bar(self) -> Any:  # noqa: ANN401 - tqdm's own, which may not be there
        if not (self._enabled and self._has_bar and _has_columns(self._stream)):
            return None
        try:
            from tqdm import tqdm  # noqa: PLC0415 - only where somebody watches
        except ImportError:  # de-classes[cli] brings it
            return None
        return tqdm(
            file=self._stream,
            unit=" pages",
            total=self._total,
            mininterval=self._interval,
            dynamic_ncols=True,
            leave=False,
        )


def _has_columns(stream: TextIO) -> bool:
    """Whether somebody watches, and there is room for a bar: some terminals do not say how wide they are."""
    try:
        return stream.isatty() and os.get_terminal_size(stream.fileno()).columns > 0
    except OSError:  # a stream that is no file, which says itself whether it is a terminal
        return stream.isatty()


class _HeardTransport:
    """Sends by another transport, and tells what is under way."""

    def __init__(self, progress: Progress, transport: Transport) -> None:
        self._progress = progress
        self._transport = transport

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        """See ``Transport.send``."""
        number = self._progress.asking(request.url)
        response = None
        try:
            response = self._transport.send(request, timeout=timeout)
        finally:
            self._progress.answered(number, response)
        return response


class _HeardClock:
    """Another clock, which tells how long somebody waits on it."""

    def __init__(self, progress: Progress, clock: Clock) -> None:
        self._progress = progress
        self._clock = clock

    def monotonic(self) -> float:
        """See ``Clock``."""
        return self._clock.monotonic()

    def now(self) -> float:
        """See ``Clock``."""
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        """See ``Clock``."""
        self._progress.waits(seconds)
        self._clock.sleep(seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """See ``Clock``."""
        self._progress.waits(seconds)
        return self._clock.wait(event, seconds)


class _Listener(logging.Handler):
    """Takes what a client warns of."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.WARNING)
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        """See ``logging.Handler``."""
        self._progress.told(record.getMessage(), getattr(record, "wait", None))
