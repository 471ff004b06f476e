"""Reading secrets where AWS keeps them.

boto3 is imported by the call that needs it: it costs a cold start more than everything else here.
"""

from __future__ import annotations

from typing import Protocol

from de_classes.configs.sam_local import sam_local
from de_classes.configs.settings import environment
from de_classes.errors import ConfigurationError, MalformedDataError
from de_classes.utils import strict_json


class SecretReader(Protocol):
    """Reads the text of a secret by its id."""

    def __call__(self, secret_id: str) -> str:
        """The secret's text.

        Raises:
            ConfigurationError: It cannot be read.
        """
        ...


def read_secret(secret_id: str) -> str:
    """Read a secret's text from Secrets Manager; under ``sam local``, what stands for it there.

    Raises:
        ConfigurationError: The secret is not there, or this role may not read it.
    """
    local = sam_local(environment())
    if local is not None:
        if secret_id in local.secrets:
            return local.secrets[secret_id]
        local.require_cloud()
    import boto3  # noqa: PLC0415 - see the module
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see the module

    try:
        return boto3.client("secretsmanager").get_secret_value(SecretId=secret_id)["SecretString"]
    except (BotoCoreError, ClientError, KeyError) as error:
        raise ConfigurationError(f"the secret {secret_id} cannot be read: {type(error).__name__}") from error


class SecretsManagerSecrets:
    """The secrets of one source: names and values in one secret of Secrets Manager, a JSON object.

    Args:
        secret_id: The secret's name or ARN.
        read: Reads its text.
    """

    def __init__(self, secret_id: str, read: SecretReader = read_secret) -> None:
        self._id = secret_id
        self._read = read
        self._values: dict[str, str] | None = None

    def get(self, name: str) -> str:
        """The value of that name.

        Raises:
            ConfigurationError: The secret cannot be read, is no such object, or has no such name.
        """
        if self._values is None:
            self._values = self._parsed()
        if name not in self._values:
            raise ConfigurationError(
                f"the secret {self._id} has no {name!r}: add it to the JSON object there"
            )
        return self._values[name]

    def keep(self, name: str, value: str) -> None:
        """Not possible.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError(f"the secret {self._id} cannot be written")

    def _parsed(self) -> dict[str, str]:
        try:
            values = strict_json.loads(self._read(self._id))
        except MalformedDataError as error:
            raise ConfigurationError(
                f"the secret {self._id} is not a JSON object of names and texts"
            ) from error
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise ConfigurationError(f"the secret {self._id} is not a JSON object of names and texts")
        return values
