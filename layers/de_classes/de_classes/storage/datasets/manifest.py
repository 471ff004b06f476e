"""The manifest: the one object that says which parts are a dataset.

Layout 1, as JSON:

    version         1: the number of the layout, see ``utils.layouts``
    run_id          the run that committed it
    generation      1, 2, ...: each replaces the one before
    status          "complete", or "partial" if the run was allowed to leave pages out
    format          csv, json, jsonl or parquet, and its content_type
    records         in all parts together, without those in quarantine
    columns         names to types, as people read them
    schema          the same, exact; see ``storage.format.schema``
    parts           in the order of pass and first page
    missing_pages   ranges: ["17", "40-41"]
    quarantine      the parts of records that were set aside, as JSON lines

It holds no time and nothing else that would differ between two runners of one run: the same parts are the
same bytes. Readers ignore fields they do not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec
from msgspec import Struct, field

from de_classes.errors import InvalidInputError, MalformedDataError
from de_classes.storage.format.registry import get_codec
from de_classes.storage.format.schema import Schema
from de_classes.utils import layouts

if TYPE_CHECKING:
    from collections.abc import Iterable

CONTENT_TYPE: Final = "application/json"
_INDENT = 1


class ManifestPart(Struct, frozen=True, kw_only=True):
    """One object of a dataset, as its manifest names it.

    Example:
        >>> _ = RunService(client, DatasetDestination(store, "lake")).carry_out(plan)
        >>> [(part.first_page, part.last_page, part.records) for part in
        ...     DatasetReader(store, "lake", "orders").manifest.parts]
        [(1, 3, 5)]

    Attributes:
        key: Its key, relative to the dataset.
        pass_: The pass over the source that it belongs to, from 1. In JSON: ``pass``.
        first_page: The first page it holds.
        last_page: The last page it holds.
        records: How many records it holds.
        size: Bytes.
        sha256: SHA-256 of its bytes, in hex.
    """

    key: str
    pass_: int = field(name="pass")
    first_page: int
    last_page: int
    records: int
    size: int
    sha256: str


class Manifest(Struct, frozen=True, kw_only=True, tag_field="version", tag=layouts.MANIFEST):
    """A commit. Make one with ``Manifest.of``, which derives what follows from the parts.

    Example:
        >>> schema = Schema.of_columns(("id", "total"))
        >>> Manifest.of([], run_id="monday", generation=1, format="csv", schema=schema).status
        'complete'

    Attributes:
        run_id: The run that committed it.
        generation: From 1; it replaces the one before.
        format: The parts' format.
        content_type: Their media type.
        records: Records in all parts.
        columns: Column names to readable types.
        schema: The exact schema, which all parts share.
        parts: In the order of pass and first page.
        missing_pages: Ranges of pages that are known to be left out; none if complete.
        quarantine: Where records that were set aside are; these are JSON lines whatever the format is.
        status: Whether every page is in it.
    """

    run_id: str
    generation: int
    status: Literal["complete", "partial"]
    format: str
    content_type: str
    records: int
    columns: dict[str, str]
    schema: Schema
    parts: tuple[ManifestPart, ...]
    missing_pages: tuple[str, ...] = ()
    quarantine: tuple[ManifestPart, ...] = ()

    @classmethod
    def of(
        cls,
        parts: Iterable[ManifestPart],
        *,
        run_id: str,
        generation: int,
        format: str,  # noqa: A002 - the same name as everywhere in this library
        schema: Schema,
        missing_pages: Iterable[str] = (),
        quarantine: Iterable[ManifestPart] = (),
    ) -> Manifest:
        """Put parts together, in any order; it is partial if pages are missing.

        Raises:
            InvalidInputError: The generation is below 1, or two parts of a pass share a page.
        """
        ordered = tuple(sorted(parts, key=_position))
        missing = tuple(missing_pages)
        manifest = cls(
            run_id=run_id,
            generation=generation,
            status="partial" if missing else "complete",
            format=format,
            content_type=get_codec(format).content_type,
            records=sum(part.records for part in ordered),
            columns=schema.describe(),
            schema=schema,
            parts=ordered,
            missing_pages=missing,
            quarantine=tuple(sorted(quarantine, key=_position)),
        )
        if problem := _problem(manifest):
            raise InvalidInputError(f"no manifest for run {run_id!r}: {problem}")
        return manifest


def encode_manifest(manifest: Manifest) -> bytes:
    """Spell a manifest; equal manifests are equal bytes."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=_INDENT) + b"\n"


def decode_manifest(data: bytes, key: str) -> Manifest:
    """Read a manifest.

    Args:
        data: The object's bytes.
        key: Its key, for the messages.

    Raises:
        MalformedDataError: It is none, or contradicts itself; the field is named.
        NewerLayoutError: It is of a layout that came after this code.
    """
    layouts.check_layout(data, key, layouts.MANIFEST)
    try:
        manifest = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedDataError(f"{key} is no manifest of layout 1: {str(error)[:200]}") from error
    if problem := _problem(manifest):
        raise MalformedDataError(f"{key} contradicts itself: {problem}")
    return manifest


_DECODER = msgspec.json.Decoder(Manifest)


def _position(part: ManifestPart) -> tuple[int, int]:
    return part.pass_, part.first_page


def _problem(manifest: Manifest) -> str | None:
    """The first thing in a manifest that cannot be."""
    parts = manifest.parts
    is_partial = manifest.status == "partial"
    checks = {
        "`generation` is below 1": manifest.generation >= 1,
        "`status` is not what `missing_pages` says": is_partial == bool(manifest.missing_pages),
        "`records` is not the sum of the parts'": manifest.records == sum(part.records for part in parts),
        "`parts` share a page, or are out of order": all(map(_follows, parts[1:], parts)),
    }
    return next((problem for problem, holds in checks.items() if not holds), None)


def _follows(part: ManifestPart, before: ManifestPart) -> bool:
    return _position(part) > (before.pass_, before.last_page)
