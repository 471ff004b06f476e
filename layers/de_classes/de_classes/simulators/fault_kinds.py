"""Faults as values, and the draw that decides who meets which.

A fault strikes at one ``Site``: it transforms a genuine answer (or leaves a raw-socket behaviour on it,
``SimResponse.wire``, for the loopback server to play), bends a page before it is written, disfigures
records, or changes how the whole run goes. A new one is one value in the module of its family and one
line in ``catalogue.py``.

The draw is a hash of (seed, site, page, attempt) and nothing else, so every client meets the same faults
in any order and at any concurrency, and again in a second run.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

import msgspec

from de_classes.errors import ConfigurationError
from de_classes.simulators.messages import SimResponse
from de_classes.simulators.pages import PLAIN, Page
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from de_classes.simulators.pages import Shape

Genuine = Callable[[], SimResponse]


class Site(Enum):
    """Where a fault strikes. At one site at most one of them does; ``RECORDS`` and ``RUN`` take all.

    The values are part of the draw: they never change.
    """

    ANSWER = "fault"  # an answer of /data, drawn for every try
    LOGIN = "login"  # an answer of /login, drawn for every login
    GRANT = "grant"  # the token answer of a login that succeeds
    TOTAL = "total"  # what a page says of totals, the same at every try
    PAGE = "page"  # which records a page holds, the same at every try
    HEADERS = "headers"  # what stands beside a page
    LINK = "link"  # where a page says that the next one is
    RECORDS = "records"  # the records themselves
    RUN = "run"  # tokens and records while time passes

    @property
    def draws(self) -> bool:
        """Whether its faults share the page or the try among them, and so have shares."""
        return self not in {Site.RECORDS, Site.RUN}

    @property
    def has_pages(self) -> bool:
        """Whether its faults belong to a page."""
        return self.draws and self not in {Site.LOGIN, Site.GRANT}


PAGE_SITES = (Site.PAGE, Site.TOTAL, Site.HEADERS, Site.LINK)


class Dials(Value):
    """How much of a fault there is, where that can be said.

    Args:
        huge_body_bytes: Size of a huge body, and of a small one once it is unzipped.
        drip_bytes: How many bytes of a dripping answer come one by one.
        drip_seconds: The wait before each of them.
        hang_seconds: How long a login that times out is silent.
        short_token_seconds: The life of short-lived tokens.
        token_uses: How many pages a token opens before it is revoked.
        drift_every: After how many requests for pages the records change again.
        drift_changes: How many changes of each kind there are.
        result_window: How many records a window shows.
    """

    huge_body_bytes: int = 2**30
    drip_bytes: int = 20
    drip_seconds: float = 1.0
    hang_seconds: float = 30.0
    short_token_seconds: int = 2
    token_uses: int = 50
    drift_every: int = 5
    drift_changes: int = 3
    result_window: int = 10_000


class FaultContext(Value):
    """What a fault may look at.

    Args:
        seed: Of the draw.
        page: Asked for, from 1; 0 for a login.
        attempt: The how-manieth try, or the how-manieth login, from 1.
        retry_after: Seconds that a rate limit asks for.
        now: The wall time, in seconds since the epoch.
        host: What the request calls this server, with its port; empty if it does not say.
        dials: Sizes and times.
        limit: Records a page that are asked for; 0 for a login.
    """

    seed: int
    page: int
    attempt: int
    retry_after: int
    now: float = 0.0
    host: str = ""
    dials: Dials = msgspec.field(default_factory=Dials)
    limit: int = 0


Play = Callable[[FaultContext, Genuine], SimResponse]
Bend = Callable[[FaultContext, Page], Page]
Disfigure = Callable[[int, int], bytes]  # (index, count) to fields to add, empty for none


class FaultKind(Value, kw_only=True):
    """What every fault has, wherever it strikes.

    Args:
        name: What settings and logs call it.
        catalogue_ids: Where it stands in the fault catalogue, such as ``F01``.
        summary: One sentence for the help.
        site: Where it strikes.
        short: The ending of its override, ``X-Fault-Rate-<short>``; the name by default.
        cured_by_retry: Whether asking again can help, so that it is drawn at a rate; else it is simply on.
        loopback_only: Whether only the loopback server can play it, and no deployed simulator.
        once: Whether a page meets it at its very first try alone, and never again.
        from_page: The first page that can meet it.
        shape: How pages are built where it is switched on.
    """

    name: str
    catalogue_ids: tuple[str, ...]
    summary: str
    site: Site = Site.ANSWER
    short: str = ""
    cured_by_retry: bool = False
    loopback_only: bool = False
    once: bool = False
    from_page: int = 0
    shape: Shape = PLAIN

    @property
    def override(self) -> str:
        """The ending of the header and the parameter that set its rate for one request."""
        return self.short or self.name


class Fault(FaultKind, kw_only=True):
    """Strikes an answer.

    Args:
        play: Given the context and a way to the genuine answer, the answer to give.
    """

    play: Play


class PageFault(FaultKind, kw_only=True):
    """Bends a page before it is written; holds for the page, whatever the try.

    Args:
        bend: The page that goes out in place of the genuine one; that one itself where it does not apply.
    """

    bend: Bend


class RecordFault(FaultKind, kw_only=True):
    """Adds odd fields to the records; what it makes of them is what a run must bring home.

    Args:
        fields: Given a record's index from 0 and how many there are, the fields as JSON text without
            braces, or nothing.
    """

    site: Site = Site.RECORDS
    fields: Disfigure


class RunFault(FaultKind, kw_only=True):
    """Holds for the whole run, and is played where it belongs."""

    site: Site = Site.RUN


class FaultRegistry:
    """Every known fault, by name and by catalogue id; their order is the order of the draw.

    Args:
        faults: No two of one name.

    Raises:
        ConfigurationError: A name is taken twice.
    """

    def __init__(self, faults: Sequence[FaultKind]) -> None:
        self._by_name = {fault.name: fault for fault in faults}
        if len(self._by_name) < len(faults):
            raise ConfigurationError("two faults have the same name")

    def __iter__(self) -> Iterator[FaultKind]:
        return iter(self._by_name.values())

    def named(self, name: str) -> FaultKind:
        """The fault of that name.

        Raises:
            ConfigurationError: There is none; the message names the nearest.
        """
        if name not in self._by_name:
            raise ConfigurationError(f"no fault is named {name[:40]!r}{self._hint(name)}")
        return self._by_name[name]

    def numbered(self, catalogue_id: str) -> tuple[FaultKind, ...]:
        """The faults that stand for one row of the catalogue; empty if none does."""
        return tuple(fault for fault in self if catalogue_id in fault.catalogue_ids)

    def _hint(self, name: str) -> str:
        import difflib  # noqa: PLC0415 - needed only when a name is already wrong

        ids = {each for fault in self for each in fault.catalogue_ids}
        nearest = difflib.get_close_matches(name, [*self._by_name, *sorted(ids)], n=1, cutoff=0.5)
        return f": did you mean {nearest[0]!r}?" if nearest else "; simulate --list-faults lists them all"
