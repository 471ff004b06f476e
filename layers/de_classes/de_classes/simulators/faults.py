"""Faults as values, and the draw that decides who meets which.

A fault either transforms the genuine answer, or leaves a raw-socket behaviour on it
(``SimResponse.wire``) for the loopback server to play. A new one is one ``Fault`` in a module of its
kind and one line in ``catalogue.py``.

The draw is a hash of (seed, page, attempt) and nothing else, so every client meets the same faults in
any order and at any concurrency, and again in a second run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from math import fsum
from typing import TYPE_CHECKING

from de_classes.errors import ConfigurationError
from de_classes.simulators.messages import SimResponse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Genuine = Callable[[], SimResponse]

_MANTISSA_BITS = 53
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class FaultContext:
    """What a fault may look at.

    Args:
        seed: Of the draw.
        page: Asked for, from 1.
        attempt: The how-manieth try, from 1.
        retry_after: Seconds that a rate limit asks for.
    """

    seed: int
    page: int
    attempt: int
    retry_after: int


Play = Callable[[FaultContext, Genuine], SimResponse]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail.

    Args:
        name: What settings and logs call it.
        catalogue_ids: Where it stands in the fault catalogue, such as ``F01``.
        summary: One sentence for the help.
        play: Given the context and a way to the genuine answer, the answer to give.
        short: The ending of its override, ``X-Fault-Rate-<short>``; the name by default.
        needs_socket: Whether only the loopback server can play it.
    """

    name: str
    catalogue_ids: tuple[str, ...]
    summary: str
    play: Play
    short: str = ""
    needs_socket: bool = False

    @property
    def override(self) -> str:
        """The ending of the header and the parameter that set its rate for one request."""
        return self.short or self.name


class FaultRegistry:
    """Every known fault, by name and by catalogue id; their order is the order of the draw.

    Args:
        faults: No two of one name.

    Raises:
        ConfigurationError: A name is taken twice.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._by_name = {fault.name: fault for fault in faults}
        if len(self._by_name) < len(faults):
            raise ConfigurationError("two faults have the same name")

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._by_name.values())

    def named(self, name: str) -> Fault:
        """The fault of that name.

        Raises:
            ConfigurationError: There is none.
        """
        if name not in self._by_name:
            raise ConfigurationError(f"no fault is named {name!r}; known are {', '.join(self._by_name)}")
        return self._by_name[name]

    def numbered(self, catalogue_id: str) -> tuple[Fault, ...]:
        """The faults that stand for one row of the catalogue; empty if none does."""
        return tuple(fault for fault in self if catalogue_id in fault.catalogue_ids)


@dataclass(frozen=True)
class FaultPlan:
    """How often what goes wrong.

    Args:
        registry: The faults there are.
        rates: Fault name to its share of requests, 0 to 1; together at most 1.
        seed: Repeats a run exactly.
        retry_after: Seconds that a rate limit asks for.
        jitter: The longest delay of an answer, in seconds; drawn evenly from 0.

    Raises:
        ConfigurationError: A name is unknown, or the rates leave the range.
    """

    registry: FaultRegistry
    rates: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    retry_after: int = 1
    jitter: float = 0.0

    def __post_init__(self) -> None:
        for name in self.rates:
            self.registry.named(name)
        if problem := rates_problem(self.rates):
            raise ConfigurationError(problem)

    def draw(self, page: int, attempt: int) -> Fault | None:
        """The fault that this try for this page meets, or None."""
        point = uniform(self.seed, "fault", page, attempt)
        for fault in self.registry:
            point -= self.rates.get(fault.name, 0.0)
            if point < 0:
                return fault
        return None

    def delay(self, page: int, attempt: int) -> float:
        """Seconds that this answer takes."""
        return self.jitter * uniform(self.seed, "jitter", page, attempt) if self.jitter else 0.0

    def context(self, page: int, attempt: int) -> FaultContext:
        """What a fault of this plan may look at."""
        return FaultContext(self.seed, page, attempt, self.retry_after)


def rates_problem(rates: Mapping[str, float]) -> str | None:
    """What is wrong with the rates taken together, if anything."""
    if any(not 0 <= rate <= 1 for rate in rates.values()):
        return "every fault rate must lie between 0 and 1"
    total = fsum(rates.values())
    return None if total <= 1 + _ROUNDING else f"the fault rates add up to {total:g}, more than 1"


def uniform(seed: int, label: str, page: int, attempt: int) -> float:
    """A number from 0 up to 1, the same for the same arguments on every machine and version."""
    digest = hashlib.blake2b(f"{seed}|{label}|{page}|{attempt}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> (64 - _MANTISSA_BITS)) * 2.0**-_MANTISSA_BITS
