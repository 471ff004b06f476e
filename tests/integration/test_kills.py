"""F42: a process that is killed, at any boundary and at any moment, loses nothing and doubles nothing."""

from __future__ import annotations

import itertools
import json
import logging
import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec import structs

from de_classes.api.receipt import IngestReceipt
from de_classes.errors import ObjectNotFoundError
from de_classes.pipelines.described import DropDuplicatesStep, FilterStep, FlattenStep, SelectStep
from de_classes.runs.plan import RunPlan
from de_classes.runs.verify import differences
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.storage.clients import BaseS3Client, LocalClient
from de_classes.storage.datasets import DatasetCommits, DatasetReader, remove_leftovers
from de_classes.storage.datasets.commits import ALIVE
from de_classes.storage.datasets.manifest import is_part_key, symlink_key
from de_classes.utils.clock import ManualClock
from localcloud.emulator import Emulator
from localcloud.workspace import Workspace
from tests.fakes.mortal import BUCKET, Go, Outcome, Server, s3_of
from tests.fakes.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from de_classes.configs.ingest import Write
    from de_classes.pipelines.described import TransformDescription
    from de_classes.storage.clients import ObjectStore
    from de_classes.storage.format.schema import Record

LOGGER = logging.getLogger("tests.kills")
DATASET = "raw/orders"
ROWS = 115
KILLS_EACH = 50
LIMIT = 10
SOURCE = SimulatorSettings(
    rate_500=0.1, rate_503=0.1, rate_429=0.0, jitter_seconds=0, total_records=ROWS, seed=11
)


@dataclass
class Mortal:
    """The process whose children carry runs out."""

    process: subprocess.Popen[bytes]

    def __call__(self, go: Go) -> Outcome:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(msgspec.json.encode(go) + b"\n")
        self.process.stdin.flush()
        return msgspec.json.decode(self.process.stdout.readline(), type=Outcome)


@pytest.fixture(scope="module")
def mortal() -> Iterator[Mortal]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "layers" / "de_classes")}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.mortal"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        yield Mortal(process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="module")
def source() -> Iterator[SimulatorServer]:
    with SimulatorServer(SOURCE, clock=ManualClock()) as server:
        yield server


def go(
    server: SimulatorServer,
    place: str | Server,
    *,
    name: str = "jsonl",
    width: int = 1,
    key_fields: tuple[str, ...] = (),
    transforms: tuple[TransformDescription, ...] = (),
    run_id: str = "run",
    write: Write | None = None,
    ranges: int = 0,
) -> Go:
    plan = RunPlan(
        run_id=run_id,
        write=write,
        source=server.data_url,
        dataset=DATASET,
        format=name,
        limit=LIMIT,
        key_fields=key_fields,
        transforms=transforms,
    )
    return Go(
        plan=plan,
        base_url=server.base_url,
        username=server.username,
        password=server.password,
        place=place,
        width=width,
        ranges=ranges,
    )


def directory(path: Path) -> LocalClient:
    store = LocalClient(path, LOGGER)
    store.create_bucket(BUCKET)
    return store


def without_nulls(record: Record) -> str:
    """A record as text; in some formats a column that a late page brought is null before."""
    present = {name: value for name, value in record.items() if value is not None}
    return json.dumps(present, sort_keys=True, default=str)


def visible(store: ObjectStore) -> list[str]:
    """What a reader sees."""
    return list(map(without_nulls, chain.from_iterable(DatasetReader(store, BUCKET, DATASET).records())))


@dataclass
class Tally:
    """What was found over many kills."""

    kills: int = 0
    lost: int = 0
    doubled: int = 0

    def count(self, found: list[str], expected: list[str]) -> None:
        self.lost += (Counter(expected) - Counter(found)).total()
        self.doubled += (Counter(found) - Counter(expected)).total()


def check_before(store: ObjectStore, expected: list[str]) -> None:
    """After a kill a reader sees nothing, or all."""
    try:
        found = visible(store)
    except ObjectNotFoundError:
        return
    assert found == expected


def check_after(store: ObjectStore, tally: Tally, expected: list[str]) -> None:
    """Once the run is complete: the rows, the receipt, the list of parts, and nothing else after cleaning."""
    tally.count(visible(store), expected)
    keys = [info.key for info in store.list_objects(BUCKET)]
    (receipt_key,) = [key for key in keys if "/_receipt-" in key]
    receipt = msgspec.json.decode(store.get_object(BUCKET, receipt_key), type=IngestReceipt)
    assert list(differences(receipt, store, BUCKET)) == []
    listed = store.get_object(BUCKET, symlink_key(DATASET)).decode().splitlines()
    assert listed == [store.uri(BUCKET, part.key) for part in receipt.parts]
    later = ManualClock(now=time.time() + 2 * ALIVE)
    assert list(remove_leftovers(store, BUCKET, "raw/", older_than=0, clock=later))
    left = [info.key for info in store.list_objects(BUCKET)]
    assert [key for key in left if is_part_key(key)] == [part.key for part in receipt.parts]
    assert sorted(left) == sorted(
        [*(part.key for part in receipt.parts), receipt.key, receipt_key, symlink_key(DATASET)]
    )
    tally.count(visible(store), expected)


def expected_of(server: SimulatorServer) -> list[str]:
    return [without_nulls(json.loads(record)) for record in server.truth()]


def undisturbed(mortal: Mortal, server: SimulatorServer, path: Path, **how: object) -> tuple[int, list[str]]:
    """A run that nobody kills: how many boundaries it has, and its rows."""
    store = directory(path)
    done = mortal(go(server, str(path), **how))
    assert done.error is None
    rows, tally = visible(store), Tally()
    check_after(store, tally, rows)
    assert tally == Tally()
    return done.boundaries, rows


def killed_at(
    moments: Iterable[int],
    expected: list[str],
    mortal: Mortal,
    server: SimulatorServer,
    path: Path,
    **how: object,
) -> Tally:
    """Kill a run at each of these boundaries, a run each, and let another process go on."""
    tally = Tally()
    for moment in moments:
        place = path / f"at-{moment}"
        store, attempt = directory(place), go(server, str(place), **how)
        died = mortal(structs.replace(attempt, die_at=moment))
        assert died.error is None
        tally.kills += died.died
        check_before(store, expected)
        assert mortal(attempt).error is None
        check_after(store, tally, expected)
    return tally


def killed_until_done(
    mortal: Mortal, attempt: Go, store: ObjectStore, expected: list[str], delays: Iterator[float]
) -> int:
    """Kill a run at random moments until one go is fast enough; how often it took."""
    for kills, delay in zip(range(100), delays, strict=False):
        patient = delay * (1 + kills / 20)  # on a machine that became slow since it was measured
        ended = mortal(structs.replace(attempt, die_after=patient))
        assert ended.error is None
        check_before(store, expected)
        if not ended.died:
            return kills
    raise AssertionError("it makes no progress")


WAYS = [("jsonl", 1), ("jsonl", 8), ("parquet", 1), ("parquet", 8)]


def test_F42_kill_9_at_half_a_dozen_boundaries(
    mortal: Mortal, source: SimulatorServer, tmp_path: Path
) -> None:
    count, rows = undisturbed(mortal, source, tmp_path / "whole", key_fields=("id",))
    assert rows == expected_of(source)
    moments = [1 + step * (count - 1) // 5 for step in range(6)]
    assert killed_at(moments, rows, mortal, source, tmp_path, key_fields=("id",)) == Tally(kills=6)


def test_F42_kill_9_at_some_boundaries_of_a_run_in_ranges(
    mortal: Mortal, source: SimulatorServer, tmp_path: Path
) -> None:
    count, rows = undisturbed(mortal, source, tmp_path / "whole", key_fields=("id",), ranges=3)
    assert rows == expected_of(source)
    moments = [1 + step * (count - 1) // 4 for step in range(5)]
    assert killed_at(moments, rows, mortal, source, tmp_path, key_fields=("id",), ranges=3) == Tally(kills=5)


@pytest.mark.slow
@pytest.mark.parametrize(("ranges", "key_fields"), [(1, ()), (4, ("id",))])
def test_F42_kill_9_at_every_third_boundary_of_a_run_in_ranges(
    mortal: Mortal, source: SimulatorServer, tmp_path: Path, ranges: int, key_fields: tuple[str, ...]
) -> None:
    how: dict[str, object] = {"ranges": ranges, "key_fields": key_fields}
    count, rows = undisturbed(mortal, source, tmp_path / "whole", **how)
    assert rows == expected_of(source)
    tally = killed_at(range(1, count + 1, 3), rows, mortal, source, tmp_path, **how)
    print(f"{ranges} ranges: {count} boundaries, {tally}")  # noqa: T201 - the figures are the proof
    assert (tally.lost, tally.doubled) == (0, 0)
    assert tally.kills >= 0.8 * count / 3


@pytest.mark.slow
@pytest.mark.parametrize(("name", "width"), WAYS)
def test_F42_kill_9_at_every_boundary(
    mortal: Mortal, source: SimulatorServer, tmp_path: Path, name: str, width: int
) -> None:
    count, rows = undisturbed(mortal, source, tmp_path / "whole", name=name, width=width)
    assert rows == expected_of(source)
    tally = killed_at(range(1, count + 1), rows, mortal, source, tmp_path, name=name, width=width)
    print(f"{name}, width {width}: {count} boundaries, {tally}")  # noqa: T201 - the figures are the proof
    assert (tally.lost, tally.doubled) == (0, 0)
    assert tally.kills >= 0.8 * count  # faults and threads make one go shorter than another


STEPS = (
    FilterStep(where="status != 'cancelled'"),
    FlattenStep(),
    SelectStep(columns=("status", "customer_name")),
    DropDuplicatesStep(),
)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "width"), [("jsonl", 8), ("parquet", 1)])
def test_F42_kill_9_at_every_boundary_of_a_run_with_transforms(
    mortal: Mortal, source: SimulatorServer, tmp_path: Path, name: str, width: int
) -> None:
    count, rows = undisturbed(mortal, source, tmp_path / "whole", name=name, width=width, transforms=STEPS)
    assert 1 < len(rows) == len(set(rows)) < ROWS
    tally = killed_at(
        range(1, count + 1), rows, mortal, source, tmp_path, name=name, width=width, transforms=STEPS
    )
    print(f"{name}, width {width}, transforms: {count} boundaries, {tally}")  # noqa: T201 - the proof
    assert (tally.lost, tally.doubled) == (0, 0)
    assert tally.kills >= 0.8 * count
    receipts = [path.read_bytes() for path in tmp_path.rglob("_receipt-*.json")]
    counts = {tuple(transformed(receipt)) for receipt in receipts}
    assert (len(receipts), len(counts)) == (count + 1, 1)


def transformed(receipt: bytes) -> list[tuple[int, int]]:
    """What went into each transform, and what came out."""
    steps = msgspec.json.decode(receipt, type=IngestReceipt).transforms
    return [(step.rows_in, step.rows_out) for step in steps]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "width"), WAYS)
def test_F42_kill_9_at_random_moments(
    mortal: Mortal, source: SimulatorServer, tmp_path: Path, name: str, width: int
) -> None:
    """Each run is killed again and again until a go ends by itself."""
    chance, tally, runs = random.Random(f"{name}{width}"), Tally(), 0  # noqa: S311 - repeatable, not secret
    directory(tmp_path / "whole")
    whole = mortal(go(source, str(tmp_path / "whole"), name=name, width=width))
    delays = iter(lambda: chance.uniform(0, 1.5 * whole.seconds), None)
    while tally.kills < KILLS_EACH:
        runs += 1
        store = directory(tmp_path / str(runs))
        attempt = go(source, str(tmp_path / str(runs)), name=name, width=width)
        tally.kills += killed_until_done(mortal, attempt, store, expected_of(source), delays)
        check_after(store, tally, expected_of(source))
    print(f"{name}, width {width}: {runs} runs, {tally}")  # noqa: T201 - the figures are the proof
    assert (tally.lost, tally.doubled) == (0, 0)


@pytest.mark.slow
def test_F42_kill_9_while_parts_are_written_again_under_one_schema(mortal: Mortal, tmp_path: Path) -> None:
    with SimulatorServer(structs.replace(SOURCE, faults="F50,F51,F01"), clock=ManualClock()) as server:
        count, rows = undisturbed(mortal, server, tmp_path / "whole", name="parquet", key_fields=("id",))
        tally = killed_at(
            range(1, count + 1, 2), rows, mortal, server, tmp_path, name="parquet", key_fields=("id",)
        )
    print(f"many schemas: {count} boundaries, {tally}")  # noqa: T201 - the figures are the proof
    assert (tally.lost, tally.doubled) == (0, 0)
    assert tally.kills >= 0.4 * count


def generation(store: ObjectStore, number: int) -> tuple[list[str], list[str]]:
    """What readers of a commit see, and what its receipt says that is not so."""
    reader = DatasetReader(store, BUCKET, DATASET, generation=number)
    prefix = f"{DATASET}/_receipt-{number:08d}-{reader.manifest.run_id}-"
    (key,) = [info.key for info in store.list_objects(BUCKET, prefix)]
    receipt = msgspec.json.decode(store.get_object(BUCKET, key), type=IngestReceipt)
    rows = sorted(map(without_nulls, chain.from_iterable(reader.records())))
    return rows, list(differences(receipt, store, BUCKET))


def killed_at_second_runs(
    moments: Iterable[int],
    mortal: Mortal,
    server: SimulatorServer,
    path: Path,
    *,
    write: Write,
    name: str = "jsonl",
) -> tuple[int, int]:
    """Kill a run onto a dataset that another run has begun, at each of these boundaries, and go on with it.

    No more are tried once one is behind the run's end.

    Returns:
        How many were killed, and at how many a reader saw, then or after the end, what no commit may hold.
    """
    keys = ("id",) if write == "upsert" else ()
    rows = sorted(expected_of(server))
    expected = sorted([*rows, *rows]) if write == "append" else rows
    kills = wrong = 0
    for moment in moments:
        place = path / f"{write}-{moment}"
        store = directory(place)
        first, second = (
            go(server, str(place), run_id=run_id, name=name, key_fields=keys, write=write)
            for run_id in ("first", "second")
        )
        assert mortal(first).error is None
        died = mortal(structs.replace(second, die_at=moment))
        assert died.error is None
        kills += died.died
        seen = sorted(visible(store))
        assert mortal(second).error is None
        assert mortal(second).error is None  # once more: it is complete
        numbers = DatasetCommits(store, BUCKET, DATASET).generations()
        wrong += (
            seen not in (rows, expected)
            or numbers != [1, 2]
            or generation(store, 2) != (expected, [])
            or generation(store, 1) != (rows, [])
        )
        if not died.died:
            break
    return kills, wrong


@pytest.mark.parametrize("write", ["append", "upsert", "snapshot"])
def test_F42_kill_9_of_a_second_run_at_some_boundaries(
    mortal: Mortal, source: SimulatorServer, tmp_path: Path, write: Write
) -> None:
    assert killed_at_second_runs((30, 60, 75, 85), mortal, source, tmp_path, write=write) == (4, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        ("upsert", "jsonl", 2),
        ("upsert", "parquet", 5),
        ("append", "jsonl", 5),
        ("append", "parquet", 7),
        ("snapshot", "jsonl", 5),
        ("snapshot", "parquet", 7),
    ],
)
def test_F42_kill_9_of_a_second_run_at_one_boundary_of_a_few(
    mortal: Mortal, source: SimulatorServer, tmp_path: Path, case: tuple[Write, str, int]
) -> None:
    write, name, step = case
    moments = itertools.count(1, step)
    kills, wrong = killed_at_second_runs(moments, mortal, source, tmp_path, write=write, name=name)
    print(f"{write}, {name}: {kills} kills, {wrong} wrong")  # noqa: T201 - the figures are the proof
    assert wrong == 0
    assert kills > 80 // step


class HeavyRecords:
    """So much in every record that a part is uploaded in parts."""

    count = ROWS

    def slice(self, start: int, stop: int) -> list[bytes]:
        return [b'{"id":%d,"text":"%s"}' % (n, b"x" * 100_000) for n in range(start, min(stop, ROWS))]


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Emulator(Workspace(ROOT, tmp_path_factory.mktemp("emulator"))) as emulator:
        own = emulator.credentials
        yield Server(emulator.endpoint, own.access_key, own.secret_key)


@pytest.mark.slow
def test_F42_kill_9_between_the_calls_of_s3(mortal: Mortal, bucket: Server) -> None:
    s3 = s3_of(bucket)
    s3.create_bucket(Bucket=BUCKET)
    store, tally, died = BaseS3Client(s3, LOGGER), Tally(), True
    with SimulatorServer(SOURCE, records=HeavyRecords(), clock=ManualClock()) as server:
        attempt, expected = structs.replace(go(server, bucket), part_pages=10), expected_of(server)
        while died:
            for info in store.list_objects(BUCKET):
                store.delete_object(BUCKET, info.key)
            died = mortal(structs.replace(attempt, die_at=1 + 4 * tally.kills)).died
            tally.kills += died
            check_before(store, expected)
            assert mortal(attempt).error is None
            check_after(store, tally, expected)
    print(f"S3: {tally}")  # noqa: T201 - the figures are the proof
    assert (tally.lost, tally.doubled) == (0, 0)
    assert tally.kills > 12
