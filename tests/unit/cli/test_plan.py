"""``--plan``: what a run will take, with what it spends on proof told apart."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from de_classes.cli import parsers
from tests.fakes.canary import PASSWORD
from tests.unit.cli.test_ingest_datasets import COUNT, LIMIT, command, serving

if TYPE_CHECKING:
    from pathlib import Path

PAGES = COUNT // LIMIT


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(parsers.PASSWORD_VARIABLE, PASSWORD)


@pytest.mark.parametrize(("words", "proof"), [([], 5), (["--strict"], PAGES)])
def test_a_plan_counts_requests_for_proof_apart_and_the_run_takes_as_many(
    tmp_path: Path, words: list[str], proof: int
) -> None:
    with serving() as server:
        status, told, _ = command("ingest", server.base_url, tmp_path, "--plan", *words)
        assert (status, server.log.requests) == (0, 1 + 1)  # a login, and the first page
        plan = json.loads(command("ingest", server.base_url, tmp_path, "--plan", "--json", *words)[1])
        words = ["--dataset", "orders", "--json", *words]
        receipt = json.loads(command("ingest", server.base_url, tmp_path, *words)[1])
    assert re.match(f"forecast: {PAGES} pages, up to {proof} requests for proof, ", told)
    assert (plan["requests"], plan["proof_requests"]) == (PAGES + proof, proof)
    for figures in (receipt["forecast"], receipt["actual"]):
        assert (figures["requests"], figures["proof_requests"]) == (PAGES + proof, proof)
    assert receipt["requests"] == PAGES + proof


def test_a_plan_makes_no_directory(tmp_path: Path) -> None:
    with serving() as server:
        assert command("ingest", server.base_url, tmp_path / "lake", "--plan")[0] == 0
    assert not (tmp_path / "lake").exists()
