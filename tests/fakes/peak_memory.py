"""A client in a process of its own, which says what an answer cost it: ``python -m tests.fakes.peak_memory``.

On stdin: an object with base_url, login_url, username, password, transport and concurrency. On stdout: one
with the error that ended the run, its seconds of processor time, and the most memory the process ever had.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from de_classes.api.auth_client import AuthClient, LoginLimits
from de_classes.api.endpoint import Endpoint
from de_classes.api.http_transport import HttpClientTransport
from de_classes.api.requests_transport import RequestsTransport
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import DeClassesError
from de_classes.utils.clock import ManualClock

TRANSPORTS = {"http.client": HttpClientTransport, "requests": RequestsTransport}


def peak_bytes() -> int:
    """The most memory this process had in use."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts the parent's memory in ru_maxrss, from before the program was started in the fork.
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def fetch(asked: dict[str, Any]) -> str:
    """Every page, or the name of the error."""
    clock, transport = ManualClock(), TRANSPORTS[asked["transport"]]()
    policy = RetryPolicy(max_attempts=3)
    login = AuthClient(
        asked["login_url"],
        asked["username"],
        asked["password"],
        limits=LoginLimits(retry_policy=policy),
        runtime=ClientRuntime(transport=transport, clock=clock),
    )
    client = UnstableAPIClient(
        Endpoint.at(asked["base_url"] + "/data", look_back="none"),
        login,
        limits=ClientLimits(concurrency=asked["concurrency"], retry_policy=policy),
        runtime=ClientRuntime(transport=transport, clock=clock),
    )
    try:
        return f"{sum(len(page.records) for _, page in client.iterate_all_pages(limit=10))} records"
    except DeClassesError as error:
        return type(error).__name__


def main() -> None:
    """Run once."""
    asked = json.load(sys.stdin)
    before = peak_bytes()
    began = time.process_time()
    outcome = fetch(asked)
    seconds = time.process_time() - began
    json.dump({"outcome": outcome, "seconds": seconds, "peak": peak_bytes(), "before": before}, sys.stdout)


if __name__ == "__main__":
    main()
