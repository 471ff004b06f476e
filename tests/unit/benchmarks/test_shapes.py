"""The shapes that are measured are what they are called."""

from __future__ import annotations

import pytest

from benchmarks.shapes import BOUNDS, FORMATS, PLAIN, SHAPES, main, measure, record
from de_classes.storage.format.schema import infer


def test_every_shape_of_every_format_has_a_bound() -> None:
    assert {name: set(bounds) for name, bounds in BOUNDS.items()} == {name: set(SHAPES) for name in FORMATS}


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
