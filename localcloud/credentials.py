"""The credentials of one run of the local cloud: made up at its start, valid nowhere else and never again."""

from __future__ import annotations

import os
import secrets
import shlex
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from localcloud.workspace import REGION

if TYPE_CHECKING:
    from pathlib import Path

    from localcloud.workspace import Workspace

_KEY_CHARACTERS = string.ascii_uppercase + "234567"
# Whatever the user's shell says of AWS would lead elsewhere: a profile, a token, the endpoint of one service.
_NOTHING_SET = r"unset $(env | sed -n 's/^\(AWS_[A-Z0-9_]*\)=.*/\1/p')"


@dataclass(frozen=True)
class Credentials:
    """An access key and its secret.

    Args:
        access_key: Says who asks.
        secret_key: Signs what is asked; not shown.
    """

    access_key: str
    secret_key: str = field(repr=False)

    @classmethod
    def made_up(cls) -> Credentials:
        """New ones, which nobody can guess."""
        name = "".join(secrets.choice(_KEY_CHARACTERS) for _ in range(16))
        return cls(f"AKIA{name}", secrets.token_hex(20))


@dataclass(frozen=True)
class CredentialFiles:
    """Where a run's credentials are while it is up, for programs that are not started by it.

    Only the owner may read them: a secret in an argument, a variable or a terminal is seen by more.

    Args:
        workspace: Whose data folder they are in.
    """

    workspace: Workspace

    @property
    def shell(self) -> Path:
        """A shell's script after which every AWS tool calls this local cloud, with these credentials."""
        return self.workspace.data / "aws.sh"

    @property
    def curl(self) -> Path:
        """A configuration of curl that signs calls of the deployed API: ``curl --config``."""
        return self.workspace.data / "curl.conf"

    def write(self, credentials: Credentials, endpoint: str) -> None:
        """Write all of them.

        Args:
            credentials: Of this run.
            endpoint: The local cloud's address.
        """
        key, secret = credentials.access_key, credentials.secret_key
        settings = {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in settings.items())
        write_private(
            self.workspace.credentials,
            f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n",
        )
        write_private(self.shell, f"{_NOTHING_SET}\n{exports}")
        write_private(self.curl, f'aws-sigv4 = "aws:amz:{REGION}:execute-api"\nuser = "{key}:{secret}"\n')

    def remove(self) -> None:
        """Remove them: with the local cloud's end they are valid no more."""
        for path in (self.workspace.credentials, self.shell, self.curl):
            path.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody but its owner can read, also while it is written."""
    path.unlink(missing_ok=True)  # so that it is made anew, with our mode
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
