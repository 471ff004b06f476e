"""Where the places that were reached for each parent are kept: a document beside the manifest that names it.

Its name is made of its content, so that it never changes, and it is written before the manifest: a commit
that was not made moved nothing. As JSON, in layout 1:

    version         1: the number of the layout, see ``utils.layouts``
    places          by the hashed key of a parent, a moment of UTC as ISO 8601, or a whole number
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

from de_classes.errors import MalformedDataError, ObjectNotFoundError
from de_classes.storage.datasets.manifest import CONTENT_TYPE, dataset_name
from de_classes.utils import layouts
from de_classes.utils.run_records import KeptPlaces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from de_classes.storage.clients.object_store import ObjectStore

_DIGEST_CHARS: Final = 12


class _Places(msgspec.Struct, frozen=True, tag_field="version", tag=layouts.PLACES):
    places: dict[str, str | int]


_DECODER: Final = msgspec.json.Decoder(_Places)
_ENCODER: Final = msgspec.json.Encoder(order="sorted")


class PlacesOfParents:
    """The places of each parent of one dataset.

    Example:
        >>> kept = PlacesOfParents(store, "lake", "orders").write({"c0ffee": 7}, before={})
        >>> kept.parents, kept.new, PlacesOfParents(store, "lake", "orders").read(kept)
        (1, 1, {'c0ffee': 7})

    Args:
        store: Where the dataset is.
        bucket: The bucket there.
        dataset: Its key prefix.
    """

    def __init__(self, store: ObjectStore, bucket: str, dataset: str) -> None:
        self._store = store
        self._bucket = bucket
        self._dataset = dataset_name(dataset)

    def read(self, kept: KeptPlaces) -> dict[str, str | int]:
        """What a commit names.

        Raises:
            MalformedDataError: It is gone, or not what was written.
            NewerLayoutError: It is of a layout that came after this code.
        """
        key = f"{self._dataset}/{kept.key}"
        cure = "restore it, or say by --from where to begin and write to another dataset"
        try:
            body = self._store.get_object(self._bucket, key)
        except ObjectNotFoundError as error:
            raise MalformedDataError(f"{key} is gone, which the latest commit names: {cure}") from error
        layouts.check_layout(body, key, layouts.PLACES)
        if hashlib.sha256(body).hexdigest() != kept.sha256:
            raise MalformedDataError(f"{key} is not what was written there: {cure}")
        return _DECODER.decode(body).places

    def write(self, places: Mapping[str, str | int], *, before: Mapping[str, str | int]) -> KeptPlaces:
        """Keep places, if they are not kept yet.

        Args:
            places: By the hashed keys of the parents.
            before: What was kept until now.

        Raises:
            StorageError: The store refuses, or does not answer.
        """
        body = msgspec.json.format(_ENCODER.encode(_Places(dict(places))), indent=1) + b"\n"
        sha256 = hashlib.sha256(body).hexdigest()
        kept = KeptPlaces(
            key=f"_places-{sha256[:_DIGEST_CHARS]}.json",
            sha256=sha256,
            parents=len(places),
            new=len(places.keys() - before.keys()),
            gone=len(before.keys() - places.keys()),
        )
        self._store.put_object(self._bucket, f"{self._dataset}/{kept.key}", body, content_type=CONTENT_TYPE)
        return kept
