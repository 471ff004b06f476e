"""What is advised where a run is not complete: nothing that cannot help."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.commands import called
from tests.fakes.http_source import HttpSource, as_json, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fakes.http_source import GuessRequest

OBJECT: tuple[str, ...] = ()
DATASET = ("--dataset", "orders", "--run-id", "monday")
TEN = 10


def counted_wrongly(asked: GuessRequest) -> bytes:
    """Two pages, and a total that they never come to."""
    here = rows(*range(asked.page * TEN - 9, asked.page * TEN + 1)) if asked.page <= 2 else []
    return as_json({"data": here, "total_pages": 2, "total_records": 44})


def ever_fewer(asked: GuessRequest) -> bytes:
    """A total that falls with every request."""
    here = rows(*range(asked.page * TEN - 9, asked.page * TEN + 1)) if asked.page <= 3 else []
    return as_json({"data": here, "total_pages": 3, "total_records": 1_000 - asked.number})


def said(url: str, folder: Path, words: tuple[str, ...]) -> str:
    given = ("--to", str(folder / "lake"), "--limit", "10", "--format", "jsonl", "--quiet")
    status, out, err = called("ingest", url, *given, "--max-attempts", "2", *words)
    assert (status, out) == (4, "")
    return err


@pytest.mark.parametrize("words", [OBJECT, DATASET])
def test_nobody_who_was_never_heard_is_to_be_asked_again(tmp_path: Path, words: tuple[str, ...]) -> None:
    err = said("http://127.0.0.1:9", tmp_path, words)
    assert "is the address right?" in err
    assert "run again" not in err


@pytest.mark.parametrize("words", [OBJECT, DATASET])
@pytest.mark.parametrize("behave", [counted_wrongly, ever_fewer])
def test_what_was_gone_over_often_enough_is_not_to_be_run_again(
    behave: Callable[[GuessRequest], bytes], tmp_path: Path, words: tuple[str, ...]
) -> None:
    with HttpSource(behave) as source:
        err = said(source.url, tmp_path, words)
    assert "the source changed on 4 passes" in err
    assert "name the fields that tell records apart" in err
    assert "run again" not in err
