"""Where a description's secrets come from: a file or the environment on a laptop, Secrets Manager on AWS."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from de_classes.errors import ConfigurationError, MalformedDataError
from de_classes.utils import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE_PREFIX = "DE_CLASSES_SECRET_"


class Secrets(Protocol):
    """Gives secrets by name, and keeps a new value of one that rotates."""

    def get(self, name: str) -> str:
        """The secret.

        Raises:
            ConfigurationError: There is none of that name; says where it is looked for.
        """
        ...

    def keep(self, name: str, value: str) -> None:
        """Put a new value in its place, for whoever asks from now on.

        Raises:
            ConfigurationError: It cannot be kept there.
        """
        ...


class NoSecrets:
    """No secrets are known."""

    def get(self, name: str) -> str:
        """None.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError(f"the secret {name!r} is needed, and none was given")

    def keep(self, name: str, value: str) -> None:
        """Nowhere.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError(f"the secret {name!r} has a new value, and there is nowhere to keep it")


class EnvironmentSecrets:
    """Secrets in variables: ``token`` is ``DE_CLASSES_SECRET_TOKEN``.

    Args:
        environ: The variables.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def get(self, name: str) -> str:
        """See ``Secrets``."""
        variable = VARIABLE_PREFIX + name.upper().replace("-", "_")
        value = self._environ.get(variable)
        if not value:
            raise ConfigurationError(f"the secret {name!r} is needed: set {variable}, or give --secrets FILE")
        return value

    def keep(self, name: str, value: str) -> None:
        """A variable cannot be changed for the next run.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError(
            f"the secret {name!r} rotates: give it by --secrets FILE, where the next one can be kept"
        )


class FileSecrets:
    """Secrets in a JSON file of names and values, which nobody else may read.

    Args:
        path: The file.

    Raises:
        ConfigurationError: It cannot be read, others can read it, or it is not such a file.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._read()

    def get(self, name: str) -> str:
        """See ``Secrets``; the file is read anew, since another process may have kept a new value."""
        values = self._read()
        if name not in values:
            raise ConfigurationError(f"the secret {name!r} is not in {self._path}: add it there")
        return values[name]

    def keep(self, name: str, value: str) -> None:
        """See ``Secrets``; the file is replaced as a whole."""
        content = json.dumps({**self._read(), name: value}, indent=2) + "\n"
        try:
            descriptor, made = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(made).replace(self._path)
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot keep a new secret: {error.strerror}") from error

    def _read(self) -> dict[str, str]:
        try:
            if self._path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ConfigurationError(
                    f"--secrets: {self._path} can be read by others: make it yours alone, by chmod 600"
                )
            values = strict_json.loads(self._path.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"--secrets: {self._path} cannot be read: {error.strerror}") from error
        except MalformedDataError as error:
            raise ConfigurationError(
                f"--secrets: {self._path} is not a JSON object of names and values"
            ) from error
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise ConfigurationError(f"--secrets: {self._path} is not a JSON object of names and texts")
        return values
