"""The events of ``events/``, as a handler gets them."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[2] / "events"
STANDING: dict[str, str] = json.loads((ROOT / "env.json").read_text(encoding="utf-8"))["Parameters"]
"""What the functions are told by plain ``sam local``, with nothing else running."""


def names(function: str) -> set[str]:
    """Every event there is for a function."""
    return {path.stem for path in (ROOT / function).glob("*.json")}


def load_event(function: str, name: str, token: str = "") -> dict[str, object]:
    """One event, with a token in place of the one that is signed for plain ``sam local``, if any is given."""
    text = (ROOT / function / f"{name}.json").read_text(encoding="utf-8")
    event: dict[str, object] = json.loads(text.replace(standing_token(), token or standing_token()))
    return event


def standing_token() -> str:
    """The token of the events: signed by the key of ``env.json``, which opens nothing anywhere else."""
    event = json.loads((ROOT / "auth_simulator" / "data.json").read_text(encoding="utf-8"))
    return str(event["headers"]["Authorization"]).removeprefix("Bearer ")
