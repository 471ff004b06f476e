"""What is written about the JSON of commands is what it is."""

from __future__ import annotations

import pytest

from de_classes.__main__ import PROGRAMS, make_parser
from tests.fakes.documents import ROOT
from tools.command_schemas import DOCUMENTS, schema_text
from tools.receipt_document import DOCS


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_schema_is_of_today(name: str) -> None:
    """Otherwise: python -m tools.command_schemas, with layers/de_classes on PYTHONPATH."""
    assert (DOCS / name).read_text(encoding="utf-8") == schema_text(name)


PAGE = (ROOT / "docs" / "scripts.md").read_text(encoding="utf-8")
OTHERWISE = {"ingest": "receipt.schema.json", "replay": "receipt.schema.json", "show": "receipt.schema.json"}


@pytest.mark.parametrize("command", PROGRAMS)
def test_every_command_answers_in_json_by_a_schema_that_the_page_names(command: str) -> None:
    assert f"{command} " in PAGE
    (commands,) = (each.choices for each in make_parser([command])._actions if each.dest == "command")  # noqa: SLF001
    assert " --json" in dict(commands or {})[command].format_all()
    schema = OTHERWISE.get(command, f"{command}.schema.json")
    assert (ROOT / "docs" / schema).is_file()
    assert f"({schema})" in PAGE
    rows = [line for line in PAGE.splitlines() if f"{command} " in line and "--json" in line]
    assert rows


def test_the_page_for_agents_names_every_command() -> None:
    named = (ROOT / "llms.txt").read_text(encoding="utf-8").partition("installed: ")[2].partition(".")[0]
    assert set(named.split(", ")) == {*PROGRAMS}
