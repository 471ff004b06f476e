"""A dataset as commands take it: its folder, its address, or one of its manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.cli.show import place_of
from de_classes.errors import InvalidInputError, ObjectNotFoundError
from de_classes.redaction import printable
from de_classes.storage.datasets.reader import DatasetReader

if TYPE_CHECKING:
    from de_classes.cli.destination import Place


def find_dataset(what: str, endpoint_url: str | None) -> tuple[Place, str, int | None]:
    """Where a dataset is, its key, and the generation if it was named by a manifest.

    Args:
        what: Its path or its address, or those of one of its manifests.
        endpoint_url: The server that ``s3://`` means, if not AWS.

    Raises:
        InvalidInputError: It is no place, or there is nothing.
    """
    named = what.rstrip("/")
    folder, _, name = named.rpartition("/")
    number = name.removeprefix("_manifest-").removesuffix(".json")
    is_manifest = folder and name == f"_manifest-{number}.json" and number.isdecimal()
    place, dataset = place_of(folder if is_manifest else named, endpoint_url)
    return place, place.key(dataset), int(number) if is_manifest else None


def open_dataset(
    what: str, endpoint_url: str | None, *, generation: int | None = None
) -> tuple[str, DatasetReader]:
    """The last name of a dataset, and one commit of it.

    Args:
        what: As ``find_dataset`` takes it.
        endpoint_url: The server that ``s3://`` means, if not AWS.
        generation: Which commit, unless a manifest says so itself; the latest by default.

    Raises:
        InvalidInputError: There is none.
    """
    place, key, named = find_dataset(what, endpoint_url)
    try:
        reader = DatasetReader(place.store, place.bucket, key, generation=named or generation)
    except ObjectNotFoundError as error:
        raise InvalidInputError(f"{printable(what)} is no dataset: {error}") from error
    return key.rpartition("/")[2], reader
