"""Markdown files as the tests of the docs read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text and the line it begins on."""

    document: str
    language: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def documents() -> list[Path]:
    """What stands beside README, and everything under docs."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(language: str) -> list[Block]:
    """Every block in that language."""
    return [
        Block(str(path.relative_to(ROOT)), match[1], match[2], text.count("\n", 0, match.start()) + 1)
        for path in documents()
        for text in [path.read_text(encoding="utf-8")]
        for match in _BLOCK.finditer(text)
        if match[1] == language
    ]


def descriptions() -> list[Block]:
    """The TOML that describes sources."""
    return [block for block in blocks("toml") if "[sources." in block.text]


def database_calls() -> list[Block]:
    """Those that call a database, which ``tests/postgres/test_document.py`` has."""
    return [block for block in [*blocks("sh"), *blocks("python")] if "postgresql://" in block.text]


def catalog_calls() -> list[Block]:
    """Those that call a catalog, which ``tests/integration/test_catalog.py`` has."""
    return [block for block in [*blocks("sh"), *blocks("python")] if block.document == "docs/athena.md"]


def signed_calls() -> list[Block]:
    """Those that call a deployed worker, whose address is in the variable WORKER_URL."""
    found = [*blocks("sh"), *blocks("python")]
    return [block for block in found if "WORKER_URL" in block.text]
