"""A table of the catalog over a dataset: what it shows, who may change it, and what failures leave."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ConnectionClosedError, NoCredentialsError
from moto import mock_aws

from de_classes.errors import (
    ConfigurationError,
    InvalidInputError,
    NothingToShowError,
    ObjectNotFoundError,
    PermissionDeniedError,
    StorageError,
    StorageUnavailableError,
    UnsupportedFormatError,
)
from de_classes.pipelines.glue import GlueAddress, GlueTable
from de_classes.storage.clients import BaseS3Client, LocalClient
from de_classes.storage.datasets import DatasetCommits, Manifest
from de_classes.storage.datasets.leftovers import remove_leftovers
from de_classes.storage.datasets.manifest import manifest_key, symlink_key
from de_classes.utils.clock import ManualClock
from tests.fakes.aws import no_aws_environment, nobodys_session
from tests.fakes.datasets import commit as commit_into
from tests.fakes.datasets import make_manifest
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.glue import DATABASE, FakeGlue
from tests.fakes.runs import BUCKET, LOGGER, KilledError, memory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from de_classes.errors import DeClassesError
    from de_classes.storage.datasets import ManifestPart
    from de_classes.storage.format.schema import Record

DATASET = "raw/orders"
ADDRESS = f"s3://{BUCKET}/{DATASET}"


def commit(store: BaseS3Client, generation: int, *pages: list[Record], **options: Any) -> Manifest:
    pages = pages or ([{"id": generation}],)
    given = {"dataset": DATASET, "bucket": BUCKET, "format": "parquet", "run_id": f"run{generation}"}
    return commit_into(store, pages, generation=generation, **{**given, **options})


def register(glue: FakeGlue, store: BaseS3Client, **options: Any) -> Any:
    return glue.table().register(store, BUCKET, DATASET, **options)


def listed(store: BaseS3Client, glue: FakeGlue) -> list[str]:
    """What a query reads: the files named by those below the table's location."""
    location = glue.shown()["StorageDescriptor"]["Location"]
    assert location.startswith(f"s3://{BUCKET}/")
    infos = store.list_objects(BUCKET, location.removeprefix(f"s3://{BUCKET}/"))
    texts = [store.get_object(BUCKET, info.key).decode() for info in infos]
    return [line for text in texts for line in text.splitlines()]


def addresses(manifest: Manifest) -> list[str]:
    return [f"{ADDRESS}/{part.key}" for part in manifest.parts]


def test_a_table_leads_to_the_parts_of_the_commit_and_has_its_columns() -> None:
    store, glue = memory(), FakeGlue()
    manifest = commit(store, 1, [{"id": 1, "placedAt": "x"}], [{"id": 2, "placedAt": "y"}])
    shown = register(glue, store)
    table = glue.shown()
    descriptor = table["StorageDescriptor"]
    assert shown.location == descriptor["Location"] == f"{ADDRESS}/_symlink-00000001/"
    assert (shown.table, shown.generation, shown.run_id, shown.records, shown.parts, shown.is_new) == (
        *("shop.orders", 1, "run1"),
        *(2, 2, True),
    )
    assert listed(store, glue) == addresses(manifest)
    assert descriptor["Columns"] == [
        {"Name": "id", "Type": "bigint", "Comment": "int64"},
        {"Name": "placedat", "Type": "string", "Comment": "placedAt: string"},
    ]
    assert descriptor["InputFormat"].endswith(".SymlinkTextInputFormat")
    assert descriptor["SerdeInfo"]["SerializationLibrary"].endswith(".ParquetHiveSerDe")
    assert (table["TableType"], table["PartitionKeys"]) == ("EXTERNAL_TABLE", [])
    assert table["Parameters"] == {
        "EXTERNAL": "TRUE",
        "classification": "parquet",
        "de_classes_dataset": ADDRESS,
        "de_classes_generation": "1",
        "de_classes_run_id": "run1",
        "de_classes_status": "complete",
        "de_classes_records": "2",
        "de_classes_parts": "2",
    }


def test_what_a_registration_asks_does_not_grow_with_the_parts() -> None:
    """As docs/athena.md says it."""
    for parts in (1, 50):
        s3, glue = FakeS3(), FakeGlue()
        s3.create_bucket(Bucket=BUCKET)
        store = BaseS3Client(s3, LOGGER)
        commit(store, 1)
        register(glue, store)
        commit(store, 2, *([{"id": number}] for number in range(parts)))
        s3.calls.clear()
        glue.calls.clear()
        assert register(glue, store).parts == parts
        assert glue.calls == ["GetTable", "UpdateTable"]
        assert s3.calls == {"ListObjectsV2": 2, "ListObjectsV2 page": 2, "GetObject": 2, "PutObject": 1}


def test_what_is_registered_again_is_changed_by_nothing() -> None:
    store, glue = memory(), FakeGlue()
    commit(store, 1)
    first = register(glue, store)
    version = glue.shown()["VersionId"]
    again = register(glue, store)
    assert (first.is_new, again.is_new) == (True, False)
    assert glue.shown()["VersionId"] == version


def test_the_next_commit_moves_the_table_and_leaves_the_list_before_as_it_was() -> None:
    store, glue = memory(), FakeGlue()
    first = commit(store, 1)
    register(glue, store)
    before = store.get_object(BUCKET, symlink_key(DATASET, 1))
    second = commit(store, 2, [{"id": 2.5, "late": {"tags": ["a"]}}])
    register(glue, store)
    assert listed(store, glue) == addresses(second) != addresses(first)
    assert glue.columns() == {"id": "double", "late": "struct<tags:array<string>>"}
    assert store.get_object(BUCKET, symlink_key(DATASET, 1)) == before


def test_cleaning_up_leaves_the_lists_that_a_table_may_still_lead_to() -> None:
    """Without its list a table is empty; without a part of it, a query fails."""
    store, glue = memory(), FakeGlue()
    for generation in (1, 2):
        commit(store, generation)
        register(glue, store)
    removed = remove_leftovers(
        store, BUCKET, "", older_than=0, clock=ManualClock(now=time.time() + 3600), superseded=True
    )
    assert [info.key for info in removed] == [f"{DATASET}/{part.key}" for part in first_parts(store)]
    assert [store.object_exists(BUCKET, symlink_key(DATASET, each)) for each in (1, 2)] == [True, True]


def first_parts(store: BaseS3Client) -> Sequence[ManifestPart]:
    return DatasetCommits(store, BUCKET, DATASET).read(1).parts


def test_what_was_changed_or_deleted_by_hand_is_repaired_and_what_was_added_stays() -> None:
    store, glue = memory(), FakeGlue()
    commit(store, 1)
    register(glue, store)
    table = glue.tables[DATABASE, "orders"]
    table["StorageDescriptor"]["Columns"] = [{"Name": "id", "Type": "string"}]
    table["Parameters"]["owner_team"] = "finance"
    store.delete_object(BUCKET, symlink_key(DATASET, 1))
    assert register(glue, store).is_new
    assert glue.columns() == {"id": "bigint"}
    assert glue.shown()["Parameters"]["owner_team"] == "finance"
    assert len(listed(store, glue)) == 1


def test_json_lines_are_shown_and_what_engines_read_otherwise_is_refused() -> None:
    store, glue = memory(), FakeGlue()
    commit(store, 1, format="jsonl")
    register(glue, store)
    table = glue.shown()
    assert table["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] == (
        "org.openx.data.jsonserde.JsonSerDe"
    )
    assert table["Parameters"]["classification"] == "json"
    for name, why in (("csv", "cut a cell at a line break"), ("json", "one array each")):
        commit(store, 1, format=name, dataset=f"raw/{name}")
        with pytest.raises(UnsupportedFormatError, match=rf"raw/{name} is {name}, .*{why}.*parquet or jsonl"):
            glue.table(name).register(store, BUCKET, f"raw/{name}")
        assert list(store.list_objects(BUCKET, f"raw/{name}/_symlink-")) == []


def test_a_partial_commit_is_shown_only_if_that_is_allowed() -> None:
    store, glue = memory(), FakeGlue()
    manifest = make_manifest(store, [[{"id": 1}]], dataset=DATASET, bucket=BUCKET, format="parquet")
    given = {"run_id": "run1", "generation": 1, "format": "parquet", "schema": manifest.schema}
    DatasetCommits(store, BUCKET, DATASET).commit(Manifest.of(manifest.parts, missing_pages=["7"], **given))
    with pytest.raises(InvalidInputError, match=r"lacks pages 7: replay its run, .* --partial"):
        register(glue, store)
    assert glue.tables == {}
    assert register(glue, store, allow_partial=True).status == "partial"
    assert glue.shown()["Parameters"]["de_classes_status"] == "partial"


def test_nothing_is_registered_of_a_dataset_without_a_commit_or_outside_of_s3(tmp_path: Path) -> None:
    store, glue = memory(), FakeGlue()
    with pytest.raises(ObjectNotFoundError, match="nothing was committed there"):
        register(glue, store)
    local = LocalClient(tmp_path, LOGGER)
    local.create_bucket(BUCKET)
    commit_into(local, [[{"id": 1}]], dataset=DATASET, bucket=BUCKET)
    with pytest.raises(InvalidInputError, match=r"is not in S3, .*ingest to s3://BUCKET"):
        glue.table().register(local, BUCKET, DATASET)
    with pytest.raises(InvalidInputError, match="shows the latest of a dataset: name the dataset"):
        glue.table().register(store, BUCKET, manifest_key(DATASET, 1))
    assert glue.calls == []


def test_a_first_commit_without_a_value_makes_no_table_and_a_later_one_empties_it() -> None:
    store, glue = memory(), FakeGlue()
    commit(store, 1, [{"id": None}])
    with pytest.raises(NothingToShowError, match="the first run that brings a record"):
        register(glue, store)
    assert glue.tables == {}
    commit(store, 2)
    register(glue, store)
    commit(store, 3, [])
    assert register(glue, store).records == 0
    assert (listed(store, glue), glue.columns()) == ([], {"id": "bigint"})


def test_a_column_without_any_value_is_none_of_the_tables_until_it_has_one() -> None:
    store, glue = memory(), FakeGlue()
    commit(store, 1, [{"id": 1, "gone": None, "tags": [], "at": {"x": None, "y": 1}}])
    shown = register(glue, store)
    assert (shown.left_out, glue.columns()) == (("gone", "tags"), {"id": "bigint", "at": "struct<y:bigint>"})
    commit(store, 2, [{"id": 1, "gone": "now", "tags": ["a"], "at": {"x": True, "y": 1}}])
    register(glue, store)
    assert glue.columns() == {
        "id": "bigint",
        "gone": "string",
        "tags": "array<string>",
        "at": "struct<x:boolean,y:bigint>",
    }


# Whose the table is.


def test_a_table_that_nobody_registered_is_left_alone() -> None:
    store, glue = memory(), FakeGlue()
    commit(store, 1)
    glue.client.create_table(DatabaseName=DATABASE, TableInput={"Name": "orders"})
    with pytest.raises(InvalidInputError, match=r"shop\.orders is there, and no dataset was registered"):
        register(glue, store)
    assert "Parameters" not in glue.shown()


def test_a_table_of_another_dataset_is_left_alone() -> None:
    store, glue = memory(), FakeGlue()
    commit(store, 1)
    commit(store, 1, dataset="raw/other")
    register(glue, store)
    with pytest.raises(InvalidInputError, match=r"shows the dataset s3://lake/raw/orders, not .*raw/other"):
        glue.table().register(store, BUCKET, "raw/other")
    assert glue.shown()["Parameters"]["de_classes_dataset"] == ADDRESS


@pytest.mark.parametrize("generations", [1, 2], ids=["the same generation", "a later one"])
def test_a_dataset_that_was_made_anew_is_told_from_the_one_before(generations: int) -> None:
    store, glue = memory(), FakeGlue()
    for generation in range(1, generations + 1):
        commit(store, generation)
    register(glue, store)
    for info in list(store.list_objects(BUCKET, DATASET)):
        store.delete_object(BUCKET, info.key)
    commit(store, 1, [{"id": 9}], run_id="anew")
    with pytest.raises(InvalidInputError, match=r"the dataset has 1 of run 'anew': it was made anew"):
        register(glue, store)
    assert glue.generation() == generations


# Who comes second.


def test_a_stale_committer_that_comes_second_loses() -> None:
    """It has read table and manifest, and then another commits and registers."""
    store, glue = memory(), FakeGlue()
    commit(store, 1)
    register(glue, store)
    commit(store, 2)
    others: list[int] = []

    def overtake(operation: str) -> None:
        if operation == "UpdateTable" and not others:
            others.append(1)
            commit(store, 3, [{"id": 3, "new": True}])
            register(glue, store)

    glue.before = overtake
    answer = register(glue, store)
    assert glue.calls.count("UpdateTable") == 2  # the stale one was refused, and not made again
    assert (answer.generation, answer.run_id, answer.is_new) == (3, "run3", False)
    assert glue.generation() == 3
    assert glue.columns() == {"id": "bigint", "new": "boolean"}


def test_who_makes_the_table_second_finds_that_of_the_first() -> None:
    store, glue = memory(), FakeGlue()
    commit(store, 1)
    others: list[int] = []

    def be_first(operation: str) -> None:
        if operation == "CreateTable" and not others:
            others.append(1)
            register(glue, store)

    glue.before = be_first
    assert register(glue, store).is_new is False
    assert glue.calls.count("UpdateTable") == 0


def test_where_no_version_is_compared_the_last_who_writes_still_brings_the_latest() -> None:
    store, glue = memory(), FakeGlue(compares_versions=False)
    commit(store, 1)
    register(glue, store)
    commit(store, 2)
    others: list[int] = []

    def overtake(operation: str) -> None:
        if operation == "UpdateTable" and not others:
            others.append(1)
            commit(store, 3)
            register(glue, store)

    glue.before = overtake
    assert register(glue, store).generation == 3
    assert glue.generation() == 3


@pytest.mark.parametrize("compares", [True, False], ids=["versions", "no versions"])
def test_many_at_once_leave_the_latest(*, compares: bool) -> None:
    store, glue = memory(), FakeGlue(compares_versions=compares)
    commit(store, 1)
    lock = threading.Lock()
    seen: list[int] = []
    glue.after = lambda _: seen.append(glue.generation())

    def work(_: int) -> None:
        for _ in range(4):
            with lock:  # of the store's own commits there is another test
                latest = DatasetCommits(store, BUCKET, DATASET).latest()
                assert latest is not None
                commit(store, latest.generation + 1)
            register(glue, store)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert glue.generation() == 17
    if compares:
        assert seen == sorted(seen)  # it never went back


def test_a_table_that_is_changed_again_and_again_is_given_up() -> None:
    store, glue = memory(), FakeGlue()
    commit(store, 1)
    register(glue, store)
    commit(store, 2)

    def change(operation: str) -> None:
        if operation == "UpdateTable":
            there = glue.tables[DATABASE, "orders"]
            there["VersionId"] = str(int(there["VersionId"]) + 1)

    glue.before = change
    with pytest.raises(StorageUnavailableError, match="changed again and again: try later"):
        register(glue, store)
    assert glue.generation() == 1


def test_a_table_that_is_dropped_meanwhile_is_made_again() -> None:
    store, glue = memory(), FakeGlue()
    commit(store, 1)
    register(glue, store)
    commit(store, 2)

    def drop(operation: str) -> None:
        if operation == "UpdateTable":
            glue.tables.clear()

    glue.before = drop
    assert register(glue, store).generation == 2
    assert glue.calls[-2:] == ["GetTable", "CreateTable"]


# What failures leave.


def calls_of(steps: Callable[[], Any], glue: FakeGlue) -> list[str]:
    glue.calls.clear()
    steps()
    return list(glue.calls)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("generation", [1, 2], ids=["made", "moved"])
def test_a_process_that_is_killed_at_any_call_leaves_one_commit_whole_and_the_next_goes_on(
    moment: str, generation: int
) -> None:
    for number in range(4):
        store, glue = memory(), FakeGlue()
        if generation > 1:
            commit(store, 1)
            register(glue, store)
        latest = commit(store, generation)
        glue.calls.clear()

        def die(_: str, glue: FakeGlue = glue, number: int = number) -> None:
            if len(glue.calls) == number + 1:
                raise KilledError

        setattr(glue, moment, die)
        try:
            register(glue, store)
            assert number >= 2  # a look, and a change
        except KilledError:
            pass
        setattr(glue, moment, lambda _: None)
        shows = glue.generation()
        assert shows in {generation - 1, generation}
        if shows:
            assert listed(store, glue) == addresses(DatasetCommits(store, BUCKET, DATASET).read(shows))
        register(glue, store)
        assert listed(store, glue) == addresses(latest)


def test_an_answer_that_is_lost_is_taken_for_success_when_it_comes_again() -> None:
    """botocore sends a call again whose answer did not come: the second one finds what the first one did."""
    store, glue = memory(), FakeGlue()
    commit(store, 1)
    answers: list[str] = []

    def lose(operation: str) -> None:
        if operation in {"CreateTable", "UpdateTable"} and operation not in answers:
            answers.append(operation)
            glue._carry_out(  # noqa: SLF001 - as the call that is sent again
                operation, {"DatabaseName": DATABASE, "TableInput": told[-1]}
            )

    told: list[dict[str, Any]] = []
    glue.client.meta.events.register_first(
        "provide-client-params.glue",
        lambda params, **_: told.append(params["TableInput"]) if "TableInput" in params else None,
    )
    glue.before = lose
    assert register(glue, store).is_new is False
    commit(store, 2)
    assert register(glue, store).generation == 2
    assert answers == ["CreateTable", "UpdateTable"]


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("AccessDeniedException", PermissionDeniedError, r"it needs glue:GetTable, .*Lake Formation"),
        ("ThrottlingException", StorageUnavailableError, "try again later"),
        ("InvalidInputException", StorageError, "Glue refuses this"),
        ("ResourceNumberLimitExceededException", StorageError, "as many tables as it may"),
    ],
)
@pytest.mark.parametrize("operation", ["GetTable", "CreateTable"])
def test_what_glue_refuses_is_a_typed_error_that_names_the_table(
    operation: str, code: str, kind: type[DeClassesError], said: str
) -> None:
    store, glue = memory(), FakeGlue()
    commit(store, 1)
    glue.refusals[operation] = code
    with pytest.raises(kind, match=rf"^table shop\.orders: .*{said}.*{operation}: {code}"):
        register(glue, store)


def test_a_database_that_is_not_there_is_told() -> None:
    store, glue = memory(), FakeGlue()
    commit(store, 1)
    elsewhere = GlueTable(GlueAddress("none", "orders"), client=glue.client)
    with pytest.raises(StorageError, match=r"table none\.orders: there is no such database: create it"):
        elsewhere.register(store, BUCKET, DATASET)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionClosedError(endpoint_url="https://glue"), StorageUnavailableError),
        (NoCredentialsError(), ConfigurationError),
    ],
)
def test_what_boto3_gives_up_with_is_a_typed_error(error: Exception, kind: type[DeClassesError]) -> None:
    store, glue = memory(), FakeGlue()
    commit(store, 1)

    def fail(_: str) -> None:
        raise error

    glue.before = fail
    with pytest.raises(kind, match=r"^table shop\.orders: "):
        register(glue, store)


def test_without_a_client_it_is_boto3s_own() -> None:
    store = memory()
    commit(store, 1)
    with no_aws_environment() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        client = nobodys_session().client("glue")
        client.create_database(DatabaseInput={"Name": DATABASE})
        table = GlueTable(GlueAddress(DATABASE, "orders"))
        assert table.register(store, BUCKET, DATASET).is_new
        commit(store, 2, [{"id": 1, "late": "x"}])
        assert table.register(store, BUCKET, DATASET).generation == 2
        found = client.get_table(DatabaseName=DATABASE, Name="orders")["Table"]["StorageDescriptor"]
    assert [each["Name"] for each in found["Columns"]] == ["id", "late"]
    assert found["Location"] == f"{ADDRESS}/_symlink-00000002/"
