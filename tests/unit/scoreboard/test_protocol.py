from __future__ import annotations

import os
from typing import TYPE_CHECKING

from scoreboard.adapters.protocol import Task, merged, printed_messages, printed_to

if TYPE_CHECKING:
    from pathlib import Path


def test_a_merge_by_key_keeps_the_last_of_each() -> None:
    rows = [{"id": 1, "n": 1}, {"id": 2, "n": 2}, {"id": 1, "n": 3}]
    assert merged(rows, "id") == [{"id": 1, "n": 3}, {"id": 2, "n": 2}]


def test_what_is_printed_is_read_as_messages_and_words_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "printed"
    with printed_to(path):
        os.write(1, 'starting\n{"type": "RECORD", "n": "a\u2028b"}\n{"type": "STATE"}\n'.encode())
    assert printed_messages(path, "RECORD") == [{"type": "RECORD", "n": "a\u2028b"}]


def test_a_task_says_where_to_log_in_and_as_whom() -> None:
    task = Task("http://api.example", "ada", "secret", 5, tuned=True, folder="here")
    assert task.login_url == "http://api.example/login"
    assert task.credentials == {"username": "ada", "password": "secret"}
