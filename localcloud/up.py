"""A local cloud with the stack in it, to play with."""

from __future__ import annotations

import shlex
import threading
from typing import TYPE_CHECKING

from localcloud.emulator import Emulator
from localcloud.launch import launch
from localcloud.sam import SamCli

if TYPE_CHECKING:
    from localcloud.console import Console
    from localcloud.credentials import CredentialFiles
    from localcloud.stack import Stack
    from localcloud.workspace import Workspace


def stay_up(workspace: Workspace, port: int | None, console: Console) -> int:
    """Deploy, say how to call what was deployed, and wait for the user's Ctrl-C.

    Raises:
        LocalCloudError: The local cloud, the build or the deployment failed.
    """
    with Emulator(workspace, port=port) as emulator:
        stack = launch(emulator, SamCli(workspace), {}, console)
        explain(stack, emulator.files, console)
        console.say("\nCtrl-C stops it.")
        threading.Event().wait()
    return 0


def explain(stack: Stack, files: CredentialFiles, console: Console) -> None:
    """Say how to call what was deployed; where the secret is, and not what it is."""
    console.heading("Deployed")
    for name, value in sorted(stack.outputs.items()):
        console.say(f"  {name:<24} {value}")
    console.heading("Ingest")
    console.say(f"  curl --config {shlex.quote(str(files.curl))} \\")
    console.say("    -H 'Content-Type: application/json' \\")
    console.say(f'    -d \'{{"format": "csv"}}\' {stack.outputs["WorkerUrl"]}')
    console.heading("Look (any AWS tool)")
    console.say(f"  . {shlex.quote(str(files.shell))}")
