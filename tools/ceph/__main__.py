"""``python -m tools.ceph COMMAND...``: run a command that finds a Ceph object gateway in its environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from localcloud.errors import LocalCloudError
from tools.ceph.cluster import Cluster

FAILED = 2
INTERRUPTED = 130


def main(command: list[str]) -> int:
    """Start a gateway, run the command and stop the gateway; the exit status is the command's."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Cluster() as cluster:
            login = cluster.create_user()
            environment = {
                **os.environ,
                "DE_CLASSES_TEST_S3_SERVER": "Ceph 16",
                "DE_CLASSES_TEST_S3_ENDPOINT": cluster.endpoint,
                "DE_CLASSES_TEST_S3_ACCESS_KEY": login.access_key,
                "DE_CLASSES_TEST_S3_SECRET_KEY": login.secret_key,
            }
            print(f"ceph: {cluster.version} answers at {cluster.endpoint}", file=sys.stderr)  # noqa: T201
            return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - asked for
    except LocalCloudError as error:
        print(f"ceph: {error}", file=sys.stderr)  # noqa: T201 - a command's own words
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
