"""When the requests of a run ended, what they brought, and which pages had to be asked for again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from de_classes.utils.clock import Clock

MOST_STRETCHES: Final = 240
SHORTEST_SECONDS: Final = 0.125


class Timeline(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened when, in at most 240 stretches of equal length: of the invocation that ended the run.

    Attributes:
        seconds: The length of a stretch; the first one begins with the run.
        requests: By status or kind of failure, how many requests for pages ended in each stretch.
        records: How many records came in each.
        waited: Seconds of waiting that retries asked for in each.
        retried_pages_each: How many pages an entry of ``retried_pages`` is about.
        retried_pages: Where pages were asked for again: the first page, and how often it and those of the
            same entry were.
    """

    seconds: float
    requests: dict[str, list[int]] = {}
    records: list[int] = []
    waited: list[float] = []
    retried_pages_each: int = 1
    retried_pages: list[list[int]] = []


class TimelineRecorder:
    """Writes a timeline in bounded memory: stretches double when there would be too many. Not for threads.

    Args:
        clock: What to measure with; the timeline begins now.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._seconds = SHORTEST_SECONDS
        self._requests: dict[str, Counter[int]] = {}
        self._records: Counter[int] = Counter()
        self._waited: Counter[int] = Counter()  # in milliseconds
        self._pages_each = 1
        self._pages: Counter[int] = Counter()

    def request_ended(self, outcome: str) -> None:
        """A request came to this."""
        stretch = self._stretch()  # first, since it may make other counters of these
        self._requests.setdefault(outcome, Counter())[stretch] += 1

    def request_turned_out(self, said: str, outcome: str) -> None:
        """The last request that came to the one thing has come to the other."""
        ended = self._requests.get(said)
        if not ended:
            return  # it is older than the timeline
        stretch = max(ended)
        ended[stretch] -= 1
        self._requests[said] = +ended
        self._requests.setdefault(outcome, Counter())[stretch] += 1

    def records_came(self, records: int) -> None:
        """A page is there."""
        stretch = self._stretch()
        self._records[stretch] += records

    def retried(self, wait: float, page: int) -> None:
        """A page is asked for again, after so many seconds."""
        stretch = self._stretch()
        self._waited[stretch] += round(wait * 1000)
        self._pages[page // self._pages_each] += 1
        while len(self._pages) > MOST_STRETCHES:
            self._pages_each *= 2
            self._pages = _halved(self._pages)

    def timeline(self) -> Timeline:
        """As it is now."""
        counters = (*self._requests.values(), self._records, self._waited)
        stretches = range(max((stretch for counter in counters for stretch in counter), default=-1) + 1)
        return Timeline(
            seconds=self._seconds,
            requests={
                outcome: [counter[stretch] for stretch in stretches]
                for outcome, counter in sorted(self._requests.items())
                if counter
            },
            records=[self._records[stretch] for stretch in stretches],
            waited=[self._waited[stretch] / 1000 for stretch in stretches],
            retried_pages_each=self._pages_each,
            retried_pages=[[place * self._pages_each, times] for place, times in sorted(self._pages.items())],
        )

    def _stretch(self) -> int:
        elapsed = self._clock.monotonic() - self._began
        while elapsed >= self._seconds * MOST_STRETCHES:
            self._seconds *= 2
            self._requests = {outcome: _halved(counter) for outcome, counter in self._requests.items()}
            self._records, self._waited = _halved(self._records), _halved(self._waited)
        return int(elapsed / self._seconds)


def _halved(counter: Counter[int]) -> Counter[int]:
    halved: Counter[int] = Counter()
    for place, number in counter.items():
        halved[place // 2] += number
    return halved
