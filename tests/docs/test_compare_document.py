"""The comparison with other tools: its figures are those of its table, and every no has its reason."""

from __future__ import annotations

import re
from collections import Counter

from de_classes.api.source.loading import shipped_names
from tests.fakes.documents import ROOT

TEXT = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8")
TOOLS = ("Glue", "AppFlow", "Step Functions", "dlt", "this project")
CELL = re.compile(r"(yes|no)(?:\[\^([\w-]+)\])?\Z")
ROWS = {
    row[1]: [CELL.match(cell.strip()) for cell in row[2].split("|")]
    for row in re.finditer(r"^\| `(\w+)` \|(.*)\|$", TEXT, re.MULTILINE)
}


def test_the_table_has_every_api_that_comes_with_the_package_and_a_word_for_each_tool() -> None:
    assert list(ROWS) == sorted(shipped_names())
    assert {len(cells) for cells in ROWS.values()} == {len(TOOLS)}
    assert [name for name, cells in ROWS.items() if not all(cells)] == []


def test_the_figures_of_the_text_are_those_of_the_table() -> None:
    can = Counter(
        tool
        for cells in ROWS.values()
        for tool, cell in zip(TOOLS, cells, strict=True)
        if cell and cell[1] == "yes"
    )
    said = " ".join(TEXT.split("\n\n")[1].split())
    assert f"How many of the {len(ROWS)} APIs" in said
    assert {tool: int(n) for n, tool in re.findall(rf"(\d+) for ({'|'.join(TOOLS)})", said)} == dict(can)


def test_every_no_of_another_tool_has_its_reason_and_no_reason_is_left_over() -> None:
    reasons = Counter(re.findall(r"^\[\^([\w-]+)\]: \S", TEXT, re.MULTILINE))
    cells = [cell for row in ROWS.values() for cell in row if cell]
    assert [cell[0] for cell in cells if cell[1] == "no" and cell[2] is None] == []
    assert {cell[2] for cell in cells if cell[2]} == set(reasons)
    assert max(reasons.values()) == 1


def test_each_tool_is_linked_to_its_documentation() -> None:
    linked = set(re.findall(r"https://([\w.]+)/", TEXT))
    assert linked == {"docs.aws.amazon.com", "aws.amazon.com", "dlthub.com"}
