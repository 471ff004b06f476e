"""The shapes that are measured are what they are called."""

from __future__ import annotations

import pytest

from benchmarks.shapes import (
    BOUNDS,
    DECIDING_ROUNDS,
    PLAIN,
    ROUNDS,
    SHAPES,
    above,
    compare,
    main,
    measure,
    record,
)
from de_classes.storage.format.schema import infer


def test_every_shape_of_every_format_has_a_bound() -> None:
    assert {name: set(bounds) for name, bounds in BOUNDS.items()} == {
        name: set(SHAPES) for name in ("parquet", "jsonl", "csv")
    }


def test_three_rounds_are_enough_within_the_bounds() -> None:
    runs: list[str] = []

    def measured(shape: str) -> float:
        runs.append(shape)
        return {PLAIN: 2.0, "keyed": 3.0, "late": 2.0}[shape]

    ratios = compare(measured, bounds := {"keyed": 1.6, "late": 1.4})
    assert runs == [PLAIN, "keyed", "late"] * ROUNDS
    assert ratios == {"keyed": [1.5] * ROUNDS, "late": [1.0] * ROUNDS}
    assert above(ratios, bounds) == []


def test_a_shape_above_its_bound_is_measured_anew_and_then_named() -> None:
    runs: list[str] = []

    def measured(shape: str) -> float:
        runs.append(shape)
        return 2.0 if shape == "late" else 1.0

    ratios = compare(measured, bounds := {"keyed": 1.6, "late": 1.4})
    assert above(ratios, bounds) == ["late"]
    assert (runs.count("keyed"), runs.count("late")) == (ROUNDS, ROUNDS + DECIDING_ROUNDS)


def test_a_shape_that_met_a_busy_moment_is_let_pass_once_it_did_not() -> None:
    runs: list[str] = []

    def measured(shape: str) -> float:
        runs.append(shape)
        return 2.0 if shape == "late" and runs.count("late") <= ROUNDS else 1.0

    assert above(compare(measured, bounds := {"late": 1.4}), bounds) == []


def test_shapes_are_what_they_are_called() -> None:
    columns = {shape: infer([record(n, shape, 10) for n in range(10)]).describe() for shape in SHAPES}
    assert columns["nested"]["tags"] == "list<struct<k: string, v: int64>>"
    assert columns["mixed"]["mixed"] == "json"
    assert "late" in columns["late"]
    assert "late" not in record(4, "late", 10)


@pytest.mark.parametrize("shape", [PLAIN, *SHAPES])
def test_a_run_of_each_shape_is_measured(shape: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert measure("jsonl", shape, 1_500) > 0
    assert main(["csv", shape, "1500"]) == 0
    assert float(capsys.readouterr().out) > 0
