"""Write down what the layers weigh, and under which licences they ship what.

Usage: ``python -m tools.layer_documents``, or ``make layers``. Rewrites ``docs/licences.md`` and the table of
``docs/layers.md``; builds the layers for AWS first, see ``tools/layers.py``.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import TYPE_CHECKING

from tools.layers import ARCHITECTURES, LAYERS, ROOT, BuildError, built, measure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message
    from pathlib import Path

LAYERS_PAGE = ROOT / "docs" / "layers.md"
LICENCES_PAGE = ROOT / "docs" / "licences.md"
TABLE_BEGIN, TABLE_END = "<!-- table: make layers -->", "<!-- end of table -->"
MEGABYTE = 1_000_000

# What packages that name no SPDX expression call their licence.
SPDX = {
    "Apache License 2.0": "Apache-2.0",
    "Apache License Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "Dual License": "BSD-3-Clause OR Apache-2.0",
    "MIT License": "MIT",
    "PSFL": "PSF-2.0",
}


@dataclass(frozen=True, order=True)
class Package:
    """One distribution that a layer ships.

    Attributes:
        name: As its index names it.
        version: That is shipped.
        licence: An SPDX expression, or its own words.
        texts: How many licence and notice files come with it.
    """

    name: str
    version: str
    licence: str
    texts: int


def main() -> int:
    """Rewrite both pages; the exit status is 0 when the layers could be built."""
    try:
        LICENCES_PAGE.write_text(licences_page())
        replace_table(LAYERS_PAGE, sizes_table())
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def packages(layer: Path) -> list[Package]:
    """What a built layer ships, by the metadata that is shipped with it."""
    return sorted(_package(path) for path in layer.glob("python/*.dist-info"))


def licences_page() -> str:
    """The list for every layer; the same for both architectures.

    Raises:
        BuildError: A layer cannot be built.
    """
    sections = [f"\n## {name}\n\n{_licence_table(built(name, ARCHITECTURES[0]))}" for name in LAYERS]
    return _LICENCES_HEAD + "".join(sections)


def sizes_table() -> str:
    """Unzipped and zipped megabytes of every layer, for both architectures.

    Raises:
        BuildError: A layer cannot be built.
    """
    rows = [_size_row(name) for name in LAYERS]
    totals = [sum(column) for column in zip(*(numbers for _, numbers in rows), strict=True)]
    lines = [_line(name, numbers) for name, numbers in [*rows, ("all of them", totals)]]
    columns = [f"{name} {what}" for name in ARCHITECTURES for what in ("unzipped", "zipped")]
    head = f"| layer | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}\n"
    return head + "".join(lines)


def replace_table(page: Path, table: str) -> None:
    """Put a new table between the marks of a page."""
    before, _, rest = page.read_text().partition(TABLE_BEGIN)
    _, _, after = rest.partition(TABLE_END)
    page.write_text(f"{before}{TABLE_BEGIN}\n{table}{TABLE_END}{after}")


def _size_row(name: str) -> tuple[str, list[int]]:
    measures = [measure(built(name, architecture)) for architecture in ARCHITECTURES]
    return name, [number for each in measures for number in (each.unzipped, each.zipped)]


def _line(name: str, numbers: list[int]) -> str:
    return f"| {name} | {' | '.join(f'{number / MEGABYTE:.1f}' for number in numbers)} |\n"


def _licence_table(layer: Path) -> str:
    rows = [f"| {each.name} | {each.version} | {each.licence} | {each.texts} |\n" for each in packages(layer)]
    return f"| package | version | licence | texts |\n|---|---|---|---:|\n{''.join(rows)}"


def _package(info: Path) -> Package:
    metadata = HeaderParser().parsestr((info / "METADATA").read_text())
    return Package(metadata["Name"], metadata["Version"], _licence(metadata), sum(1 for _ in _texts(info)))


def _licence(metadata: Message) -> str:
    expression: str = metadata["License-Expression"] or metadata["License"] or ""
    (words, *more) = expression.strip().splitlines() or [""]
    if words and not more:
        return SPDX.get(words, words)
    named = [each for each in metadata.get_all("Classifier", []) if each.startswith("License ::")]
    last = [each.rpartition(" :: ")[2] for each in named]
    return " AND ".join(SPDX.get(each, each) for each in last) or "not stated"


def _texts(info: Path) -> Iterator[Path]:
    marks = ("LICEN", "NOTICE", "COPYING", "AUTHORS")
    yield from (path for path in info.rglob("*") if path.is_file() and path.name.upper().startswith(marks))


_LICENCES_HEAD = """# Licences of what the layers ship

Written by `make layers` from the metadata inside the built layers, and compared with a build by every test
run. *Texts* counts the licence and notice files that come with a package, in its `.dist-info` folder inside
the layer: there are the terms of what is compiled into pyarrow and numpy. The project's own licence is in
`LICENSE`.
"""


if __name__ == "__main__":
    sys.exit(main())
