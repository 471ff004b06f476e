"""The local cloud itself: it starts empty, ends whole, and never two at once on the same data."""

from __future__ import annotations

import os
import signal
import socket
from dataclasses import dataclass
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
    from collections.abc import Iterator
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


@dataclass
class Ended:
    """A run that is over, and what was seen of it while it was up."""

    workspace: Workspace
    emulator: Emulator
    group: int
    credentials: str
    mode: int


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    own = Workspace(Workspace.default().root, tmp_path_factory.mktemp("ended"))
    with Emulator(own) as emulator:
        s3 = emulator.aws.s3()
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="raw/date=2026-11-23/object.csv", Body=b"a\r\n1\r\n")
        assert emulator.pid is not None
        return Ended(
            own, emulator, emulator.pid, own.credentials.read_text(), own.data.stat().st_mode & 0o777
        )


@dataclass
class Up:
    """A run that is up, and two forwarders to it: it was told of one of them."""

    workspace: Workspace
    emulator: Emulator
    port: int
    told: str
    untold: str


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    own, port = Workspace(Workspace.default().root, tmp_path_factory.mktemp("up")), free_port()
    with (
        Forwarder("127.0.0.2", port) as told,
        Forwarder("127.0.0.3", port) as untold,
        Emulator(own, port=port, hosts=[urlsplit(told.url).netloc]) as emulator,
    ):
        yield Up(own, emulator, port, told.url, untold.url)


def test_it_is_gone_after_the_block(ended: Ended) -> None:
    assert not runs(ended.group)
    assert ended.emulator.pid is None


def test_it_is_gone_after_a_failure_inside_the_block(own: Workspace) -> None:
    groups: list[int] = []

    def interrupted() -> None:
        with Emulator(own) as emulator:
            groups.append(emulator.pid or 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [runs(group) for group in groups] == [False]


def test_objects_outlive_it_as_plain_files(ended: Ended) -> None:
    (path,) = ended.workspace.objects.glob("*/bucket/raw/*/object.csv")
    assert path.read_bytes() == b"a\r\n1\r\n"


def test_files_of_its_credentials_are_there_while_it_is_up_and_for_nobody_else(ended: Ended) -> None:
    assert ended.emulator.credentials.access_key in ended.credentials
    assert ended.mode == 0o700
    assert not ended.workspace.credentials.exists()


def test_it_starts_empty_and_with_other_credentials_whatever_was_left_by_one_that_was_killed(
    own: Workspace,
) -> None:
    with Emulator(own) as former:
        former.aws.s3().create_bucket(Bucket="bucket")
        assert former.pid
        os.killpg(former.pid, signal.SIGKILL)
    with Emulator(own) as emulator:
        assert emulator.aws.s3().list_buckets()["Buckets"] == []
        assert former.credentials.access_key not in own.credentials.read_text()
        with pytest.raises(ClientError, match="each run has new ones"):
            LocalAws(emulator.endpoint, former.credentials).s3().list_buckets()


def test_it_listens_on_loopback_only(up: Up) -> None:
    with socket.create_connection((HOST, up.port), timeout=60) as connection:
        assert connection.getpeername()[0] == HOST
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.4", up.port), timeout=60)


def test_it_answers_to_a_forwarders_name_only_where_it_was_told_to(up: Up) -> None:
    LocalAws(up.told, up.emulator.credentials).s3().create_bucket(Bucket="forwarded")
    assert len(up.emulator.aws.s3().list_buckets()["Buckets"]) == 1
    with pytest.raises(ClientError, match="Host"):
        LocalAws(up.untold, up.emulator.credentials).s3().list_buckets()


def test_one_that_did_not_come_up_leaves_the_credentials_of_the_one_that_is_up(up: Up) -> None:
    Emulator(up.workspace).stop()
    assert up.emulator.credentials.access_key in up.workspace.credentials.read_text()


def test_two_never_share_their_data(up: Up) -> None:
    with (
        pytest.raises(LocalCloudError, match="another run"),
        exclusive(up.workspace.data / "lock", seconds=0),
    ):
        pass


def test_a_taken_port_is_told_with_the_emulators_own_words(own: Workspace) -> None:
    with socket.create_server((HOST, 0)) as taken:
        emulator = Emulator(own, port=taken.getsockname()[1])
        with pytest.raises(LocalCloudError, match="already in use"):
            emulator.__enter__()
    assert emulator.pid is None
