"""What a process loads when it asks for one class."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("boto3", "botocore", "pandas", "pyarrow", "awswrangler", "requests", "tenacity")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("from de_classes.storage.clients import LocalClient, ObjectInfo", []),
        ("from de_classes.storage.services import StorageDataService, ObjectSink", []),
        ("from de_classes.storage.datasets import DatasetCommits, DatasetReader, PartWriter", []),
        ("from de_classes.runs import PartLimits, RunPlan, RunService", []),
        ("from de_classes.storage.clients.s3_client import S3Client", ["botocore"]),
        ("from de_classes.storage.clients import MinioClient, BaseS3Client", ["botocore"]),
    ],
    ids=lambda value: value.split()[-1] if isinstance(value, str) else "",
)
def test_only_what_is_used_is_loaded(statement: str, expected: list[str]) -> None:
    code = f"{statement}\nimport sys; print([name for name in {HEAVY} if name in sys.modules])"
    environment = {"PYTHONPATH": ":".join(sys.path)}
    loaded = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert loaded.stdout.strip() == str(expected)
