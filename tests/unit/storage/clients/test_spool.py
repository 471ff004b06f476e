from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest

from de_classes.errors import BucketNotFoundError
from de_classes.storage.clients import BaseS3Client, LocalClient
from de_classes.storage.clients.object_store import Content
from de_classes.storage.clients.spool import Spool
from tests.fakes.fake_s3 import FakeS3

if TYPE_CHECKING:
    from pathlib import Path

LOGGER = logging.getLogger("tests.spool")


@pytest.fixture
def client(tmp_path: Path) -> LocalClient:
    client = LocalClient(tmp_path, LOGGER)
    client.create_bucket("bucket")
    return client


def became_the_object(spool: Spool, client: LocalClient, root: Path) -> bool:
    spool.write(b"content")
    client.upload_stream(spool.measured(), "bucket", "a")
    assert client.get_object("bucket", "a") == b"content"
    return os.path.samestat((root / "bucket" / "a").stat(), os.fstat(spool.reader().fileno()))


def test_what_is_bound_for_a_directory_becomes_the_object(client: LocalClient, tmp_path: Path) -> None:
    with Spool.bound_for(client, "bucket") as spool:
        assert became_the_object(spool, client, tmp_path)
    assert client.get_object("bucket", "a") == b"content"


def test_a_directory_that_was_asked_for_is_used(client: LocalClient, tmp_path: Path) -> None:
    with Spool.bound_for(client, "bucket", tmp_path) as spool:
        assert not became_the_object(spool, client, tmp_path)


def test_a_bucket_that_is_not_there_is_found_before_anything_is_written(client: LocalClient) -> None:
    with pytest.raises(BucketNotFoundError):
        Spool.bound_for(client, "no-such-bucket")


def test_what_is_bound_for_any_other_store_is_measured_and_read() -> None:
    with Spool.bound_for(BaseS3Client(FakeS3(), LOGGER), "bucket") as spool:
        spool.write(b"con")
        spool.write(memoryview(b"tent"))
        with spool.measured() as file:
            assert (file.read(), file.content) == (b"content", Content.of(b"content"))
        assert spool.reader().read() == b"content"


def test_what_is_set_aside_is_a_file_of_its_own() -> None:
    with Spool() as spool:
        spool.write(b"first")
        with spool.set_aside() as file:
            spool.write(b"second")
            assert file.read() == b"first"
        assert spool.content == Content.of(b"second")
        assert spool.size == len(b"second")
        assert spool.reader().read() == b"second"
