"""What the documents show with a directory, ``S3Client`` does too: each example is run with it instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from tests.fakes.aws import ACCESS_KEY, REGION, SECRET_KEY, no_aws_environment, nobodys_session
from tests.fakes.documents import blocks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.documents import Block

DIRECTORY = re.compile(r"\bLocalClient\(\s*Path\([^)]*\),\s*(?P<logger>\w+)\s*\)")
BUCKET = re.compile(r"^store\.create_bucket\(\"(?P<name>\w+)\"\)\n", re.MULTILINE)
# How pandas reads the files of a directory by itself: of S3 that is for its own tests to show.
READ_AS_FILES = re.compile(r"^# With pandas alone\.\n.*", re.MULTILINE | re.DOTALL)
EXAMPLES = [block for block in blocks("python") if DIRECTORY.search(block.text)]


def with_s3(block: Block) -> tuple[str, list[str]]:
    """The example with S3 for a store, whose buckets are there, and their names."""
    text = READ_AS_FILES.sub("", block.text).replace("import LocalClient", "import S3Client")
    buckets = [name + "-bucket" for name in BUCKET.findall(text)]
    client = rf'S3Client(\g<logger>, "{ACCESS_KEY}", "{SECRET_KEY}", region="{REGION}")'
    text = DIRECTORY.sub(client, BUCKET.sub("", text))
    for name in BUCKET.findall(block.text):
        text = text.replace(f'"{name}"', f'"{name}-bucket"')
    return text, buckets


def test_there_are_examples_of_every_page_that_shows_a_store() -> None:
    assert {block.document for block in EXAMPLES} >= {"docs/library.md", "docs/runs.md", "docs/datasets.md"}


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_an_example_works_with_s3_in_place_of_a_directory(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, buckets = with_s3(block)
    assert buckets
    assert "LocalClient" not in text
    monkeypatch.chdir(tmp_path)
    with no_aws_environment(), mock_aws():
        s3 = nobodys_session().client("s3")
        for bucket in buckets:
            s3.create_bucket(Bucket=bucket)
        exec(compile(text, str(block), "exec"), {"__name__": "example"})  # noqa: S102 - our own page
        assert all(s3.list_objects_v2(Bucket=bucket)["KeyCount"] for bucket in buckets)
