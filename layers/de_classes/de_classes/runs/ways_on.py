"""What runs have shown of a source's way from page to page, kept for the runs that come after.

A collection of one page says nothing of what would lead on from it. An earlier run by the same description
may have seen that: then a page without it is the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from de_classes.runs.documents import Documents
from de_classes.utils import layouts

if TYPE_CHECKING:
    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.storage.clients.object_store import ObjectStore

WAYS_ON = "_ways-on"


class WayOn(Struct, frozen=True, kw_only=True, tag_field="version", tag=layouts.WAY_ON):
    """That what leads on, as it is described, led on.

    Attributes:
        run_id: The run that followed it.
        way_on: Where it stood.
        pages: How many pages the run had.
    """

    run_id: str
    way_on: str
    pages: int


class WaysOn:
    """The ways on that were followed, by a hash of what describes them, below a prefix.

    Args:
        store: Holds them.
        bucket: Where.
        prefix: That of the datasets.
        client: Knows how its source is described.
    """

    def __init__(self, store: ObjectStore, bucket: str, prefix: str, client: UnstableAPIClient) -> None:
        self._documents = Documents(store, bucket)
        self._way_on = client.way_on
        below = f"{prefix}/" if prefix else ""
        self._key = f"{below}{WAYS_ON}/{client.pagination_hash}.json"

    def followed_by(self) -> str | None:
        """The run that followed this source's way on; None if none did, or there is none to follow."""
        found = self._documents.find(self._key, WayOn) if self._way_on else None
        return found.run_id if found else None

    def note(self, run_id: str, pages: int) -> None:
        """Keep that a run followed it, unless one did before.

        Args:
            run_id: The run.
            pages: How many pages it had.
        """
        if self._way_on and pages > 1:
            self._documents.put_once(self._key, WayOn(run_id=run_id, way_on=self._way_on, pages=pages))
