"""What functions in containers call: a local cloud on the bridge, with their secrets and their bucket."""

from __future__ import annotations

import json
import shutil
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from localcloud.credentials import CredentialFiles, write_private
from localcloud.emulator import HOST, Emulator
from localcloud.verify import stored_records
from localcloud.workspace import REGION, Workspace, exclusive
from tools.containers.bridge import Forwarder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from de_classes.storage.format.schema import Record
    from localcloud.aws import LocalAws

SOURCE = "unstable"


class Services:
    """A context manager: inside it, the local cloud is up, and ``sam local`` leads the functions there.

    Args:
        workspace: Where the local cloud keeps its data.
        gateway: This machine's address on the engine's bridge.

    Attributes:
        files: Where other programs find the local cloud's credentials.
    """

    def __init__(self, workspace: Workspace, gateway: str) -> None:
        self._held = ExitStack()
        self._workspace = workspace
        self.gateway = gateway
        self.api_port = free_port(gateway)
        self.files = CredentialFiles(workspace)
        self._aws: LocalAws | None = None

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
            held.enter_context(exclusive(folder(self._workspace) / "lock"))
            port = free_port(HOST)
            bridge = held.enter_context(Forwarder(self.gateway, port))
            emulator = Emulator(self._workspace, port=port, hosts=[urlsplit(bridge.url).netloc])
            self._aws = held.enter_context(emulator).aws
            self._furnish(self._aws)
            held.callback(shutil.copyfile, self._alone, self._variables_file)
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
        return stored_records(self.aws.store(), self.standing["BUCKET"], key)

    @property
    def standing(self) -> dict[str, str]:
        """The functions' environment variables where they stand alone: events/env.json."""
        document: dict[str, dict[str, str]] = json.loads(self._alone.read_text())
        return document["Parameters"]  # the SAM CLI's word for: all functions

    def variables(self, endpoint: str, access_key: str, secret_key: str) -> dict[str, str]:
        """The same where there is a local cloud.

        Args:
            endpoint: The local cloud's address, as containers see it.
            access_key: That the local cloud lets in.
            secret_key: Of that key.
        """
        local = json.loads(self.standing["SAM_LOCAL"])
        cloud = {"endpoint_url": endpoint, "access_key_id": access_key, "secret_access_key": secret_key}
        return {
            **self.standing,
            "SAM_LOCAL": json.dumps({**local, **cloud, "region": REGION}),
            "SOURCE_PARAMETERS": json.dumps({SOURCE: {"address": self.api_url}}),
        }

    @property
    def _alone(self) -> Path:
        return self._workspace.root / "events" / "env.json"

    @property
    def _variables_file(self) -> Path:
        """What ``sam local`` reads; named in samconfig.toml and layers/build.mk too."""
        return self._workspace.root / ".aws-sam" / "env-by-sam-build.json"

    def _furnish(self, aws: LocalAws) -> None:
        secret = json.loads(self.standing["SOURCE_SECRETS"])[SOURCE]
        simulators = json.loads(self.standing["SAM_LOCAL"])["secrets"]
        login = simulators[self.standing["CREDENTIALS_SECRET_ID"]]
        aws.s3().create_bucket(Bucket=self.standing["BUCKET"])
        aws.secrets().create_secret(Name=secret, SecretString=login)

    def _write_variables(self, endpoint: str) -> None:
        own = self.aws.credentials
        document = {"Parameters": self.variables(endpoint, own.access_key, own.secret_key)}
        write_private(self._variables_file, json.dumps(document, indent=2))


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
