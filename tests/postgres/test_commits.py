"""What a table holds when a dataset is committed again, repaired, or partial; and when pipelines load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from de_classes.errors import InvalidInputError, MalformedDataError, ObjectExistsError
from de_classes.pipelines import EtlPipeline, Filter, RecordsExtractor
from de_classes.storage.datasets import DatasetCommits, Manifest, PartWriter
from tests.fakes.datasets import BUCKET, DATASET, commit, make_manifest, seal

if TYPE_CHECKING:
    from de_classes.storage.clients import LocalClient
    from tests.fakes.postgres import Schema

PAGES = [[{"id": 1}, {"id": 2}], [{"id": 3}]]


def partial(store: LocalClient) -> None:
    """A commit that lacks page 3."""
    manifest = make_manifest(store, PAGES)
    DatasetCommits(store, BUCKET, DATASET).commit(
        Manifest.of(
            manifest.parts,
            run_id=manifest.run_id,
            generation=1,
            format=manifest.format,
            schema=manifest.schema,
            missing_pages=["3"],
        )
    )


def repaired(store: LocalClient) -> None:
    """The same run with page 3."""
    commits = DatasetCommits(store, BUCKET, DATASET)
    before = commits.read(1)
    with PartWriter(store, BUCKET, DATASET, before.format) as writer:
        writer.write([{"id": 4}])
        late = writer.seal(1, 3, 3)
    assert late is not None
    commits.commit(
        Manifest.of(
            [*before.parts, late.part],
            run_id=before.run_id,
            generation=2,
            format=before.format,
            schema=before.schema,
        )
    )


def test_nothing_of_a_partial_commit_is_loaded_unless_that_is_allowed(
    store: LocalClient, schema: Schema
) -> None:
    partial(store)
    with pytest.raises(InvalidInputError, match=r"lacks pages 3: replay.*--partial"):
        schema.loader().load_dataset(store, BUCKET, DATASET)
    assert schema.relations() == set()
    loaded = schema.loader().load_dataset(store, BUCKET, DATASET, allow_partial=True)
    assert (loaded.status, schema.ids()) == ("partial", [1, 2, 3])
    assert schema.ask("SELECT status FROM _de_classes_tables") == [("partial",)]


@pytest.mark.parametrize("keys", [(), ("id",)], ids=["commit", "by key"])
def test_of_a_commit_that_was_repaired_only_the_new_part_is_loaded(
    store: LocalClient, schema: Schema, keys: tuple[str, ...]
) -> None:
    partial(store)
    schema.loader(key_fields=keys).load_dataset(store, BUCKET, DATASET, allow_partial=True)
    repaired(store)
    loaded = schema.loader(key_fields=keys).load_dataset(store, BUCKET, DATASET)
    assert (loaded.parts, loaded.parts_before, loaded.status) == (3, 2, "complete")
    assert schema.ids() == [1, 2, 3, 4]


def test_what_was_loaded_is_written_down_by_run_generation_and_part(
    store: LocalClient, schema: Schema
) -> None:
    manifest = commit(store, PAGES)
    schema.loader().load_dataset(store, BUCKET, DATASET)
    found = schema.ask(
        "SELECT table_name, run_id, generation, part, records FROM _de_classes_parts ORDER BY part"
    )
    assert found == [("orders", "run", 1, part.key, part.records) for part in manifest.parts]
    assert schema.ask(
        "SELECT table_name, dataset, generation, run_id, status, loaded_at > now() - interval '1 hour' "
        "FROM _de_classes_tables"
    ) == [("orders", store.uri(BUCKET, DATASET), 1, "run", "complete", True)]


@pytest.mark.parametrize("keys", [(), ("id",)], ids=["commit", "by key"])
def test_a_commit_that_was_overtaken_loads_nothing(
    store: LocalClient, schema: Schema, keys: tuple[str, ...]
) -> None:
    commit(store, PAGES)
    commit(store, [[{"id": 7}]], generation=2, run_id="next")
    schema.loader(key_fields=keys).load_dataset(store, BUCKET, DATASET)
    with pytest.raises(
        ObjectExistsError, match=r"generation 1 .* goes no further .* generation 2 of run 'next'"
    ):
        schema.loader(key_fields=keys).load_dataset(store, BUCKET, DATASET, generation=1)
    assert schema.ids() == [7]


def test_a_commit_that_replaces_another_leaves_views_rights_and_readers_what_they_have(
    store: LocalClient, schema: Schema
) -> None:
    commit(store, PAGES)
    schema.loader().load_dataset(store, BUCKET, DATASET)
    schema.do("CREATE VIEW counted AS SELECT count(id) FROM orders")
    commit(store, [[{"id": 7}]], generation=2, run_id="next")
    with schema.connect() as reader, reader.transaction():
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert reader.execute("SELECT count(*) FROM _de_classes_parts").fetchone() == (2,)
        schema.loader().load_dataset(store, BUCKET, DATASET)
        assert reader.execute("SELECT * FROM counted").fetchone() == (3,)
    assert schema.ask("SELECT * FROM counted") == [(1,)]


def test_another_dataset_is_not_loaded_over_the_first(store: LocalClient, schema: Schema) -> None:
    commit(store, PAGES)
    commit(store, [[{"id": 9}]], dataset="raw/other")
    schema.loader().load_dataset(store, BUCKET, DATASET)
    with pytest.raises(InvalidInputError, match=r"holds dataset .*raw/day, not .*raw/other"):
        schema.loader().load_dataset(store, BUCKET, "raw/other")
    assert schema.ids() == [1, 2, 3]


def test_a_dataset_that_was_made_anew_is_told_from_the_one_before(store: LocalClient, schema: Schema) -> None:
    commit(store, PAGES)
    schema.loader().load_dataset(store, BUCKET, DATASET)
    for info in list(store.list_objects(BUCKET, DATASET)):
        store.delete_object(BUCKET, info.key)
    commit(store, [[{"id": 9}]], run_id="anew")
    with pytest.raises(InvalidInputError, match="it was made anew"):
        schema.loader().load_dataset(store, BUCKET, DATASET)


def test_a_table_that_was_loaded_by_key_is_not_replaced_nor_the_other_way_round(
    store: LocalClient, schema: Schema
) -> None:
    commit(store, PAGES)
    schema.loader(key_fields=["id"]).load_dataset(store, BUCKET, DATASET)
    with pytest.raises(InvalidInputError, match=r"was loaded by the key fields \['id'\]"):
        schema.loader().load_dataset(store, BUCKET, DATASET)
    schema.loader("whole").load_dataset(store, BUCKET, DATASET)
    with pytest.raises(InvalidInputError, match=r"was loaded by the key fields \[\]"):
        schema.loader("whole", key_fields=["id"]).load_dataset(store, BUCKET, DATASET)


def test_a_table_that_somebody_dropped_is_made_again(store: LocalClient, schema: Schema) -> None:
    commit(store, PAGES)
    schema.loader().load_dataset(store, BUCKET, DATASET)
    schema.do("DROP TABLE orders")
    assert schema.loader().load_dataset(store, BUCKET, DATASET).parts_before == 0
    assert schema.ids() == [1, 2, 3]


def test_the_same_part_in_a_later_run_counts_again_by_key(store: LocalClient, schema: Schema) -> None:
    loader = schema.loader(key_fields=["id"])
    for generation, value in enumerate((1, 2, 1), 1):
        commit(store, [[{"id": 1, "v": value}]], generation=generation, run_id=f"run{generation}")
        loader.load_dataset(store, BUCKET, DATASET)
        assert schema.rows() == [{"id": 1, "v": value}]


def test_a_part_that_a_later_run_has_too_is_in_the_table_once(store: LocalClient, schema: Schema) -> None:
    commit(store, PAGES)
    schema.loader().load_dataset(store, BUCKET, DATASET)
    commit(store, [*PAGES, [{"id": 4}]], generation=2, run_id="next")
    assert schema.loader().load_dataset(store, BUCKET, DATASET).parts_before == 2
    assert schema.ids() == [1, 2, 3, 4]


def test_a_part_that_is_damaged_is_not_loaded_and_those_before_it_stay(
    store: LocalClient, schema: Schema
) -> None:
    first, second = commit(store, PAGES).parts
    key = f"{DATASET}/{second.key}"
    good = store.get_object(BUCKET, key)
    store.put_object(BUCKET, key, good.replace(b"3", b"8"))
    with pytest.raises(MalformedDataError, match="is not what was sealed there"):
        schema.loader().load_dataset(store, BUCKET, DATASET)
    assert schema.ids() == [1, 2]
    store.put_object(BUCKET, key, good)
    assert schema.loader().load_dataset(store, BUCKET, DATASET).parts_before == first.first_page
    assert schema.ids() == [1, 2, 3]


def test_a_pipeline_replaces_what_a_pipeline_loaded_before(schema: Schema) -> None:
    for least, expected in ((2, [2, 3]), (3, [3]), (1, [1, 2, 3])):
        records = [{"id": number, "note": "x" * number} for number in (1, 2, 3)]
        steps = Filter(lambda record, least=least: record["id"] >= least)
        report = EtlPipeline(RecordsExtractor(records), steps, load=schema.loader()).run()
        assert report.rows_out == len(expected)
        assert schema.ids() == expected


def test_a_pipeline_by_key_changes_what_it_has_and_leaves_the_rest(schema: Schema) -> None:
    for records in ([{"id": 1, "v": 1}, {"id": 2, "v": 1}], [{"id": 2, "v": 2}]):
        schema.loader(key_fields=["id"]).load([records])
    assert schema.rows() == [{"id": 1, "v": 1}, {"id": 2, "v": 2}]


def test_the_receipt_of_a_commit_is_json(store: LocalClient, schema: Schema) -> None:
    seal(store, PAGES)
    commit(store, PAGES)
    loaded = schema.loader().load_dataset(store, BUCKET, DATASET)
    assert msgspec.json.decode(msgspec.json.encode(loaded)) == {
        "to": "postgresql",
        "table": f"{schema.name}.orders",
        "generation": 1,
        "run_id": "run",
        "status": "complete",
        "records": 3,
        "parts": 2,
        "parts_before": 0,
        "tls": "disable",
    }
