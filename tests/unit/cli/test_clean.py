from __future__ import annotations

import io
import logging
import os
from typing import TYPE_CHECKING

import msgspec
import pytest

from de_classes.__main__ import make_parser
from de_classes.cli.clean import Cleaning, run
from de_classes.storage.clients import LocalClient
from de_classes.utils.clock import ManualClock
from tests.fakes.runs import BUCKET, KilledError, ids, plan, service
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400
WRITTEN = 1_795_392_000.0  # when all files were, as far as the store can tell


def clean(where: Path | str, *words: str, after_days: float = 30) -> tuple[int, str, str]:
    parser = make_parser(["clean"])
    out, err = io.StringIO(), io.StringIO()
    clock = ManualClock(now=WRITTEN + after_days * DAY)
    status = run(parser.parse_args(["clean", str(where), *words]), out=out, err=err, clock=clock)
    return status, out.getvalue(), err.getvalue()


@pytest.fixture
def store(tmp_path: Path) -> LocalClient:
    store = LocalClient(tmp_path, logging.getLogger("tests.cli"))
    store.create_bucket(BUCKET)
    return store


@pytest.fixture
def lake(store: LocalClient, tmp_path: Path) -> Path:
    """What a complete run and a run that was killed after two parts left, all of it of one day."""
    service(store, FakePagedApi(45)).carry_out(plan())
    with pytest.raises(KilledError):
        service(store, FakePagedApi(45), die_after=5).carry_out(plan(run_id="killed", dataset="raw/other"))
    for path in (tmp_path / BUCKET).rglob("*.json*"):
        os.utime(path, (WRITTEN, WRITTEN))
    return tmp_path / BUCKET


def files(lake: Path) -> set[str]:
    return {path.relative_to(lake).as_posix() for path in lake.rglob("*") if path.is_file()}


def test_what_was_left_behind_is_listed_and_stays(lake: Path) -> None:
    before = files(lake)
    status, out, err = clean(lake)
    assert (status, err) == (0, "")
    assert files(lake) == before
    assert all(line.startswith("left behind: ") for line in out.splitlines()[:-1])
    assert out.splitlines()[-1].startswith("11 objects, ")
    assert out.endswith("; --delete removes them\n")


def test_what_is_deleted_is_progress_and_parts_that_no_manifest_names(store: LocalClient, lake: Path) -> None:
    before = files(lake)
    status, out, _ = clean(lake, "--delete")
    gone = before - files(lake)
    assert status == 0
    assert out.count("deleted: ") == len(gone) == 11
    assert {name.split("/")[1] for name in gone} == {"_runs", "other"}
    assert clean(lake)[1] == "0 objects, 0 bytes\n"
    receipt = service(store, FakePagedApi(45)).carry_out(plan())
    assert ids(store, receipt) == list(range(45))


def test_what_may_still_be_needed_is_spared(lake: Path) -> None:
    before = files(lake)
    assert clean(lake, "--delete", after_days=6.9)[1] == "0 objects, 0 bytes\n"
    assert clean(lake, "--delete", "--older-than", "40")[1] == "0 objects, 0 bytes\n"
    assert files(lake) == before
    assert "\n11 objects, " in clean(lake, "--older-than", "0", after_days=0.1)[1]


def test_F75_a_run_that_wrote_within_the_hour_is_spared_whatever_the_limit(lake: Path) -> None:
    assert "other" not in clean(lake, "--older-than", "0", after_days=0)[1]


def test_the_help_says_what_makes_it_safe(capsys: pytest.CaptureFixture[str]) -> None:
    parser = make_parser(["clean"])
    with pytest.raises(SystemExit):
        parser.parse_args(["clean", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "the progress of runs lies there in _runs" in told
    assert "longer than any pause after which a run is to go on" in told


@pytest.mark.parametrize("days", ["-1", "nan"])
def test_an_age_that_is_none_is_a_mistake(lake: Path, days: str) -> None:
    status, out, err = clean(lake, f"--older-than={days}", "--delete")
    assert (status, out) == (2, "")
    assert "--older-than" in err


def test_where_a_manifest_cannot_be_read_nothing_is_deleted(lake: Path) -> None:
    (manifest,) = lake.rglob("_manifest-*.json")
    manifest.write_bytes(b"{")
    before = files(lake)
    status, out, err = clean(lake, "--delete")
    assert (status, out) == (1, "")
    assert "MalformedDataError" in err
    assert files(lake) == before


def test_what_was_replaced_while_it_was_listed_stays(lake: Path) -> None:
    before = files(lake)
    touched = min(lake.rglob("_runs/**/*.json"))

    class Replacing(io.StringIO):
        """Somebody goes on with the run as soon as the first line is out."""

        def write(self, text: str) -> int:
            touched.write_bytes(b"{}")
            return super().write(text)

    parser = make_parser(["clean"])
    out, err = Replacing(), io.StringIO()
    clock = ManualClock(now=WRITTEN + 30 * DAY)
    status = run(parser.parse_args(["clean", str(lake), "--delete"]), out=out, err=err, clock=clock)
    assert status == 1
    assert err.getvalue().startswith("clean: ObjectChangedError: file://")
    assert touched.read_bytes() == b"{}"
    assert len(before - files(lake)) == out.getvalue().count("deleted: ") < 11


@pytest.mark.parametrize("delete", [[], ["--delete"]])
def test_json_names_every_object_and_whether_it_was_deleted(lake: Path, delete: list[str]) -> None:
    before = files(lake)
    listed = clean(lake)[1]
    status, out, err = clean(lake, "--json", *delete)
    report = msgspec.json.decode(out, type=Cleaning)
    assert (status, err, report.deleted) == (0, "", bool(delete))
    assert [f"left behind: {each.uri}, {each.bytes} bytes" for each in report.objects] == (
        listed.splitlines()[:-1]
    )
    assert report.bytes == sum(each.bytes for each in report.objects) > 0
    assert len(before - files(lake)) == (len(report.objects) if delete else 0)


def test_looking_at_a_place_that_is_not_there_makes_none(tmp_path: Path) -> None:
    status, out, err = clean(tmp_path / "typo")
    assert (status, out) == (1, "")
    assert f"{tmp_path / 'typo'} is no directory" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "where", ["s3:/lake", "s3:lake", "S3:/lake", "https:/host/lake", "s3//lake", "file:/lake"]
)
def test_what_is_nearly_an_address_is_no_directory(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = clean(where)
    assert (status, out) == (2, "")
    assert "nearly an address" in err
    assert list(tmp_path.iterdir()) == []
