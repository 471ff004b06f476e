"""Records that make room for others of the same key: the parts that hold them are written again without them.

Every part is read, since only its records tell their keys, and a part is written again only if one of its
records has to go. So each list of parts holds each key once, and any engine that reads it reads it right.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

from msgspec.structs import replace

from de_classes.errors import InvalidInputError
from de_classes.storage.datasets.part_writer import PartWriter, WrittenPart
from de_classes.storage.datasets.reader import open_part
from de_classes.storage.datasets.reconcile import Left
from de_classes.storage.format.codec import get_codec
from de_classes.utils.key_set import HashSet, hash_of_key

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from pathlib import Path

    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.storage.datasets.manifest import ManifestPart
    from de_classes.storage.format.codec import FormatCodec
    from de_classes.storage.format.schema import Record, Schema

_AT_ONCE: Final = 8
_BYTES_AT_ONCE: Final = 32 * 2**20
"""Of parts that are fetched together; a larger one is fetched alone. It is what the disk holds."""


class Upsert:
    """Takes those records out of a dataset's parts whose keys a run has brought.

    Memory is bounded; the disk holds one part, and for a moment the one that takes its place.

    Args:
        client: Any object store.
        bucket: Its bucket.
        dataset: The key prefix of the dataset.
        format: The parts' format.
        fields: The fields of the key, which every stored record has.
        run_id: The run that writes parts again.
        escape_formulas: As the parts were written.
        spool_dir: Where temporary files go; the system's directory by default.
    """

    def __init__(
        self,
        client: ObjectStore,
        bucket: str,
        dataset: str,
        format: str,  # noqa: A002 - the same name as everywhere in this library
        *,
        fields: Sequence[str],
        run_id: str,
        escape_formulas: bool = False,
        spool_dir: Path | None = None,
    ) -> None:
        self._codec: FormatCodec = get_codec(format, escape_formulas=escape_formulas)
        self._fields = tuple(fields)
        self._open = partial(open_part, client, bucket, dataset, spool_dir=spool_dir)
        self._writer = partial(
            PartWriter,
            client,
            bucket,
            dataset,
            format,
            escape_formulas=escape_formulas,
            spool_dir=spool_dir,
            run_id=run_id,
        )

    def check_keys(self, parts: Iterable[ManifestPart], came: HashSet | None = None) -> None:
        """Make sure that each stored record can be found again by its key, and that none is there twice.

        Args:
            parts: The parts.
            came: The hashed keys as the source gave them; None if they are not known.

        Raises:
            InvalidInputError: A record has another key than came, or the key of another.
            MissingKeyError: A record has no value in a field of the key.
        """
        name = " and ".join(self._fields)
        with HashSet() as seen, closing(self._opened(parts)) as opened:
            for part, source in opened:
                for keys in self._keys(source):
                    if came is not None and not all(came.holds(keys)):
                        raise InvalidInputError(
                            f"{name} is not stored as the source gives it, so no later record would be "
                            "told to have the same: leave the primary_key out of transforms, or let it "
                            "be whole numbers or text"
                        )
                    if not all(seen.add_hashes(keys)):
                        raise InvalidInputError(
                            f"{part.key} holds a record whose {name} another record has, too: the "
                            "dataset cannot be written to by upsert; name another"
                        )

    def apply(
        self,
        parts: Iterable[ManifestPart],
        came: HashSet,
        *,
        before: Schema,
        schema: Schema,
        keeps_rest: bool = True,
    ) -> Left:
        """What is left of parts once the keys that came have gone from them.

        Keys of objects follow from content: doing it twice gives the same parts.

        Args:
            parts: Those that were committed before.
            came: The hashed keys that came.
            before: What those parts share.
            schema: What those that are written again are to have.
            keeps_rest: Whether records stay whose keys did not come; otherwise they are deleted.

        Raises:
            MalformedDataError: A part is not the one that was sealed.
            MissingKeyError: A record has no value in a field of the key.
            StorageError: The store refuses, or does not answer; the parts given are untouched.
        """
        left: list[WrittenPart] = []
        replaced = deleted = rewritten = written = read = 0
        with closing(self._opened(parts)) as opened:
            for part, source in opened:
                read += part.size
                go = sum(sum(came.holds(keys)) for keys in self._keys(source))
                replaced += go
                if not keeps_rest:
                    deleted += part.records - go
                elif not go:
                    left.append(WrittenPart(part, before))
                elif go < part.records:
                    source.seek(0)
                    new = self._without(part, source, came, schema)
                    rewritten, written = rewritten + 1, written + new.part.size
                    left.append(new)
        return Left(tuple(left), replaced, deleted, rewritten, written, read)

    def _opened(self, parts: Iterable[ManifestPart]) -> Generator[tuple[ManifestPart, BinaryIO], None, None]:
        """Each part, fetched; small ones are fetched together, since a store takes its time for each."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for window in _windows(parts):
                with ExitStack() as files:
                    fetched = [pool.submit(files.enter_context, self._open(part)) for part in window]
                    wait(fetched)  # none may come behind the end of the block
                    for part, source in zip(window, fetched, strict=True):
                        yield part, source.result()

    def _keys(self, source: BinaryIO) -> Iterator[list[bytes]]:
        return map(self._hashed, self._codec.read_fields(source, self._fields))

    def _hashed(self, records: Sequence[Record]) -> list[bytes]:
        return [hash_of_key(record, self._fields) for record in records]

    def _without(self, part: ManifestPart, source: BinaryIO, came: HashSet, schema: Schema) -> WrittenPart:
        with self._writer(schema=schema) as target:
            for batch in self._codec.read(source):
                goes = came.holds(self._hashed(batch))
                target.write([record for record, go in zip(batch, goes, strict=True) if not go])
            new = target.seal(part.pass_, part.first_page, part.last_page)
        if new is None:
            raise AssertionError  # pragma: no cover - some records stay
        return WrittenPart(replace(new.part, run_id=part.run_id), new.schema)


def _windows(parts: Iterable[ManifestPart]) -> Iterator[list[ManifestPart]]:
    """Parts that follow one another and are fetched together."""
    window: list[ManifestPart] = []
    for part in parts:
        is_full = len(window) == _AT_ONCE or sum(each.size for each in window) + part.size > _BYTES_AT_ONCE
        if window and is_full:
            yield window
            window = []
        window.append(part)
    if window:
        yield window
