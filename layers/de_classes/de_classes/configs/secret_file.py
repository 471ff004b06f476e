"""Files that hold secrets: read only if they are kept from others."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from de_classes.errors import ConfigurationError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_secret_file(option: str, name: str | Path) -> bytes:
    """What a file holds that no other user of the machine may read.

    Args:
        option: Which option names it.
        name: Its path; a pipe such as ``<(pass show api)`` will do where it is read once.

    Raises:
        ConfigurationError: It cannot be read, or is open to other users.
    """
    try:
        with Path(name).open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read()
    except OSError as error:
        raise ConfigurationError(f"{option}: {name} cannot be read: {error.strerror}") from error
    if os.name == "posix" and stat.S_ISREG(mode) and mode & _OTHERS:
        raise ConfigurationError(f"{option}: {name} is open to other users: chmod 600 it first")
    return content


def read_secret_lines(option: str, name: str) -> list[str]:
    """The same as lines of text, one at least.

    Raises:
        ConfigurationError: As above, or it is no text in UTF-8, or empty.
    """
    try:
        lines = read_secret_file(option, name).decode().splitlines()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{option}: {name} cannot be read: it is no text in UTF-8") from error
    if not lines:
        raise ConfigurationError(f"{option}: {name} is empty")
    return lines
