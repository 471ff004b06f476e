"""Where the secrets of a description come from on a laptop: a file, or the environment."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from de_classes.api.auth.kept_secrets import KeptTokens, Lease, access_name, next_lease
from de_classes.configs.secret_file import read_secret_file
from de_classes.errors import ConfigurationError, MalformedDataError
from de_classes.utils import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from de_classes.api.auth.kept_secrets import RotationStore

VARIABLE_PREFIX = "DE_CLASSES_SECRET_"


class NoSecrets:
    """No secrets are known.

    Example:
        >>> NoSecrets().get("token")
        Traceback (most recent call last):
        de_classes.errors.ConfigurationError: the secret 'token' is needed, and none was given
    """

    def get(self, name: str) -> str:
        """None.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError(f"the secret {name!r} is needed, and none was given")

    def rotation(self, name: str) -> RotationStore:
        """Nowhere.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError(f"the secret {name!r} rotates, and there is nowhere to keep the next one")


class EnvironmentSecrets:
    """Secrets in variables: ``token`` is ``DE_CLASSES_SECRET_TOKEN``.

    Example:
        >>> EnvironmentSecrets({"DE_CLASSES_SECRET_TOKEN": "t0ken"}).get("token")
        't0ken'

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

    def rotation(self, name: str) -> RotationStore:
        """A variable cannot be changed for the next run.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError(
            f"the secret {name!r} rotates: give it by --secrets FILE, where the next one can be kept"
        )


class FileSecrets:
    """Secrets in a JSON file of names and values, which nobody else may read.

    The processes of one machine may share it: a new value replaces the file as a whole, under a lock, and
    who may spend a secret that rotates is written in ``FILE.lease`` beside it.

    Example:
        >>> FileSecrets("shop.json").get("password")  # {"password": "for-this-laptop"}
        'for-this-laptop'

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

    def rotation(self, name: str) -> RotationStore:
        """See ``Secrets``."""
        return _FileRotation(self, name)

    def _read(self) -> dict[str, str]:
        return named_secrets(read_secret_file("--secrets", self._path), f"--secrets: {self._path}")


def named_secrets(content: bytes | str, where: str) -> dict[str, str]:
    """The secrets in a JSON object of names and texts.

    Raises:
        ConfigurationError: It is none; nothing of it is quoted.
    """
    try:
        values = strict_json.loads(content)
    except MalformedDataError:  # whose text may quote what stands there
        values = None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise ConfigurationError(f"{where} is not a JSON object of names and texts")
    return values


class _FileRotation:
    """``RotationStore`` in a file of secrets; its lock is held for moments alone, the lease for longer."""

    def __init__(self, secrets: FileSecrets, name: str) -> None:
        self._secrets = secrets
        self._name = name
        self._path = secrets._path.resolve()  # noqa: SLF001 - one class in two halves; a link stays a link
        self._lock = self._path.with_name(f"{self._path.name}.lease")
        self.where = f"the secret {name!r} in {secrets._path}"  # noqa: SLF001 - as above

    def read(self, lease: Lease | None = None) -> KeptTokens:
        values = self._secrets._read()  # noqa: SLF001 - as above
        if not values.get(self._name):
            raise ConfigurationError(f"{self.where} is missing: add it there")
        return KeptTokens(values[self._name], values.get(access_name(self._name), ""))

    def lease(self, owner: str, *, now: float, until: float) -> Lease | None:
        with self._locked() as leases:
            lease = next_lease(leases.get(self._name, Lease()), owner, now=now, until=until)
            if lease is not None:
                self._write(self._lock, {**leases, self._name: lease})
            return lease

    def keep(self, lease: Lease, spent: str, tokens: KeptTokens) -> KeptTokens:
        with self._locked():
            there = self.read()
            if there.refresh_token != spent:
                return there
            values = self._secrets._read()  # noqa: SLF001 - as above
            self._write(self._path, {**values, **tokens.named(self._name)})
            return tokens

    def release(self, lease: Lease, *, is_unanswered: bool) -> None:
        with self._locked() as leases:
            if leases.get(self._name, Lease()).number == lease.number:
                self._write(self._lock, {**leases, self._name: lease.released(is_unanswered=is_unanswered)})

    @contextmanager
    def _locked(self) -> Iterator[dict[str, Lease]]:
        """The leases, while nobody else reads or writes them; the system drops the lock of who is killed."""
        import fcntl  # noqa: PLC0415 - POSIX alone has it, and few sources rotate

        guard = self._path.with_name(f"{self._path.name}.lock")
        try:
            descriptor = os.open(guard, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._cannot_write(guard, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield self._leases()
        finally:
            os.close(descriptor)

    def _leases(self) -> dict[str, Lease]:
        try:
            return msgspec.json.decode(self._lock.read_bytes(), type=dict[str, Lease])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigurationError(f"{self._lock} cannot be read: remove it, no secret is in it") from error

    def _write(self, path: Path, values: object) -> None:
        """Replace a file as a whole, on the disk, and for this user alone."""
        content = msgspec.json.format(msgspec.json.encode(values), indent=2) + b"\n"
        try:
            descriptor, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(made).replace(path)
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._cannot_write(path, error) from error

    def _cannot_write(self, path: Path, error: OSError) -> ConfigurationError:
        return ConfigurationError(f"{self.where} rotates, but {path} cannot be written: {error.strerror}")
