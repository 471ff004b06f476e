"""The events of ``events/``, as a handler gets them."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[2] / "events"
PLACEHOLDER = "Bearer TOKEN"


def names(function: str) -> set[str]:
    """Every event there is for a function."""
    return {path.stem for path in (ROOT / function).glob("*.json")}


def load_event(function: str, name: str, token: str = "") -> dict[str, object]:
    """One event, with a token in place of its placeholder."""
    text = (ROOT / function / f"{name}.json").read_text(encoding="utf-8")
    event: dict[str, object] = json.loads(text.replace(PLACEHOLDER, f"Bearer {token}"))
    return event
