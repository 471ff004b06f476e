"""README's first screen: what it shows is what happens, and it stays a screen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localcloud.emulator import free_port
from tests.docs.test_documents import ACTIVATIONS, PORT, UNTIL_IT_IS_UP, in_a_new_shell
from tests.fakes.commands import without_waits
from tests.fakes.documents import ROOT, blocks, descriptions

if TYPE_CHECKING:
    from pathlib import Path

README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST_SCREEN, _, REST = README.partition("## Two commands\n")
# What differs from run to run, and from machine to machine.
OTHERWISE = {
    r"\d+\.\d s\b": "a few seconds",
    r"file:///\S+/lake/": "the lake's address",
    r"\d{8}T\d{6}-[0-9a-f]{6}": "a run's id",
    r"[0-9a-f]{64}": "a checksum",
}


def indented(text: str) -> list[list[str]]:
    """Markdown's indented blocks, a list of lines each: what is in fences is none."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)
    return [[line[4:] for line in block.splitlines()] for block in found]


def same_on_every_machine(line: str) -> str:
    for pattern, name in OTHERWISE.items():
        line = re.sub(pattern, name, line)
    return line


def test_the_description_and_three_lines_print_the_receipt_that_is_shown(tmp_path: Path) -> None:
    commands, receipt = indented(FIRST_SCREEN)
    assert len(commands) == 3
    (description,) = (block for block in descriptions() if block.document == "README.md")
    port = str(free_port())
    (tmp_path / "shop.toml").write_text(description.text.replace(PORT, port), encoding="utf-8")
    lines = "\n".join([*commands, "kill $!"]).replace(PORT, port)
    printed = without_waits(in_a_new_shell(UNTIL_IT_IS_UP.format(port=port) + lines, tmp_path)).splitlines()
    assert [*map(same_on_every_machine, printed)] == [*map(same_on_every_machine, receipt)]


def test_the_first_two_commands_are_the_demo_and_the_tests() -> None:
    shown = [block.text for block in blocks("sh") if block.document == "README.md"]
    assert shown[:2] == ["make demo\n", "make test\n"]


def test_how_the_environment_comes_about_is_said_before_it_is_used() -> None:
    (activation,) = ACTIVATIONS
    said = FIRST_SCREEN.index(f"`{activation.text.strip()}`")
    assert FIRST_SCREEN.index("`make demo`") < said < FIRST_SCREEN.index("    python -m ")


def test_the_first_screen_fits_a_screen_and_shows_one_picture_of_the_tours_rooms() -> None:
    assert len(FIRST_SCREEN.splitlines()) <= 60
    (picture,) = (block.text for block in blocks("mermaid") if block.document == "README.md")
    tour = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
    rooms = re.findall(r"^## (\d) ?\. The (\w+)", tour, re.MULTILINE)
    assert len(rooms) == 5
    assert [room for room in rooms if f'"{" ".join(room)}: ' not in picture] == []


def test_the_packages_of_the_picture_are_there() -> None:
    (picture,) = (block.text for block in blocks("mermaid") if block.document == "README.md")
    named = [name for names in re.findall(r"<br>([\w., ]+)\"", picture) for name in names.split(", ")]
    package = ROOT / "layers" / "de_classes" / "de_classes"
    paths = [package / name.replace(".", "/") for name in named]
    assert len(paths) > 5
    assert [path for path in paths if not (path.is_dir() or path.with_suffix(".py").exists())] == []


def test_every_link_leads_to_a_place_that_is_there() -> None:
    """Of README and every page of docs/: the file, and the heading in it."""
    broken = []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for path, heading in re.findall(r"\]\(([^)\s:#]*)(?:#([\w-]+))?\)", page.read_text(encoding="utf-8")):
            target = page.parent / path if path else page
            if not target.exists() or (heading and heading not in headings(target)):
                broken.append((page.name, path, heading))
    assert broken == []


def headings(page: Path) -> set[str]:
    """What GitHub makes of each heading, to link to it."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_of_the_docs_is_linked_from_the_readme() -> None:
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    assert pages - set(re.findall(r"\]\((docs/[\w.-]+)", README)) == set()
