"""Write the JSON Schemas of what ``verify``, ``load`` and ``clean`` print by ``--json`` to docs/.

Usage: ``python -m tools.command_schemas``. Those of a receipt and of a check have tools of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from de_classes.cli.clean import Cleaning, LeftBehind
from de_classes.cli.verify import Comparison
from de_classes.pipelines.postgres.loader import Loaded
from tools.receipt_document import DOCS, as_text, schema_of

if TYPE_CHECKING:
    from msgspec import Struct

DOCUMENTS: Final[dict[str, tuple[tuple[type[Struct], ...], str]]] = {
    "verify.schema.json": ((Comparison,), "What a comparison with a receipt found"),
    "load.schema.json": ((Loaded,), "What was loaded into PostgreSQL"),
    "clean.schema.json": ((Cleaning, LeftBehind), "What runs left behind"),
}
"""By file: the struct that is printed and those in it, and what it is."""


def main() -> None:
    """Bring the files up to date."""
    for name in DOCUMENTS:
        (DOCS / name).write_text(schema_text(name), encoding="utf-8")


def schema_text(name: str) -> str:
    """A schema as its file has it."""
    structs, title = DOCUMENTS[name]
    return as_text(schema_of(structs[0], structs, title))


if __name__ == "__main__":
    main()
