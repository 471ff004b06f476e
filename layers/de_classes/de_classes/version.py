"""What wrote a receipt; a test holds the number to the project's."""

import platform

VERSION = "0.1.0"


def versions() -> dict[str, str]:
    """Of this library and of Python."""
    return {"de-classes": VERSION, "python": platform.python_version()}
