"""The records of a pipeline as a table: in place of those before, and what a failure leaves."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.errors import (
    BucketNotFoundError,
    InvalidInputError,
    PermissionDeniedError,
    StorageError,
    UnsupportedFormatError,
)
from de_classes.pipelines import EtlPipeline, Filter, RecordsExtractor
from de_classes.pipelines.glue import GlueAddress, GlueTable, GlueTableLoader
from de_classes.storage.clients import BaseS3Client, LocalClient
from de_classes.storage.datasets import DatasetCommits, DatasetReader
from de_classes.storage.datasets.manifest import symlink_key
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.glue import DATABASE, FakeGlue
from tests.fakes.runs import BUCKET, DATASET, LOGGER, KilledError, memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from de_classes.storage.clients import ObjectStore


def ids(store: ObjectStore) -> list[int]:
    reader = DatasetReader(store, BUCKET, DATASET)
    return [record["id"] for batch in reader.records() for record in batch]


def test_a_pipeline_replaces_what_a_pipeline_loaded_before_and_the_table_follows() -> None:
    store, glue = memory(), FakeGlue()
    for number, least in enumerate((2, 3, 1), 1):
        records = [{"id": each, f"only_{least}": "x"} for each in (1, 2, 3)]
        steps = Filter(lambda record, least=least: record["id"] >= least)
        load = GlueTableLoader(glue.table(), store, BUCKET, DATASET)
        assert EtlPipeline(RecordsExtractor(records), steps, load=load).run().rows_out == 4 - least
        assert (glue.generation(), ids(store)) == (number, list(range(least, 4)))
        assert glue.columns() == {"id": "bigint", f"only_{least}": "string"}


def test_a_load_that_could_not_be_shown_is_committed_and_the_next_one_doubles_nothing() -> None:
    store, glue = memory(), FakeGlue()
    load = GlueTableLoader(glue.table(), store, BUCKET, DATASET)
    load.load([[{"id": 1}]])
    glue.refusals["UpdateTable"] = "AccessDeniedException"
    with pytest.raises(PermissionDeniedError):
        load.load([[{"id": 2}]])
    assert (ids(store), glue.generation()) == ([2], 1)
    del glue.refusals["UpdateTable"]
    assert load.load([[{"id": 2}]]).records == 1
    assert (ids(store), glue.generation()) == ([2], 3)


def test_a_load_without_records_makes_no_table_and_empties_one_that_is_there() -> None:
    store, glue = memory(), FakeGlue()
    load = GlueTableLoader(glue.table(), store, BUCKET, DATASET)
    assert load.load([]).records == 0
    assert glue.tables == {}
    load.load([[{"id": 1}]])
    load.load([])
    assert (glue.generation(), glue.columns(), ids(store)) == (3, {"id": "bigint"}, [])


def test_two_loads_at_once_are_two_commits_and_the_later_one_is_shown() -> None:
    store, glue = memory(), FakeGlue()
    sessions = [GlueTableLoader(glue.table(), store, BUCKET, DATASET).open() for _ in range(2)]
    for number, session in enumerate(sessions, 1):
        session.write([{"id": number}])
    for session in reversed(sessions):
        session.commit()
    assert DatasetCommits(store, BUCKET, DATASET).generations() == [1, 2]
    assert (glue.generation(), ids(store)) == (2, [1])


class MortalS3(FakeS3):
    """Tells of each of its calls, before and after it took effect."""

    boundary: Callable[[str], None] = staticmethod(lambda _: None)

    def _call(self, operation: str, arguments: dict[str, Any], act: Callable[[], Any]) -> Any:
        self.boundary(operation)
        answer = super()._call(operation, arguments, act)
        self.boundary(operation)
        return answer


def test_a_load_that_is_killed_at_any_call_shows_one_commit_whole_and_is_repeated_without_harm() -> None:
    died: list[str] = []
    for die_at in itertools.count(1):
        s3, glue, left = MortalS3(), FakeGlue(), [0]
        s3.create_bucket(Bucket=BUCKET)
        store = BaseS3Client(s3, LOGGER)
        load = GlueTableLoader(glue.table(), store, BUCKET, DATASET)
        load.load([[{"id": 1}]])
        left[0] = die_at

        def boundary(operation: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                died.append(operation)
                raise KilledError

        s3.boundary = glue.before = glue.after = boundary
        try:
            load.load([[{"id": 2, "new": True}]])
            break  # it was not killed any more
        except KilledError:
            left[0] = -1
        shows = glue.generation()
        manifest = DatasetCommits(store, BUCKET, DATASET).read(shows)
        listed = store.get_object(BUCKET, symlink_key(DATASET, shows)).decode().split()
        assert listed == [f"s3://{BUCKET}/{DATASET}/{part.key}" for part in manifest.parts]
        assert glue.columns() == ({"id": "bigint"} if shows == 1 else {"id": "bigint", "new": "boolean"})
        load.load([[{"id": 2, "new": True}]])
        assert ids(store) == [2]
        assert glue.generation() == DatasetCommits(store, BUCKET, DATASET).generations()[-1]
    assert len(died) > 20
    assert {"PutObject", "GetObject", "GetTable", "UpdateTable"} <= {*died}


def test_what_cannot_be_a_table_is_told_before_a_record_is_asked_for(tmp_path: Path) -> None:
    store, glue = memory(), FakeGlue()
    with pytest.raises(UnsupportedFormatError):
        GlueTableLoader(glue.table(), store, BUCKET, DATASET, format="csv").open()
    with pytest.raises(BucketNotFoundError):
        GlueTableLoader(glue.table(), store, "none", DATASET).open()
    elsewhere = GlueTable(GlueAddress("none", "orders"), client=glue.client)
    with pytest.raises(StorageError, match="there is no such database"):
        GlueTableLoader(elsewhere, store, BUCKET, DATASET).open()
    glue.client.create_table(DatabaseName=DATABASE, TableInput={"Name": "orders"})
    with pytest.raises(InvalidInputError, match="no dataset was registered in it"):
        GlueTableLoader(glue.table(), store, BUCKET, DATASET).open()
    local = LocalClient(tmp_path, LOGGER)
    local.create_bucket(BUCKET)
    with pytest.raises(InvalidInputError, match="is not in S3"):
        GlueTableLoader(glue.table(), local, BUCKET, DATASET).open()
