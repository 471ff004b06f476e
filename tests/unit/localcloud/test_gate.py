"""The gate, in front of an application that only tells what reaches it; clients sign with botocore."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.gate import HEALTH, Gate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.gate import Message, Receive, Send

HOST = "127.0.0.1:4566"
BASE = f"http://{HOST}"
OWN = Credentials("AKIAOWN", "own secret")
SESSION = Credentials("ASIASESSION", "session secret", "session token")
FOREIGN = Credentials("AKIAFOREIGN", "foreign secret")
API = f"{BASE}/_aws/execute-api/abc/Prod"
ANY_ORIGIN = (b"Access-Control-Allow-Origin", b"*")


def issued(key: str, token: str) -> str | None:
    return SESSION.secret_key if (key, token) == (SESSION.access_key, SESSION.token) else None


class Client:
    """Sends requests through a gate.

    Attributes:
        gate: What is tested.
        reached: The scope and the body of the last request that came through.
    """

    def __init__(self, *, later: timedelta = timedelta(0)) -> None:
        self.reached: tuple[Message, bytes] | None = None
        self.gate = Gate(
            self._app,
            hosts=[HOST, "localhost:4566", "172.17.0.1:33333"],
            root=(OWN.access_key, OWN.secret_key),
            issued=issued,
            now=lambda: datetime.now(UTC) + later,
        )

    def send(
        self, request: AWSRequest, headers: Mapping[str, str] | None = None, *, body: bytes | None = None
    ) -> Answer:
        """Send a request, with more headers than it has, or another body than the one that was signed."""
        prepared = request.prepare()
        url = urlsplit(prepared.url)
        fields = {"Host": url.netloc, **dict(prepared.headers.items()), **(headers or {})}
        content = request.data or b"" if body is None else body
        return self.raw(
            prepared.method,
            url.path,
            url.query,
            [(name, text(value)) for name, value in fields.items()],
            content,
        )

    def raw(
        self, method: str, path: str, query: str, headers: list[tuple[str, str]], body: bytes | str = b""
    ) -> Answer:
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        }
        return self.call(scope, body.encode() if isinstance(body, str) else body)

    def call(self, scope: Message, body: bytes = b"") -> Answer:
        """What is answered; the body comes in two pieces."""
        pieces = [body[:3], body[3:]]
        sent: list[Message] = []

        async def receive() -> Message:
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: Message) -> None:
            sent.append(message)

        self.reached = None
        asyncio.run(self.gate(scope, receive, send))
        return Answer(sent)

    async def _app(self, scope: Message, receive: Receive, send: Send) -> None:
        body = b""
        more = scope["type"] == "http"
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        self.reached = (scope, body)
        await send({"type": "http.response.start", "status": 200, "headers": [ANY_ORIGIN, (b"x-own", b"1")]})
        await send({"type": "http.response.body", "body": b"reached"})


class Answer:
    """What the gate sent."""

    def __init__(self, sent: list[Message]) -> None:
        self.sent = sent

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode().lower(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def code(self) -> str:
        return self.headers.get("x-amzn-errortype", "")


def text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def asked(
    method: str = "GET", url: str = f"{BASE}/bucket", data: bytes = b"", headers: Any = None
) -> AWSRequest:
    return AWSRequest(method, url, data=data, headers=headers or {})


def signed(
    by: Credentials,
    request: AWSRequest | None = None,
    *,
    service: str = "s3",
    auth: type[SigV4Auth] | None = None,
    **how: Any,
) -> AWSRequest:
    request = request or asked()
    auth = auth or (S3SigV4Auth if service == "s3" else SigV4Auth)
    if service == "s3":
        request.context["payload_signing_enabled"] = True
        request.context["client_config"] = None
    auth(by, service, "us-east-1", **how).add_auth(request)
    return request


@pytest.fixture
def client() -> Client:
    return Client()


AWKWARD = "/bucket/a%20b/%C3%BC%2B%25/~x.%2e/;=@:"
REQUESTS = {
    "an object": ("s3", asked("GET", f"{BASE}{AWKWARD}")),
    "two slashes": ("s3", asked("GET", f"{BASE}/bucket//a/../b/")),
    "an upload": ("s3", asked("PUT", f"{BASE}{AWKWARD}", b"content", {"x-amz-meta-a": "  two   words "})),
    "a subresource": ("s3", asked("GET", f"{BASE}/bucket?uploads")),
    "parameters": (
        "s3",
        asked("GET", f"{BASE}/bucket?prefix=a%2Fb%20%2B&list-type=2&empty=&Prefix=z&a=2&a=1"),
    ),
    "JSON": ("logs", asked("POST", f"{BASE}/", b"{}", {"X-Amz-Target": "Logs_20140328.DescribeLogGroups"})),
    "a form": (
        "iam",
        asked("POST", f"{BASE}/", b"Action=ListRoles", {"Content-Type": "x-www-form-urlencoded"}),
    ),
    "a REST path": ("lambda", asked("GET", f"{BASE}/2015-03-31/functions/arn%3Aaws%3Alambda/versions/")),
    "an API": ("execute-api", asked("POST", f"{API}/ingest?a=b%20c", b'{"format": "csv"}')),
}


def copied(request: AWSRequest) -> AWSRequest:
    return AWSRequest(request.method, request.url, dict(request.headers.items()), request.data)


@pytest.mark.parametrize("by", [OWN, SESSION], ids=["root", "session"])
@pytest.mark.parametrize("name", REQUESTS)
def test_what_botocore_signs_comes_through_whole(client: Client, name: str, by: Credentials) -> None:
    service, request = REQUESTS[name]
    answer = client.send(signed(by, copied(request), service=service))
    assert (answer.status, answer.body) == (200, b"reached"), answer.body
    assert client.reached
    scope, body = client.reached
    assert (scope["raw_path"], body) == (urlsplit(request.url).path.encode(), request.data or b"")


@pytest.mark.parametrize("auth", [S3SigV4QueryAuth, SigV4QueryAuth])
@pytest.mark.parametrize("by", [OWN, SESSION], ids=["root", "session"])
def test_what_botocore_presigns_comes_through(client: Client, by: Credentials, auth: type[SigV4Auth]) -> None:
    service = "s3" if auth is S3SigV4QueryAuth else "sts"
    request = signed(by, asked(url=f"{BASE}/bucket/a%20b?x=1&y"), service=service, auth=auth, expires=60)
    assert client.send(request).status == 200


def test_the_emulator_takes_the_runs_own_key_for_its_root_and_never_sees_it(client: Client) -> None:
    client.send(signed(OWN))
    assert client.reached
    scope, _ = client.reached
    (said,) = [value for name, value in scope["headers"] if name == b"authorization"]
    assert said.startswith(b"AWS4-HMAC-SHA256 Credential=test/")
    assert OWN.access_key not in str(scope)

    client.send(signed(OWN, asked(url=f"{BASE}/bucket/a?x=1&y"), auth=S3SigV4QueryAuth, expires=60))
    assert client.reached
    scope, _ = client.reached
    assert scope["query_string"] == b"x=1&y="
    assert [name for name, _ in scope["headers"]].count(b"authorization") == 1


def test_a_sessions_request_is_left_as_it_is_for_the_emulators_own_checks(client: Client) -> None:
    request = signed(SESSION)
    client.send(request)
    assert client.reached
    scope, _ = client.reached
    assert (b"authorization", request.headers["Authorization"].encode()) in scope["headers"]


@pytest.mark.parametrize(
    ("by", "code"),
    [
        (FOREIGN, "InvalidClientTokenId"),
        (Credentials("test", "test"), "InvalidClientTokenId"),
        (Credentials("000000000000", "test"), "InvalidClientTokenId"),
        (Credentials(OWN.access_key, "guessed"), "SignatureDoesNotMatch"),
        (Credentials(OWN.access_key, OWN.secret_key, "token"), "InvalidToken"),
        (Credentials(SESSION.access_key, SESSION.secret_key), "InvalidClientTokenId"),
        (Credentials(SESSION.access_key, SESSION.secret_key, "other token"), "InvalidClientTokenId"),
        (Credentials(SESSION.access_key, "guessed", SESSION.token), "SignatureDoesNotMatch"),
    ],
)
@pytest.mark.parametrize("auth", [S3SigV4Auth, S3SigV4QueryAuth])
def test_other_credentials_are_refused(
    client: Client, by: Credentials, code: str, auth: type[SigV4Auth]
) -> None:
    answer = client.send(signed(by, auth=auth))
    assert (answer.status, answer.code, client.reached) == (403, code, None)


def test_whoever_has_seen_a_signature_cannot_use_it_for_anything_else(client: Client) -> None:
    seen = signed(OWN, asked("PUT", f"{BASE}/bucket/key?x=1", b"content")).prepare()
    headers = [("Host", HOST), *((name, text(value)) for name, value in seen.headers.items())]

    def statuses(method: str, path: str, query: str, changed: dict[str, str], body: bytes) -> int:
        fields = [(name, changed.get(name, value)) for name, value in headers]
        return client.raw(method, path, query, fields, body).status

    later = (datetime.now(UTC) + timedelta(seconds=30)).strftime("%Y%m%dT%H%M%SZ")
    assert statuses("PUT", "/bucket/key", "x=1", {}, b"content") == 200
    assert [
        statuses("DELETE", "/bucket/key", "x=1", {}, b"content"),
        statuses("PUT", "/bucket/other", "x=1", {}, b"content"),
        statuses("PUT", "/bucket/key", "x=2", {}, b"content"),
        statuses("PUT", "/bucket/key", "x=1", {"Host": "localhost:4566"}, b"content"),
        statuses("PUT", "/bucket/key", "x=1", {"X-Amz-Date": later}, b"content"),
        statuses("PUT", "/bucket/key", "x=1", {}, b"another"),
    ] == [403] * 6


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_signature_is_good_for_a_quarter_of_an_hour(minutes: int) -> None:
    answer = Client(later=timedelta(minutes=minutes)).send(signed(OWN))
    assert (answer.status, answer.code) == (403, "RequestTimeTooSkewed")


def test_a_presigned_address_is_good_until_it_expires() -> None:
    request = signed(OWN, auth=S3SigV4QueryAuth, expires=3600)
    assert Client(later=timedelta(minutes=59)).send(request).status == 200
    assert Client(later=timedelta(minutes=61)).send(request).code == "RequestTimeTooSkewed"


def test_a_presigned_address_of_more_than_a_week_is_refused(client: Client) -> None:
    assert client.send(signed(OWN, auth=S3SigV4QueryAuth, expires=604_801)).status == 403


STRANGE = {
    "another host": {"Host": "rebound.example:4566"},
    "another port": {"Host": "127.0.0.1:80"},
    "no port": {"Host": "127.0.0.1"},
    "another machine's name for it": {"Host": "172.17.0.1:4566"},
    "another origin": {"Origin": "https://page.example"},
    "a sandboxed page": {"Origin": "null"},
    "another port's page": {"Origin": "http://127.0.0.1:8765"},
    "its page by another name": {"Origin": "http://localhost:4566"},
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "a part of the same site": {"Sec-Fetch-Site": "same-site"},
}


@pytest.mark.parametrize("url", [BASE + HEALTH, f"{API}/unstable/health", f"{BASE}/bucket"])
@pytest.mark.parametrize("strange", STRANGE)
def test_a_web_page_from_elsewhere_gets_nowhere_even_with_the_runs_own_signature(
    client: Client, strange: str, url: str
) -> None:
    request = signed(OWN, asked(url=url, headers={"Host": STRANGE[strange].get("Host", HOST)}))
    answer = client.send(request, STRANGE[strange])
    assert (answer.status, answer.code, client.reached) == (403, "AccessDenied", None)
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize("url", [BASE + HEALTH, f"{API}/unstable/health", f"{BASE}/bucket"])
def test_a_preflight_gets_no_grant(client: Client, url: str) -> None:
    headers = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    answer = client.send(asked("OPTIONS", url), headers)
    assert (answer.status, client.reached) == (403, None)
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize("host", [HOST, "localhost:4566", "LOCALHOST:4566", "172.17.0.1:33333"])
def test_its_own_names_and_those_it_was_given_are_answered(client: Client, host: str) -> None:
    own = {"Host": host, "Origin": f"http://{host.lower()}", "Sec-Fetch-Site": "same-origin"}
    assert client.send(asked(url=f"{API}/unstable/health"), own).status == 200


@pytest.mark.parametrize("hosts", [[], [HOST, HOST], [HOST, "rebound.example"]])
def test_a_request_names_its_host_once(client: Client, hosts: list[str]) -> None:
    assert client.raw("GET", HEALTH, "", [("Host", host) for host in hosts]).status == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/bucket"),
        ("POST", "/"),
        ("POST", "/2015-03-31/functions"),
        ("PUT", "/bucket/key"),
        ("OPTIONS", "/bucket"),
        ("GET", "/health"),
        ("GET", "/restapis/abc/Prod/_user_request_/ingest"),
        ("GET", "/oauth2/authorize"),
        ("POST", HEALTH),
    ],
)
def test_what_is_not_signed_is_refused(client: Client, method: str, path: str) -> None:
    answer = client.send(asked(method, BASE + path), {"Content-Type": "text/plain"})
    assert (answer.status, client.reached) == (403, None)


@pytest.mark.parametrize(
    "path",
    [
        "/_ministack/reset",
        "/_ministack/config",
        "/_ministack/ready",
        "/_ministack/health/",
        "/_ministack/lambda-layers/0/us-east-1/x/1/content",
        "/_localstack/health",
        "/_localstack/init",
        "/_aws/sqs/messages",
        "/_aws/execute-api/abc",
        "/_aws/execute-api//Prod/x",
        "/%5Fministack/reset",
    ],
)
def test_the_emulators_own_paths_are_closed_to_its_owner_too(client: Client, path: str) -> None:
    request = signed(OWN, asked("POST", BASE + path), service="execute-api")
    answer = client.send(request)
    assert (answer.status, answer.code, client.reached) == (403, "AccessDenied", None)


def test_the_health_needs_no_key(client: Client) -> None:
    assert client.send(asked(url=BASE + HEALTH)).status == 200


@pytest.mark.parametrize("authorization", [None, "Bearer token", "Basic dGVzdA=="])
def test_a_deployed_api_is_called_as_the_template_says(client: Client, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    assert client.send(asked("POST", f"{API}/auth/login", b"{}", headers)).status == 200
    assert client.reached
    assert client.reached[1] == b"{}"


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("AWSAccessKeyId=test&Signature=x&Expires=9999999999", {}),
        ("awsaccesskeyid=test", {}),
        ("X-Amz-Credential=test/20261129/us-east-1/execute-api/aws4_request", {}),
        ("x-amz-credential=test/20261129/us-east-1/execute-api/aws4_request", {}),
        ("X%2DAmz%2DCredential=test/20261129/us-east-1/execute-api/aws4_request", {}),
        ("", {"Authorization": "AWS test:signature"}),
        ("", {"Authorization": "AWS4-HMAC-SHA256 Credential=test/x"}),
        ("", {"Authorization": "AWS4-ECDSA-P256-SHA256 Credential=test/20261129/s3/aws4_request"}),
        ("X-Amz-Credential=x", {"Authorization": "Bearer token"}),
        ("a=%ff", {}),
    ],
)
@pytest.mark.parametrize("path", ["/_aws/execute-api/abc/Prod/ingest", "/bucket"])
def test_no_spelling_of_credentials_slips_past(
    client: Client, path: str, query: str, headers: dict[str, str]
) -> None:
    fields = [("Host", HOST), *headers.items()]
    assert (client.raw("GET", path, query, fields).status, client.reached) == (403, None)


def test_two_signatures_in_one_request_are_refused(client: Client) -> None:
    prepared = signed(OWN).prepare()
    fields = [("Host", HOST), *((name, text(value)) for name, value in prepared.headers.items())]
    other = ("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261129/us-east-1/s3/aws4_request")
    assert client.raw("GET", "/bucket", "", fields).status == 200
    assert client.raw("GET", "/bucket", "", [*fields, other]).status == 403
    assert client.raw("GET", "/bucket", "", [other, *fields]).status == 403


def test_a_signature_that_does_not_cover_the_host_is_refused(client: Client) -> None:
    prepared = signed(OWN).prepare()
    fields = {"Host": HOST, **{name: text(value) for name, value in prepared.headers.items()}}
    fields["Authorization"] = fields["Authorization"].replace("host;", "")
    assert client.raw("GET", "/bucket", "", list(fields.items())).status == 403


def test_s3s_clients_may_leave_the_body_unsigned_and_no_others(client: Client) -> None:
    headers = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    request = signed(OWN, asked("PUT", f"{BASE}/bucket/key", b"content", headers), auth=SigV4Auth)
    assert client.send(request).status == 200
    request = signed(OWN, asked("POST", f"{BASE}/", b"content", headers), service="logs")
    assert client.send(request).status == 403


def test_no_answer_grants_another_origin_anything(client: Client) -> None:
    answer = client.send(signed(OWN))
    assert answer.headers == {"x-own": "1"}


@pytest.mark.parametrize("service", ["s3", "iam", "lambda", "logs"])
def test_a_client_can_show_why_it_was_refused(client: Client, service: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"} if service == "iam" else {}
    answer = client.send(signed(FOREIGN, asked("POST", f"{BASE}/", b"x", form), service=service))
    if service in ("s3", "iam"):
        found = ET.fromstring(answer.body)  # noqa: S314 - our own
        error = found if service == "s3" else found.find("Error")
        assert error is not None
        shown = (error.findtext("Code"), error.findtext("Message"))
    else:
        document = json.loads(answer.body)
        shown = (document["__type"], document["message"])
    assert shown[0] == "InvalidClientTokenId"
    assert "each run has new ones" in str(shown[1])


def test_an_answer_to_head_has_no_body(client: Client) -> None:
    answer = client.send(asked("HEAD"))
    assert (answer.status, answer.body) == (403, b"")


def test_a_refusal_is_logged_without_what_was_signed(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.send(signed(Credentials(OWN.access_key, "guessed")))
    client.raw("GET", "/", "", [("Host", "a\x1b[31mb" + "c" * 500)])
    first, second = caplog.messages
    assert first == "refused 'GET': the signature is not that of this request and access key"
    assert "\x1b" not in second
    assert len(second) < 200


def test_no_websocket_is_opened(client: Client) -> None:
    headers = [(b"host", HOST.encode())]
    answer = client.call({"type": "websocket", "path": "/_aws/execute-api/abc/Prod", "headers": headers})
    assert (answer.sent, client.reached) == ([{"type": "websocket.close", "code": 1008}], None)


def test_the_servers_own_messages_pass(client: Client) -> None:
    client.call({"type": "lifespan"})
    assert client.reached


def test_a_client_that_hangs_up_is_no_error(client: Client) -> None:
    prepared = signed(OWN).prepare()

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None:
        raise AssertionError("there is nobody to answer")

    fields = [("host", HOST), *((name.lower(), text(value)) for name, value in prepared.headers.items())]
    headers = [(name.encode(), value.encode()) for name, value in fields]
    scope = {"type": "http", "method": "GET", "path": "/bucket", "query_string": b"", "headers": headers}
    asyncio.run(client.gate(scope, gone, send))
    assert client.reached is None
