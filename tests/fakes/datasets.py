"""Datasets in a few words, for the tests that need one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.storage.datasets import DatasetCommits, Manifest, PartWriter
from de_classes.storage.datasets.reconcile import reconcile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.storage.clients import ObjectStore
    from de_classes.storage.datasets import WrittenPart
    from de_classes.storage.format.schema import Record, Schema

BUCKET = "bucket"
DATASET = "raw/day"


def seal(
    store: ObjectStore,
    pages: Sequence[Sequence[Record]],
    *,
    dataset: str = DATASET,
    format: str = "jsonl",  # noqa: A002 - the same name as everywhere in this library
    schema: Schema | None = None,
    bucket: str = BUCKET,
) -> list[WrittenPart]:
    """A part for every page that holds a record."""
    parts = []
    for number, records in enumerate(pages, 1):
        with PartWriter(store, bucket, dataset, format, schema=schema) as writer:
            writer.write(records)
            parts.append(writer.seal(1, number, number))
    return [part for part in parts if part is not None]


def make_manifest(
    store: ObjectStore,
    pages: Sequence[Sequence[Record]],
    *,
    run_id: str = "run",
    generation: int = 1,
    dataset: str = DATASET,
    format: str = "jsonl",  # noqa: A002 - the same name as everywhere in this library
    schema: Schema | None = None,
    bucket: str = BUCKET,
) -> Manifest:
    """Parts that are stored, under one schema, and a manifest of them that is not."""
    parts = seal(store, pages, dataset=dataset, format=format, bucket=bucket)
    one = reconcile(store, bucket, dataset, format, parts, schema=schema)
    return Manifest.of(
        [stored.part for stored in one.parts],
        run_id=run_id,
        generation=generation,
        format=format,
        schema=one.schema,
    )


def commit(
    store: ObjectStore,
    pages: Sequence[Sequence[Record]],
    *,
    run_id: str = "run",
    generation: int = 1,
    dataset: str = DATASET,
    format: str = "jsonl",  # noqa: A002 - the same name as everywhere in this library
    schema: Schema | None = None,
    bucket: str = BUCKET,
) -> Manifest:
    """A dataset that readers see."""
    manifest = make_manifest(
        store,
        pages,
        run_id=run_id,
        generation=generation,
        dataset=dataset,
        format=format,
        schema=schema,
        bucket=bucket,
    )
    return DatasetCommits(store, bucket, dataset).commit(manifest)
