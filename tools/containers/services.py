"""What functions in containers call: a local cloud on the bridge, with their secrets and their bucket."""

from __future__ import annotations

import json
import secrets
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from localcloud.aws import LocalAws
from localcloud.emulator import Emulator
from localcloud.verify import stored_records
from localcloud.workspace import Workspace, exclusive
from tools.containers.bridge import Forwarder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from de_classes.storage.format.codec import Record

BUCKET = "ingested"
CREDENTIALS = "auth-credentials"
SIGNING_KEY = "signing-key"
# The login of the events in events/, which everybody can read.
LOGIN = {"username": "demo", "password": "demo-password"}


class Services:
    """A context manager: inside it, the local cloud is up, and ``env.json`` leads the functions there.

    Args:
        workspace: Where the local cloud keeps its data.
        gateway: This machine's address on the engine's bridge.
    """

    def __init__(self, workspace: Workspace, gateway: str) -> None:
        self._held = ExitStack()
        self._workspace = workspace
        self.gateway = gateway
        self.api_port = free_port(gateway)
        self._aws: LocalAws | None = None

    @property
    def folder(self) -> Path:
        """Where the functions are built for containers; named in samconfig.toml too."""
        return folder(self._workspace)

    @property
    def api_url(self) -> str:
        """Where both APIs are once ``sam local start-api`` serves them."""
        return f"http://{self.gateway}:{self.api_port}"

    @property
    def aws(self) -> LocalAws:
        """Makes clients of the local cloud."""
        if self._aws is None:
            raise RuntimeError("not entered")
        return self._aws

    def __enter__(self) -> Self:
        with ExitStack() as held:
            held.enter_context(exclusive(self.folder / "lock"))
            emulator = held.enter_context(Emulator(self._workspace))
            bridge = held.enter_context(Forwarder(self.gateway, int(emulator.endpoint.rpartition(":")[2])))
            self._aws = LocalAws(emulator.endpoint)
            self._furnish(self._aws)
            self._write_variables(bridge.url)
            self._held = held.pop_all()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._held.close()

    def records(self, key: str) -> Iterator[Record]:
        """The records of an object that the worker wrote, or of a dataset by its manifest's key."""
        return stored_records(self.aws.store(), BUCKET, key)

    def variables(self, endpoint: str) -> dict[str, str]:
        """The functions' environment variables that depend on where they run.

        Args:
            endpoint: The local cloud's address, as containers see it.
        """
        source = {
            "base_url": f"{self.api_url}/unstable",
            "auth_url": f"{self.api_url}/auth/login",
            "credentials_secret_id": CREDENTIALS,
            "allow_insecure": True,  # the bridge does not leave this machine
        }
        return {
            "AWS_ENDPOINT_URL": endpoint,
            "BUCKET": BUCKET,
            "CREDENTIALS_SECRET_ID": CREDENTIALS,
            "SIGNING_SECRET_ID": SIGNING_KEY,
            "SOURCES": json.dumps({"unstable": source}),
        }

    def _furnish(self, aws: LocalAws) -> None:
        aws.s3().create_bucket(Bucket=BUCKET)
        aws.secrets().create_secret(Name=CREDENTIALS, SecretString=json.dumps(LOGIN))
        aws.secrets().create_secret(Name=SIGNING_KEY, SecretString=secrets.token_urlsafe(64))

    def _write_variables(self, endpoint: str) -> None:
        document = {"Parameters": self.variables(endpoint)}  # the SAM CLI's word for: all functions
        (self.folder / "env.json").write_text(json.dumps(document, indent=2))


def folder(workspace: Workspace) -> Path:
    """Where what belongs to the containers is kept."""
    return workspace.root / ".aws-sam" / "containers"


def own_workspace() -> Workspace:
    """This working copy, with data apart from the demonstration's."""
    root = Workspace.default().root
    return Workspace(root, root / ".aws-sam" / "containers" / "data")


def free_port(address: str) -> int:
    """A port of an address of this machine that is free now."""
    with socket.socket() as listener:
        listener.bind((address, 0))
        port: int = listener.getsockname()[1]
        return port
