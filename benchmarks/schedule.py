"""Whose turn it is, round after round, and how long all of it will take."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.cases import MILLION
from benchmarks.kinds import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Case
    from benchmarks.contestants import Contestant

_BESIDES_SECONDS = 0.4  # to start an API and to stop it
_VERIFYING_SECONDS = 2.0  # a million plain rows, read back and compared
_VERIFYING_OTHERS_SECONDS = 25.0  # as many of other kinds, row by row

_MINUTES_FROM = 120.0


class Turn(NamedTuple):
    """One run to come.

    Attributes:
        case: What is to be done.
        contestant: By whom.
        number: Of the round.
    """

    case: Case
    contestant: Contestant
    number: int

    @property
    def seconds(self) -> float:
        """About how long it takes, with what is done before and after it."""
        each = _VERIFYING_SECONDS if self.case.kind == PLAIN else _VERIFYING_OTHERS_SECONDS
        verifying = each * self.case.records / MILLION if self.contestant.keeps else 0.0
        return _BESIDES_SECONDS + self.case.seconds(self.contestant) + verifying


def turns(clients: list[Contestant], chosen: list[Case], rounds: int) -> Iterator[Turn]:
    """Round after round of every group of cases, each client in its turn, and nobody always the first.

    Args:
        clients: Who is there.
        chosen: The cases.
        rounds: At most; as many as each case says if 0. See ``Case.rounds``.
    """
    for group in _groups(chosen):
        most = rounds or max(case.most_rounds for case in group)
        for number, case in itertools.product(range(1, most + 1), group):
            suited = [each for each in clients if case.suits(each) and number <= case.rounds(each, rounds)]
            start = (number - 1) % max(1, len(suited))
            yield from (Turn(case, each, number) for each in suited[start:] + suited[:start])


def _groups(chosen: list[Case]) -> Iterator[list[Case]]:
    """Cases that share their rounds, in order; one of no group shares them with nobody."""
    by_group: dict[str, list[Case]] = {}
    for case in chosen:
        by_group.setdefault(case.group or f"alone: {case.name}", []).append(case)
    yield from by_group.values()


class Progress:
    """How much is done, and how long the rest will take: as the plan has it, corrected by what was taken.

    Args:
        planned: Every turn.
    """

    def __init__(self, planned: list[Turn]) -> None:
        self._all = sum(turn.seconds for turn in planned)
        self._done = 0.0

    def after(self, turn: Turn, elapsed: float) -> str:
        """In words, once a turn is over.

        Args:
            turn: The last one.
            elapsed: Seconds since the first began.
        """
        self._done += turn.seconds
        left = (self._all - self._done) * elapsed / self._done
        return f"{self._done / self._all:.0%}, {_said(left)} left"

    def __str__(self) -> str:
        return _said(self._all)


def _said(seconds: float) -> str:
    return f"about {seconds:.0f} s" if seconds < _MINUTES_FROM else f"about {seconds / 60:.0f} min"
