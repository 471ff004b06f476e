from __future__ import annotations

import io
import logging
import shutil
from typing import TYPE_CHECKING

import msgspec
import pytest

from de_classes.__main__ import make_parser
from de_classes.api.runtime import ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.cli.verify import Comparison, run
from de_classes.runs.api_data_service import ApiDataService
from de_classes.storage.clients import LocalClient
from de_classes.storage.format import DataFormatService
from de_classes.storage.services import StorageDataService
from tests.fakes.runs import BASE, BUCKET, DATASET, LOGGER, plan, service
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from pathlib import Path


def verify(receipt: Path | str, *words: str) -> tuple[int, str, str]:
    parser = make_parser(["verify"])
    out, err = io.StringIO(), io.StringIO()
    args = parser.parse_args(["verify", str(receipt), *words])
    return run(args, out=out, err=err), out.getvalue(), err.getvalue()


@pytest.fixture
def store(tmp_path: Path) -> LocalClient:
    store = LocalClient(tmp_path, logging.getLogger("tests.cli"))
    store.create_bucket(BUCKET)
    return store


@pytest.fixture
def receipt(store: LocalClient, tmp_path: Path) -> Path:
    """The receipt of a run of three parts, as a file."""
    service(store, FakePagedApi(45)).carry_out(plan())
    (path,) = (tmp_path / BUCKET).rglob("_receipt-*.json")
    return path


def test_what_is_as_it_was_written_is_said_to_be(receipt: Path) -> None:
    assert verify(receipt) == (0, "as written: 45 records in 3 parts, complete\n", "")


def test_a_dataset_and_an_object_are_compared_by_their_own_names(receipt: Path, store: LocalClient) -> None:
    assert verify(receipt.parent) == verify(receipt)
    client = UnstableAPIClient(BASE, None, LOGGER, runtime=ClientRuntime(transport=FakePagedApi(15)))
    api = ApiDataService(client, StorageDataService(store, DataFormatService(), LOGGER), LOGGER)
    api.fetch_all_to_storage(BUCKET, "raw/all.csv", "csv", limit=10, keep_receipt=True)
    lake = receipt.parents[len(DATASET.split("/"))]
    assert verify(lake / "raw" / "all.csv") == (0, "as written: 15 records in 1 parts, complete\n", "")
    assert verify(lake)[0] == 2
    assert verify(lake)[2].endswith(f"; below it: {lake}/raw/all.csv, {lake}/{DATASET}\n")


def test_a_directory_may_have_been_moved(receipt: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "copy"
    moved.parent.mkdir()
    shutil.move(tmp_path / BUCKET, moved)
    assert verify(moved / receipt.relative_to(tmp_path / BUCKET))[0] == 0


def test_every_difference_is_named(receipt: Path) -> None:
    first, second, _ = sorted(receipt.parent.glob("part-*"))
    first.unlink()
    second.write_bytes(second.read_bytes().replace(b"2", b"3"))
    status, out, err = verify(receipt)
    assert (status, err) == (1, "")
    assert [line.split()[0] for line in out.splitlines()] == ["differs:"] * 2
    assert first.name in out.splitlines()[0]
    assert "SHA-256" in out.splitlines()[1]


def test_the_receipt_of_one_object_is_compared_too(store: LocalClient, tmp_path: Path) -> None:
    client = UnstableAPIClient(BASE, None, LOGGER, runtime=ClientRuntime(transport=FakePagedApi(45)))
    storage = StorageDataService(store, DataFormatService(), LOGGER)
    ApiDataService(client, storage, LOGGER).fetch_all_to_storage(
        BUCKET, "raw/a.csv", "csv", limit=10, keep_receipt=True
    )
    receipt = tmp_path / BUCKET / "raw" / "_receipt-a.csv.json"
    assert verify(receipt) == (0, "as written: 45 records in 1 parts, complete\n", "")
    (tmp_path / BUCKET / "raw" / "a.csv").write_bytes(b'"id"\n')
    assert verify(receipt)[0] == 1


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[1]", b"\xff"])
def test_what_is_no_receipt_cannot_be_compared(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "_receipt-x.json"
    if content is not None:
        path.write_bytes(content)
    status, out, err = verify(path)
    assert (status, out) == (2, "")
    assert err.startswith(f"verify: {path} ")


def test_an_address_that_leads_nowhere_is_a_mistake() -> None:
    status, _, err = verify("ftp://host/_receipt-x.json")
    assert (status, "ftp" in err) == (2, True)


def test_json_says_the_same(receipt: Path) -> None:
    status, out, _ = verify(receipt, "--json")
    assert (status, msgspec.json.decode(out, type=Comparison)) == (0, Comparison(True, "complete", 45, 3, []))  # noqa: FBT003
    next(iter(receipt.parent.glob("part-*"))).unlink()
    told = verify(receipt)[1]
    status, out, _ = verify(receipt, "--json")
    compared = msgspec.json.decode(out, type=Comparison)
    assert (status, compared.as_written) == (1, False)
    assert [f"differs: {each}" for each in compared.differences] == told.splitlines() != []
