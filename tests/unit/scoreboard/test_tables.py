from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from scoreboard.contestants import DEFAULTS, TUNED
from scoreboard.figures import Board, Run, Verdict, load, merged, save
from scoreboard.tables import page, totals

if TYPE_CHECKING:
    from pathlib import Path

BOARD = Board(
    date="2031-05-07",
    seeds=2,
    limit_seconds=60,
    versions={"dlt": {"dlt": "9.9", "requests": "3.0"}},
    runs=[
        Run(
            client="dlt",
            variant=DEFAULTS,
            case="empty-page",
            seed=0,
            verdict=Verdict.FALSE_SUCCESS,
            lost=30,
            logins=1,
            requests=4,
            seconds=0.4,
        ),
        Run(client="dlt", variant=DEFAULTS, case="empty-page", seed=1, verdict=Verdict.COMPLETE, seconds=0.8),
        Run(client="dlt", variant=TUNED, case="empty-page", seed=0, verdict=Verdict.GAVE_UP, said="E"),
        Run(client="dlt", variant=TUNED, case="empty-page", seed=1, verdict=Verdict.COMPLETE, requests=9),
    ],
)


def row(text: str, *first: str) -> list[str]:
    rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines())
    return next(cells for cells in rows if cells[: len(first)] == [*first])


def test_the_sums_of_a_line_are_over_all_its_runs() -> None:
    sums = row(page(BOARD), "dlt", DEFAULTS)
    assert sums == ["dlt", DEFAULTS, "1", "0", "0", "0", "1", "30", "0", "0", "0", "1", "4", "1"]


def test_who_runs_in_circles_is_not_credited_with_the_requests() -> None:
    endless = Run(
        client="dlt", variant=TUNED, case="mix", seed=0, verdict=Verdict.UNFINISHED, requests=9000, seconds=60
    )
    sums = row(page(structs.replace(BOARD, runs=[*BOARD.runs, endless])), "dlt", TUNED)
    assert sums[-2:] == ["9", "60"]


def test_the_matrix_shows_the_worst_and_in_what_it_was_wrong() -> None:
    assert row(page(BOARD), "F21", "`empty-page`")[-2:] == ["✗ -30", "△"]


def test_the_page_says_when_what_and_how_often() -> None:
    text = page(BOARD)
    assert "Measured on 2031-05-07, with 2 runs of each" in text
    assert row(text, "dlt", "dlt 9.9, requests 3.0")


def test_the_terminal_shows_the_same_sums() -> None:
    head, defaults, tuned = totals(BOARD).splitlines()
    assert head.split()[:3] == ["client", "settings", "complete"]
    assert defaults.split() == row(page(BOARD), "dlt", DEFAULTS)
    assert tuned.split() == row(page(BOARD), "dlt", TUNED)


def test_figures_are_read_back_as_they_were_written_a_run_a_line(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    save(BOARD, path)
    assert load(path) == BOARD
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2 + len(BOARD.runs)


def test_what_is_run_anew_takes_the_place_of_what_there_was_and_the_rest_stays() -> None:
    anew = Run(client="dlt", variant=TUNED, case="empty-page", seed=0, verdict=Verdict.COMPLETE)
    added = Run(client="dlt", variant=DEFAULTS, case="cut-body", seed=0, verdict=Verdict.COMPLETE)
    gone = Run(client="dlt", variant=DEFAULTS, case="no-fault-any-more", seed=0, verdict=Verdict.COMPLETE)
    kept = structs.replace(BOARD, runs=[*BOARD.runs, gone])
    newer = structs.replace(BOARD, date="2031-06-01", versions={"dlt": {"dlt": "10.0"}}, runs=[added, anew])

    board = merged(kept, newer, ["cut-body", "empty-page"])

    assert board.runs == [added, *BOARD.runs[:2], anew, BOARD.runs[3]]
    assert (board.date, board.versions) == ("2031-05-07 and 2031-06-01", {"dlt": {"dlt": "10.0"}})
    assert merged(board, newer, ["cut-body", "empty-page"]) == board
