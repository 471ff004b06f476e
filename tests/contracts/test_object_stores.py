"""What every object store promises, run over each of them."""

from __future__ import annotations

import hashlib
import io
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import compress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from de_classes.errors import (
    BucketNotFoundError,
    InvalidInputError,
    InvalidKeyError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
)
from de_classes.storage.clients.object_store import MAX_PART_SIZE, MIN_PART_SIZE
from de_classes.storage.clients.spool import Spool
from tests.fakes.effort import examples
from tests.fakes.object_stores import ATOMIC_IN_PARTS, ATOMIC_VARIANTS, VARIANTS, params

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from de_classes.storage.clients.object_store import ObjectInfo
    from tests.fakes.object_stores import StoreCase

pytestmark = pytest.mark.xdist_group("object_stores")  # one emulator, so one process

CONTENT = b'id,name\r\n1,"Z\xc3\xbcrich"\r\n'
CSV_TYPE = "text/csv; charset=utf-8"
TWO_PARTS = bytes(range(256)) * (MIN_PART_SIZE // 256) + b"the rest"
CLOCK_SKEW = 2  # seconds: some stores tell whole ones, and a file system's clock lags a little
ODD_KEYS = [
    "",
    "/a",
    "a/../b",
    "..",
    "./a",
    "a/.",
    "a\nb",
    "a\x7fb",
    "a\x85b",
    "a\ud800b",
    "k" * 1025,
    "é" * 513,
]

names = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=20)
keys = st.lists(names, min_size=1, max_size=4).map("/".join)


@pytest.fixture(params=params(VARIANTS))
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreCase]:
    with VARIANTS[request.param](tmp_path) as case:
        yield case


class OneWayStream(io.RawIOBase):
    """A stream that cannot seek and gives little at a time, as a socket does."""

    def __init__(self, data: bytes, *, fails_with: BaseException | None = None) -> None:
        super().__init__()
        self._data = io.BytesIO(data)
        self._error = fails_with

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        piece = self._data.read(min(size, 1_000_000))
        if not piece and self._error is not None:
            raise self._error
        return piece


def keys_in(case: StoreCase) -> list[str]:
    return [info.key for info in case.store.list_objects(case.bucket)]


def test_bytes_come_back_as_they_were_put(case: StoreCase) -> None:
    case.store.put_object(case.bucket, "a/b.csv", CONTENT)
    assert case.store.get_object(case.bucket, "a/b.csv") == CONTENT


def test_an_empty_object_is_an_object(case: StoreCase) -> None:
    case.store.put_object(case.bucket, "empty", b"")
    assert case.store.get_object(case.bucket, "empty") == b""


def test_a_write_tells_what_a_head_tells_later(case: StoreCase) -> None:
    put = case.store.put_object(case.bucket, "a.csv", CONTENT, content_type=CSV_TYPE)
    head = case.store.head_object(case.bucket, "a.csv")
    assert put == head
    assert put.size == len(CONTENT)
    assert put.checksum == hashlib.sha256(CONTENT).hexdigest()
    assert put.content_type == CSV_TYPE
    assert put.uri.endswith(f"{case.bucket}/a.csv")


def test_where_an_object_would_be_is_told_before_it_is_there(case: StoreCase) -> None:
    assert case.store.uri(case.bucket, "a/b.csv") == case.store.put_object(case.bucket, "a/b.csv", b"1").uri


def test_overwriting_is_the_default(case: StoreCase) -> None:
    case.store.put_object(case.bucket, "a", b"old")
    case.store.put_object(case.bucket, "a", b"new")
    assert case.store.get_object(case.bucket, "a") == b"new"


@pytest.mark.parametrize("size", [0, 10, MIN_PART_SIZE, len(TWO_PARTS)])
def test_a_stream_of_any_length_comes_back_whole(case: StoreCase, size: int) -> None:
    content = TWO_PARTS[:size]
    stream = io.BytesIO(b"skipped" + content)
    stream.seek(len(b"skipped"))
    info = case.store.upload_stream(
        stream, case.bucket, "a.csv", part_size=MIN_PART_SIZE, content_type=CSV_TYPE
    )
    assert case.store.get_object(case.bucket, "a.csv") == content
    assert info.checksum == hashlib.sha256(content).hexdigest()
    assert case.store.head_object(case.bucket, "a.csv") == info
    assert case.unfinished() == 0


def test_a_stream_that_cannot_seek_comes_back_whole(case: StoreCase) -> None:
    info = case.store.upload_stream(OneWayStream(TWO_PARTS), case.bucket, "a", part_size=MIN_PART_SIZE)
    assert case.store.get_object(case.bucket, "a") == TWO_PARTS
    assert info.checksum == hashlib.sha256(TWO_PARTS).hexdigest()
    assert info.size == len(TWO_PARTS)


@pytest.mark.parametrize("content", [b"", CONTENT, TWO_PARTS], ids=["empty", "one part", "two parts"])
@pytest.mark.parametrize("if_none_match", [True, False])
def test_what_was_measured_as_it_was_written_comes_back_whole(
    case: StoreCase,
    content: bytes,
    if_none_match: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    with Spool.bound_for(case.store, case.bucket) as spool:
        spool.write(content)
        infos = [
            case.store.upload_stream(
                spool.measured(), case.bucket, "a/b", part_size=MIN_PART_SIZE, if_none_match=if_none_match
            )
            for _ in range(2)
        ]
    assert case.store.get_object(case.bucket, "a/b") == content
    assert {(info.size, info.checksum) for info in infos} == {
        (len(content), hashlib.sha256(content).hexdigest())
    }
    assert case.unfinished() == 0


def test_what_was_measured_as_it_was_written_does_not_overwrite_unasked(case: StoreCase) -> None:
    case.store.put_object(case.bucket, "a", b"other")
    with Spool.bound_for(case.store, case.bucket) as spool:
        spool.write(CONTENT)
        with pytest.raises(ObjectExistsError):
            case.store.upload_stream(spool.measured(), case.bucket, "a", if_none_match=True)
    assert case.store.get_object(case.bucket, "a") == b"other"
    assert case.unfinished() == 0


@pytest.mark.parametrize("content", [CONTENT, TWO_PARTS], ids=["one part", "two parts"])
def test_what_was_measured_and_is_not_what_was_declared_is_refused(case: StoreCase, content: bytes) -> None:
    with Spool.bound_for(case.store, case.bucket) as spool:
        spool.write(content)
        with pytest.raises(InvalidInputError, match="declared"):
            case.store.upload_stream(
                spool.measured(), case.bucket, "a", part_size=MIN_PART_SIZE, metadata={"sha256": "0" * 64}
            )
    assert keys_in(case) == []
    assert case.unfinished() == 0


@pytest.mark.parametrize("part_size", [MIN_PART_SIZE - 1, MAX_PART_SIZE + 1, 0, -1])
def test_a_part_size_that_s3_refuses_is_refused_at_once(case: StoreCase, part_size: int) -> None:
    with pytest.raises(InvalidInputError, match="part_size"):
        case.store.upload_stream(io.BytesIO(b"a"), case.bucket, "a", part_size=part_size)
    assert keys_in(case) == []


def test_an_object_can_be_read_as_a_stream(case: StoreCase) -> None:
    case.store.put_object(case.bucket, "a", CONTENT)
    with case.store.open_object(case.bucket, "a") as stream:
        pieces = list(iter(lambda: stream.read(7), b""))
    assert b"".join(pieces) == CONTENT
    assert len(pieces) > 1


def test_a_listing_goes_by_prefix_and_in_the_order_of_the_bytes(case: StoreCase) -> None:
    for key in ["b/é", "b/z", "a", "b/Z", "b/1/x", "c"]:
        case.store.put_object(case.bucket, key, key.encode())
    listed = list(case.store.list_objects(case.bucket, "b/"))
    assert [info.key for info in listed] == ["b/1/x", "b/Z", "b/z", "b/é"]
    assert [info.size for info in listed] == [5, 3, 3, 4]
    assert [info.etag for info in listed] == [case.store.head_object(case.bucket, i.key).etag for i in listed]


def test_a_listing_tells_when_an_object_was_written(case: StoreCase) -> None:
    before = time.time()
    case.store.put_object(case.bucket, "a", CONTENT)
    (listed,) = case.store.list_objects(case.bucket)
    assert listed.modified is not None
    assert before - CLOCK_SKEW <= listed.modified <= time.time() + CLOCK_SKEW


def test_a_prefix_need_not_end_at_a_slash(case: StoreCase) -> None:
    for key in ["day=1/a", "day=10/a", "day=2/a"]:
        case.store.put_object(case.bucket, key, b"")
    assert [info.key for info in case.store.list_objects(case.bucket, "day=1")] == ["day=1/a", "day=10/a"]


def names_in(case: StoreCase, prefix: str, **options: str) -> list[str]:
    found = case.store.list_folder(case.bucket, prefix, **options)
    return [each if isinstance(each, str) else each.key for each in found]


def test_a_folder_lists_what_it_holds_itself(case: StoreCase) -> None:
    for key in ["b/é", "b/z", "a", "b/Z", "b/1/x", "b/1/y/z", "b/1.x", "b/zz/a", "c", "b-/a"]:
        case.store.put_object(case.bucket, key, key.encode())
    assert names_in(case, "") == ["a", "b-/", "b/", "c"]
    assert names_in(case, "b/") == ["b/1.x", "b/1/", "b/Z", "b/z", "b/zz/", "b/é"]
    assert names_in(case, "b/1/") == ["b/1/x", "b/1/y/"]
    assert names_in(case, "b/z") == ["b/z", "b/zz/"]
    for nothing in ["b", "b/none/", "b/z/", "d/"]:
        assert names_in(case, nothing) == (["b-/", "b/"] if nothing == "b" else [])
    whole = {info.key: info for info in case.store.list_objects(case.bucket)}
    for found in case.store.list_folder(case.bucket, "b/"):
        assert isinstance(found, str) or (found, found.modified) == (
            whole[found.key],
            whole[found.key].modified,
        )


def test_a_folder_can_be_listed_from_a_name_on(case: StoreCase) -> None:
    for key in ["b/_m-1", "b/_s/x", "b/part-1-a", "b/part-1-b", "b/part-10/x", "b/part-2-a", "b/sub/x"]:
        case.store.put_object(case.bucket, key, b"")
    assert names_in(case, "b/", start_after="b/part-1.") == ["b/part-10/", "b/part-2-a", "b/sub/"]
    assert names_in(case, "b/", start_after="b/part-2-a") == ["b/sub/"]
    assert names_in(case, "b/", start_after="b/z") == []


def test_a_folder_of_an_absent_bucket_is_a_typed_error(case: StoreCase) -> None:
    with pytest.raises(BucketNotFoundError):
        list(case.store.list_folder("no-such-bucket"))


MANY = 1_010
"""More than a store tells in one answer, which is a thousand."""

LISTED_IN_PAGES = sorted(VARIANTS.keys() - {"minio-on-moto", "minio-on-emulator"})
"""Those that take so many objects within seconds; moto is asked by one of its clients."""


@pytest.mark.parametrize("variant", params(LISTED_IN_PAGES, slow={"local", "s3-on-moto"}))
def test_more_than_a_thousand_objects_and_folders_are_listed_once_each(variant: str, tmp_path: Path) -> None:
    with VARIANTS[variant](tmp_path) as case, ThreadPoolExecutor(8) as pool:
        keys = [f"b/{number:05}/x" for number in range(MANY)]
        list(pool.map(lambda key: case.store.put_object(case.bucket, key, b""), keys))
        assert keys_in(case) == keys
        assert names_in(case, "b/") == [f"b/{number:05}/" for number in range(MANY)]
        behind = names_in(case, "b/", start_after=f"b/{MANY - 3:05}0")
        assert behind == [f"b/{MANY - 2:05}/", f"b/{MANY - 1:05}/"]


def test_a_deleted_object_is_gone_and_may_be_deleted_again(case: StoreCase) -> None:
    case.store.put_object(case.bucket, "a/b", CONTENT)
    assert case.store.object_exists(case.bucket, "a/b")
    case.store.delete_object(case.bucket, "a/b")
    case.store.delete_object(case.bucket, "a/b")
    assert not case.store.object_exists(case.bucket, "a/b")
    case.store.put_object(case.bucket, "a", b"where the other was below")
    assert keys_in(case) == ["a"]


def listed(case: StoreCase, key: str) -> ObjectInfo:
    (info,) = (info for info in case.store.list_objects(case.bucket) if info.key == key)
    return info


def test_an_object_that_is_as_it_was_listed_is_deleted(case: StoreCase) -> None:
    case.store.put_object(case.bucket, "a/b", CONTENT)
    case.store.put_object(case.bucket, "a/c", CONTENT)
    info = listed(case, "a/b")
    case.store.delete_object(case.bucket, "a/b", if_unchanged=info)
    case.store.delete_object(case.bucket, "a/b", if_unchanged=info)
    assert keys_in(case) == ["a/c"]


def test_an_object_that_was_replaced_since_it_was_listed_stays(case: StoreCase) -> None:
    case.store.put_object(case.bucket, "a/b", b"old")
    info = listed(case, "a/b")
    case.store.put_object(case.bucket, "a/b", b"new!")
    with pytest.raises(ObjectChangedError, match="a/b: another object has the key since it was looked at"):
        case.store.delete_object(case.bucket, "a/b", if_unchanged=info)
    assert case.store.get_object(case.bucket, "a/b") == b"new!"
    assert keys_in(case) == ["a/b"]


def test_the_same_content_that_was_written_again_later_stays(case: StoreCase) -> None:
    case.store.put_object(case.bucket, "a", CONTENT)
    info = listed(case, "a")
    earlier = replace(info, modified=info.modified - 60, etag=as_of_earlier(info))
    with pytest.raises(ObjectChangedError):
        case.store.delete_object(case.bucket, "a", if_unchanged=earlier)
    assert case.store.get_object(case.bucket, "a") == CONTENT


def as_of_earlier(info: ObjectInfo) -> str | None:
    """An ETag of S3 is the same for the same content; that of a directory tells the time."""
    return f"0{info.etag}" if info.uri.startswith("file:") else info.etag


def test_an_absent_object_is_a_typed_error(case: StoreCase) -> None:
    for call in (case.store.get_object, case.store.open_object, case.store.head_object):
        with pytest.raises(ObjectNotFoundError):
            call(case.bucket, "absent")


def test_F47_an_absent_bucket_is_found_before_any_work(case: StoreCase) -> None:
    with pytest.raises(BucketNotFoundError):
        case.store.check_bucket("no-such-bucket")
    with pytest.raises(BucketNotFoundError):
        case.store.check_writable("no-such-bucket", "a")


def test_an_absent_bucket_is_a_typed_error_for_every_call(case: StoreCase) -> None:
    assert not case.store.object_exists("no-such-bucket", "a")
    with pytest.raises(BucketNotFoundError):
        case.store.put_object("no-such-bucket", "a", b"")
    with pytest.raises(BucketNotFoundError):
        case.store.upload_stream(io.BytesIO(TWO_PARTS), "no-such-bucket", "a", part_size=MIN_PART_SIZE)
    with pytest.raises(BucketNotFoundError):
        case.store.get_object("no-such-bucket", "a")
    with pytest.raises(BucketNotFoundError):
        list(case.store.list_objects("no-such-bucket"))


def test_F47_a_check_of_what_is_there_leaves_no_trace(case: StoreCase) -> None:
    case.store.check_bucket(case.bucket)
    case.store.check_writable(case.bucket, "a/b")
    assert keys_in(case) == []
    assert case.unfinished() == 0


@pytest.mark.parametrize("bucket", ["", "..", "a/b", "../bucket", "bu\ncket", "/bucket"])
def test_an_impossible_bucket_is_a_typed_error(case: StoreCase, bucket: str) -> None:
    with pytest.raises(InvalidInputError, match="bucket"):
        case.store.check_bucket(bucket)
    with pytest.raises(InvalidInputError, match="bucket"):
        case.store.put_object(bucket, "a", b"")


@pytest.mark.parametrize("content", [CONTENT, TWO_PARTS], ids=["one part", "two parts"])
def test_F46_a_write_that_had_landed_already_counts_as_success(case: StoreCase, content: bytes) -> None:
    first = case.store.upload_stream(
        io.BytesIO(content), case.bucket, "a", part_size=MIN_PART_SIZE, if_none_match=True
    )
    again = case.store.upload_stream(
        io.BytesIO(content), case.bucket, "a", part_size=MIN_PART_SIZE, if_none_match=True
    )
    assert (again.etag, again.checksum, again.size) == (first.etag, first.checksum, first.size)
    assert case.unfinished() == 0


def test_F46_the_same_holds_when_the_store_knows_no_checksum_of_the_whole(case: StoreCase) -> None:
    for _ in range(2):
        case.store.upload_stream(
            OneWayStream(TWO_PARTS), case.bucket, "a", part_size=MIN_PART_SIZE, if_none_match=True
        )
    assert case.store.get_object(case.bucket, "a") == TWO_PARTS


@pytest.mark.parametrize("content", [CONTENT, TWO_PARTS], ids=["one part", "two parts"])
@pytest.mark.parametrize("length", ["shorter", "equal"])
def test_a_key_that_other_content_has_is_not_overwritten_unasked(
    case: StoreCase, content: bytes, length: str
) -> None:
    taken = b"other" if length == "shorter" else bytes(len(content))
    case.store.put_object(case.bucket, "a", taken)
    with pytest.raises(ObjectExistsError):
        case.store.upload_stream(
            io.BytesIO(content), case.bucket, "a", part_size=MIN_PART_SIZE, if_none_match=True
        )
    assert case.store.get_object(case.bucket, "a") == taken
    assert case.unfinished() == 0


@pytest.mark.parametrize("content", [CONTENT, TWO_PARTS], ids=["one part", "two parts"])
def test_content_other_than_the_declared_is_not_stored(case: StoreCase, content: bytes) -> None:
    declared = {"sha256": hashlib.sha256(b"another").hexdigest()}
    with pytest.raises(InvalidInputError, match="declared"):
        case.store.upload_stream(
            io.BytesIO(content), case.bucket, "a", part_size=MIN_PART_SIZE, metadata=declared
        )
    assert keys_in(case) == []
    assert case.unfinished() == 0


@pytest.mark.parametrize("error", [ConnectionResetError("cut"), KeyboardInterrupt(), MemoryError()], ids=repr)
@pytest.mark.parametrize("content", [CONTENT, TWO_PARTS], ids=["one part", "two parts"])
def test_F45_a_stream_that_fails_midway_leaves_nothing(
    case: StoreCase, content: bytes, error: BaseException
) -> None:
    stream = OneWayStream(content, fails_with=error)
    with pytest.raises(type(error)):
        case.store.upload_stream(stream, case.bucket, "a", part_size=MIN_PART_SIZE)
    assert keys_in(case) == []
    assert case.unfinished() == 0


def test_F45_a_failed_overwrite_leaves_what_was_there(case: StoreCase) -> None:
    case.store.put_object(case.bucket, "a", CONTENT)
    stream = OneWayStream(TWO_PARTS, fails_with=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        case.store.upload_stream(stream, case.bucket, "a", part_size=MIN_PART_SIZE)
    assert case.store.get_object(case.bucket, "a") == CONTENT


@pytest.mark.parametrize("variant", params(ATOMIC_VARIANTS))
def test_F48_of_50_writers_at_one_key_exactly_one_wins(variant: str, tmp_path: Path) -> None:
    race(variant, tmp_path, writers=50, size=10)


@pytest.mark.parametrize("variant", params(ATOMIC_IN_PARTS))
def test_F48_the_same_holds_for_writers_in_parts(variant: str, tmp_path: Path) -> None:
    race(variant, tmp_path, writers=8, size=MIN_PART_SIZE + 1)


def race(variant: str, path: Path, *, writers: int, size: int) -> None:
    with VARIANTS[variant](path) as case, ThreadPoolExecutor(writers) as pool:
        contents = [bytes([number]) * size for number in range(writers)]
        won = list(pool.map(lambda content: wins(case, content), contents))
        assert list(compress(contents, won)) == [case.store.get_object(case.bucket, "a")]
        assert case.unfinished() == 0


def wins(case: StoreCase, content: bytes) -> bool:
    stream = io.BytesIO(content)
    try:
        case.store.upload_stream(stream, case.bucket, "a", part_size=MIN_PART_SIZE, if_none_match=True)
    except ObjectExistsError:
        return False
    return True


@pytest.mark.parametrize("key", ODD_KEYS, ids=lambda key: ascii(key[:10]))
def test_F49_an_odd_key_is_a_typed_error_for_every_call(case: StoreCase, key: str) -> None:
    calls = (
        case.store.get_object,
        case.store.open_object,
        case.store.head_object,
        case.store.object_exists,
        case.store.delete_object,
        case.store.check_writable,
    )
    for call in calls:
        with pytest.raises(InvalidKeyError):
            call(case.bucket, key)
    with pytest.raises(InvalidKeyError):
        case.store.put_object(case.bucket, key, b"")
    with pytest.raises(InvalidKeyError):
        case.store.upload_stream(io.BytesIO(), case.bucket, key)


@settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(key=keys)
def test_F49_a_key_is_refused_or_comes_back_exactly(case: StoreCase, key: str) -> None:
    try:
        case.store.put_object(case.bucket, key, key.encode())
    except InvalidKeyError:
        with pytest.raises(InvalidKeyError):
            case.store.validate_key(key)
        return
    assert keys_in(case) == [key]
    assert case.store.get_object(case.bucket, key) == key.encode()
    case.store.delete_object(case.bucket, key)


@pytest.mark.parametrize(
    "key", ["Zürich/東京.csv", "a b+c%20d?e=f&g#h", "~!*'()@:;,$", "e\u0301", "k" * 200, "🗻"]
)
def test_F49_unusual_but_sound_keys_are_kept(case: StoreCase, key: str) -> None:
    info = case.store.put_object(case.bucket, key, CONTENT)
    assert info.key == key
    assert keys_in(case) == [key]
    assert case.store.get_object(case.bucket, key) == CONTENT
