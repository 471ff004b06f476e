"""The steps of a run by many workers are carried out as they are measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.million_pages import carry_out

if TYPE_CHECKING:
    from pathlib import Path


def test_plan_ranges_and_commit_bring_every_page(tmp_path: Path) -> None:
    pages = 60
    assert carry_out("plan", tmp_path, pages, 3)["seconds"] > 0
    lines = (tmp_path / "lake/_runs/million/ranges.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    for line in lines:
        assert carry_out(line, tmp_path, pages, 3)["megabytes"] > 0
    assert carry_out("commit", tmp_path, pages, 3)["parts"] == 4  # the first page, and each range
