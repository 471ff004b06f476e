"""The signed calls that the documents show: signed as AWS asks, and answered by a deployed worker."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from localcloud.workspace import REGION
from tests.fakes.aws import ACCESS_KEY, SECRET_KEY
from tests.fakes.documents import signed_calls
from tests.fakes.signed import SIGNED, TOKEN, recorder, signature_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.documents import Block
    from tests.integration.conftest import Cloud

every_call = pytest.mark.parametrize("block", signed_calls(), ids=str)


def call(block: Block, url: str, folder: Path, **credentials: str) -> str:
    """What the example prints, with nothing in its environment but what it names."""
    if block.language == "sh" and not shutil.which("curl"):
        pytest.skip("curl is not installed")
    shells = {
        "sh": [shutil.which("bash") or "sh", "-euc", block.text],
        "python": [sys.executable, "-c", block.text],
    }
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "WORKER_URL": url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        **credentials,
    }
    done = subprocess.run(
        shells[block.language], env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_documents_show_a_call_by_curl_and_one_by_the_library() -> None:
    assert [block.language for block in signed_calls()] == ["sh", "python"]


@every_call
@pytest.mark.parametrize("token", [None, TOKEN], ids=["long-lived keys", "a role's"])
def test_a_call_is_signed_as_aws_asks(block: Block, token: str | None, tmp_path: Path) -> None:
    session = {"AWS_SESSION_TOKEN": token} if token else {}
    with recorder() as server:
        url = f"http://127.0.0.1:{server.server_port}/v1/ingest"
        out = call(
            block, url, tmp_path, AWS_ACCESS_KEY_ID=ACCESS_KEY, AWS_SECRET_ACCESS_KEY=SECRET_KEY, **session
        )
    assert json.loads(out) == {"status": "complete"}
    assert json.loads(server.body) == {"format": "csv", "limit": 100}
    assert server.headers.get("x-amz-security-token") == token
    signed = SIGNED.fullmatch(server.headers["authorization"])
    assert signed is not None
    assert (signed["key"], signed["scope"]) == (ACCESS_KEY, f"{REGION}/execute-api/aws4_request")
    assert {"host", "x-amz-date"} <= set(signed["headers"].split(";"))
    assert signed["signature"] == signature_of(server, signed["headers"], SECRET_KEY, token)
    assert signed["signature"] != signature_of(server, signed["headers"], "another", token)


@every_call
@pytest.mark.xdist_group("local_cloud")
def test_a_deployed_worker_answers_a_signed_call(block: Block, calm_cloud: Cloud, tmp_path: Path) -> None:
    own = calm_cloud.stack.aws.credentials
    keys = {"AWS_ACCESS_KEY_ID": own.access_key, "AWS_SECRET_ACCESS_KEY": own.secret_key}
    receipt = json.loads(call(block, calm_cloud.stack.outputs["WorkerUrl"], tmp_path, **keys))
    assert receipt["status"] == "complete", receipt
    assert (receipt["format"], receipt["pages"]) == ("csv", 10)


def test_no_argument_of_a_process_holds_a_secret() -> None:
    """Every user of a machine may list the arguments of all processes; what awk has is in its environment."""
    for block in signed_calls():
        if block.language == "sh":
            _, curl = block.text.split("| curl")
            assert not re.search(r"SECRET|TOKEN", curl)
