"""One schema for a dataset, although its parts were sealed before the last column was known.

A part is written under the columns known at that time. Where the format allows, it stays as it is: always
in JSON, in CSV if its header is the final one, in Parquet if its columns and types are. The others are
read back and written again under the final schema, so a dataset holds what one file of several segments
would hold, see ``SegmentedWriter``. The part that was replaced is left behind; see ``leftovers``.
"""

from __future__ import annotations

from functools import partial, reduce
from typing import TYPE_CHECKING, BinaryIO

from msgspec import structs

from de_classes.errors import MalformedDataError
from de_classes.storage.datasets.part_writer import PartWriter
from de_classes.storage.datasets.reader import open_part
from de_classes.storage.format.codec import get_codec
from de_classes.storage.format.schema import Schema, merge
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.storage.datasets.part_writer import WrittenPart
    from de_classes.storage.format.codec import FormatCodec


class Reconciled(Value):
    """Parts that share a schema.

    Attributes:
        schema: The schema.
        parts: The parts, as many as were given and in their order.
    """

    schema: Schema
    parts: tuple[WrittenPart, ...]


class Left(Value):
    """What is left of the parts of earlier commits, and what that took.

    Attributes:
        parts: Those that still hold a record, in their order.
        replaced: How many records went because another has their key.
        deleted: How many went because no record has their key any more.
        parts_rewritten: How many parts were written again.
        bytes_rewritten: The bytes written for that.
        bytes_read: The bytes of all parts, which were read for their keys.
    """

    parts: tuple[WrittenPart, ...]
    replaced: int = 0
    deleted: int = 0
    parts_rewritten: int = 0
    bytes_rewritten: int = 0
    bytes_read: int = 0


def reconcile(
    client: ObjectStore,
    bucket: str,
    dataset: str,
    format: str,  # noqa: A002 - the same name as everywhere in this library
    parts: Sequence[WrittenPart],
    *,
    schema: Schema | None = None,
    escape_formulas: bool = False,
    spool_dir: Path | None = None,
    run_id: str = "",
    on_rewritten: Callable[[WrittenPart, WrittenPart], None] = lambda _old, _new: None,
) -> Reconciled:
    """Write those parts again that do not fit the union of all schemas.

    One part is held at a time, on the disk. Keys follow from content, so doing it twice gives the same parts:
    after a failure go on with those that ``on_rewritten`` told of, or begin again.

    Args:
        client: Any object store.
        bucket: Its bucket.
        dataset: The key prefix of the dataset.
        format: The parts' format.
        parts: In the order in which columns are to appear: that of pass and first page.
        schema: Columns that come first whatever the parts have.
        escape_formulas: As the parts were written.
        spool_dir: Where temporary files go; the system's directory by default.
        run_id: The run that writes, where the dataset takes more than one, see ``part_name``.
        on_rewritten: Told of a part and of the one that replaces it, once that is stored.

    Raises:
        MalformedDataError: A part is not the one that was sealed.
        StorageError: The store refuses, or does not answer; the parts given are untouched.
    """
    codec = get_codec(format, escape_formulas=escape_formulas)
    union = reduce(merge, (stored.schema for stored in parts), schema or Schema())
    read = partial(open_part, client, bucket, dataset, spool_dir=spool_dir)
    writer = partial(
        PartWriter,
        client,
        bucket,
        dataset,
        format,
        schema=union,
        escape_formulas=escape_formulas,
        spool_dir=spool_dir,
        run_id=run_id,
    )

    def reconciled(old: WrittenPart) -> WrittenPart:
        if _fits(codec, old.schema, union):
            return old
        with read(old.part) as source, writer() as target:
            new = _rewrite(codec, old, source, target)
        on_rewritten(old, new)
        return new

    return Reconciled(union, tuple(map(reconciled, parts)))


def _fits(codec: FormatCodec, own: Schema, union: Schema) -> bool:
    """Whether a part of one schema may stay in a dataset of another; the order of columns counts, too."""
    if not codec.needs_schema:
        return True
    return own.names == union.names and not codec.needs_new_segment(own, union)


def _rewrite(codec: FormatCodec, old: WrittenPart, source: BinaryIO, target: PartWriter) -> WrittenPart:
    part = old.part
    for batch in codec.read(source):
        target.write(batch)
    new = target.seal(part.pass_, part.first_page, part.last_page)
    if new is None or new.part.records != part.records:
        raise MalformedDataError(f"{part.key} holds {target.records} records, {part.records} were sealed")
    return structs.replace(new, part=structs.replace(new.part, run_id=part.run_id))
