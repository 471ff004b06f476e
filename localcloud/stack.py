"""The deployed stack, as its users meet it: its outputs, its worker's API, its logs and its bucket."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SigningKeys

from localcloud.errors import LocalCloudError
from localcloud.verify import stored_records
from localcloud.workspace import REGION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from de_classes.storage.format.schema import Record
    from localcloud.aws import LocalAws

STACK = "de-classes-local"
ARTIFACTS_BUCKET = "sam-artifacts"
RECORDS_KEY = "simulator/records.jsonl"
ANSWER_SECONDS = 300.0
MOST_GOES = 20
OK = 200


@dataclass(frozen=True)
class Answer:
    """What an API answered.

    Args:
        status: The HTTP status.
        body: The JSON document.
    """

    status: int
    body: dict[str, Any]

    @property
    def is_resumable(self) -> bool:
        """Whether it tells of a run that goes on where it was when it is asked for again."""
        return self.body.get("status") == "incomplete" and self.body.get("run_id") is not None


@dataclass
class Traffic:
    """What the simulators did, counted from their own logs.

    Args:
        logins: Tokens given out.
        served: Pages that went out as they should.
        failures: Name of the failure to how often it was played.
    """

    logins: int = 0
    served: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, lines: Iterable[Mapping[str, Any]]) -> Traffic:
        """Count the lines that tell of a request; there are others."""
        traffic = cls()
        for line in lines:
            if line.get("message") == "request":
                traffic.count(line)
        return traffic

    @property
    def requests(self) -> int:
        """All of them."""
        return self.logins + self.served + self.failures.total()

    def count(self, line: Mapping[str, Any]) -> None:
        """Count one request; one for a description or the health is counted nowhere."""
        fault, status, route = line.get("fault"), line.get("status"), line.get("route")
        if fault or status != OK:
            self.failures[str(fault or status)] += 1
        elif route == "/login":
            self.logins += 1
        elif route == "/data":
            self.served += 1


class Stack:
    """A stack that was deployed into a local cloud.

    Args:
        aws: Makes clients of the cloud that it is in.

    Attributes:
        aws: Makes clients of the cloud that it is in.
        outputs: Name to value, as the template names them.

    """

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self._http = requests.Session()
        self._http.trust_env = False  # no proxy, no .netrc
        self.outputs = self._read_outputs()

    @property
    def bucket(self) -> str:
        """The name of the bucket that the worker writes to."""
        return self.outputs["BucketName"]

    def ingest(self, request: Mapping[str, object]) -> Answer:
        """Call the worker through its API, signed as IAM asks."""
        url = self.outputs["WorkerUrl"]
        body = json.dumps(request).encode()
        signed = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
        own = self.aws.credentials
        keys = SigningKeys(own.access_key, own.secret_key)
        SigV4Auth(keys, "execute-api", REGION).add_auth(signed)
        return _answer(
            self._http.post(url, data=body, headers=dict(signed.headers.items()), timeout=ANSWER_SECONDS)
        )

    def ingest_to_the_end(self, request: Mapping[str, object]) -> Answer:
        """Call the worker, and again by the run's id while the run is one that goes on."""
        answer, goes = self.ingest(request), 1
        while answer.is_resumable and goes < MOST_GOES:
            answer, goes = self.ingest({"run_id": answer.body["run_id"]}), goes + 1
        return answer

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask the simulators' API, unsigned as it is."""
        url = self.outputs["SimulatorsUrl"] + path
        return _answer(self._http.get(url, headers=headers, timeout=ANSWER_SECONDS))

    def post_unsigned(self, url: str) -> Answer:
        """Ask any of its APIs the way a stranger would."""
        return _answer(self._http.post(url, json={}, timeout=ANSWER_SECONDS))

    def traffic(self) -> Traffic:
        """Count what the simulators logged so far."""
        return Traffic.of(self.log_lines("AuthSimulatorLogName") + self.log_lines("UnstableSimulatorLogName"))

    def log_lines(self, output: str) -> list[dict[str, Any]]:
        """The structured lines of a log group, which is named by the stack's output."""
        return [json.loads(message) for message in self.log_messages(output) if message.startswith("{")]

    def log_messages(self, output: str) -> list[str]:
        """All that a log group holds."""
        group = self.outputs[output]
        pages = self.aws.logs().get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]

    def put_records(self, path: Path) -> None:
        """Give the unstable simulator a file to serve."""
        self.aws.s3().upload_file(str(path), self.bucket, RECORDS_KEY)

    def read_object(self, key: str) -> bytes:
        """The bytes of an object of its bucket."""
        return self.aws.s3().get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def records(self, key: str) -> Iterator[Record]:
        """The records of an object of its bucket, or of a dataset by its manifest's key."""
        return stored_records(self.aws.store(), self.bucket, key)

    def keys(self, prefix: str = "") -> list[str]:
        """The keys of its bucket."""
        pages = self.aws.s3().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def _read_outputs(self) -> dict[str, str]:
        stacks = self.aws.cloudformation().describe_stacks(StackName=STACK)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}


def prepare_artifacts(aws: LocalAws) -> None:
    """Make the bucket that the SAM CLI uploads to."""
    aws.s3().create_bucket(Bucket=ARTIFACTS_BUCKET)


def _answer(response: requests.Response) -> Answer:
    try:
        body = response.json()
    except requests.JSONDecodeError as error:
        raise LocalCloudError(
            f"{response.url} answered {response.status_code}, not JSON: {response.text[:300]}"
        ) from error
    return Answer(response.status_code, body)
