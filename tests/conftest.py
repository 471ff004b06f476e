"""What holds for every test."""

from __future__ import annotations

import functools
import gc
import os
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from de_classes.redaction import shared_filter
from tests.fakes.effort import ALL, examples
from tests.fakes.running import RUNNING

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["tests.fakes.canary_plugin"]

# Tests do not time: on a busy machine any example may be slow. What a failure needs is in its message. The
# tenth of the examples that make test tries is the same each time, as all of them are in CI: who breaks
# nothing sees nothing fail. The proofs draw anew elsewhere.
_ONE_DRAW = {} if ALL else {"derandomize": True}
settings.register_profile(
    "de-classes", max_examples=examples(100), deadline=None, database=None, print_blob=True, **_ONE_DRAW
)
settings.load_profile("de-classes")


def pytest_configure() -> None:
    """Look for no garbage while tests are collected, since there is none."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Look for it from now on, but seldom, and not among modules and tests: a tenth of all processor time."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)  # Python's own are 700, 10 and 10
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def what_aws_can_do_is_read_once() -> Iterator[None]:
    """Every session of botocore's reads the models of its services from disk, an eighth of a second each."""
    botocore = sys.modules.get("botocore.session")
    with pytest.MonkeyPatch.context() as patch:
        if botocore is not None:
            patch.setattr(botocore, "create_loader", functools.cache(botocore.create_loader))
        yield


@pytest.fixture(scope="session", autouse=True)
def servers_end_with_the_tests() -> Iterator[None]:
    """Stop what the tests of this process have started for each other."""
    with RUNNING:
        yield


@pytest.fixture(scope="session", autouse=True)
def no_proxy_is_between_the_tests_and_their_servers() -> None:
    """Which are on loopback, and there a proxy of this machine would not find them."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]


@pytest.fixture(autouse=True)
def a_secret_is_forgotten_with_its_test() -> Iterator[None]:
    """Or a password that is a word of another test's text would be masked there."""
    with shared_filter().forgetting():
        yield
