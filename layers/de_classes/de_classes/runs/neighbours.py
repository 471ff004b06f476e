"""How workers that ask one source at once tell each other to leave it alone: by an object in the bucket."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from de_classes.errors import DeClassesError, ObjectNotFoundError
from de_classes.utils import layouts

if TYPE_CHECKING:
    import logging

    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.utils.clock import Clock

_LOOKED_AT_EVERY: Final = 2.0  # seconds
_LONGEST: Final = 120.0  # seconds: what is told of a later moment was written by another clock


class Hold(Struct, frozen=True, tag_field="version", tag=layouts.JOURNAL):
    """That the source asked to be left alone.

    Attributes:
        until: The moment, in seconds since the epoch.
    """

    until: float


class HoldInBucket:
    """Tells of a 429 through an object, which is looked at every two seconds. Safe among threads.

    Nobody relies on it: a worker that does not hear of it is told by the source itself.

    Args:
        store: Holds it.
        bucket: Where.
        key: Its key.
        clock: Tells when to look again.
        logger: Told if the store does not answer.
    """

    def __init__(
        self, store: ObjectStore, bucket: str, key: str, clock: Clock, logger: logging.Logger
    ) -> None:
        self._store = store
        self._bucket = bucket
        self._key = key
        self._clock = clock
        self._logger = logger
        self._lock = threading.Lock()
        self._looked_at = clock.monotonic()  # a range that begins asks at once
        self._until = 0.0

    def tell(self, until: float) -> None:
        """See ``Neighbours``."""
        try:
            self._store.put_object(
                self._bucket, self._key, msgspec.json.encode(Hold(until)), content_type="application/json"
            )
        except DeClassesError as error:
            self._logger.warning("other workers are not told that the source is to be left alone: %s", error)

    def told(self) -> float:
        """See ``Neighbours``."""
        with self._lock:
            now = self._clock.monotonic()
            if now - self._looked_at < _LOOKED_AT_EVERY:
                return self._until
            self._looked_at = now
        until = self._read()
        if until - self._clock.now() < _LONGEST:
            self._until = until
        return self._until

    def _read(self) -> float:
        try:
            return msgspec.json.decode(self._store.get_object(self._bucket, self._key), type=Hold).until
        except ObjectNotFoundError:
            return 0.0
        except (DeClassesError, msgspec.MsgspecError) as error:
            self._logger.warning("what other workers were told cannot be read: %s", error)
            return 0.0
