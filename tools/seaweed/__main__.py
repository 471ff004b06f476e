"""``python -m tools.seaweed COMMAND...``: run a command that finds a SeaweedFS server in its environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from localcloud.errors import LocalCloudError
from tools.seaweed.server import Server

FAILED = 2
INTERRUPTED = 130


def main(command: list[str]) -> int:
    """Start a server, run the command and stop the server; the exit status is the command's."""
    if not command:
        print("usage: python -m tools.seaweed COMMAND [ARGUMENT...]", file=sys.stderr)  # noqa: T201 - its own words
        return FAILED
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Server() as server:
            environment = {
                **os.environ,
                "DE_CLASSES_TEST_S3_ENDPOINT": server.endpoint,
                "DE_CLASSES_TEST_S3_ACCESS_KEY": server.login.access_key,
                "DE_CLASSES_TEST_S3_SECRET_KEY": server.login.secret_key,
                "DE_CLASSES_TEST_S3_SERVER": "SeaweedFS 4",
            }
            print(f"seaweed: {server.version} answers at {server.endpoint}", file=sys.stderr)  # noqa: T201
            return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - asked for
    except LocalCloudError as error:
        print(f"seaweed: {error}", file=sys.stderr)  # noqa: T201 - a command's own words
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
