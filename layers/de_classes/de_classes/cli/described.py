"""What the arguments of a described source name: descriptions, parameters and secrets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from de_classes.api.source import EnvironmentSecrets, FileSecrets, Source
from de_classes.configs.settings import environment
from de_classes.errors import AuthenticationError, InvalidInputError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any

    from de_classes.api.source import Resource, Secrets

DEFAULT_FOLDER = "sources"
_PARAMETER = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)=(.*)", re.DOTALL)


def sources_at(path: str | None) -> Source:
    """The sources of a file or folder; without one those of ``sources/`` if it is there.

    Raises:
        ConfigurationError: Its ``problems`` name every mistake, with file and line.
    """
    if path is not None:
        return Source.load(path)
    return Source.load(DEFAULT_FOLDER) if Path(DEFAULT_FOLDER).is_dir() else Source.shipped()


def secrets_of(path: str | None) -> Secrets:
    """The secrets of a file; without one those of the variables.

    Raises:
        ConfigurationError: It cannot be used.
    """
    return FileSecrets(path) if path else EnvironmentSecrets(environment())


def parameters_of(given: Sequence[str]) -> dict[str, str]:
    """What ``--set`` says, by name.

    Raises:
        InvalidInputError: It is not ``NAME=VALUE``.
    """
    parsed = [_PARAMETER.fullmatch(each) for each in given]
    if not all(parsed):
        raise InvalidInputError("--set must be NAME=VALUE")
    return {match[1]: match[2] for match in parsed if match}


def credentials_hint(error: BaseException, args: argparse.Namespace) -> str:
    """Where the credentials of a described source come from, if they were refused; otherwise nothing.

    Args:
        error: Why it ended.
        args: As ``parsers`` parses them.
    """
    if not isinstance(error, AuthenticationError) and not isinstance(error.__cause__, AuthenticationError):
        return ""
    where = f"--secrets {args.secrets}" if args.secrets else "the variables DE_CLASSES_SECRET_..."
    return f"; they are what auth of the description takes from {where}"


def named_resource(args: argparse.Namespace) -> tuple[Resource, dict[str, Any]]:
    """The one resource that a command names, and what it is asked with.

    Args:
        args: As ``parsers`` parses them, and ``resource``.

    Returns:
        The resource, and the arguments for its client or its check.

    Raises:
        ConfigurationError: There is none of that name, or something said with it cannot be used.
    """
    resource = sources_at(args.sources)[args.resource]
    return resource, {
        "parameters": parameters_of(args.set),
        "secrets": secrets_of(args.secrets),
        "base_url": args.base_url,
        "allow_insecure": args.allow_insecure,
    }
