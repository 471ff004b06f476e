"""What is written about the JSON of commands is what it is."""

from __future__ import annotations

import pytest

from tools.command_schemas import DOCUMENTS, schema_text
from tools.receipt_document import DOCS


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_schema_is_of_today(name: str) -> None:
    """Otherwise: python -m tools.command_schemas, with layers/de_classes on PYTHONPATH."""
    assert (DOCS / name).read_text(encoding="utf-8") == schema_text(name)
