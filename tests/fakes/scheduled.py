"""The worker's own source with a schedule, as a deployment would have packaged it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

RESOURCE = "unstable.data"
TICK = {"schedule": RESOURCE, "at": "2026-11-30T06:00:00Z"}
RUN_ID = "unstable.data-20261130T060000Z"


def scheduled(folder: Path, *lines: str) -> str:
    """A folder with the source, of which one resource has a schedule; what its lines say.

    Args:
        folder: To write into.
        lines: Below ``schedule``, in TOML.
    """
    sources = folder / "sources"
    sources.mkdir(exist_ok=True)
    text = (ROOT / "sources" / "unstable.toml").read_text(encoding="utf-8")
    header = "[sources.unstable.resources.data.schedule]"
    (sources / "unstable.toml").write_text("\n".join([text, header, *lines]), encoding="utf-8")
    return str(sources)
