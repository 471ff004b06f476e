"""Write down what is registered where nothing can be imported: for editors, for CloudFormation, for readers.

Usage: ``python -m tools.registered``, after a kind of auth, pagination or transform, or a format, was added.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import fields

from de_classes.api.auth import AUTHS
from de_classes.api.source import description
from de_classes.api.source.description import SourceFile
from de_classes.utils.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.api.auth.scheme import AuthDescription

ROOT = Path(__file__).resolve().parent.parent
SCHEMA, TEMPLATE = Path(description.__file__).with_name("sources.schema.json"), ROOT / "template.yaml"
AUTH_PAGE = ROOT / "docs" / "auth.md"
BEGIN, END = "<!-- written by tools/registered.py -->\n", "<!-- until here -->\n"

_EXAMPLE = re.compile(r"^Example:\n(?: {4}.*\n?)+\n?", re.MULTILINE)
_FORMATS_ON_OFFER = re.compile(
    r"(?<=^  DefaultFormat:\n    Type: String\n    Default: parquet\n).*\n", re.MULTILINE
)


def main() -> int:
    """Bring all of them up to date."""
    for path, text in written().items():
        path.write_text(text, encoding="utf-8")
    return 0


def written() -> dict[Path, str]:
    """Each file, and what it has to say."""
    template, page = TEMPLATE.read_text(encoding="utf-8"), AUTH_PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    return {
        SCHEMA: schema(),
        TEMPLATE: _FORMATS_ON_OFFER.sub(f"    AllowedValues: [{', '.join(FORMATS)}]\n", template),
        AUTH_PAGE: f"{before}{BEGIN}\n{auth_table()}\n{END}{rest.partition(END)[2]}",
    }


def schema() -> str:
    """The JSON Schema of descriptions, which editors complete and check by."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(SourceFile)}
    for described in document["$defs"].values():  # who writes TOML has no use for examples in Python
        described["description"] = _EXAMPLE.sub("", inspect.cleandoc(described["description"]))
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def auth_table() -> str:
    """Every kind of auth, as its docstring and its fields say it."""
    rows = (
        f"| `{kind.__struct_config__.tag}` | {_summary(kind)} | {', '.join(_options(kind))} |"
        for kind in AUTHS
    )
    return "\n".join(
        ("| `type` | what it does | what it may say; what it must is in bold |", "|---|---|---|", *rows, "")
    )


def _summary(kind: type[AuthDescription]) -> str:
    paragraph = (inspect.getdoc(kind) or "").partition("\n\n")[0]
    return " ".join(paragraph.split()).replace("``", "`").replace("|", "\\|")


def _options(kind: type[AuthDescription]) -> Iterator[str]:
    for field in fields(kind):
        yield f"**`{field.name}`**" if field.required else f"`{field.name}`"


if __name__ == "__main__":
    sys.exit(main())
