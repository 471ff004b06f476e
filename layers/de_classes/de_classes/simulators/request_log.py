"""What a server really served: the truth that a client's results are compared with."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from de_classes.simulators.messages import Outcome

MAX_ENTRIES = 100_000
_OK = 200


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One answered request.

    Args:
        at: When it came in, in monotonic seconds.
        method: Upper case; empty if the request was too malformed to tell.
        status: What was answered; None if a raw-socket fault took the connection.
        outcome: The facts.
    """

    at: float
    method: str
    status: int | None
    outcome: Outcome

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of the faults that it met: the one drawn, and the lasting ones."""
        drawn = self.outcome.fault
        return self.outcome.modes if drawn is None else (drawn, *self.outcome.modes)

    @property
    def served_page(self) -> bool:
        """Whether a page went out as it should, or as the lasting faults have it."""
        return self.status == _OK and self.outcome.page is not None and self.outcome.fault is None

    @property
    def granted_login(self) -> bool:
        """Whether a token was given out."""
        return self.status == _OK and self.outcome.route == "/login"


class RequestLog:
    """Counts requests and their outcomes. Safe among threads.

    Args:
        max_entries: How many of the latest requests are kept one by one; the counts cover all.
    """

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        self._lock = threading.Lock()
        self._entries: deque[LogEntry] = deque(maxlen=max_entries)
        self._requests = 0
        self._logins = 0
        self._by_status: Counter[int | None] = Counter()
        self._by_fault: Counter[str] = Counter()
        self._served_pages: Counter[int] = Counter()
        self._injected = 0

    def record(self, entry: LogEntry) -> None:
        """Count one answered request."""
        with self._lock:
            self._entries.append(entry)
            self._requests += 1
            self._logins += entry.granted_login
            self._by_status[entry.status] += 1
            self._by_fault.update(entry.faults)
            self._injected += entry.outcome.fault is not None
            if entry.served_page and entry.outcome.page is not None:
                self._served_pages[entry.outcome.page] += 1

    @property
    def requests(self) -> int:
        """How many requests came, the malformed ones included."""
        with self._lock:
            return self._requests

    @property
    def logins(self) -> int:
        """How many tokens were given out."""
        with self._lock:
            return self._logins

    @property
    def by_status(self) -> dict[int | None, int]:
        """How many answers had each status; None counts the connections taken by raw-socket faults."""
        with self._lock:
            return dict(self._by_status)

    @property
    def by_fault(self) -> dict[str, int]:
        """How often each fault was played."""
        with self._lock:
            return dict(self._by_fault)

    @property
    def injected(self) -> int:
        """How many answers a fault took the place of; lasting faults, which bend answers, do not count."""
        with self._lock:
            return self._injected

    @property
    def served_pages(self) -> dict[int, int]:
        """How often each page went out as it should."""
        with self._lock:
            return dict(self._served_pages)

    @property
    def entries(self) -> tuple[LogEntry, ...]:
        """The latest requests, oldest first."""
        with self._lock:
            return tuple(self._entries)
