"""README's blocks, as they stand, in the shells that people type in."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from localcloud.emulator import free_port
from localcloud.workspace import REGION
from tests.docs.test_documents import ACTIVATIONS, OURS_ALONE, PORT, end_group
from tests.docs.test_readme import FIRST_SCREEN, REST, indented, same_on_every_machine
from tests.fakes.aws import ACCESS_KEY, SECRET_KEY
from tests.fakes.commands import without_waits
from tests.fakes.documents import blocks, descriptions, signed_calls
from tests.fakes.signed import SIGNED, TOKEN, recorder, signature_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.shells
SECONDS = 300


def typed(shell: str, text: str, folder: Path, **variables: str) -> tuple[str, str]:
    """What is printed where nothing of ours is in the environment, and the errors."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(OURS_ALONE)}
    environment = {**outside, "PATH": os.defpath, "HOME": str(folder), **variables}
    with subprocess.Popen(
        [shell, "-c", text],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=SECONDS)
        finally:
            end_group(process)
    assert process.returncode == 0, out + err
    return out, err


def activated(shell: str, folder: Path) -> str:
    """The line that README says first, which fish has another file for."""
    (folder / ".venv").symlink_to(sys.prefix)
    (activation,) = ACTIVATIONS
    return activation.text.replace("activate", "activate.fish") if shell == "fish" else activation.text


def test_the_three_lines_print_the_receipt_that_is_shown(shell: str, tmp_path: Path) -> None:
    commands, receipt = indented(FIRST_SCREEN)
    (description,) = (block for block in descriptions() if block.document == "README.md")
    port = str(free_port())
    (tmp_path / "shop.toml").write_text(description.text.replace(PORT, port), encoding="utf-8")
    assert "`kill %1`" in FIRST_SCREEN
    lines = "\n".join([activated(shell, tmp_path), *commands, "kill %1"]).replace(PORT, port)
    out, err = typed(shell, lines, tmp_path)
    told = [line for line in without_waits(err).splitlines() if line.startswith("ingest: ")]
    printed = [*told, *out.splitlines()]
    assert [*map(same_on_every_machine, printed)] == [*map(same_on_every_machine, receipt)]


@pytest.mark.parametrize("token", [None, TOKEN], ids=["long-lived keys", "a role's"])
def test_the_call_is_signed_as_aws_asks(shell: str, token: str | None, tmp_path: Path) -> None:
    (block,) = (block for block in signed_calls() if block.document == "README.md")
    keys = {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
    }
    if token:
        keys["AWS_SESSION_TOKEN"] = token
    with recorder() as server:
        url = f"http://127.0.0.1:{server.server_port}/v1/ingest"
        out, _ = typed(shell, block.text, tmp_path, WORKER_URL=url, **keys)
    assert out == '{"status": "complete"}'
    signed = SIGNED.fullmatch(server.headers["authorization"])
    assert signed is not None
    assert signed["scope"] == f"{REGION}/execute-api/aws4_request"
    assert signed["signature"] == signature_of(server, signed["headers"], SECRET_KEY, token)


def test_no_block_is_left_out() -> None:
    """The others are make alone, which no shell understands otherwise."""
    ours = [block for block in blocks("sh") if block.document == "README.md"]
    others = [block for block in ours if block not in signed_calls()]
    assert [block for block in others if not block.text.startswith("make ")] == []
    assert indented(REST) == []
