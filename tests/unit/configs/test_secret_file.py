from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from de_classes.configs.secret_file import read_secret_file, read_secret_lines
from de_classes.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "secrets"
    file.touch(mode=0o600)
    file.write_bytes(b"hunter2\nsecond\n")
    return file


def test_a_file_of_ones_own_is_read(file: Path) -> None:
    assert read_secret_file("--secrets", file) == b"hunter2\nsecond\n"
    assert read_secret_lines("--secrets", str(file)) == ["hunter2", "second"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610])
def test_a_file_that_is_open_to_others_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(ConfigurationError) as caught:
        read_secret_file("--secrets", file)
    assert str(caught.value) == f"--secrets: {file} is open to other users: chmod 600 it first"


def test_a_pipe_is_read_whatever_its_mode() -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, b"hunter2\n")
        os.close(writing)
        assert read_secret_lines("--password-file", f"/dev/fd/{reading}") == ["hunter2"]
    finally:
        os.close(reading)


def test_a_file_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^--secrets: .* cannot be read: No such file"):
        read_secret_file("--secrets", tmp_path / "nothing")


@pytest.mark.parametrize(("content", "why"), [(b"", "is empty"), (b"\xff\xfe", "is no text in UTF-8")])
def test_lines_that_are_none_are_refused_without_a_word_of_them(file: Path, content: bytes, why: str) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=why):
        read_secret_lines("--password-file", str(file))
