"""A master, a volume server, a filer and the S3 gateway, all in one child process of the test run."""

from __future__ import annotations

import json
import secrets
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from de_classes.storage.clients.sessions import S3Settings, make_s3_client
from localcloud.emulator import free_port
from localcloud.errors import LocalCloudError

if TYPE_CHECKING:
    from types import TracebackType

    from mypy_boto3_s3 import S3Client

HOST: Final = "127.0.0.1"
REGION: Final = "us-east-1"
PROGRAM: Final = Path(__file__).resolve().parents[2] / ".venvs" / "seaweed" / "bin" / "weed"
STARTUP_SECONDS: Final = 60.0
LOG_TAIL_LINES: Final = 15
_PORTS: Final = (
    *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"),
    *("s3.port", "s3.port.grpc"),
)
_TRIAL: Final = "is-it-up"


@dataclass(frozen=True, slots=True)
class Login:
    """An S3 user of the server, drawn for one run. Its text shows no secret.

    Attributes:
        access_key: Access key id.
        secret_key: Secret of that key.
    """

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


def arguments(folder: Path, ports: dict[str, int]) -> list[str]:
    """What the program is told: loopback only, everything in one folder, and to tell nobody of it.

    Args:
        folder: Where the data, and the login in ``s3.json``, are.
        ports: By option, where each of its services listens.
    """
    return [
        "server",
        f"-dir={folder}",
        f"-master.dir={folder}",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=1024",
        "-volume.max=100",  # each bucket is a collection, which takes volumes of its own
        "-filer",
        "-s3",
        f"-s3.config={folder / 's3.json'}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.iam=false",
        "-s3.autoCreateBucket=false",  # a bucket that is not there is an error, as on S3
        *(f"-{option}={port}" for option, port in ports.items()),
    ]


class Server:
    """A context manager: inside it, S3 answers on loopback, and afterwards nothing of it is left.

    Attributes:
        login: Who may speak to it.

    Raises:
        LocalCloudError: It is not installed, or did not come up; says what it said last.
    """

    def __init__(self) -> None:
        self.login = Login(secrets.token_hex(10), secrets.token_hex(20))
        self._ports = {option: free_port() for option in _PORTS}
        self._held = ExitStack()

    @property
    def endpoint(self) -> str:
        """The gateway's address."""
        return f"http://{HOST}:{self._ports['s3.port']}"

    @property
    def version(self) -> str:
        """What it is: ``SeaweedFS 4.48``."""
        said = subprocess.run([PROGRAM, "version"], capture_output=True, text=True, check=True)  # noqa: S603 - our own program
        return f"SeaweedFS {said.stdout.split()[2]}"

    def __enter__(self) -> Self:
        if not PROGRAM.exists():
            raise LocalCloudError("SeaweedFS is not installed: `python tools/environment.py seaweed`")
        with ExitStack() as held:
            folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="seaweed-")))
            self._write_login(folder / "s3.json")
            log = folder / "weed.out"
            process = held.enter_context(_Child(arguments(folder, self._ports), folder, log))
            self._wait(process, log)
            self._held = held.pop_all()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._held.close()

    def _write_login(self, file: Path) -> None:
        credentials = [{"accessKey": self.login.access_key, "secretKey": self.login.secret_key}]
        identity = {"name": "contract", "credentials": credentials, "actions": ["Admin"]}
        file.touch(mode=0o600)
        file.write_text(json.dumps({"identities": [identity]}), encoding="utf-8")

    def _wait(self, process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + STARTUP_SECONDS
        client = self._client()
        while not _takes_objects(client):
            if process.poll() is not None or time.monotonic() > deadline:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
                raise LocalCloudError(f"SeaweedFS did not come up: {tail}")
            time.sleep(0.2)

    def _client(self) -> S3Client:
        settings = S3Settings(
            access_key=self.login.access_key,
            secret_key=self.login.secret_key,
            region=REGION,
            endpoint_url=self.endpoint,
        )
        once = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}, proxies={})
        return make_s3_client(settings, config=once)


class _Child:
    """In a session of its own, so that Ctrl-C does not reach it before what uses it has ended."""

    def __init__(self, words: list[str], folder: Path, log: Path) -> None:
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, with arguments from this file
                [PROGRAM, *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={"HOME": str(folder)},
                start_new_session=True,
            )

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # asked politely it takes ten seconds, and what it stored is thrown away
        self._process.wait()


def _takes_objects(client: S3Client) -> bool:
    """Whether it stores an object: the gateway answers seconds before there is a volume to write to."""
    try:
        client.create_bucket(Bucket=_TRIAL)
        client.put_object(Bucket=_TRIAL, Key="a", Body=b"a")
        client.delete_object(Bucket=_TRIAL, Key="a")
        client.delete_bucket(Bucket=_TRIAL)
    except (BotoCoreError, ClientError):
        return False
    return True
