"""Cuts an OpenAPI document of megabytes down to some of its paths, and all that these refer to.

Usage: ``python -m tools.cut_openapi DOCUMENT PATH... > CUT``. How ``tests/fixtures/openapi/github.json`` was
made stands in the notice beside it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_HEAD = ("openapi", "info", "servers", "security")


def cut(document: dict[str, Any], paths: Sequence[str]) -> dict[str, Any]:
    """The document with those paths alone, and with the components that they lead to.

    Args:
        document: Whose references are all into its own ``components``.
        paths: As they are written in it.

    Raises:
        KeyError: There is no such path, or a reference leads nowhere.
    """
    kept = {path: document["paths"][path] for path in paths}
    components: dict[str, dict[str, Any]] = {}
    found = list(_references(kept))
    while found:
        kind, name = found.pop()
        if name not in components.setdefault(kind, {}):
            components[kind][name] = document["components"][kind][name]
            found += _references(components[kind][name])
    in_order = {
        kind: {name: each for name, each in named.items() if name in components[kind]}
        for kind, named in document["components"].items()
        if kind in components
    }
    made = {name: each for name, each in document.items() if name in _HEAD}
    return made | {"paths": kept, "components": in_order}


def _references(value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    """Kind and name of every component that is referred to; a property may be called ``$ref`` too."""
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            _, _, kind, name = reference.split("/")
            yield kind, name
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _references(each)


def main(arguments: Sequence[str]) -> int:
    """Write the cut to stdout."""
    file, *paths = arguments
    document = json.loads(Path(file).read_text(encoding="utf-8"))
    sys.stdout.write(json.dumps(cut(document, paths), indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
