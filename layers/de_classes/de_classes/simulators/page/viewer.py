"""``/docs``: the OpenAPI description by Swagger UI, from the files of a package that ships it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from de_classes.html.elements import document, element
from de_classes.utils.values import Value

FOLDER: Final = "/docs"
EXTRA: Final = "de-classes[viewer]"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SHIPPED: Final = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
}
_START: Final = b"""SwaggerUIBundle({ url: "/openapi.json", dom_id: "#viewer", validatorUrl: null });\n"""
_PAGE: Final = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The simulator's API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><main id="viewer"></main>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>
"""


class ViewerFile(Value):
    """What a browser is given.

    Attributes:
        status: The HTTP status.
        content_type: Its media type.
        body: Its bytes.
        policy: A Content-Security-Policy, where it is a page that has none in it.
    """

    status: int
    content_type: str
    body: bytes
    policy: str | None = None


def viewer_file(path: str) -> ViewerFile | None:
    """What is below ``/docs``; None for any other path.

    Args:
        path: As it was asked for.
    """
    if path != FOLDER and not path.startswith(f"{FOLDER}/"):
        return None
    shipped = _folder()
    name = path.removeprefix(FOLDER).strip("/")
    if shipped is None:
        return ViewerFile(404, "text/html; charset=utf-8", _how_to_install().encode())
    if not name:
        return ViewerFile(200, "text/html; charset=utf-8", _PAGE, _POLICY)
    if name == "start.js":
        return ViewerFile(200, "text/javascript; charset=utf-8", _START)
    if name in _SHIPPED:
        return ViewerFile(200, _SHIPPED[name], (shipped / name).read_bytes())
    return None


def _folder() -> Path | None:
    """Where swagger-ui-py has its files; it is looked for, not imported: its code is for web frameworks."""
    found = find_spec("swagger_ui")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "static"
    return folder if all((folder / name).is_file() for name in _SHIPPED) else None


def _how_to_install() -> str:
    return document(
        "No viewer",
        element("header", element("h1", "No viewer is installed")),
        element(
            "main",
            element(
                "section",
                element(
                    "p",
                    "Install it with ",
                    element("code", f"pip install '{EXTRA}'"),
                    ", or read the description itself:",
                ),
                element("p", element("a", "/openapi.json", href="/openapi.json")),
            ),
        ),
    )
