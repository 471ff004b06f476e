"""A local cloud with the stack in it, to play with."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from localcloud.emulator import Emulator
from localcloud.launch import launch
from localcloud.sam import SamCli
from localcloud.workspace import ACCESS_KEY, REGION, SECRET_KEY

if TYPE_CHECKING:
    from localcloud.console import Console
    from localcloud.workspace import Workspace


def stay_up(workspace: Workspace, port: int | None, console: Console) -> int:
    """Deploy, say how to call what was deployed, and wait for the user's Ctrl-C.

    Raises:
        LocalCloudError: The local cloud, the build or the deployment failed.
    """
    with Emulator(workspace, port=port) as emulator:
        stack = launch(emulator, SamCli(workspace), {}, console)
        console.heading("Deployed")
        for name, value in sorted(stack.outputs.items()):
            console.say(f"  {name:<24} {value}")
        console.heading("Ingest")
        console.say(f"  curl --aws-sigv4 aws:amz:{REGION}:execute-api --user {ACCESS_KEY}:{SECRET_KEY} \\")
        console.say("    -H 'Content-Type: application/json' \\")
        console.say(f'    -d \'{{"format": "csv"}}\' {stack.outputs["WorkerUrl"]}')
        console.heading("Look (any AWS tool)")
        console.say(f"  export AWS_ENDPOINT_URL={emulator.endpoint} AWS_DEFAULT_REGION={REGION} \\")
        console.say(f"    AWS_ACCESS_KEY_ID={ACCESS_KEY} AWS_SECRET_ACCESS_KEY={SECRET_KEY}")
        console.say("\nCtrl-C stops it.")
        threading.Event().wait()
    return 0
