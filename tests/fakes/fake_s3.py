"""An S3 in memory with boto3's face, whose calls can be made to fail, before or after they take effect."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Literal

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

When = Literal["before", "after"]


def client_error(operation: str, code: str, status: int) -> ClientError:
    """The error that boto3 raises for such an answer."""
    answer = {
        "Error": {"Code": code, "Message": f"{code} was scripted"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, operation)


def sha256_base64(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


@dataclass
class StoredVersion:
    body: bytes
    etag: str
    headers: dict[str, Any]
    promised_size: int | None = None
    modified: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class OpenUpload:
    bucket: str
    key: str
    headers: dict[str, Any]
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    error: BaseException
    when: When


class FakeS3:
    """One call at a time takes effect, so conditional writes are atomic as they are on S3.

    Args:
        page_size: Keys in a page of a listing.
        keeps_checksums: Whether it keeps and returns SHA-256, as S3 does and older servers do not.
        deletes_regardless: Whether it ignores the condition of a delete, as servers do that do not know it.
        completes_like_ceph: Whether it ignores the condition when an upload in parts is completed, and
            leaves the ETag out of the answer, as Ceph 16 does.
    """

    def __init__(
        self,
        *,
        page_size: int = 1000,
        keeps_checksums: bool = True,
        completes_like_ceph: bool = False,
        deletes_regardless: bool = False,
    ) -> None:
        self.buckets: dict[str, dict[str, StoredVersion]] = {}
        self.uploads: dict[str, OpenUpload] = {}
        self.calls: Counter[str] = Counter()
        self.writes_at: datetime | None = None  # what is written from now on tells this time, and not today's
        self.meta = SimpleNamespace(endpoint_url="http://fake.invalid", region_name="us-east-1")
        self._page_size = page_size
        self._keeps_checksums = keeps_checksums
        self._completes_like_ceph = completes_like_ceph
        self._keeps_conditions = not deletes_regardless
        self._faults: dict[str, list[Fault]] = {}
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def fail(self, operation: str, *errors: BaseException, when: When = "before") -> None:
        """Script the next calls of an operation: each raises one of the errors."""
        self._faults.setdefault(operation, []).extend(Fault(error, when) for error in errors)

    def create_bucket(self, **arguments: Any) -> dict[str, Any]:
        self.buckets.setdefault(arguments["Bucket"], {})
        return {}

    def head_bucket(self, **arguments: Any) -> dict[str, Any]:
        return self._call("HeadBucket", arguments, dict)

    def put_object(self, **arguments: Any) -> dict[str, Any]:
        return self._call("PutObject", arguments, lambda: self._put(arguments, arguments["Body"]))

    def get_object(self, **arguments: Any) -> dict[str, Any]:
        def get() -> dict[str, Any]:
            stored = self._find(arguments, "GetObject")
            return {
                "Body": StreamingBody(io.BytesIO(stored.body), stored.promised_size or len(stored.body)),
                **self._head(stored),
            }

        return self._call("GetObject", arguments, get)

    def head_object(self, **arguments: Any) -> dict[str, Any]:
        return self._call("HeadObject", arguments, lambda: self._head(self._find(arguments, "HeadObject")))

    def delete_object(self, **arguments: Any) -> dict[str, Any]:
        def delete() -> dict[str, Any]:
            condition = arguments.get("IfMatch") if self._keeps_conditions else None
            if condition and self._find(arguments, "DeleteObject").etag != condition:
                raise client_error("DeleteObject", "PreconditionFailed", 412)
            self.buckets[arguments["Bucket"]].pop(arguments["Key"], None)
            return {}

        return self._call("DeleteObject", arguments, delete)

    def create_multipart_upload(self, **arguments: Any) -> dict[str, Any]:
        def create() -> dict[str, Any]:
            upload_id = f"upload-{next(self._ids)}"
            self.uploads[upload_id] = OpenUpload(arguments["Bucket"], arguments["Key"], arguments)
            return {"UploadId": upload_id}

        return self._call("CreateMultipartUpload", arguments, create)

    def upload_part(self, **arguments: Any) -> dict[str, Any]:
        def upload() -> dict[str, Any]:
            self._verify(arguments, "UploadPart")
            self._upload(arguments, "UploadPart").parts[arguments["PartNumber"]] = arguments["Body"]
            return {"ETag": f'"{hashlib.sha256(arguments["Body"]).hexdigest()[:32]}"'}

        return self._call("UploadPart", arguments, upload)

    def complete_multipart_upload(self, **arguments: Any) -> dict[str, Any]:
        def complete() -> dict[str, Any]:
            upload = self._upload(arguments, "CompleteMultipartUpload")
            numbers = [part["PartNumber"] for part in arguments["MultipartUpload"]["Parts"]]
            body = b"".join(upload.parts[number] for number in numbers)
            ignored = {"IfNoneMatch": None} if self._completes_like_ceph else {}
            answer = self._put({**upload.headers, **arguments, **ignored}, body)
            del self.uploads[arguments["UploadId"]]
            return {"ETag": ""} if self._completes_like_ceph else answer

        return self._call("CompleteMultipartUpload", arguments, complete)

    def abort_multipart_upload(self, **arguments: Any) -> dict[str, Any]:
        def abort() -> dict[str, Any]:
            self._upload(arguments, "AbortMultipartUpload")
            del self.uploads[arguments["UploadId"]]
            return {}

        return self._call("AbortMultipartUpload", arguments, abort)

    def get_paginator(self, operation: str) -> FakeS3:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, **arguments: Any) -> Any:
        bucket = self._call("ListObjectsV2", arguments, lambda: dict(self.buckets[arguments["Bucket"]]))
        prefix, after = arguments["Prefix"], arguments.get("StartAfter", "").encode()
        keys = (key for key in bucket if key.startswith(prefix) and key.encode() > after)
        rolled = {_rolled_up(key, prefix, arguments.get("Delimiter")) for key in keys}
        for batch in _batches(sorted(rolled, key=str.encode), self._page_size):
            self.calls["ListObjectsV2 page"] += 1
            yield {
                "Contents": [self._entry(name, bucket[name]) for name in batch if name in bucket],
                "CommonPrefixes": [{"Prefix": name} for name in batch if name not in bucket],
            }

    def _call(self, operation: str, arguments: dict[str, Any], effect: Any) -> Any:
        with self._lock:
            self.calls[operation] += 1
            fault = self._next_fault(operation)
            if fault is not None and fault.when == "before":
                raise fault.error
            if arguments["Bucket"] not in self.buckets:
                code = "404" if operation.startswith("Head") else "NoSuchBucket"
                raise client_error(operation, code, 404)
            answer = effect()
            if fault is not None:
                raise fault.error
            return answer

    def _next_fault(self, operation: str) -> Fault | None:
        faults = self._faults.get(operation)
        return faults.pop(0) if faults else None

    def _put(self, arguments: dict[str, Any], body: bytes) -> dict[str, Any]:
        bucket = self.buckets[arguments["Bucket"]]
        if arguments.get("IfNoneMatch") == "*" and arguments["Key"] in bucket:
            raise client_error("PutObject", "PreconditionFailed", 412)
        self._verify(arguments, "PutObject")
        stored = StoredVersion(bytes(body), f'"{next(self._ids):032x}"', arguments)
        stored.modified = self.writes_at or stored.modified
        bucket[arguments["Key"]] = stored
        return {"ETag": stored.etag}

    def _verify(self, arguments: dict[str, Any], operation: str) -> None:
        promised = arguments.get("ChecksumSHA256")
        if promised and promised != sha256_base64(arguments["Body"]):
            raise client_error(operation, "BadDigest", 400)

    def _find(self, arguments: dict[str, Any], operation: str) -> StoredVersion:
        stored = self.buckets[arguments["Bucket"]].get(arguments["Key"])
        if stored is None:
            raise client_error(operation, "404" if operation == "HeadObject" else "NoSuchKey", 404)
        return stored

    def _upload(self, arguments: dict[str, Any], operation: str) -> OpenUpload:
        upload = self.uploads.get(arguments["UploadId"])
        if upload is None:
            raise client_error(operation, "NoSuchUpload", 404)
        return upload

    def _head(self, stored: StoredVersion) -> dict[str, Any]:
        answer = {
            "ContentLength": len(stored.body),
            "LastModified": stored.modified.replace(microsecond=0),
            "ETag": stored.etag,
            "ContentType": stored.headers.get("ContentType", "binary/octet-stream"),
            "Metadata": stored.headers.get("Metadata", {}),
        }
        checksum = stored.headers.get("ChecksumSHA256")
        if not (checksum and self._keeps_checksums):
            return answer
        return {**answer, "ChecksumSHA256": checksum, "ChecksumType": "FULL_OBJECT"}

    def _entry(self, key: str, stored: StoredVersion) -> dict[str, Any]:
        modified = stored.modified
        return {"Key": key, "Size": len(stored.body), "ETag": stored.etag, "LastModified": modified}


def _rolled_up(key: str, prefix: str, delimiter: str | None) -> str:
    """A key, or the common prefix that stands for it in a listing."""
    head, found, _ = key[len(prefix) :].partition(delimiter or "\0")
    return f"{prefix}{head}{found}" if delimiter else key


def _batches(keys: list[str], size: int) -> Any:
    return (keys[start : start + size] for start in range(0, len(keys), size))
