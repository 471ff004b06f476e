"""Write what ``api/receipt.py`` says of receipts to ``docs/receipt.md`` and ``docs/receipt.schema.json``.

Usage: ``python -m tools.receipt_document``. The page's prose is its own; its tables lie between two marks.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import fields

from de_classes.api.counters import Timeline
from de_classes.api.evidence import End, Still
from de_classes.api.receipt import Figures, IngestReceipt, PageHash, StoredPart, TransformRows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from msgspec import Struct

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE, SCHEMA = DOCS / "receipt.md", DOCS / "receipt.schema.json"
BEGIN, END = "<!-- written by tools/receipt_document.py -->\n", "<!-- until here -->\n"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
DOCUMENTED: tuple[type[Struct], ...] = (
    IngestReceipt,
    End,
    Still,
    TransformRows,
    StoredPart,
    PageHash,
    Figures,
    Timeline,
)

TAGS = {"version": "Of this layout.", "event": "Which of them it is.", "to": "What it was loaded into."}
"""What a tag means that msgspec writes before all fields."""

_ENTRY = re.compile(r"^    (\w+): (.+(?:\n {5,}.+)*)", re.MULTILINE)


def main() -> None:
    """Bring both files up to date."""
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def meanings(struct: type[Struct]) -> dict[str, str]:
    """What each field means, by its name in JSON, as the class's docstring has it."""
    described = (inspect.getdoc(struct) or "").partition("Attributes:\n")[2]
    told = {name: _as_json(" ".join(text.split())) for name, text in _ENTRY.findall(described)}
    tag = struct.__struct_config__.tag_field
    return {
        **({tag: TAGS[tag]} if tag else {}),
        **{each.encode_name: told[each.name] for each in fields(struct)},
    }


def schema() -> dict[str, Any]:
    """The JSON Schema of a receipt, with what each field means."""
    return schema_of(IngestReceipt, DOCUMENTED, "The receipt of a run")


def schema_of(
    root: Any,  # noqa: ANN401 - as msgspec has it
    documented: tuple[type[Struct], ...],
    title: str,
) -> dict[str, Any]:
    """The JSON Schema of a struct, with what each field means.

    Args:
        root: The struct, or a union of some.
        documented: Itself, and those in it.
        title: What it is.
    """
    document = msgspec.json.schema(root)
    for struct in documented:
        described = document["$defs"][struct.__name__]
        described["description"] = _first_line(struct)
        for name, meaning in meanings(struct).items():
            described.get("properties", {}).get(name, {})["description"] = meaning
    return {"$schema": DIALECT, "title": title, **document}


def schema_text() -> str:
    """The schema as the file has it."""
    return as_text(schema())


def as_text(document: dict[str, Any]) -> str:
    """A schema as a file has it."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def updated(page: str) -> str:
    """The page with the tables of today.

    Args:
        page: As it is.
    """
    return with_tables(page, DOCUMENTED, BEGIN)


def with_tables(page: str, documented: tuple[type[Struct], ...], begin: str) -> str:
    """A page with the tables of today between its two marks.

    Args:
        page: As it is.
        documented: What the tables are of.
        begin: The first mark; the second is ``END``.
    """
    before, _, rest = page.partition(begin)
    sections = "\n".join(map(_section, documented))
    return f"{before}{begin}\n{sections}\n{END}{rest.partition(END)[2]}"


def _section(struct: type[Struct]) -> str:
    return "\n".join([f"## {struct.__name__}", "", _first_line(struct), "", *_table(struct), ""])


def _table(struct: type[Struct]) -> Iterator[str]:
    yield from ("| field | type | meaning |", "|---|---|---|")
    types = _types(struct)
    for name, meaning in meanings(struct).items():
        yield f"| `{name}` | {types[name]} | {meaning} |"


def _types(struct: type[Struct]) -> dict[str, str]:
    described = msgspec.json.schema(struct)["$defs"][struct.__name__]
    types = described.get("prefixItems") or described["properties"].values()
    return {name: _type(one) for name, one in zip(meanings(struct), types, strict=True)}


def _type(described: dict[str, Any]) -> str:
    """A type in a word or two."""
    if "anyOf" in described:
        return " or ".join(map(_type, described["anyOf"]))
    if "$ref" in described:
        return str(described["$ref"].rpartition("/")[2])
    if "enum" in described:
        return " or ".join(f"`{value}`" for value in described["enum"])
    kind = str(described.get("type", "any"))
    inner = described.get("items") or described.get("additionalProperties")
    return f"{kind} of {_type(inner)}" if isinstance(inner, dict) and inner else kind


def _first_line(struct: type[Struct]) -> str:
    return _as_json((inspect.getdoc(struct) or "").partition("\n")[0])


def _as_json(text: str) -> str:
    """Python's words in those of Markdown and JSON."""
    return re.sub(r"\bNone\b", "null", text.replace("``", "`"))


if __name__ == "__main__":
    main()
