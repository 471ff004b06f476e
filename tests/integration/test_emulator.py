"""The local cloud itself: it starts empty, ends whole, and never two at once on the same data."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from localcloud.aws import LocalAws
from localcloud.emulator import HOST, Emulator, free_port
from localcloud.errors import LocalCloudError
from localcloud.workspace import Workspace, exclusive
from tools.containers.bridge import Forwarder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def own(tmp_path: Path) -> Workspace:
    return Workspace(Workspace.default().root, tmp_path / "data")


def runs(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_is_up_inside_the_block_and_gone_after_it(own: Workspace) -> None:
    with Emulator(own) as emulator:
        group = emulator.pid
        assert group is not None
        emulator.aws.s3().create_bucket(Bucket="bucket")
    assert not runs(group)
    assert emulator.pid is None


def test_it_is_gone_after_a_failure_inside_the_block(own: Workspace) -> None:
    groups: list[int] = []

    def interrupted() -> None:
        with Emulator(own) as emulator:
            groups.append(emulator.pid or 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [runs(group) for group in groups] == [False]


def test_objects_outlive_it_as_plain_files(own: Workspace) -> None:
    with Emulator(own) as emulator:
        s3 = emulator.aws.s3()
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="raw/date=2026-11-23/object.csv", Body=b"a\r\n1\r\n")
    (path,) = own.objects.glob("*/bucket/raw/*/object.csv")
    assert path.read_bytes() == b"a\r\n1\r\n"


def test_it_starts_empty_whatever_was_left_by_one_that_was_killed(own: Workspace) -> None:
    with Emulator(own) as emulator:
        emulator.aws.s3().create_bucket(Bucket="bucket")
        assert emulator.pid
        os.killpg(emulator.pid, signal.SIGKILL)
    with Emulator(own) as emulator:
        assert emulator.aws.s3().list_buckets()["Buckets"] == []


def test_it_listens_on_loopback_only(own: Workspace) -> None:
    port = free_port()
    with Emulator(own, port=port), socket.create_connection((HOST, port), timeout=5) as connection:
        assert connection.getpeername()[0] == HOST
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", port), timeout=5)


def test_it_answers_to_a_forwarders_name_only_where_it_was_told_to(own: Workspace) -> None:
    port = free_port()
    with Forwarder("127.0.0.2", port) as bridge:
        with Emulator(own, port=port, hosts=[urlsplit(bridge.url).netloc]) as emulator:
            LocalAws(bridge.url, emulator.credentials).s3().create_bucket(Bucket="bucket")
            assert len(emulator.aws.s3().list_buckets()["Buckets"]) == 1
        with Emulator(own, port=port) as emulator, pytest.raises(ClientError, match="Host"):
            LocalAws(bridge.url, emulator.credentials).s3().list_buckets()


def test_each_run_has_credentials_of_its_own_and_their_files_while_it_is_up(own: Workspace) -> None:
    with Emulator(own) as former:
        assert former.credentials.access_key in own.credentials.read_text()
        assert own.data.stat().st_mode & 0o777 == 0o700
    assert not own.credentials.exists()
    with Emulator(own) as emulator:
        assert former.credentials.access_key not in own.credentials.read_text()
        with pytest.raises(ClientError, match="each run has new ones"):
            LocalAws(emulator.endpoint, former.credentials).s3().list_buckets()


def test_one_that_did_not_come_up_leaves_the_credentials_of_the_one_that_is_up(own: Workspace) -> None:
    with Emulator(own) as emulator:
        Emulator(own).stop()
        assert emulator.credentials.access_key in own.credentials.read_text()


def test_two_never_share_their_data(own: Workspace) -> None:
    with (
        Emulator(own),
        pytest.raises(LocalCloudError, match="another run"),
        exclusive(own.data / "lock", seconds=0),
    ):
        pass


def test_a_taken_port_is_told_with_the_emulators_own_words(own: Workspace) -> None:
    with socket.create_server((HOST, 0)) as taken:
        emulator = Emulator(own, port=taken.getsockname()[1])
        with pytest.raises(LocalCloudError, match="already in use"):
            emulator.__enter__()
    assert emulator.pid is None
