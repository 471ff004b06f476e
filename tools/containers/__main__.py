"""``python -m tools.containers``: the functions in containers, to play with, until Ctrl-C."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
from contextlib import ExitStack

from localcloud.console import Console
from localcloud.errors import LocalCloudError
from tools.containers import engine
from tools.containers.sam_local import SamLocal
from tools.containers.services import Services, own_workspace

FAILED = 2
INTERRUPTED = 130
EXAMPLE = "events/ingestion_worker/ingest_parquet.json"


def main() -> int:
    """Build, serve both APIs, and wait; the exit status is 130 after Ctrl-C."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a job in the background would ignore the first
        signal.signal(number, signal.default_int_handler)
    console = Console(sys.stdout)
    try:
        engine.require()
        _stay_up(console)
    except LocalCloudError as error:
        print(f"\n{error}", file=sys.stderr)  # noqa: T201 - a command's own words
        return FAILED
    except KeyboardInterrupt:
        console.say("\nstopped")
    return INTERRUPTED


def _stay_up(console: Console) -> None:
    workspace = own_workspace()
    sam, gateway = SamLocal(workspace), engine.gateway()
    console.say(f"The runtime's image is {engine.image_origin()}.")
    with console.step("building functions and layers"):
        sam.build()
    with ExitStack() as held:
        services = held.enter_context(Services(workspace, gateway))
        with console.step("starting a container a function"):
            held.enter_context(sam.start_api(gateway, services.api_port))
        console.heading("Ingest")
        console.say(f'  curl -d \'{{"format": "csv"}}\' {services.api_url}/ingest')
        console.heading("In a second shell: one function, as it stands")
        console.say(f"  sam local invoke IngestionWorkerFunction -e {EXAMPLE}")
        console.heading("In a second shell: any AWS tool")
        console.say(f"  . {shlex.quote(str(services.files.shell))}")
        console.say("\nCtrl-C stops it.")
        threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
