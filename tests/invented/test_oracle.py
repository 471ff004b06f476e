from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.sources import imports
from tests.invented import oracle
from tests.invented.oracle import complaints

FILE = Path(oracle.__file__)


def row(id_: int, version: int = 1) -> dict[str, Any]:
    return {"id": id_, "version": version, "text": f"{id_}/{version}"}


def state(*rows: dict[str, Any]) -> dict[int, dict[str, Any]]:
    return {each["id"]: each for each in rows}


STILL = [state(row(1), row(2))] * 3
GONE = [state(row(1), row(2)), state(row(2))]
COME = [state(row(1)), state(row(1), row(2))]
CHANGED = [state(row(1)), state(row(1, 2))]


@pytest.mark.parametrize("has_key", [True, False])
@pytest.mark.parametrize(
    ("history", "came"),
    [
        pytest.param(STILL, [row(2), row(1)], id="all, in any order"),
        pytest.param([], [], id="nothing of nothing"),
        pytest.param(GONE, [row(2)], id="without one that was deleted"),
        pytest.param(GONE, [row(1), row(2)], id="with one that was deleted later"),
        pytest.param(COME, [row(1)], id="without one that came later"),
        pytest.param(COME, [row(1), row(2)], id="with one that came in time"),
        pytest.param(CHANGED, [row(1)], id="as it was"),
        pytest.param(CHANGED, [row(1, 2)], id="as it is"),
    ],
)
def test_what_a_run_may_bring_is_right(history: Any, came: Any, has_key: bool) -> None:  # noqa: FBT001 - a parameter
    assert complaints(history, came, has_key=has_key) == []


@pytest.mark.parametrize("has_key", [True, False])
@pytest.mark.parametrize(
    ("history", "came", "said"),
    [
        pytest.param(STILL, [row(1)], "row 2 was there all the time and did not come", id="lost"),
        pytest.param(
            GONE, [row(1)], "row 2 was there all the time and did not come", id="lost beside deleted"
        ),
        pytest.param(STILL, [row(1), row(2), row(2)], "came 2 times", id="doubled"),
        pytest.param(STILL, [row(1), row(2), row(3)], "was never there", id="invented"),
        pytest.param(CHANGED, [row(1, 3)], "was never there", id="a version that never was"),
        pytest.param(STILL, [row(1), {**row(2), "text": "else"}], "was never there", id="other content"),
        pytest.param(STILL, [row(1), row(2), {}], "was never there", id="no row at all"),
    ],
)
def test_what_it_may_not_is_named(history: Any, came: Any, said: str, has_key: bool) -> None:  # noqa: FBT001 - a parameter
    assert any(said in each for each in complaints(history, came, has_key=has_key))


def test_a_changed_row_may_come_in_both_versions_unless_a_key_tells_that_it_is_one() -> None:
    both = [row(1), row(1, 2)]
    assert complaints(CHANGED, both, has_key=False) == []
    assert complaints(CHANGED, both, has_key=True) == ["row 1 came 2 times"]


def test_the_oracle_shares_no_picture_with_what_it_judges() -> None:
    assert not [
        each.module for each in imports(FILE) if each.module.partition(".")[0] in {"de_classes", "tests"}
    ]
    assert len(FILE.read_text().splitlines()) < 150
    assert ast.get_docstring(ast.parse(FILE.read_text()))
