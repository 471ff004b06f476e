"""The proxy before moto does what the names of its troubles say, and nothing else."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.errors import ObjectExistsError, StorageUnavailableError
from de_classes.storage.clients import BaseS3Client
from de_classes.utils.clock import ManualClock
from tests.fakes.faulty_s3 import EndlessError, Trouble, Turns, faulty_s3
from tests.fakes.runs import BUCKET, LOGGER, KilledError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.faulty_s3 import FaultyS3

RECORD = "raw/_runs/run/part-00000001.json"
SECOND = "raw/_runs/run/part-00000002.json"
KEYS = "raw/_runs/run/keys-00000001-0a1b2c3d4e5f.bin"
PART = "raw/day/part-1-00000001-00000001-0a1b2c3d4e5f.jsonl"
LONG = 20
"""More requests in a row than boto3 has patience for."""


@contextmanager
def store(*troubles: Trouble) -> Iterator[tuple[FaultyS3, BaseS3Client]]:
    clock = ManualClock()
    with faulty_s3(troubles, Turns(), clock) as s3:
        s3.begin("one")
        yield s3, BaseS3Client(s3.client("one"), LOGGER, clock=clock)


@pytest.mark.parametrize("what", ["slow_down", "error", "cut_request", "lost_answer"])
def test_F44_F46_what_passes_is_asked_again_and_lands_once(what: str) -> None:
    with store(Trouble(at=1, what=what, times=3)) as (s3, client):
        client.put_object(BUCKET, "a", b"content", if_none_match=True)
        assert s3.contents() == {"a": b"content"}
        assert s3.happened == [what] * 3


@pytest.mark.parametrize(
    ("what", "there"), [("slow_down", {}), ("cut_request", {}), ("lost_answer", {"a": b"content"})]
)
def test_what_does_not_pass_is_an_error_before_or_after_it_landed(what: str, there: dict[str, Any]) -> None:
    with store(Trouble(at=1, what=what, times=LONG)) as (s3, client):
        with pytest.raises(StorageUnavailableError):
            client.put_object(BUCKET, "a", b"content")
        assert s3.contents() == there


def test_a_condition_is_kept_and_a_time_is_the_clocks() -> None:
    with store() as (s3, client):
        client.put_object(BUCKET, "a", b"content", if_none_match=True)
        with pytest.raises(ObjectExistsError):
            client.put_object(BUCKET, "a", b"another", if_none_match=True)
        assert client.head_object(BUCKET, "a").modified == ManualClock().now()
        assert s3.contents() == {"a": b"content"}


def test_a_cut_answer_breaks_off_while_it_is_read() -> None:
    with store(Trouble(at=1, what="cut_answer")) as (_, client):
        client.put_object(BUCKET, "a", b"content")
        with pytest.raises(StorageUnavailableError):
            client.get_object(BUCKET, "a")
        assert client.get_object(BUCKET, "a") == b"content"


@pytest.mark.parametrize(("what", "there"), [("kill", {}), ("kill_after", {"a": b"content"})])
def test_who_is_killed_does_nothing_more_until_it_begins_anew(what: str, there: dict[str, bytes]) -> None:
    with store(Trouble(at=1, what=what)) as (s3, client):
        for _ in range(2):
            with pytest.raises(KilledError):
                client.put_object(BUCKET, "a", b"content")
        assert s3.contents() == there
        s3.begin("one")
        assert client.object_exists(BUCKET, "a") == bool(there)


@pytest.mark.parametrize(
    ("what", "key", "left"),
    [
        ("cut_part", PART, b"0123456789abcdef"),
        ("change_part", PART, b"1123456789abcdef0123456789abcdef"),
        ("drop_part", PART, None),
        ("cut_keys", KEYS, b"0123456789abcdef"),
        ("change_keys", KEYS, b"1123456789abcdef0123456789abcdef"),
        ("drop_keys", KEYS, None),
        ("cut_record", RECORD, b"0123456789abcdef"),
        ("drop_record", RECORD, None),
        ("swap_record", RECORD, b"second"),
    ],
)
def test_an_object_is_spoilt_at_rest_and_no_other(what: str, key: str, left: bytes | None) -> None:
    there = dict.fromkeys((PART, KEYS, RECORD), b"0123456789abcdef" * 2) | {SECOND: b"second"}
    with store(Trouble(at=1, what=what)) as (s3, client):
        for name, body in there.items():
            s3.put(name, body)
        client.object_exists(BUCKET, "a")
        others = {name: body for name, body in there.items() if name != key}
        assert s3.contents() == others | ({} if left is None else {key: left})
        assert list(s3.spoilt) == [key]


@pytest.mark.parametrize("what", ["copy_record", "odd_file"])
def test_F74_a_foreign_file_stands_beside_a_record(what: str) -> None:
    for where in range(4):
        with store(Trouble(at=1, what=what, where=where)) as (s3, client):
            s3.put(RECORD, b"first")
            client.object_exists(BUCKET, "a")
            assert len(s3.contents()) == 2
            assert s3.contents()[RECORD] == b"first"


def test_turns_pass_before_what_is_to_meet() -> None:
    turns = Turns(meets="PUT x")
    said: list[str] = []

    def speak(name: str) -> None:
        for what in ("GET", "PUT x", "GET"):
            turns.pause(name, what)
            said.append(f"{name} {what}")

    turns.run({name: lambda name=name: speak(name) for name in "ab"})  # type: ignore[misc]
    assert said == ["a GET", "b GET", "a PUT x", "a GET", "b PUT x", "b GET"]


def test_turns_pass_where_they_are_told_to_and_nobody_goes_on_for_ever() -> None:
    turns = Turns((2, 4), most=6)
    said: list[str] = []

    def speak(name: str) -> None:
        for _ in range(3):
            turns.pause(name)
            said.append(name)

    turns.run({name: lambda name=name: speak(name) for name in "ab"})  # type: ignore[misc]
    assert "".join(said) == "abaabb"
    with pytest.raises(EndlessError):
        turns.pause("a")
