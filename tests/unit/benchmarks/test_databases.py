"""What is made of the figures of loads into PostgreSQL; the loads themselves need a server."""

from __future__ import annotations

from msgspec import json

from benchmarks.databases import BARE, FIGURES, OURS, PAGE, Figures, Run, table

SMALL = Figures(
    date="",
    records=10,
    server="PostgreSQL 15",
    cores=2,
    load=0.5,
    runs=[
        Run(BARE, 1, 1.0),
        Run(OURS, 1, 2.0),
        Run(BARE, 2, 3.0),
        Run(OURS, 2, 2.0),
        Run("dlt, defaults", 2, 20.0),
    ],
)


def cells(figures: Figures) -> dict[str, list[str]]:
    lines = [line.strip("| ").split(" | ") for line in table(figures).splitlines() if line.startswith("| ")]
    return {name: rest for name, *rest in lines[2:]}


def test_a_ratio_is_of_one_round_and_says_how_far_the_rounds_are_apart() -> None:
    assert cells(SMALL) == {
        BARE: ["2", "2.0", "1.00 (0.50 to 1.50)", "0.6"],
        OURS: ["2", "2.0", "1", "-"],
        "dlt, defaults": ["1", "20.0", "10.00 (10.00 to 10.00)", "5"],
    }


def test_the_page_has_the_table_of_its_figures() -> None:
    """Otherwise: make benchmark-databases."""
    figures = json.decode(FIGURES.read_bytes(), type=Figures)
    assert table(figures) in PAGE.read_text(encoding="utf-8")
    assert {run.client for run in figures.runs} >= {BARE, OURS, "dlt, defaults"}
