"""Credentials made up for one test run, and where they must never be seen.

Simulators and fakes log in by them. ``tests/fakes/canary_plugin.py`` looks for them after every test in what
was logged, printed and stored; a test of an error path hands its error to ``leaks_of``.
"""

from __future__ import annotations

import os
import secrets
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from de_classes.redaction import RedactingFilter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PASSWORD = f"canary-password-{secrets.token_hex(8)}"
TOKEN = f"canary-token-{secrets.token_hex(8)}"

LARGEST_FILE = 8 * 1024 * 1024
GIVEN = "password"
"""The name of a file by which a test hands the password over."""

_FORMS = RedactingFilter()  # knows how a secret looks in JSON, in a URL and in Python's repr
_FORMS.register(PASSWORD)
_FORMS.register(TOKEN)


def is_in(text: str) -> bool:
    """Whether a canary is in the text, in any form."""
    return _FORMS.holds_secret(text)


def leaks_of(error: BaseException) -> list[str]:
    """What an error says that it must not, with its causes, its notes and what hangs on it."""
    return [
        f"{type(each).__name__}: {text}" for each in _chain(error) for text in _said_by(each) if is_in(text)
    ]


def files_with(folder: Path) -> list[str]:
    """The files below a folder that hold a canary; what is compressed cannot be seen."""
    return [f"the file {path.relative_to(folder)}" for path in _files(folder) if _holds(path)]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    if error is not None:
        yield error
        yield from _chain(error.__cause__ or error.__context__)
        for inner in getattr(error, "exceptions", ()):
            yield from _chain(inner)


def _said_by(error: BaseException) -> Iterable[str]:
    yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
    yield from getattr(error, "__notes__", ())
    yield from traceback.format_exception_only(error)


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):  # it follows no links
        yield from (Path(place) / name for name in names if name != GIVEN)


def _holds(path: Path) -> bool:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_FILE:
        return False
    return is_in(path.read_bytes().decode("latin-1"))
