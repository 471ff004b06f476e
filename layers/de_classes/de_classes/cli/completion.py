"""What makes TAB know the commands and their options, in bash, zsh and fish.

The script is written once, by shtab: at a TAB no process of ours starts, and nothing is imported otherwise.
"""

from __future__ import annotations

from argparse import _SubParsersAction
from typing import TYPE_CHECKING

from de_classes.errors import ConfigurationError

if TYPE_CHECKING:
    from argparse import ArgumentParser

_FILES = ("FILE", "PATH", "FILE.jsonl", "RECEIPT")
_FOLDERS = ("DATASET", "FOLDER", "WHERE", "WHAT")


def completion(parser: ArgumentParser, shell: str) -> str:
    """The script for a shell.

    Args:
        parser: Of the program, with all of its commands.
        shell: bash, zsh or fish.

    Raises:
        ConfigurationError: The library that writes it is not installed.
    """
    try:
        import shtab  # noqa: PLC0415 - of an extra, and for this alone
    except ImportError as error:
        raise ConfigurationError(
            "--completion needs what is not installed: pip install 'de-classes[completion]'"
        ) from error
    _complete_paths(parser, shtab.FILE, shtab.DIRECTORY)
    script: str = shtab.complete(parser, shell)
    return script


def _complete_paths(parser: ArgumentParser, files: object, folders: object) -> None:
    """Say which words are paths, by what the help calls them."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to tell
        if isinstance(action, _SubParsersAction):
            for each in action.choices.values():
                _complete_paths(each, files, folders)
        elif action.metavar in _FILES:
            vars(action)["complete"] = files
        elif action.metavar in _FOLDERS:
            vars(action)["complete"] = folders
