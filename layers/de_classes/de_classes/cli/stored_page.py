"""The page of a receipt, stored beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.cli.receipt_page import receipt_page
from de_classes.runs.destination import receipt_key
from de_classes.storage.datasets.manifest import commit_receipt_key
from de_classes.storage.datasets.reader import DatasetReader

if TYPE_CHECKING:
    from de_classes.api.receipt import IngestReceipt
    from de_classes.cli.destination import Place


def store_page(receipt: IngestReceipt, destination: Place, *, source: str | None) -> str:
    """Store a receipt's page by the receipt's own name, but for its end: ``_receipt-orders.csv.html``.

    Args:
        receipt: Of a run that is committed.
        destination: Where it went.
        source: What it read, ``NAME.RESOURCE``; None for an address.

    Returns:
        The page's address.

    Raises:
        StorageError: The store refuses; the run is committed all the same.
    """
    store, bucket = destination.store, destination.bucket
    if receipt.run_id is None:
        key = receipt_key(receipt.key)
    else:
        manifest = DatasetReader(store, bucket, receipt.key).manifest
        key = commit_receipt_key(receipt.key.rpartition("/")[0], manifest)
    key = f"{key.removesuffix('.json')}.html"
    page = receipt_page(receipt, source=source).encode()
    store.put_object(bucket, key, page, content_type="text/html; charset=utf-8")
    return store.uri(bucket, key)
