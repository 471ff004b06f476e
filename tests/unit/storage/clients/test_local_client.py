from __future__ import annotations

import errno
import io
import logging
import os
import stat
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

import pytest

from de_classes.errors import (
    BucketNotFoundError,
    InvalidInputError,
    InvalidKeyError,
    ObjectExistsError,
    ObjectNotFoundError,
    PermissionDeniedError,
    StorageError,
    StorageUnavailableError,
)
from de_classes.storage.clients import LocalClient
from de_classes.storage.clients.local_client import remove_if
from de_classes.storage.clients.object_store import Content, media_type_of
from de_classes.storage.clients.spool import MeasuredFile, errors_from_os, open_nameless
from de_classes.storage.format.codec import format_names, get_codec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOGGER = logging.getLogger("tests.local")


@pytest.fixture
def client(tmp_path: Path) -> LocalClient:
    client = LocalClient(tmp_path / "root", LOGGER)
    client.create_bucket("bucket")
    return client


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "root" / "bucket"


def test_an_object_is_a_plain_file_that_says_where_it_is(client: LocalClient, directory: Path) -> None:
    info = client.put_object("bucket", "day=1/a b.csv", b"content")
    path = directory / "day=1" / "a b.csv"
    assert path.read_bytes() == b"content"
    assert info.uri == path.as_uri()


def test_a_file_is_as_readable_as_any_other_of_this_user(client: LocalClient, directory: Path) -> None:
    client.put_object("bucket", "a", b"")
    (directory / "other").touch()
    assert stat.S_IMODE((directory / "a").stat().st_mode) == stat.S_IMODE(
        (directory / "other").stat().st_mode
    )


def test_nothing_is_created_before_the_first_bucket(tmp_path: Path) -> None:
    client = LocalClient(tmp_path / "root", LOGGER)
    with pytest.raises(BucketNotFoundError):
        client.put_object("bucket", "a", b"")
    assert client.list_buckets() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["a//b", "a/", "n" * 256, ".de-classes-x", "a/.de-classes-x/b"])
def test_F49_keys_that_a_directory_cannot_hold_are_typed_errors(client: LocalClient, key: str) -> None:
    with pytest.raises(InvalidKeyError):
        client.put_object("bucket", key, b"")


@pytest.mark.parametrize("name", [".", "", ".de-classes-x", "n" * 256, "a\0b"])
def test_F49_buckets_that_are_no_directory_are_typed_errors(client: LocalClient, name: str) -> None:
    with pytest.raises(InvalidInputError):
        client.create_bucket(name)


def test_F49_an_object_cannot_lie_below_another(client: LocalClient) -> None:
    client.put_object("bucket", "a", b"file")
    for key in ("a/b", "a/b/c"):
        with pytest.raises(InvalidKeyError):
            client.put_object("bucket", key, b"")
        with pytest.raises(ObjectNotFoundError):
            client.get_object("bucket", key)
    assert client.get_object("bucket", "a") == b"file"


@pytest.mark.parametrize("if_none_match", [True, False])
def test_F49_an_object_cannot_take_a_directorys_place(client: LocalClient, *, if_none_match: bool) -> None:
    client.put_object("bucket", "a/b", b"below")
    with pytest.raises(InvalidKeyError, match="below"):
        client.put_object("bucket", "a", b"", if_none_match=if_none_match)
    with pytest.raises(InvalidKeyError, match="below"):
        client.check_writable("bucket", "a")


def test_F49_a_symbolic_link_leads_nobody_out_of_the_bucket(
    client: LocalClient, directory: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (directory / "link").symlink_to(outside)
    (directory / "file").symlink_to(outside / "secret")
    for key in ("link/secret", "file"):
        with pytest.raises(InvalidKeyError, match="out of the bucket"):
            client.get_object("bucket", key)
        with pytest.raises(InvalidKeyError, match="out of the bucket"):
            client.put_object("bucket", key, b"")
    assert list(client.list_objects("bucket")) == []


def test_a_loop_of_links_is_no_object(client: LocalClient, directory: Path) -> None:
    (directory / "loop").symlink_to(directory / "loop")
    assert not client.object_exists("bucket", "loop")
    assert list(client.list_objects("bucket")) == []


def test_files_whose_names_are_no_text_are_not_listed(client: LocalClient, directory: Path) -> None:
    path = os.path.join(os.fsencode(directory), b"\xff")  # noqa: PTH118 - Path takes no bytes
    os.close(os.open(path, os.O_CREAT))
    assert list(client.list_objects("bucket")) == []
    with pytest.raises(StorageError, match="not empty"):
        client.remove_bucket("bucket")


def test_what_a_killed_process_left_is_not_listed(client: LocalClient, directory: Path) -> None:
    (directory / ".de-classes-0123").write_bytes(b"half")
    assert list(client.list_objects("bucket")) == []
    client.remove_bucket("bucket")
    assert not directory.exists()


def test_an_absolute_root_outlives_a_change_of_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client = LocalClient(tmp_path.relative_to(tmp_path) / "root", LOGGER)
    client.create_bucket("bucket")
    monkeypatch.chdir("/")
    client.put_object("bucket", "a", b"content")
    assert (tmp_path / "root" / "bucket" / "a").read_bytes() == b"content"


@pytest.mark.parametrize("name", format_names())
def test_every_formats_media_type_is_told_by_its_extension(name: str) -> None:
    codec = get_codec(name)
    assert media_type_of(f"a/b{codec.extension}") == codec.content_type


def test_an_unknown_extension_tells_no_media_type() -> None:
    assert media_type_of("a.unknown") is None


def test_a_stream_that_is_cut_keeps_what_was_there(client: LocalClient, directory: Path) -> None:
    client.put_object("bucket", "a", b"old")
    stream = io.BytesIO(b"new")
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        client.upload_stream(stream, "bucket", "a")
    assert [path.name for path in directory.iterdir()] == ["a"]
    assert client.get_object("bucket", "a") == b"old"


def test_F48_a_key_that_comes_and_goes_was_taken_or_free(client: LocalClient, directory: Path) -> None:
    """Never is it told as missing: to whom a key was taken, nor to whom it was given and deleted at once."""
    client.put_object("bucket", "b/kept", b"the folder stays")
    taken, over = directory / "b" / "a", threading.Event()

    def come_and_go() -> None:
        while not over.is_set():
            with suppress(FileExistsError), taken.open("xb") as file:
                file.write(b"another")
            taken.unlink(missing_ok=True)

    def stored(content: bytes) -> bool:
        try:
            return client.put_object("bucket", "b/a", content, if_none_match=True).size == len(content)
        except ObjectExistsError:
            return False

    outcomes: Counter[bool] = Counter()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(come_and_go)
        try:
            while min(outcomes[True], outcomes[False]) < 20 and outcomes.total() < 100_000:
                outcomes[stored(b"mine")] += 1
        finally:
            over.set()
    other.result()
    assert min(outcomes[True], outcomes[False]) == 20


@pytest.fixture
def whole(directory: Path) -> Iterator[MeasuredFile]:
    """A nameless file in the bucket, written to its end."""
    with open_nameless(None, beside=directory) as file:
        file.write(b"content")
        file.flush()
        yield MeasuredFile(file, Content.of(b"content"))


def is_same_file(path: Path, file: BinaryIO) -> bool:
    return os.path.samestat(path.stat(), os.fstat(file.fileno()))


def test_a_file_begun_in_the_bucket_becomes_the_object_and_is_not_read(
    client: LocalClient, directory: Path, whole: MeasuredFile
) -> None:
    os.utime(whole.fileno(), (1, 1))
    info = client.upload_stream(whole, "bucket", "a/b")
    assert is_same_file(directory / "a" / "b", whole)
    assert whole.tell() == 0
    assert client.head_object("bucket", "a/b") == info
    assert info.modified is not None
    assert info.modified > 1
    assert [path.name for path in directory.iterdir()] == ["a"]
    (directory / "other").touch()
    assert (directory / "a" / "b").stat().st_mode == (directory / "other").stat().st_mode


def test_a_write_that_is_done_again_is_told_the_same(client: LocalClient, whole: MeasuredFile) -> None:
    first = client.upload_stream(whole, "bucket", "a", if_none_match=True)
    assert client.upload_stream(whole, "bucket", "a", if_none_match=True) == first
    assert client.upload_stream(whole, "bucket", "a") == first


def test_a_file_that_lost_its_name_is_copied(
    client: LocalClient, directory: Path, whole: MeasuredFile
) -> None:
    client.put_object("bucket", "a", b"other")
    with pytest.raises(ObjectExistsError):
        client.upload_stream(whole, "bucket", "a", if_none_match=True)
    client.delete_object("bucket", "a")
    info = client.upload_stream(whole, "bucket", "a", if_none_match=True)
    assert client.get_object("bucket", "a") == b"content"
    assert info.checksum == whole.content.sha256
    assert not is_same_file(directory / "a", whole)


def test_a_file_that_must_stay_nameless_is_copied_and_measured_again(
    client: LocalClient, directory: Path
) -> None:
    with open_nameless(None) as file:
        file.write(b"content")
        file.flush()
        client.upload_stream(MeasuredFile(file, Content.of(b"content")), "bucket", "a")
        wrong = MeasuredFile(file, Content.of(b"other"))
        with pytest.raises(InvalidInputError, match="declared"):
            client.upload_stream(wrong, "bucket", "b", metadata={"sha256": wrong.content.sha256})
    assert client.get_object("bucket", "a") == b"content"
    assert [path.name for path in directory.iterdir()] == ["a"]


def test_a_nameless_file_is_not_there(client: LocalClient, directory: Path, whole: MeasuredFile) -> None:
    assert list(directory.iterdir()) == []
    assert list(client.list_objects("bucket")) == []
    whole.close()
    client.remove_bucket("bucket")


def test_where_no_file_can_be_begun_it_is_begun_elsewhere(tmp_path: Path) -> None:
    with open_nameless(tmp_path, beside=tmp_path / "missing") as file:
        file.write(b"content")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(28, "No space left on device"), StorageUnavailableError),
        (PermissionError(13, "Permission denied"), PermissionDeniedError),
        (OSError(30, "Read-only file system"), PermissionDeniedError),
        (OSError(36, "File name too long"), InvalidKeyError),
        (OSError(5, "Input/output error"), StorageError),
        (OSError("no number"), StorageError),
    ],
    ids=str,
)
def test_errors_of_the_file_system_are_translated(error: OSError, expected: type[Exception]) -> None:
    with pytest.raises(expected, match="/somewhere") as caught, errors_from_os("/somewhere"):
        raise error
    assert type(caught.value) is expected
    assert caught.value.__cause__ is error


def test_a_file_that_came_in_between_two_looks_is_put_back(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"newer")
    assert not remove_if(tmp_path / "a", lambda _: False)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"newer")]


def test_a_file_that_came_after_it_is_the_one_that_stays(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"newer")

    def meanwhile(_: Path) -> bool:
        (tmp_path / "a").write_bytes(b"newest")
        return False

    assert not remove_if(tmp_path / "a", meanwhile)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"newest")]


def test_a_look_that_fails_leaves_the_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")

    def fail(_: Path) -> bool:
        raise PermissionError(errno.EACCES, "no")

    with pytest.raises(PermissionError):
        remove_if(tmp_path / "a", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_is_gone_counts_as_removed(tmp_path: Path) -> None:
    assert remove_if(tmp_path / "none", lambda _: False)
