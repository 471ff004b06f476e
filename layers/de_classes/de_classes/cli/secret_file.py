"""Files that hold secrets, for the command line: read once, and only if they are kept from others."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from de_classes.errors import ConfigurationError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_secret_file(option: str, name: str) -> list[str]:
    """The lines of a file that holds a secret.

    Args:
        option: Which option names it.
        name: Its path; a pipe such as ``<(pass show api)`` will do.

    Returns:
        One line at least.

    Raises:
        ConfigurationError: It cannot be read, holds nothing, or is open to other users of the machine.
    """
    try:
        with Path(name).open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            lines = file.read().splitlines()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise ConfigurationError(f"{option}: {name} cannot be read: {why}") from error
    if os.name == "posix" and stat.S_ISREG(mode) and mode & _OTHERS:
        raise ConfigurationError(f"{option}: {name} is open to other users: chmod 600 it first")
    if not lines:
        raise ConfigurationError(f"{option}: {name} is empty")
    return lines
