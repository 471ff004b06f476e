"""The figures as people read them: a table for the terminal, a page for the documents."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from de_classes.simulators.catalogue import CATALOGUE
from scoreboard.cases import MIX, NONE, PAGE_RECORDS, PAGES, RECORDS, SIX_TIMES, wants_refusal
from scoreboard.contestants import CONTESTANTS
from scoreboard.figures import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from de_classes.simulators.faults import FaultKind
    from scoreboard.figures import Board, Run

_PAGE = Path(__file__).with_name("page.md")
# Best first; a cell of the matrix shows the worst that happened.
_MEANINGS = {
    Verdict.COMPLETE: ("✓", "it says that it succeeded, and every row is there once"),
    Verdict.REFUSED: ("○", "it fails loudly, and no client could bring every row, or know that it had"),
    Verdict.GAVE_UP: ("△", "it fails loudly, though asking again would have brought every row"),
    Verdict.UNFINISHED: ("⧖", "it was still at it after {:g} seconds, and was stopped"),
    Verdict.FALSE_SUCCESS: ("✗", "it says that it succeeded, and rows are missing, doubled or foreign"),
}
_ORDER = tuple(_MEANINGS)
_WRONG = {"-": "lost", "+": "doubled", "?": "foreign"}
_COUNTS = ("lost", "doubled", "foreign", "leaks")
_EFFORTS = ("logins", "requests")  # of runs that ended: one that runs in circles has no end of them
_HEAD = ("client", "settings", *(each.value for each in _ORDER), *_COUNTS, *_EFFORTS, "seconds")
_NO_FAULT = {
    NONE: "no fault at all",
    SIX_TIMES: "one page is answered 500 six times running",
    MIX: "six faults of answers by turns, three of them at least",
}


def totals(board: Board) -> str:
    """The sums over all cases, columns aligned."""
    rows = [_HEAD, *(_sums(board, *line) for line in board.lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def page(board: Board) -> str:
    """The document, in Markdown."""
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(
        date=board.date,
        records=RECORDS,
        pages=PAGES,
        limit=PAGE_RECORDS,
        seeds="one run of each" if board.seeds == 1 else f"{board.seeds} runs of each, a seed each",
        totals=_table(_HEAD, (_sums(board, *line) for line in board.lines)),
        signs=_table(("sign", "", "means"), _signs(board)),
        settings=_table(("client", "settings", "are"), _settings(board)),
        versions=_table(("client", "packages"), _versions(board)),
        matrix=_table(_matrix_head(board), _matrix(board)),
    )


def _sums(board: Board, client: str, variant: str) -> tuple[str, ...]:
    runs = board.of(client, variant)
    ended = (str(sum(run.verdict is each for run in runs)) for each in _ORDER)
    counts = (str(sum(getattr(run, name) for run in runs)) for name in _COUNTS)
    done = [run for run in runs if run.verdict is not Verdict.UNFINISHED]
    efforts = (str(sum(getattr(run, name) for run in done)) for name in _EFFORTS)
    return (client, variant, *ended, *counts, *efforts, f"{sum(run.seconds for run in runs):.0f}")


def _signs(board: Board) -> Iterable[tuple[str, ...]]:
    return ((sign, each.value, text.format(board.limit_seconds)) for each, (sign, text) in _MEANINGS.items())


def _settings(board: Board) -> Iterable[tuple[str, ...]]:
    words = {(each.name, variant): text for each in CONTESTANTS for variant, text in each.variants.items()}
    return ((*line, words[line]) for line in board.lines)


def _versions(board: Board) -> Iterable[tuple[str, ...]]:
    for client, versions in board.versions.items():
        yield client, ", ".join(f"{name} {version}" for name, version in versions.items())


def _matrix_head(board: Board) -> tuple[str, ...]:
    return ("id", "case", "what happens", *(f"{client}, {variant}" for client, variant in board.lines))


def _matrix(board: Board) -> Iterable[tuple[str, ...]]:
    faults = {fault.name: fault for fault in CATALOGUE}
    ids_of = {run.case: _ids(faults.get(run.case)) for run in board.runs}
    for name, ids in sorted(ids_of.items(), key=lambda item: _number(item[1])):
        fault = faults.get(name)
        what = fault.summary if fault else _NO_FAULT[name]
        right = "; to refuse is right" if wants_refusal(name) else ""
        cells = (_cell([run for run in board.of(*line) if run.case == name]) for line in board.lines)
        yield (ids, f"`{name}`", f"{what}{right}", *cells)


def _ids(fault: FaultKind | None) -> str:
    return " ".join(fault.catalogue_ids) if fault else ""


def _number(ids: str) -> int:
    """Of the first of the ids, to sort by: F101 comes after F11."""
    return int(ids.split(maxsplit=1)[0][1:]) if ids else 0


def _cell(runs: Sequence[Run]) -> str:
    """The worst that happened, and in what the rows were wrong."""
    if not runs:
        return ""
    sign, _ = _MEANINGS[max((run.verdict for run in runs), key=_ORDER.index)]
    sums = {mark: sum(getattr(run, name) for run in runs) for mark, name in _WRONG.items()}
    return " ".join([sign, *(f"{mark}{count}" for mark, count in sums.items() if count)])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
