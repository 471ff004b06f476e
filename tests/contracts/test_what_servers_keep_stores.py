"""The table of docs/object-stores.md: what a server makes of what it is sent, asked of the server itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from de_classes.storage.clients.object_store import MIN_PART_SIZE, Content, base64_from_hex
from de_classes.storage.clients.sessions import S3Settings, make_s3_client
from tests.fakes.aws import REGION, no_aws_environment
from tests.fakes.documents import ROOT
from tests.fakes.object_stores import OVER_HTTP, SERVERS, VARIANTS, address_of, params

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.xdist_group("object_stores")  # one emulator, so one process

REFUSED = {"PreconditionFailed", "ConditionalRequestConflict"}
RACERS = 16
ROUNDS = 100
"""Of uploads completed at the same moment: where two may win, a sixth of the rounds had more than one."""


class Raw:
    """boto3's own client, in a bucket of its own; what is refused is told by its code."""

    def __init__(self, s3: S3Client, bucket: str, impostor: S3Client) -> None:
        self.s3 = s3
        self.bucket = bucket
        self.impostor = impostor

    def call(self, name: str, **words: Any) -> tuple[str, dict[str, Any]]:
        try:
            return "", getattr(self.s3, name)(Bucket=self.bucket, **words)
        except ClientError as error:
            return error.response["Error"]["Code"] or "?", dict(error.response)

    def upload(self, key: str, *parts: bytes) -> Callable[..., tuple[str, dict[str, Any]]]:
        """An upload in parts, all sent; call it to complete it."""
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key=key)["UploadId"]
        words: dict[str, Any] = {"Key": key, "UploadId": upload}
        sent = [
            {"ETag": self.call("upload_part", **words, PartNumber=n, Body=part)[1]["ETag"], "PartNumber": n}
            for n, part in enumerate(parts, 1)
        ]
        return lambda **more: self.call(
            "complete_multipart_upload", **words, MultipartUpload={"Parts": sent}, **more
        )


def names_errors(raw: Raw) -> bool:
    return bool(raw.call("get_object", Key="absent")[1]["Error"].get("Message"))


def refuses_a_wrong_secret(raw: Raw) -> bool:
    with pytest.raises(ClientError) as refused:
        raw.impostor.put_object(Bucket=raw.bucket, Key="a", Body=b"")
    return refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def checks_what_arrives(raw: Raw) -> bool:
    other = base64_from_hex(Content.of(b"another").sha256)
    return bool(raw.call("put_object", Key="a", Body=b"this", ChecksumSHA256=other)[0])


def refuses_small_parts(raw: Raw) -> bool:
    return raw.upload("a", bytes(MIN_PART_SIZE - 1), b"the rest")()[0] == "EntityTooSmall"


def names_the_etag_of_an_upload(raw: Raw) -> bool:
    return bool(raw.upload("a", b"this")()[1].get("ETag"))


def race(raw: Raw, key: str, writes: list[Callable[[], str]]) -> int:
    """How many win; the loser is told so."""
    with ThreadPoolExecutor(len(writes)) as pool:
        told = list(pool.map(lambda write: write(), writes))
    assert {*told} <= {"", *REFUSED}
    raw.s3.delete_object(Bucket=raw.bucket, Key=key)
    return told.count("")


def one_put_wins(raw: Raw) -> bool:
    def put(number: int) -> str:
        return raw.call("put_object", Key="a", Body=bytes([number]), IfNoneMatch="*")[0]

    return all(race(raw, "a", [lambda n=n: put(n) for n in range(RACERS)]) == 1 for _ in range(5))  # type: ignore[misc]


def a_completion_spares_what_is_there(raw: Raw) -> bool:
    raw.s3.put_object(Bucket=raw.bucket, Key="a", Body=b"first")
    return raw.upload("a", b"second")(IfNoneMatch="*")[0] in REFUSED


def one_completion_wins(raw: Raw) -> bool:
    for number in range(ROUNDS):
        key = f"a-{number}"
        uploads = [raw.upload(key, bytes([racer])) for racer in range(8)]
        if race(raw, key, [lambda done=done: done(IfNoneMatch="*")[0] for done in uploads]) > 1:  # type: ignore[misc]
            return False
    return True


def a_delete_spares_what_was_replaced(raw: Raw) -> bool:
    etag = raw.s3.put_object(Bucket=raw.bucket, Key="a", Body=b"first")["ETag"]
    raw.s3.put_object(Bucket=raw.bucket, Key="a", Body=b"second")
    raw.call("delete_object", Key="a", IfMatch=etag)
    return not raw.call("get_object", Key="a")[0]


PROBES: dict[str, Callable[[Raw], bool]] = {
    "refuses a wrong secret": refuses_a_wrong_secret,
    "says in words what is wrong": names_errors,
    "compares a write with its checksum header": checks_what_arrives,
    "refuses parts below 5 MiB, but the last": refuses_small_parts,
    "names the ETag of an upload in parts": names_the_etag_of_an_upload,
    "`If-None-Match` of a write: one of 16 wins": one_put_wins,
    "`If-None-Match` of an upload in parts: spares what is there": a_completion_spares_what_is_there,
    "`If-None-Match` of an upload in parts: one of 8 at the same moment wins": one_completion_wins,
    "`If-Match` of a delete: spares what was replaced": a_delete_spares_what_was_replaced,
}
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in (ROOT / "docs" / "object-stores.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("|")
]
(HEADER,) = [row for row in ROWS if SERVERS["minio-on-emulator"] in row]
TABLE = {row[0]: dict(zip(HEADER, row, strict=True)) for row in ROWS if row[0] in PROBES}
NAMED = [variant for variant in OVER_HTTP if SERVERS[variant]]


@pytest.fixture(params=params(NAMED))
def raw(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Raw]]:
    own = address_of(request.param)
    with VARIANTS[request.param](tmp_path) as case, no_aws_environment():
        once = Config(retries={"total_max_attempts": 1}, max_pool_connections=RACERS)
        clients = [
            make_s3_client(
                S3Settings(
                    access_key=own.access_key, secret_key=secret, region=REGION, endpoint_url=own.endpoint
                ),
                config=once,
            )
            for secret in (own.secret_key, own.secret_key[::-1])
        ]
        yield SERVERS[request.param], Raw(clients[0], case.bucket, clients[1])


def test_the_table_has_a_row_for_each_probe_and_a_column_for_each_server() -> None:
    assert [*TABLE] == [*PROBES]
    assert {each for row in TABLE.values() for each in row.values()} == {*PROBES, "yes", "no"}


@pytest.mark.parametrize("what", PROBES)
def test_a_server_is_as_the_page_says(raw: tuple[str, Raw], what: str) -> None:
    server, client = raw
    assert TABLE[what][server] == ("yes" if PROBES[what](client) else "no")
