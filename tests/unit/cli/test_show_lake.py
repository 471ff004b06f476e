from __future__ import annotations

import io
import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
import msgspec
import pytest
from moto import mock_aws

from de_classes.__main__ import make_parser
from de_classes.cli.lake import Catalogue, show_datasets
from de_classes.cli.show import run
from de_classes.storage.clients import LocalClient, S3Client
from de_classes.storage.clients.sessions import shared_session
from de_classes.utils.clock import ManualClock
from tests.fakes.aws import ACCESS_KEY, REGION, SECRET_KEY, no_aws_environment
from tests.fakes.runs import BUCKET, LOGGER, plan, service
from tests.fakes.s3_wire import answer
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

COMMITTED = 1_795_392_000.0
TABLE = """\
dataset     status    generations  runs  records  bytes  committed  evidence
raw/a       complete            2     2       90    970        3 h  total, sampled
raw/deep/b  complete            1     1       45    140        3 h  total, sampled
2 datasets, 135 records, 1110 bytes
"""
BELOW_RAW = """\
dataset  status    generations  runs  records  bytes  committed  evidence
a        complete            2     2       90    970        3 h  total, sampled
deep/b   complete            1     1       45    140        3 h  total, sampled
2 datasets, 135 records, 1110 bytes
"""


def show(*words: str, hours: float = 3.1) -> tuple[bool, str]:
    args, out = make_parser(["show"]).parse_args(["show", *words]), io.StringIO()
    clock = ManualClock(now=COMMITTED + hours * 3600)
    return show_datasets(args, out, clock=clock), out.getvalue()


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    store = LocalClient(tmp_path, logging.getLogger("tests.cli"))
    store.create_bucket(BUCKET)
    for name in ("first", "second"):
        run_ = plan(run_id=name, write="append", dataset="raw/a")
        service(store, FakePagedApi(45), look_back="sample").carry_out(run_)
    csv = plan(run_id="third", dataset="raw/deep/b", format="csv")
    service(store, FakePagedApi(45), look_back="sample").carry_out(csv)
    for path in (tmp_path / BUCKET).rglob("_manifest-*"):
        os.utime(path, (COMMITTED, COMMITTED))
    return tmp_path / BUCKET


def test_a_place_is_shown_as_a_table_of_its_datasets(lake: Path) -> None:
    assert show(str(lake)) == (True, TABLE)
    assert show(f"{lake}/raw/") == (True, BELOW_RAW)


@pytest.mark.parametrize(
    ("hours", "told"),
    [(0, "now"), (0.02, "1 min"), (0.99, "59 min"), (1, "1 h"), (47.9, "1 d"), (2400, "100 d")],
)
def test_an_age_is_told_in_its_largest_unit(lake: Path, hours: float, told: str) -> None:
    assert f"  {told}  total" in show(str(lake), hours=hours)[1]


def test_json_tells_all_of_it(lake: Path) -> None:
    is_shown, out = show(str(lake), "--json")
    told = msgspec.json.decode(out, type=Catalogue)
    assert is_shown
    assert (told.where, told.records, [each.name for each in told.datasets]) == (
        str(lake),
        135,
        ["raw/a", "raw/deep/b"],
    )
    assert told.datasets[0].committed == COMMITTED


def test_a_bucket_is_a_place(lake: Path) -> None:
    with no_aws_environment() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        environment.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        environment.setenv("AWS_DEFAULT_REGION", REGION)
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        store = S3Client(LOGGER)
        for path in lake.rglob("*.*"):
            store.put_object(BUCKET, path.relative_to(lake).as_posix(), path.read_bytes())
        for where in (f"s3://{BUCKET}", f"s3://{BUCKET}/"):
            assert "raw/deep/b  complete" in show(where)[1]
        assert show(f"s3://{BUCKET}/raw")[1].splitlines()[1].startswith("a        complete")
        assert show(f"s3://{BUCKET}/raw/a") == show(f"s3://{BUCKET}/raw/none") == (False, "")


def test_what_holds_no_datasets_is_left_to_others(lake: Path) -> None:
    (receipt,) = lake.rglob("b/_receipt-*")
    (lake / "empty").mkdir()
    for what in (
        f"{lake}/raw/a",
        f"{lake}/raw/deep/b/",
        str(receipt),
        f"{lake}/empty",
        f"{lake}/none",
        "s3:/x",
    ):
        assert show(what) == (False, "")


def test_a_dataset_that_cannot_be_read_is_named_with_the_reason(lake: Path) -> None:
    (lake / "bad").mkdir()
    (lake / "bad" / "_manifest-00000001.json").write_text('{"status": "\\u001b[2J"}')
    is_shown, out = show(str(lake))
    assert is_shown
    assert out.splitlines()[1].startswith("bad         unreadable            1  ")
    assert "unreadable: bad/_manifest-00000001.json is no manifest: " in out
    assert "\x1b" not in out


def test_a_page_of_a_place_is_refused_and_nothing_is_written(lake: Path, tmp_path: Path) -> None:
    args = make_parser(["show"]).parse_args(["show", str(lake), "--html", str(tmp_path / "page.html")])
    out, err = io.StringIO(), io.StringIO()
    assert run(args, out=out, err=err) == 2
    assert err.getvalue() == f"show: --html: a page is of one run: name a dataset below {lake}\n"
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("option", ["--generation", "--rows"])
def test_what_only_a_dataset_has_is_refused_for_a_place_of_several(lake: Path, option: str) -> None:
    args, out, err = (
        make_parser(["show"]).parse_args(["show", str(lake), option, "1"]),
        io.StringIO(),
        io.StringIO(),
    )
    assert run(args, out=out, err=err) == 2
    assert (out.getvalue(), err.getvalue()) == (
        "",
        f"show: {option} is of one dataset: name one below {lake}\n",
    )


def test_who_may_not_list_is_shown_a_receipt_all_the_same(lake: Path) -> None:
    (receipt,) = lake.rglob("b/_receipt-*")
    with no_aws_environment() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        environment.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        environment.setenv("AWS_DEFAULT_REGION", REGION)
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        key = receipt.relative_to(lake).as_posix()
        S3Client(LOGGER).put_object(BUCKET, key, receipt.read_bytes())
        denied = answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        with refused(denied, "list-type=2"):
            args, out = make_parser(["show"]).parse_args(["show", f"s3://{BUCKET}/{key}"]), io.StringIO()
            assert run(args, out=out) == 0
            assert show_datasets(args, io.StringIO()) is False
    assert out.getvalue().startswith("complete: 45 records")


@contextmanager
def refused(reply: Callable[[AWSPreparedRequest], AWSResponse], to: str) -> Iterator[None]:
    """Answer requests that hold some text so, and leave the others to moto."""

    def before_send(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        return reply(request) if to in request.url else None

    session = shared_session()
    events = session.get_component("event_emitter")
    events.register_first("before-send.s3", before_send)
    try:
        yield
    finally:
        events.unregister("before-send.s3", before_send)
