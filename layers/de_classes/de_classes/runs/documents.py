"""Small JSON documents beside the data: written once, by whoever comes first, and read back by type."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from de_classes.errors import MalformedDataError, ObjectExistsError, ObjectNotFoundError
from de_classes.utils import layouts

if TYPE_CHECKING:
    from de_classes.storage.clients.object_store import ObjectStore

T = TypeVar("T", bound=msgspec.Struct)
_JSON = "application/json"
_LOCK = threading.Lock()
_DECODERS: dict[type[msgspec.Struct], msgspec.json.Decoder[Any]] = {}


class Documents:
    """Documents in a bucket, each under a key of its own.

    Args:
        store: Holds them.
        bucket: Where.
    """

    def __init__(self, store: ObjectStore, bucket: str) -> None:
        self._store = store
        self._bucket = bucket

    def put_once(self, key: str, document: T) -> T:
        """Write a document unless there is one; the one that is there then, ours or another's.

        Raises:
            StorageError: The store refuses, or does not answer.
        """
        body = msgspec.json.encode(document)
        try:
            self._store.put_object(self._bucket, key, body, content_type=_JSON, if_none_match=True)
        except ObjectExistsError:
            return self.get(key, type(document))
        return document

    def replace(self, key: str, document: msgspec.Struct) -> None:
        """Write a document, whatever was there."""
        self._store.put_object(self._bucket, key, msgspec.json.encode(document), content_type=_JSON)

    def get(self, key: str, kind: type[T]) -> T:
        """Read a document.

        Raises:
            ObjectNotFoundError: There is none.
            MalformedDataError: It is not what its key promises.
            NewerLayoutError: It is of a layout that came after this code.
        """
        body = self._store.get_object(self._bucket, key)
        layouts.check_layout(body, key, _newest(kind))
        try:
            return _decoder(kind).decode(body)
        except msgspec.MsgspecError as error:
            raise MalformedDataError(
                f"{key} is no {kind.__name__} that this version can read: {error}"
            ) from error

    def find(self, key: str, kind: type[T]) -> T | None:
        """Read a document that need not be there."""
        try:
            return self.get(key, kind)
        except ObjectNotFoundError:
            return None


def _newest(kind: type[msgspec.Struct]) -> int:
    """The layout of a kind of document is its tag, see ``utils.layouts``."""
    tag = kind.__struct_config__.tag
    return tag if isinstance(tag, int) else 1


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """What reads a kind of document: made by one thread, since msgspec crashes where several do at once."""
    with _LOCK:
        if kind not in _DECODERS:
            _DECODERS[kind] = msgspec.json.Decoder(kind)
        return _DECODERS[kind]
