"""The worker asks for each parent's children from the place that its last run has reached for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from de_classes.api.source.secrets import EnvironmentSecrets
from de_classes.bootstrap import build_ingestion
from de_classes.utils.clock import ManualClock
from tests.fakes.mimics.serving import MimicTransport
from tests.fakes.parents_api import HOST, PAGED, TASKS, Projects
from tests.fakes.worker import LOGGER, lake

if TYPE_CHECKING:
    from pathlib import Path


def test_a_parent_that_appears_late_is_read_from_the_start_and_others_go_on(tmp_path: Path) -> None:
    source = Projects({"a": [("a1", 7)], "b": [("b1", 3)]})
    resources = {"tasks": TASKS, "projects": {**PAGED, "path": "/projects"}}
    described = {
        "version": 1,
        "sources": {"work": {"base_url": f"https://{HOST}", "resources": resources}},
    }
    (tmp_path / "work.json").write_text(json.dumps(described))
    worker = build_ingestion(
        {"BUCKET": "lake", "SOURCES_PATH": str(tmp_path / "work.json"), "DEFAULT_FORMAT": "jsonl"},
        store=lambda _: lake(tmp_path / "store"),
        secrets=lambda _: EnvironmentSecrets({}),
        transport=MimicTransport(source),  # type: ignore[arg-type]
        clock=ManualClock(),
        logger=LOGGER,
    )
    for run_id in ("one", "two"):
        receipt = worker.run(worker.read({"source": "work.tasks"}), run_id=run_id)
        source.tasks["c"] = [("c1", 1)]
    assert source.since == {"a": "7", "b": "3", "c": "0"}
    assert receipt.dataset is not None
    assert receipt.dataset.records == 3
