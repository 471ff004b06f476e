"""Whether what a receipt says is still so: every object looked at again, byte by byte and row by row."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from de_classes.errors import MalformedDataError, ObjectNotFoundError
from de_classes.runs.dataset import stored_parts
from de_classes.storage.clients.object_store import PIECE_BYTES, Content
from de_classes.storage.clients.spool import Spool
from de_classes.storage.datasets.manifest import decode_manifest
from de_classes.storage.format.codec import get_codec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.api.receipt import IngestReceipt, StoredPart
    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.storage.datasets.manifest import Manifest

_QUARANTINE_FORMAT = "jsonl"


def differences(receipt: IngestReceipt, store: ObjectStore, bucket: str) -> Iterator[str]:
    """Compare the objects of a run with its receipt. Memory is bounded; the disk holds one part at a time.

    Args:
        receipt: What was written down.
        store: Where the objects are.
        bucket: The bucket there.

    Yields:
        What differs, a sentence each; nothing if all is as it was.

    Raises:
        StorageError: The store cannot be read at all.
    """
    yield from _own_differences(receipt)
    others: list[StoredPart] = []
    if receipt.run_id is not None:
        yield from _of_manifest(receipt, store, bucket, others)
    for part in (*receipt.parts, *others):
        yield from _of_part(part, receipt.format, store, bucket)
    for part in receipt.quarantine:
        yield from _of_part(part, _QUARANTINE_FORMAT, store, bucket)


def _own_differences(receipt: IngestReceipt) -> Iterator[str]:
    """What a receipt says against itself."""
    sums = {
        "records": (receipt.records, sum(part.records for part in receipt.parts)),
        "bytes": (receipt.bytes, sum(part.size for part in receipt.parts)),
        "quarantined": (receipt.quarantined, sum(part.records for part in receipt.quarantine)),
        "pages": (receipt.pages, len(receipt.page_hashes)),
        "requests": (receipt.requests, sum(receipt.requests_by_outcome.values())),
        "retries": (receipt.retries, sum(receipt.retries_by_cause.values())),
    }
    for name, (told, added) in sums.items():
        if told != added:
            yield f"the receipt says {name}: {told}, but what it lists adds up to {added}"
    on_pages = sum(page.records for page in receipt.page_hashes)
    stored = receipt.records + receipt.quarantined
    kept = (receipt.transforms[0].rows_in if receipt.transforms else stored) + receipt.duplicates
    if receipt.passes == 1 and on_pages != kept:
        yield f"its pages brought {on_pages} records, but {kept} were kept, set aside or dropped"
    behind = [*(step.rows_in for step in receipt.transforms[1:]), stored]
    for place, (step, rows_in) in enumerate(zip(receipt.transforms, behind, strict=False)):
        if step.rows_out != rows_in:
            yield f"transforms[{place}] gave {step.rows_out} records, but {rows_in} came behind it"
        if step.rows_dropped != max(0, step.rows_in - step.rows_out):
            yield f"transforms[{place}] dropped {step.rows_dropped} records, which its other counts deny"


def _of_manifest(
    receipt: IngestReceipt, store: ObjectStore, bucket: str, others: list[StoredPart]
) -> Iterator[str]:
    """What differs; the parts of other runs that the commit lists are added to ``others``."""
    try:
        body = store.get_object(bucket, receipt.key)
    except ObjectNotFoundError:
        yield f"{receipt.key} is gone: the run is not committed"
        return
    found = Content.of(body)
    if found.sha256 != receipt.sha256:
        yield f"{receipt.key} has SHA-256 {found.sha256}, not {receipt.sha256}"
        return
    manifest = decode_manifest(body, receipt.key)
    folder = receipt.key.rpartition("/")[0]
    others += stored_parts(folder, manifest.parts_of_others(manifest.run_id))
    yield from _against(receipt, manifest)


def _against(receipt: IngestReceipt, manifest: Manifest) -> Iterator[str]:
    """What a receipt says that its manifest does not."""
    folder = receipt.key.rpartition("/")[0]
    pairs = {
        "status": (receipt.status, manifest.status),
        "run_id": (receipt.run_id, manifest.run_id),
        "format": (receipt.format, manifest.format),
        "columns": (receipt.columns, manifest.columns),
        "missing_pages": (receipt.missing_pages, list(manifest.missing_pages)),
        "parts": (receipt.parts, stored_parts(folder, manifest.parts_of(manifest.run_id))),
        "quarantine": (receipt.quarantine, stored_parts(folder, manifest.quarantine)),
    }
    for name, (told, committed) in pairs.items():
        if told != committed:
            yield f"the receipt says another {name} than {receipt.key}"
    if receipt.dataset is not None and receipt.dataset.records != manifest.records:
        yield f"the receipt says another number of records in the dataset than {receipt.key}"


def _of_part(part: StoredPart, name: str, store: ObjectStore, bucket: str) -> Iterator[str]:
    with Spool() as spool:
        try:
            _copy(store, bucket, part.key, spool)
        except ObjectNotFoundError:
            yield f"{part.key} is gone"
        else:
            yield from _of_content(part, name, spool)


def _copy(store: ObjectStore, bucket: str, key: str, spool: Spool) -> None:
    with store.open_object(bucket, key) as stream:
        shutil.copyfileobj(stream, spool, PIECE_BYTES)


def _of_content(part: StoredPart, name: str, spool: Spool) -> Iterator[str]:
    found = spool.content
    if found == Content(part.size, part.sha256):
        yield from _of_records(part, name, spool)
    elif found.size != part.size:
        yield f"{part.key} has {found.size} bytes, not {part.size}"
    else:
        yield f"{part.key} has SHA-256 {found.sha256}, not {part.sha256}"


def _of_records(part: StoredPart, name: str, spool: Spool) -> Iterator[str]:
    try:
        records = sum(len(batch) for batch in get_codec(name).read(spool.reader()))
    except MalformedDataError as error:
        yield f"{part.key} cannot be read: {error}"
        return
    if records != part.records:
        yield f"{part.key} holds {records} records, not {part.records}"
