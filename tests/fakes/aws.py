"""An AWS that is nobody's: fake credentials, no configuration files, no endpoint from outside."""

from __future__ import annotations

import functools
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from boto3.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "us-east-1"
ACCESS_KEY = "AKIAFAKEFAKEFAKEFAKE"
SECRET_KEY = "fake/secret/key"


@contextmanager
def no_aws_environment() -> Iterator[pytest.MonkeyPatch]:
    """Hide whatever the machine says about AWS."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield patch


@functools.cache
def nobodys_session() -> Session:
    """Made once, a fifth of a second each: botocore reads its models from disk for every session anew."""
    return Session(ACCESS_KEY, SECRET_KEY, region_name=REGION)
