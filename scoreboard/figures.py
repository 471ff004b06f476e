"""What came of the runs: what is written down, and what is printed."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct, json, structs

if TYPE_CHECKING:
    from pathlib import Path


class Verdict(Enum):
    """How a run ended, held against what the server knows."""

    COMPLETE = "complete"
    REFUSED = "refused"
    GAVE_UP = "gave up"
    FALSE_SUCCESS = "false success"
    UNFINISHED = "unfinished"


class Run(Struct, frozen=True, kw_only=True):
    """One run of one client.

    Attributes:
        client: Its name.
        variant: Its settings' name.
        case: The trouble's name.
        seed: Of the draw.
        verdict: How it ended.
        lost: Rows that a run which called itself complete did not bring.
        doubled: Rows that such a run brought once more than there are.
        foreign: Rows that such a run brought though the source never had them.
        leaks: Requests that took credentials to another origin.
        logins: Tokens that the server gave out.
        requests: Requests that the server saw, logins included.
        seconds: From the run's start to its end, without the client's import; the limit if it was stopped.
        said: The kind of error it ended by, if it ended by one.
    """

    client: str
    variant: str
    case: str
    seed: int
    verdict: Verdict
    lost: int = 0
    doubled: int = 0
    foreign: int = 0
    leaks: int = 0
    logins: int = 0
    requests: int = 0
    seconds: float = 0.0
    said: str = ""


class Board(Struct, frozen=True, kw_only=True):
    """All figures of one day.

    Attributes:
        date: When, as YYYY-MM-DD.
        seeds: Runs of each client through each case.
        limit_seconds: After which a run was stopped.
        versions: Client to package to version.
        runs: One by one.
    """

    date: str
    seeds: int
    limit_seconds: float
    versions: dict[str, dict[str, str]]
    runs: list[Run]

    def of(self, client: str, variant: str) -> list[Run]:
        """The runs of one client with one set of settings."""
        return [run for run in self.runs if (run.client, run.variant) == (client, variant)]

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Every client and variant that ran, in order."""
        return list(dict.fromkeys((run.client, run.variant) for run in self.runs))


def merged(kept: Board, newer: Board, order: list[str]) -> Board:
    """One board in place of another, with what was measured since: the other figures stay what they are.

    Args:
        kept: The board there was.
        newer: What was run since, over some clients and cases.
        order: The names of all cases there are, in order; figures of others are dropped.
    """
    known = {(run.client, run.variant, run.case, run.seed): run for run in (*kept.runs, *newer.runs)}
    lines = list(dict.fromkeys((*kept.lines, *newer.lines)))
    runs = sorted(
        (run for run in known.values() if run.case in order),
        key=lambda run: (lines.index((run.client, run.variant)), order.index(run.case), run.seed),
    )
    date = " and ".join(dict.fromkeys((*kept.date.split(" and "), newer.date)))
    return structs.replace(newer, date=date, versions={**kept.versions, **newer.versions}, runs=runs)


def save(board: Board, path: Path) -> None:
    """Write the figures, a run a line, so that two boards can be compared by eye."""
    head = json.encode({name: getattr(board, name) for name in Board.__struct_fields__[:-1]}).decode()
    runs = ",\n".join(json.encode(run).decode() for run in board.runs)
    path.write_text(f'{head[:-1]},"runs":[\n{runs}\n]}}\n', encoding="utf-8")


def load(path: Path) -> Board:
    """Read what ``save`` wrote."""
    return json.decode(path.read_bytes(), type=Board)
