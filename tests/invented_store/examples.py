"""What a store is tried by: rows, who carries out runs over them, and what happens. By a seed, or written."""

from __future__ import annotations

from itertools import chain
from random import Random
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from tests.fakes.faulty_s3 import AT_REST, FOREIGN, KEYS, PARTS, RECORDS, Trouble
from tests.fakes.inventing import Draw

FAMILIES: Final = ("mild", "rough", "spoilt", "twins", "rivals", "cleaned", "all")
FORMATS: Final = ("jsonl", "csv", "parquet", "json")
_SHORT: Final = 3
"""Requests in a row that boto3 tries again by itself, and more than that."""
_LONG: Final = 14
_HOURS: Final = 4 * 3600
_PASSING: Final = {"mild": (1, 3), "rivals": (0, 1)}
_SEALS_FROM: Final = 14
"""The moment of a run's first part, if nothing happens; a page takes three, in a part of its own."""


class Example(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Runs over one small source that stands still.

    Attributes:
        family: What it is drawn to show, one of ``FAMILIES``.
        format: Of the dataset.
        kind: How the source is read: by ``page`` or ``cursor``.
        count: Rows that differ.
        limit: Rows a page.
        repeats: Rows that come again behind them, by number, each before one that is new.
        late: The row from which on there is one column more; none if 0.
        keys: Whether the run is told that ``id`` is a key.
        part_pages: Pages in a part, for each go in turn.
        runners: How many carry it out at once.
        rivals: Whether they are runs of their own, at one dataset.
        partial: Whether they may commit without pages that cannot be had.
        refused: Pages that cannot be had until all is calm.
        goes: How often each goes on, until all is calm.
        cleans: Whether somebody cleans up beside them.
        yesterday: Whether there is another dataset, of a run that is over.
        switches: The moments at which another's turn comes.
        meets: What requests begin with before which it comes, too; none if empty.
        troubles: What happens.
    """

    family: str = "mild"
    format: str = "jsonl"
    kind: str = "page"
    count: int
    limit: int
    repeats: tuple[int, ...] = ()
    late: int = 0
    keys: bool = False
    part_pages: tuple[int, ...] = (2,)
    runners: int = 1
    rivals: bool = False
    partial: bool = False
    refused: tuple[int, ...] = ()
    goes: int = 1
    cleans: bool = False
    yesterday: bool = False
    switches: tuple[int, ...] = ()
    meets: str = ""
    troubles: tuple[Trouble, ...] = ()

    def pages(self) -> list[list[dict[str, Any]]]:
        """What the source has."""
        behind = ((again, self.count + n) for n, again in enumerate(self.repeats, 1))
        rows = [self._row(number) for number in chain(range(1, self.count + 1), *behind)]
        return [rows[start : start + self.limit] for start in range(0, len(rows), self.limit)]

    def _row(self, number: int) -> dict[str, Any]:
        row = {"id": number, "text": f'row {number}, "é"\n', "share": number / 4}
        return {**row, "late": f"from {self.late}"} if 0 < self.late <= number else row


def drawn(seed: int, *, family: str | None = None) -> Example:
    """The example of a seed.

    Args:
        seed: Any whole number.
        family: One of ``FAMILIES``; drawn too if None.
    """
    draw = _Draw(Random(seed))  # noqa: S311 - not for secrets
    weights = {"mild": 2, "rough": 3, "spoilt": 8, "twins": 4, "rivals": 3, "cleaned": 3, "all": 2}
    family = family or draw.weighted(weights)
    example = draw.source(family)
    if family in {"rough", "twins", "cleaned", "all"} or (family == "rivals" and draw.chance(0.2)):
        example = draw.stopped(example)
    if family in {"spoilt", "all"}:
        example = draw.spoilt(example)
    if family in {"twins", "rivals"} or (family == "all" and draw.chance(0.5)):
        example = draw.at_once(example)
    if family == "cleaned" or (family == "all" and draw.chance(0.5)):
        example = draw.cleaned(example)
    return draw.troubled(example)


class _Draw(Draw):
    def source(self, family: str) -> Example:
        count, keys = self.whole(2, 10), self.chance(0.5)
        repeats = (
            tuple(self.whole(1, count) for _ in range(self.whole(1, 3))) if keys and self.chance(0.6) else ()
        )
        return Example(
            family=family,
            format=self.weighted({"jsonl": 4, "csv": 2, "parquet": 2, "json": 1}),
            kind=self.one_of("page", "page", "cursor"),
            count=count,
            limit=self.whole(
                2 if repeats else 1, 3
            ),  # or a page is like one before it, which looks like a loop
            repeats=repeats,
            late=self.whole(2, count) if self.chance(0.3) else 0,
            keys=keys,
            part_pages=tuple(self.whole(1, 2) for _ in range(2)),
        )

    def stopped(self, example: Example) -> Example:
        """By deaths, and by a source that does not give every page."""
        deaths = [
            Trouble(at=self._moment(), what=self.one_of("kill", "kill_after"))
            for _ in range(self.whole(0, 2))
        ]
        example = replace(example, goes=self.whole(1, 3), troubles=(*example.troubles, *deaths))
        if self.chance(0.3):
            refused = (self.whole(2, 4),)
            example = replace(example, refused=refused, partial=self.chance(0.7))
        return example

    def spoilt(self, example: Example) -> Example:
        """At rest, as a rule while nobody is at work."""
        kind = self.one_of(PARTS, PARTS, FOREIGN, RECORDS, *((KEYS, KEYS) if example.keys else ()))
        died = self._while_sealing(example)
        more = [Trouble(at=died, what=self.one_of("kill", "kill_after"))]
        for _ in range(self.one_of(1, 1, 2)):
            what = self.one_of(*(kind if self.chance(0.8) else AT_REST))
            at = died + 1 if self.chance(0.8) else self._moment()
            more.append(Trouble(at=at, what=what, where=self.whole(0, 999)))
        return replace(example, goes=self.whole(1, 3), troubles=(*example.troubles, *more))

    def at_once(self, example: Example) -> Example:
        """By two, of whom one often dies while the other goes on, and seals other parts."""
        commits, seals = "PUT raw/day/_manifest-", "PUT raw/_runs/"
        meets = self.one_of("", commits, *((commits,) if example.family == "rivals" else ("", seals)))
        share = self.one_of(0.0, 0.02) if meets else self.one_of(0.1, 0.5, 0.5, 0.9)
        switches = {moment for moment in range(1, 160) if self.chance(share)}
        example = replace(example, runners=2, switches=tuple(sorted(switches)), meets=meets)
        if example.family == "rivals" or self.chance(0.1):
            return replace(example, rivals=True, part_pages=example.part_pages[:1])
        if self.chance(0.6):
            dies = Trouble(at=self.whole(30, 80), what=self.one_of("kill", "kill_after"))
            count = self.whole(5, 8) * min(example.limit, 2)
            example = replace(
                example, count=count, limit=min(example.limit, 2), goes=2, troubles=(*example.troubles, dies)
            )
        return replace(example, part_pages=self.one_of((1, 2), (2, 1), (1, 3), (3, 1)))

    def cleaned(self, example: Example) -> Example:
        begins, share = self._while_sealing(example), self.one_of(0.1, 0.3, 0.6, 0.9)
        often = (moment for moment in range(begins + 1, begins + 60) if self.chance(share))
        switches = {*example.switches, begins, *often}
        delays = [
            Trouble(at=self._moment(), what="delay", where=self.one_of(600, 3000, 3700, _HOURS))
            for _ in range(self.whole(0, 2))
        ]
        return replace(
            example,
            cleans=True,
            yesterday=self.chance(0.5),
            switches=tuple(sorted(switches)),
            troubles=(*example.troubles, *delays),
        )

    def troubled(self, example: Example) -> Example:
        """With what passes by itself: little of it, or more than boto3 has patience for."""
        most = _SHORT if example.family == "mild" or self.chance(0.7) else _LONG
        passing = [
            Trouble(
                at=self._moment(),
                what=self.one_of(
                    "slow_down", "error", "cut_request", "lost_answer", "lost_answer", "cut_answer"
                )
                if example.family != "mild"
                else self.one_of("slow_down", "error", "cut_request", "lost_answer"),
                times=self.whole(1, most),
            )
            for _ in range(self.whole(*_PASSING.get(example.family, (0, 3))))
        ]
        if example.family == "mild":  # apart from each other, or they were longer than boto3's patience
            passing = [replace(each, at=n * 40 + each.at % 30 + 1) for n, each in enumerate(passing)]
        return replace(example, troubles=(*example.troubles, *passing))

    def _while_sealing(self, example: Example) -> int:
        """A moment at which a first go has sealed something, as a rule, and has not committed."""
        return self.whole(_SEALS_FROM + 2, _SEALS_FROM + 3 * len(example.pages()) + 8)

    def _moment(self) -> int:
        return self.whole(1, 90)
