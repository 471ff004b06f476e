"""Every object store there is, each with an empty bucket. Another endpoint is one more line in VARIANTS."""

from __future__ import annotations

import functools
import logging
import os
import tempfile
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from de_classes.storage.clients import BaseS3Client, LocalClient, MinioClient, S3Client
from de_classes.storage.clients.sessions import S3Settings, make_s3_client
from de_classes.utils.clock import ManualClock
from localcloud import workspace
from localcloud.emulator import Emulator
from tests.fakes.aws import ACCESS_KEY, REGION, SECRET_KEY, no_aws_environment, nobodys_session
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.running import RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet
    from contextlib import AbstractContextManager

    from mypy_boto3_s3 import S3Client as Boto3S3Client

    from de_classes.storage.clients import ObjectStore

LOGGER = logging.getLogger("tests.object_stores")

MOTO_ENDPOINT = f"http://s3.{REGION}.amazonaws.com"
"""moto answers in place of AWS's own hosts, so that is where a server of one's own has to be."""


@dataclass(frozen=True)
class StoreCase:
    """One store under test.

    Attributes:
        store: The store.
        bucket: An empty bucket in it.
        unfinished: Counts what aborted or running uploads have left in that bucket.
    """

    store: ObjectStore
    bucket: str
    unfinished: Callable[[], int]


@contextmanager
def local(path: Path) -> Iterator[StoreCase]:
    client = LocalClient(path / "root", LOGGER)
    client.create_bucket("bucket")
    directory = path / "root" / "bucket"
    yield StoreCase(client, "bucket", lambda: len(list(directory.rglob(".de-classes-*"))))


@contextmanager
def base_on_fake(_path: Path) -> Iterator[StoreCase]:
    s3 = FakeS3()
    s3.create_bucket(Bucket="bucket")
    yield StoreCase(BaseS3Client(s3, LOGGER, clock=ManualClock()), "bucket", lambda: len(s3.uploads))


@contextmanager
def s3_on_moto(_path: Path) -> Iterator[StoreCase]:
    with no_aws_environment(), mock_aws():
        raw, store = _on_moto()
        raw.create_bucket(Bucket="bucket")
        yield StoreCase(store, "bucket", _count(raw, "bucket"))


@contextmanager
def minio_on_moto(path: Path) -> Iterator[StoreCase]:
    with mock_aws(), server(MOTO_ENDPOINT, ACCESS_KEY, SECRET_KEY)(path) as case:
        yield case


@contextmanager
def minio_on_emulator(path: Path) -> Iterator[StoreCase]:
    own = address_of("minio-on-emulator")
    with server(own.endpoint, own.access_key, own.secret_key)(path) as case:
        yield case


@dataclass(frozen=True)
class Address:
    """Where a server answers, and whom."""

    endpoint: str
    access_key: str
    secret_key: str


def address_of(variant: str) -> Address:
    """The server behind a variant that speaks HTTP, started if it is not running."""
    if variant == "server":
        names = ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY")
        return Address(*(os.environ[f"DE_CLASSES_TEST_S3_{name}"] for name in names))
    emulator = _emulator()
    return Address(emulator.endpoint, emulator.credentials.access_key, emulator.credentials.secret_key)


def server(
    endpoint: str, access_key: str, secret_key: str
) -> Callable[[Path], AbstractContextManager[StoreCase]]:
    """A variant for an S3-compatible server that is running: a bucket of its own, removed at the end."""

    @contextmanager
    def variant(_path: Path) -> Iterator[StoreCase]:
        with no_aws_environment():
            client, raw = _on_server(endpoint, access_key, secret_key)
            bucket = f"contract-{uuid.uuid4().hex}"
            client.create_bucket(bucket)
            yield StoreCase(client, bucket, _count(raw, bucket))
            client.remove_bucket(bucket, force=True)

    return variant


@functools.cache
def _emulator() -> Emulator:
    """Started once a process, by the first test that wants it: over HTTP, as a server is."""
    data = RUNNING.enter_context(tempfile.TemporaryDirectory(prefix="emulator-"))
    root = workspace.Workspace.default().root
    return RUNNING.enter_context(Emulator(workspace.Workspace(root, Path(data))))


# Clients are made once, and hold nothing of a test.


@functools.cache
def _on_moto() -> tuple[Boto3S3Client, S3Client]:
    session = nobodys_session()
    return session.client("s3"), S3Client(LOGGER, session=session)


@functools.cache
def _on_server(endpoint: str, access_key: str, secret_key: str) -> tuple[MinioClient, Boto3S3Client]:
    settings = S3Settings(access_key=access_key, secret_key=secret_key, region=REGION, endpoint_url=endpoint)
    return MinioClient(LOGGER, endpoint, access_key, secret_key), make_s3_client(settings)


def _count(raw: Boto3S3Client, bucket: str) -> Callable[[], int]:
    return lambda: len(raw.list_multipart_uploads(Bucket=bucket).get("Uploads", []))


VARIANTS: dict[str, Callable[[Path], AbstractContextManager[StoreCase]]] = {
    "local": local,
    "base-on-fake": base_on_fake,
    "s3-on-moto": s3_on_moto,
    "minio-on-moto": minio_on_moto,
    "minio-on-emulator": minio_on_emulator,
}
if "DE_CLASSES_TEST_S3_ENDPOINT" in os.environ:
    _own = address_of("server")
    VARIANTS["server"] = server(_own.endpoint, _own.access_key, _own.secret_key)

ATOMIC_VARIANTS = sorted(VARIANTS.keys() - {"s3-on-moto", "minio-on-moto"})
"""Those that can show who wins a race: moto looks first and writes then, without a lock."""

SERVERS = {"minio-on-emulator": "MiniStack 1.5", "server": os.environ.get("DE_CLASSES_TEST_S3_SERVER", "")}
"""What a server is, as a column of the table in docs/object-stores.md names it; empty if it is another's."""

ATOMIC_IN_PARTS = sorted({*ATOMIC_VARIANTS} - {"server"})
"""Those that can show it for an upload in parts: neither Ceph 16 nor SeaweedFS 4 can, at the same moment."""

OVER_HTTP = sorted({"minio-on-emulator", "server"} & VARIANTS.keys())
"""Those before which a proxy can stand."""

BUCKET_VARIANTS = sorted(VARIANTS.keys() - {"base-on-fake", "s3-on-moto"})
"""Those whose buckets the client can manage."""

_SLOW = {"minio-on-emulator"}


def params(variants: Iterable[str], *, slow: AbstractSet[str] = frozenset()) -> list[Any]:
    """Variants as parameters: ``make test`` leaves those on the emulator's own server to the proofs.

    Args:
        variants: Their names.
        slow: Those that are too slow here, too.
    """
    return [pytest.param(each, marks=pytest.mark.slow if each in _SLOW | slow else ()) for each in variants]
