from __future__ import annotations

import io
import json
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


def generations(store: LocalClient, lake: Path, count: int) -> None:
    """A dataset, ``raw/log``, that so many runs appended to, a day each."""
    for number in range(count):
        run_id = f"day-{number}"
        run_ = plan(run_id=run_id, dataset="raw/log", write="append")
        service(store, FakePagedApi(15)).carry_out(run_)
        for path in (*lake.rglob(f"_manifest-{number + 1:08}.json"), *lake.rglob(f"_runs/{run_id}/*")):
            os.utime(path, (WRITTEN + number * DAY, WRITTEN + number * DAY))
    for path in lake.rglob("*"):
        if "_manifest-" not in path.name and "_runs" not in path.parts:
            os.utime(path, (WRITTEN, WRITTEN))


def manifests(lake: Path) -> list[Path]:
    return sorted(lake.glob("raw/log/_manifest-*"))


@pytest.mark.parametrize("where", ["", "raw", "raw/log"])
def test_of_each_dataset_the_last_commits_are_kept(store: LocalClient, lake: Path, where: str) -> None:
    generations(store, lake, 5)
    words = ("--keep", "2", "--older-than", "10d")
    listed = clean(lake / where, *words)[1]
    assert len(manifests(lake)) == 5
    status, out, err = clean(lake / where, *words, "--delete")
    assert (status, err) == (0, "")
    would = [line.replace("left behind: ", "deleted: ") for line in listed.splitlines()[:-1]]
    assert out.splitlines()[:-1] == would
    assert [path.stem[-1] for path in manifests(lake)] == ["4", "5"]
    assert len(list(lake.glob("raw/log/_receipt-*"))) == 2
    parts = json.loads(manifests(lake)[-1].read_bytes())["parts"]
    assert len(list(lake.glob("raw/log/part-*"))) == len(parts) == 5
    assert clean(lake / where, *words)[1] == "0 objects, 0 bytes\n"


def test_a_commit_is_kept_as_long_as_it_is_young_or_may_be_read(store: LocalClient, lake: Path) -> None:
    generations(store, lake, 5)
    gone = {
        words: clean(lake, "--keep", "2", *words.split(), after_days=30)[1].count("/raw/log/_manifest-")
        for words in (
            "--older-than 30d",
            "--older-than 28d",
            "--older-than 28d --grace 28d",
            "--older-than 0 --grace 27d",
            "--older-than 0 --grace 12h",
        )
    }
    # The first was replaced on the second day, and pushed out of the last two on the third.
    assert [*gone.values()] == [0, 2, 1, 2, 3]


def test_of_a_dataset_only_what_is_its_own_is_deleted(store: LocalClient, lake: Path) -> None:
    generations(store, lake, 3)
    before = files(lake)
    assert clean(lake / "raw" / "log", "--keep", "1", "--delete", after_days=40)[0] == 0
    gone = before - files(lake)
    assert all(name.startswith(("raw/log/", "raw/_runs/day-")) for name in gone)
    assert {name.split("/")[2] for name in gone if "_runs" in name} == {"day-0", "day-1", "day-2"}


def test_the_parts_of_a_dataset_that_is_named_itself_stay(store: LocalClient, lake: Path) -> None:
    before = {name for name in files(lake) if name.startswith("raw/day/")}
    assert clean(lake / "raw" / "day", "--older-than", "0", "--delete")[0] == 0
    assert {name for name in files(lake) if name.startswith("raw/day/")} == before
    receipt = service(store, FakePagedApi(45)).carry_out(plan())
    assert ids(store, receipt) == list(range(45))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--keep", "0"], "--keep is 1 or more"),
        (["--keep=-1"], "--keep is 1 or more"),
        (["--keep", "1", "--grace=-1"], "--grace is a number of days"),
        (["--keep", "1", "--grace", "nan"], "--grace is a number of days"),
    ],
)
def test_a_number_that_is_none_is_a_mistake(lake: Path, words: list[str], said: str) -> None:
    status, out, err = clean(lake, *words, "--delete")
    assert (status, out) == (2, "")
    assert said in err


@pytest.mark.parametrize(
    ("text", "days"), [("7", 7), ("30d", 30), ("12h", 0.5), ("36min", 0.025), ("1.5", 1.5)]
)
def test_an_age_is_a_number_of_days_or_says_its_unit(text: str, days: float) -> None:
    words = ["clean", "lake", "--older-than", text, "--keep", "1", "--grace", text]
    args = make_parser(["clean"]).parse_args(words)
    assert (args.older_than, args.grace) == (days, days)
