"""What a stranger does to the local cloud while it is up: a web page, or another user of the machine.

Each attack is shown to be a whole request by the run's own signature, with which it is let through.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.console import Console
from localcloud.credentials import CredentialFiles
from localcloud.up import explain
from localcloud.workspace import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcloud.stack import Stack
    from localcloud.workspace import Workspace

pytestmark = pytest.mark.xdist_group("local_cloud")  # one deployment, so one process

ROLE, FUNCTION = "strangers", "strangers-function"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
PAGE = {"Origin": "https://page.example", "Sec-Fetch-Site": "cross-site"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FORBIDDEN = 403


@pytest.fixture(scope="module")
def owner(stack: Stack) -> Credentials:
    own = stack.aws.credentials
    return Credentials(own.access_key, own.secret_key)


@pytest.fixture(scope="module")
def attacks(stack: Stack) -> dict[str, tuple[str, AWSRequest]]:
    """What is asked for, each with the service that it is signed for."""
    at = stack.aws.endpoint
    role = {
        "Action": "CreateRole",
        "Version": "2010-05-08",
        "RoleName": ROLE,
        "AssumeRolePolicyDocument": json.dumps(TRUST),
    }
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return 'run'\n")
    function = {
        "FunctionName": FUNCTION,
        "Runtime": "python3.13",
        "Handler": "app.handler",
        "Role": f"arn:aws:iam::000000000000:role/{ROLE}",
        "Code": {"ZipFile": base64.b64encode(code.getvalue()).decode()},
    }
    functions = f"{at}/2015-03-31/functions"
    return {
        "create a role": ("iam", AWSRequest("POST", f"{at}/", dict(FORM), urlencode(role).encode())),
        "create a function": ("lambda", AWSRequest("POST", functions, {}, json.dumps(function).encode())),
        "invoke it": ("lambda", AWSRequest("POST", f"{functions}/{FUNCTION}/invocations", {}, b"{}")),
        "list the buckets": ("s3", AWSRequest("GET", f"{at}/", {}, b"")),
        "list a bucket": ("s3", AWSRequest("GET", f"{at}/{stack.bucket}", {"X-Own": "1"}, b"")),
        "forget everything": ("s3", AWSRequest("POST", f"{at}/_ministack/reset", {}, b"")),
        "set the emulator": ("s3", AWSRequest("POST", f"{at}/_ministack/config", {}, b"{}")),
    }


CLOSED = ("forget everything", "set the emulator")  # to the owner too


@pytest.fixture
def nothing_is_left(stack: Stack) -> Iterator[None]:
    """Take out what the owner's own requests have made."""
    yield
    make = stack.aws.session.client
    make("lambda", endpoint_url=stack.aws.endpoint).delete_function(FunctionName=FUNCTION)
    make("iam", endpoint_url=stack.aws.endpoint).delete_role(RoleName=ROLE)


def signed(attack: tuple[str, AWSRequest], by: Credentials, *, presigned: bool = False) -> AWSRequest:
    service, request = attack
    copy = AWSRequest(request.method, request.url, dict(request.headers.items()), request.data)
    if presigned:
        copy.data = b""  # botocore would move it into the query
        S3SigV4QueryAuth(by, service, REGION, expires=60).add_auth(copy)
        copy.data = request.data
    else:
        (S3SigV4Auth if service == "s3" else SigV4Auth)(by, service, REGION).add_auth(copy)
    return copy


def send(request: AWSRequest, headers: dict[str, str] | None = None) -> requests.Response:
    prepared = request.prepare()
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            prepared.method,
            prepared.url,
            data=request.data,
            headers={**dict(prepared.headers.items()), **(headers or {})},
            timeout=120,
        )


def outcomes(attacks: dict[str, tuple[str, AWSRequest]], attempt: Any) -> dict[str, int]:
    """The status of each attack; no answer grants another origin anything."""
    answers = {name: attempt(attack) for name, attack in attacks.items()}
    granted = [name for name, answer in answers.items() if "Access-Control-Allow-Origin" in answer.headers]
    assert granted == []
    return {name: answer.status_code for name, answer in answers.items()}


def refused(attacks: dict[str, tuple[str, AWSRequest]]) -> dict[str, int]:
    return dict.fromkeys(attacks, FORBIDDEN)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "text/plain", **PAGE},
        {**FORM, "Origin": "null"},
        {"Host": "rebound.example"},
        {"Host": "rebound.example", "Origin": "http://rebound.example", "Sec-Fetch-Site": "same-origin"},
    ],
    ids=["a local user", "a page", "a sandboxed page", "a rebound name", "a rebound name's page"],
)
def test_what_is_not_signed_is_refused(
    attacks: dict[str, tuple[str, AWSRequest]], headers: dict[str, str]
) -> None:
    assert outcomes(attacks, lambda attack: send(attack[1], headers)) == refused(attacks)


@pytest.mark.parametrize("presigned", [False, True], ids=["header", "presigned"])
@pytest.mark.parametrize("key", ["test", "000000000000", "AKIAIOSFODNN7EXAMPLE"])
def test_another_access_key_is_refused(
    attacks: dict[str, tuple[str, AWSRequest]], key: str, *, presigned: bool
) -> None:
    other = Credentials(key, "test")
    attempt = outcomes(attacks, lambda attack: send(signed(attack, other, presigned=presigned)))
    assert attempt == refused(attacks)


@pytest.mark.parametrize("presigned", [False, True], ids=["header", "presigned"])
def test_the_runs_own_access_key_is_of_no_use_without_its_secret(
    attacks: dict[str, tuple[str, AWSRequest]], owner: Credentials, *, presigned: bool
) -> None:
    guessed = Credentials(owner.access_key, "guessed")
    attempt = outcomes(attacks, lambda attack: send(signed(attack, guessed, presigned=presigned)))
    assert attempt == refused(attacks)


def test_a_page_is_refused_even_with_the_runs_own_signature(
    attacks: dict[str, tuple[str, AWSRequest]], owner: Credentials
) -> None:
    assert outcomes(attacks, lambda attack: send(signed(attack, owner), PAGE)) == refused(attacks)


def test_a_preflight_is_refused(stack: Stack) -> None:
    asks = {
        **PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    urls = (stack.aws.endpoint, stack.outputs["WorkerUrl"], stack.outputs["SimulatorsUrl"] + "/auth/login")
    answers = [send(AWSRequest("OPTIONS", url, asks)) for url in urls]
    assert [answer.status_code for answer in answers] == [FORBIDDEN] * 3
    assert not any(name.startswith("Access-Control") for answer in answers for name in answer.headers)


def test_the_credentials_of_a_function_cannot_be_computed_from_its_name(
    stack: Stack, owner: Credentials
) -> None:
    functions = stack.aws.session.client("lambda", endpoint_url=stack.aws.endpoint)
    name = stack.outputs["UnstableSimulatorName"]
    found = functions.get_function_configuration(FunctionName=name, Qualifier="live")
    assert stack.get("/unstable/health").status == 200  # it runs, so it has credentials
    who = urlencode({"Action": "GetCallerIdentity", "Version": "2011-06-15"}).encode()
    attack = ("sts", AWSRequest("POST", f"{stack.aws.endpoint}/", dict(FORM), who))
    assert send(signed(attack, owner)).status_code == 200
    for arn in {found["FunctionArn"], found["FunctionArn"].rpartition(":")[0]}:
        digest = hashlib.sha256(f"{arn}:{found['Role']}".encode()).hexdigest()  # the emulator's own recipe
        computed = Credentials(
            f"ASIA{digest[:16].upper()}",
            hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
            hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
        )
        assert send(signed(attack, computed)).status_code == FORBIDDEN


@pytest.mark.usefixtures("nothing_is_left")
def test_the_same_requests_are_let_through_for_the_owner_but_for_the_emulators_own(
    attacks: dict[str, tuple[str, AWSRequest]], owner: Credentials, stack: Stack
) -> None:
    # Only now: what was refused above has left no role and no function behind, and nothing was forgotten.
    iam = stack.aws.session.client("iam", endpoint_url=stack.aws.endpoint)
    assert ROLE not in {role["RoleName"] for role in iam.list_roles()["Roles"]}
    attempt = outcomes(attacks, lambda attack: send(signed(attack, owner)))
    expected = dict.fromkeys(attacks, 200) | {"create a function": 201} | dict.fromkeys(CLOSED, FORBIDDEN)
    assert attempt == expected


def test_a_deployed_api_is_as_public_as_the_template_says_and_no_more(stack: Stack) -> None:
    public, port = stack.outputs["SimulatorsUrl"] + "/unstable/health", urlsplit(stack.aws.endpoint).port
    assert send(AWSRequest("GET", public)).status_code == 200
    assert send(AWSRequest("GET", public.replace("127.0.0.1", "localhost", 1))).status_code == 200
    own = {"Origin": f"http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"}
    assert send(AWSRequest("GET", public), own).status_code == 200
    assert send(AWSRequest("GET", public), PAGE).status_code == FORBIDDEN
    assert send(AWSRequest("GET", public), {"Host": "rebound.example"}).status_code == FORBIDDEN
    assert stack.post_unsigned(stack.outputs["WorkerUrl"]).status in (401, FORBIDDEN)


def pasted(text: str, *, then: str = "true") -> str:
    """What a shell prints that gets these lines."""
    environment = {"PATH": os.environ["PATH"], "NO_PROXY": "*", "AWS_PROFILE": "production"}
    done = subprocess.run(
        ["/bin/sh", "-euc", f"{text}\n{then}"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_make_up_says_works_when_it_is_pasted_and_shows_no_secret(
    stack: Stack, workspace: Workspace
) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    said = io.StringIO()
    explain(stack, CredentialFiles(workspace), Console(said))
    assert stack.aws.credentials.secret_key not in said.getvalue()
    _, ingest, look = re.split(r"\n(?:Ingest|Look \(any AWS tool\))\n", said.getvalue())
    # A format that there is not: the worker says so, and nobody else would.
    answer = json.loads(pasted(ingest.replace("csv", "stone").replace("curl", "curl --silent", 1)))
    assert "parquet" in str(answer)
    listing = "import boto3; print(boto3.client('s3').list_buckets()['Buckets'])"
    assert stack.bucket in pasted(look, then=f'{sys.executable} -c "{listing}"')


def test_no_secret_of_the_run_is_in_an_argument_a_variable_or_the_log(
    stack: Stack, workspace: Workspace
) -> None:
    secret, seen = stack.aws.credentials.secret_key.encode(), b""
    for told in (*Path("/proc").glob("[0-9]*/cmdline"), *Path("/proc").glob("[0-9]*/environ")):
        with suppress(OSError):  # it is another user's, or has ended
            seen += told.read_bytes()
    if not seen:
        pytest.skip("this system does not show its processes")
    assert b"localcloud.keeper" in seen
    assert secret not in seen
    assert secret not in (workspace.data / "emulator.log").read_bytes()
