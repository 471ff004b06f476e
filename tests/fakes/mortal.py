"""A process that carries runs out in children of its own, which die by SIGKILL where they are told to.

It has imported everything once, so a child costs a fork. It reads a ``Go`` a line, and answers with an
``Outcome`` a line. It runs no thread, so that forking is safe.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import msgspec
from msgspec import Struct

from de_classes.api.auth_client import AuthClient, LoginLimits
from de_classes.api.endpoint import Endpoint
from de_classes.api.requests_transport import RequestsTransport
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.runs.context import Runtime
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.destination import PartLimits
from de_classes.runs.plan import RunPlan
from de_classes.runs.ranges import RangeSizes
from de_classes.runs.run_service import RunService
from de_classes.storage.clients import BaseS3Client, LocalClient
from de_classes.storage.clients.sessions import S3Settings, make_s3_client
from de_classes.storage.clients.spool import MeasuredFile
from de_classes.utils.clock import ManualClock

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client as Boto3S3Client

    from de_classes.api.messages import HttpRequest, HttpResponse
    from de_classes.api.transport import Transport
    from de_classes.storage.clients import ObjectInfo, ObjectStore
    from de_classes.storage.clients.object_store import Content

BUCKET = "lake"
LOGGER = logging.getLogger("tests.mortal")


class Server(Struct, frozen=True):
    """An S3-compatible server."""

    endpoint: str
    access_key: str
    secret_key: str


class Go(Struct, frozen=True, kw_only=True):
    """One go at a run.

    Attributes:
        plan: What the run is.
        base_url: The source.
        username: Who logs in there.
        password: By which password.
        place: The directory that holds the bucket, or a server.
        width: Pages fetched at once.
        part_pages: Pages in a part.
        ranges: How many ranges the run is cut into, which are carried out before the commit; 0 for none.
        die_at: The boundary at which the child kills itself, from 1; None to go to the end.
        die_after: Seconds after which it is killed from outside; None to let it live.
    """

    plan: RunPlan
    base_url: str
    username: str
    password: str
    place: str | Server
    width: int = 1
    part_pages: int = 2
    ranges: int = 0
    die_at: int | None = None
    die_after: float | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of it.

    Attributes:
        died: Whether it was killed.
        boundaries: How many it passed, if it was not.
        receipt: The key of the receipt's manifest, if it was not.
        error: What it ended with, if not with a receipt.
        seconds: How long it lived.
    """

    died: bool
    seconds: float
    boundaries: int = 0
    receipt: str | None = None
    error: str | None = None


class Fuse:
    """Counts boundaries, and kills this very process at one of them."""

    def __init__(self, die_at: int | None) -> None:
        self.passed = 0
        self._die_at = die_at
        self._lock = threading.Lock()

    def tick(self) -> None:
        with self._lock:
            self.passed += 1
            if self.passed == self._die_at:
                os.kill(os.getpid(), signal.SIGKILL)


class MortalTransport:
    """Boundaries before and after each request."""

    def __init__(self, transport: Transport, fuse: Fuse) -> None:
        self._transport = transport
        self._fuse = fuse

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        self._fuse.tick()
        response = self._transport.send(request, timeout=timeout)
        self._fuse.tick()
        return response


class MortalStream:
    """Boundaries between the pieces of an upload: its draft is there, and its name is not."""

    def __init__(self, stream: BinaryIO, fuse: Fuse) -> None:
        self._stream = stream
        self._fuse = fuse

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(size)
        self._fuse.tick()
        return piece


class MortalFile(MeasuredFile):
    """A boundary where a file has the name of a draft, and not yet its own."""

    def __init__(self, file: MeasuredFile, fuse: Fuse) -> None:
        super().__init__(cast("BinaryIO", file), file.content)
        self._fuse = fuse

    @property
    def content(self) -> Content:
        self._fuse.tick()
        return self._content

    @content.setter
    def content(self, content: Content) -> None:
        self._content = content


class MortalDirectory(LocalClient):
    """Boundaries before, in and after each write, and before each reading."""

    def __init__(self, root: Path, fuse: Fuse) -> None:
        super().__init__(root, LOGGER)
        self._fuse = fuse

    def upload_stream(self, stream: BinaryIO, bucket: str, key: str, **options: Any) -> ObjectInfo:
        self._fuse.tick()
        info = super().upload_stream(self._mortal(stream), bucket, key, **options)
        self._fuse.tick()
        return info

    def open_object(self, bucket: str, key: str) -> BinaryIO:
        self._fuse.tick()
        return super().open_object(bucket, key)

    def _mortal(self, stream: BinaryIO) -> Any:
        if isinstance(stream, MeasuredFile):
            return MortalFile(stream, self._fuse)
        return MortalStream(stream, self._fuse)


def s3_of(server: Server) -> Boto3S3Client:
    """Speaks to it."""
    settings = S3Settings(
        access_key=server.access_key,
        secret_key=server.secret_key,
        region="us-east-1",
        endpoint_url=server.endpoint,
    )
    return make_s3_client(settings)


def mortal_server(server: Server, fuse: Fuse) -> BaseS3Client:
    """Boundaries before and after each call of S3, those of an upload in parts included."""
    raw = s3_of(server)
    for moment in ("before-call.s3", "after-call.s3"):
        raw.meta.events.register(moment, lambda **_: fuse.tick())
    return BaseS3Client(raw, LOGGER)


def carry_out(go: Go, fuse: Fuse) -> str:
    """The run, in this process; the manifest's key."""
    clock, transport = ManualClock(), MortalTransport(RequestsTransport(), fuse)
    policy = RetryPolicy(max_attempts=100)
    auth = AuthClient(
        f"{go.base_url}/login",
        go.username,
        go.password,
        LOGGER,
        limits=LoginLimits(retry_policy=policy),
        runtime=ClientRuntime(transport=transport, clock=clock),
    )
    client = UnstableAPIClient(
        Endpoint.at(f"{go.base_url}/data", look_back="none"),
        auth,
        LOGGER,
        limits=ClientLimits(concurrency=go.width, retry_policy=policy),
        runtime=ClientRuntime(transport=transport, clock=clock),
    )
    store: ObjectStore = (
        mortal_server(go.place, fuse)
        if isinstance(go.place, Server)
        else MortalDirectory(Path(go.place), fuse)
    )
    limits = PartLimits(pages=go.part_pages)
    service = RunService(
        client,
        DatasetDestination(store, BUCKET, prefix="raw", limits=limits),
        runtime=Runtime(logger=LOGGER, clock=clock),
    )
    if go.ranges:
        for each in service.cut(go.plan, RangeSizes(at_once=go.ranges, least=1)):
            service.carry_out_range(go.plan, each)
    return service.carry_out(go.plan).key


def child(go: Go, report: int) -> None:
    """Carry it out, tell what came of it, and be gone without any tidying up."""
    fuse = Fuse(go.die_at)
    try:
        told = {"receipt": carry_out(go, fuse), "boundaries": fuse.passed}
    except BaseException as error:  # noqa: BLE001 - whatever it is, the test has to see it
        told = {"error": f"{type(error).__name__}: {error}"}
    os.write(report, msgspec.json.encode(told))
    os._exit(0)


def outcome(go: Go) -> Outcome:
    """Let a child do it, and see how it ends."""
    if go.plan.format == "parquet":
        importlib.import_module("pyarrow.parquet")  # once, before the fork, for all children to come
    began = time.monotonic()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        child(go, writing)
    os.close(writing)
    if go.die_after is not None:
        time.sleep(go.die_after)
        os.kill(pid, signal.SIGKILL)
    with os.fdopen(reading, "rb") as report:
        told = report.read()
    _, status = os.waitpid(pid, 0)
    seconds = time.monotonic() - began
    if not told:
        return Outcome(died=os.WIFSIGNALED(status), seconds=seconds)
    return Outcome(died=False, seconds=seconds, **msgspec.json.decode(told))


def main() -> None:
    """Answer every line until there are no more."""
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(msgspec.json.encode(outcome(msgspec.json.decode(line, type=Go))) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
