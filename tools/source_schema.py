"""Writes the JSON Schema of descriptions, which editors complete and check by.

Usage: ``python -m tools.source_schema``.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from pathlib import Path

import msgspec

from de_classes.api.source import description
from de_classes.api.source.description import SourceFile

_EXAMPLE = re.compile(r"^Example:\n(?: {4}.*\n?)+\n?", re.MULTILINE)
SCHEMA = Path(description.__file__).with_name("sources.schema.json")


def schema() -> str:
    """The schema, as it is shipped."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(SourceFile)}
    for described in document["$defs"].values():  # who writes TOML has no use for examples in Python
        described["description"] = _EXAMPLE.sub("", inspect.cleandoc(described["description"]))
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Write it."""
    SCHEMA.write_text(schema(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
