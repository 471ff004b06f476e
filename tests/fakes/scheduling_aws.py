"""As much of AWS as ``schedule`` asks for: a stack with its outputs, and a schedule group, over HTTP."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

from de_classes.cli.schedule import OUTPUTS
from tests.fakes.aws import ACCESS_KEY, REGION, SECRET_KEY

if TYPE_CHECKING:
    from types import TracebackType

STACKS = ("de-classes-dev", "de-classes-prod", "my-lake")
_STACK = """<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
<DescribeStacksResult><Stacks><member><StackName>{name}</StackName><StackStatus>CREATE_COMPLETE</StackStatus>
<CreationTime>2026-11-30T06:00:00Z</CreationTime><Outputs>{outputs}</Outputs></member></Stacks>
</DescribeStacksResult></DescribeStacksResponse>"""
_OUTPUT = "<member><OutputKey>{}</OutputKey><OutputValue>{}</OutputValue></member>"
_NO_STACK = (
    "<ErrorResponse><Error><Code>ValidationError</Code>"
    "<Message>Stack with id {name} does not exist</Message></Error></ErrorResponse>"
)


class SchedulingAws:
    """The server, until the block ends.

    Attributes:
        schedules: What was made, by group and name.
        writes: Method and name of every request that changed something.
        outputs: Those of each stack.
    """

    def __init__(self) -> None:
        self.schedules: dict[tuple[str, str], dict[str, Any]] = {}
        self.writes: list[tuple[str, str]] = []
        self.outputs = {name: f"arn:{name}" for name in OUTPUTS.values()} | {"ScheduleGroupName": "the-group"}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """What a shell is told, so that every AWS tool finds it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._server.server_address[1]}",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
        }

    def put(self, group: str, name: str, **said: Any) -> None:
        """Make a schedule by hand."""
        self.schedules[group, name] = {"Name": name, "GroupName": group, "State": "ENABLED", **said}

    def stack(self, name: str) -> tuple[int, str]:
        """What CloudFormation answers."""
        if name not in STACKS:
            return 400, _NO_STACK.format(name=name)
        outputs = "".join(_OUTPUT.format(*each) for each in self.outputs.items())
        return 200, _STACK.format(name=name, outputs=outputs)

    def schedule(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, str]:
        """What the scheduler answers."""
        if path == "/schedules":
            listed = [each for each in self.schedules.values() if each["GroupName"] == query["ScheduleGroup"]]
            brief = [{"Name": each["Name"], "GroupName": each["GroupName"]} for each in listed]
            return 200, json.dumps({"Schedules": brief})
        said, name = json.loads(body or b"{}"), path.removeprefix("/schedules/")
        key = (said.get("GroupName") or query.get("groupName", "default"), name)
        if method != "GET":
            self.writes.append((method, name))
        if method == "POST" and key in self.schedules:
            return 409, json.dumps({"Message": "it is there"})
        if method != "POST" and key not in self.schedules:
            return 404, json.dumps({"Message": "it is not there"})
        if method == "DELETE":
            del self.schedules[key]
        elif method != "GET":
            self.put(*key, **{each: value for each, value in said.items() if each != "ClientToken"})
        return 200, json.dumps(self.schedules.get(key, {}) if method == "GET" else {"ScheduleArn": "arn"})


def _handler_of(aws: SchedulingAws) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if parts.path.startswith("/schedules"):
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                status, text = aws.schedule(self.command, parts.path, query, body)
            else:
                status, text = aws.stack(parse_qs(body.decode())["StackName"][0])
            self.send_response(status)
            if status >= 400:
                kind = {404: "ResourceNotFoundException", 409: "ConflictException"}.get(status, "")
                self.send_header("x-amzn-errortype", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the standard library's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
            del format, args

    return Handler
