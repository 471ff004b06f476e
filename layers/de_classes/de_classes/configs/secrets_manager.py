"""Reading secrets where AWS keeps them.

boto3 is imported by the call that needs it: it costs a cold start more than everything else here.
"""

from __future__ import annotations

from typing import Protocol

from de_classes.configs.sam_local import sam_local
from de_classes.configs.settings import environment
from de_classes.errors import ConfigurationError


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
