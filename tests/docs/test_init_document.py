"""The examples of docs/init.md: what they show is what comes, by words of the command line."""

from __future__ import annotations

import io
import json
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from de_classes.__main__ import make_parser
from de_classes.cli.init import run
from de_classes.utils.clock import ManualClock
from tests.fakes.documents import ROOT
from tests.fakes.mimics import MIMICS
from tests.fakes.mimics.serving import MimicTransport

if TYPE_CHECKING:
    from pathlib import Path

TEXT = (ROOT / "docs" / "init.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    de-classes (.+)$", TEXT, re.MULTILINE)


def test_the_description_that_is_shown_is_what_comes(tmp_path: Path) -> None:
    file = tmp_path / "github.json"
    file.write_text(json.dumps(MIMICS["github"].secrets))
    file.chmod(0o600)
    words = [str(file) if word == file.name else word for word in shlex.split(COMMANDS[0])]
    out, clock = io.StringIO(), ManualClock()
    transport = MimicTransport(MIMICS["github"](clock=clock, is_throttled=False))
    args = make_parser(words).parse_args(words)
    assert run(args, out=out, err=io.StringIO(), transport=transport, clock=clock) == 0
    (shown,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert out.getvalue() == shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_line_is_one_that_is_understood(command: str) -> None:
    words = shlex.split(command)
    assert make_parser(words).parse_args(words).command == "init"


def test_the_document_names_the_budget_that_there_is() -> None:
    from de_classes.api.source.guessing.observing import BUDGET, PAUSE  # noqa: PLC0415 - for this test alone

    assert f"at most {BUDGET} and a fifth of a second apart" in " ".join(TEXT.split())
    assert PAUSE == 1 / 5
