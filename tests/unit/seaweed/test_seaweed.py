from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tools.seaweed.__main__ import FAILED, main
from tools.seaweed.server import Login, arguments

if TYPE_CHECKING:
    import pytest

SAID = arguments(Path("/scratch"), {"s3.port": 1, "s3.port.grpc": 2})


def test_everything_listens_on_loopback() -> None:
    assert {"-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.port=1", "-s3.port.grpc=2"} <= {*SAID}
    assert {"-s3.port.iceberg=0", "-s3.port.lance=0"} <= {*SAID}


def test_it_tells_nobody_that_it_runs() -> None:
    assert "-master.telemetry=false" in SAID


def test_every_file_is_in_its_folder() -> None:
    named = [word for word in SAID if "/" in word]
    assert named
    assert all("=/scratch" in word for word in named)


def test_a_login_is_not_shown() -> None:
    assert "secret" not in repr(Login("key-id", "secret"))


def test_a_command_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == FAILED
    assert "usage" in capsys.readouterr().err
