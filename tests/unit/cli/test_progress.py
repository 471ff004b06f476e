from __future__ import annotations

import io

from de_classes.api.page import Page
from de_classes.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def draw(stream: io.StringIO, *, enabled: bool = True) -> str:
    with Progress(stream, enabled=enabled) as progress:
        for number in (1, 2, 3):
            progress.page(Page(number, [{"id": 1}] * 10, {}, 3, 30))
    return stream.getvalue()


def test_on_a_terminal_there_is_a_bar() -> None:
    assert "pages" in draw(Terminal())


def test_where_nobody_watches_there_is_none() -> None:
    assert draw(io.StringIO()) == ""
    assert draw(Terminal(), enabled=False) == ""
