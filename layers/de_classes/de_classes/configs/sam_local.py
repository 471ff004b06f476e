"""``sam local``: what a function in a container of this machine is given in place of AWS and its secrets.

It comes in one variable, ``SAM_LOCAL``, which the template names without a value: on AWS it is not there, and
one that is there all the same is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from de_classes.configs.environment import replace
from de_classes.configs.settings import environment, load
from de_classes.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECT_SECONDS = 2.0


class SamLocal(Struct, frozen=True, kw_only=True):
    """The value of ``SAM_LOCAL``, a JSON object.

    Args:
        endpoint_url: The local cloud, for every service of AWS.
        access_key_id: What that cloud lets in, in place of your own, which would come into the container.
        secret_access_key: Of that key.
        region: Of that cloud.
        secrets: Secret id to text, for what is read here and not in the cloud: a simulator needs none.
    """

    endpoint_url: str
    access_key_id: str
    secret_access_key: str
    region: str = "us-east-1"
    secrets: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"SamLocal(endpoint_url={self.endpoint_url!r}, ...)"

    def variables(self) -> dict[str, str]:
        """What boto3 reads, so that no call gets to AWS and none bears your own credentials."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": "",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }

    def require_cloud(self) -> None:
        """Insist on the local cloud, at once: boto3 would try for a long time, and not say what to do.

        Raises:
            ConfigurationError: Nothing answers there; says what to run first.
        """
        import socket  # noqa: PLC0415 - for `sam local` alone, and a function on AWS should not start slower
        from urllib.parse import urlsplit  # noqa: PLC0415 - the same

        parts = urlsplit(self.endpoint_url)
        try:
            socket.create_connection((parts.hostname or "", parts.port or 80), CONNECT_SECONDS).close()
        except OSError as error:
            raise ConfigurationError(
                "there is no local cloud for this function: run `make containers` in another shell first"
            ) from error


class _Settings(Struct, frozen=True, kw_only=True):
    sam_local: SamLocal | None = None


def sam_local(environ: Mapping[str, str]) -> SamLocal | None:
    """What stands for AWS in this process; None if AWS itself does.

    Raises:
        ConfigurationError: It is malformed, or this is not ``sam local``.
    """
    local = load(_Settings, environ).sam_local
    if local is not None and environ.get("AWS_SAM_LOCAL") != "true":
        raise ConfigurationError("SAM_LOCAL is for `sam local` alone: take it out of the variables")
    return local


def function_environment() -> Mapping[str, str]:
    """A function's environment: as it is on AWS, and led to the local cloud by ``sam local``.

    Raises:
        ConfigurationError: ``SAM_LOCAL`` is malformed, or this is not ``sam local``.
    """
    local = sam_local(environment())
    if local is not None:
        replace(local.variables())
    return environment()
