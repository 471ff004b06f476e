"""The manifest: the one object that says which parts are a dataset, and how its objects are named.

Layout 1, as JSON:

    version         1: the number of the layout, see ``utils.layouts``
    run_id          the run that committed it
    generation      1, 2, ...: each replaces the one before
    status          "complete", or "partial" if the run was allowed to leave pages out
    format          the format's name, such as parquet, and its content_type
    records         in all parts together, without those in quarantine
    columns         names to types, as people read them
    schema          the same, exact; see ``storage.format.schema``
    parts           in the order of pass and first page
    missing_pages   ranges: ["17", "40-41"]
    quarantine      the parts of records that were set aside, as JSON lines

Layout 2 lists the parts of several runs, each with its ``run_id``: those of a run one behind the other, and
the runs in the order in which they committed. Besides, and in layout 1 as well, a manifest may say

    primary_key     the fields that tell records apart: no two records of the parts share their values
    incremental     how far the dataset is read: by which field, from where this run, and to where

It holds no time and nothing else that would differ between two runners of one run: the same parts are the
same bytes. Readers ignore fields they do not know.

The keys, of a dataset and of the runs that write it:

    <prefix>/_runs/<run_id>/plan.json                             what a run is to do
    <prefix>/_runs/<run_id>/part-00000001.json                    what it has done: a record a part
    <prefix>/_runs/<run_id>/keys-00000001-0a1b2c3d4e5f.bin        the keys of that part's records, hashed
    <prefix>/_runs/<run_id>/struck-00000001.json                  that this part is broken and counts no more
    <prefix>/_runs/<run_id>/asked-00000001.json                   that a job is about to be made at the source
    <prefix>/_runs/<run_id>/job-00000001.json                     what the source calls it
    <prefix>/_runs/<run_id>/over-00000001.json                    that it failed or is gone: it counts no more
    <prefix>/_runs/<run_id>/invocation-<id>.json                  that somebody went on with it, and when
    <prefix>/_runs/<run_id>/started.json                          that it was asked for, before it is begun
    <prefix>/_runs/<run_id>/cancelled.json                        that it is to stop, or may go on again
    <prefix>/_ways-on/<hash>.json                                 a way from page to page that a run followed
    <dataset>/part-1-00000051-00000100-0a1b2c3d4e5f.parquet       a part: pass, first and last page, content
    <dataset>/_quarantine-1-00000051-00000100-5f4e3d2c1b0a.jsonl  records of these pages that were set aside
    <dataset>/_manifest-00000001.json                             a commit; the highest generation counts
    <dataset>/_receipt-00000001-<run_id>-5f4e3d2c1b0a.json        the receipt of that commit, and its content
    <dataset>/_places-5f4e3d2c1b0a.json                           the places that were reached for each parent
    <dataset>/_symlink/manifest.txt                               the parts of the latest, for Athena and Hive
    <dataset>/_symlink-00000001/manifest.txt                      those of one commit, for tables of catalogs
    <dataset>/_cleaning.json                                      that leftovers are being deleted just now

Numbers are padded to eight digits so that keys sort by them, and grow beyond if they must. Names that start
with an underscore are invisible to engines that read a prefix the Hive way.
"""

from __future__ import annotations

import hashlib
import re
from itertools import groupby
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType, field, structs

from de_classes.errors import InvalidInputError, MalformedDataError
from de_classes.storage.format.codec import get_codec
from de_classes.storage.format.schema import Schema
from de_classes.utils import layouts
from de_classes.utils.run_records import Reached

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.storage.clients.object_store import Content
    from de_classes.storage.format.codec import FormatCodec

PART: Final = "part"
"""What the names of parts start with."""

QUARANTINE: Final = "_quarantine"
"""What the names of parts that were set aside start with."""

PART_NAME: Final = re.compile(r"(?:part|_quarantine)-\d+-\d{8,}-\d{8,}-[0-9a-f]{12}\.[a-z0-9]+")
"""A part's name, wherever it is spelled."""

LISTED_NAME: Final = re.compile(rf"{PART_NAME.pattern}|_places-[0-9a-f]{{12}}\.json")
"""The same of all that commits name, and that is left over where none does."""

_DIGEST_CHARS: Final = 12
_MANIFEST: Final = re.compile(r"(?P<dataset>.+)/_manifest-(?P<generation>\d{8,})\.json")
_JOURNAL: Final = re.compile(
    r"(?P<run>(?:.+/)?_runs/[^/]+)/"
    r"(?:plan\.json|started\.json|ranges\.jsonl|hold\.json|cancelled\.json"
    r"|(?:range-\d{8}/)?(?:invocation-[0-9a-f]+\.json"
    r"|(?:part|keys|struck|changed|asked|job|over)-(?P<sequence>\d{8,})(?:-[0-9a-f]{12}\.bin|\.json)))"
)
_RECEIPT: Final = re.compile(r"(?:.+/)?_receipt-[^/]+\.json")
_COMMIT_RECEIPT: Final = re.compile(
    r"(?P<dataset>.+)/_receipt-(?P<generation>\d{8,})-(?P<run>[^/]+)-[0-9a-f]{12}\.(?:json|html)"
)
_RESERVED: Final = re.compile(
    r"(?:.+/)?(?:_runs/.*|_ways-on/.*|_schedules/.*|_symlink(?:-\d{8,})?/.*|_cleaning\.json|_(?:manifest|receipt|quarantine|places)-[^/]*|part-\d+-[^/]*)"
)


def dataset_name(dataset: str) -> str:
    """A dataset's key prefix, whether or not it was given with a slash at its end."""
    return dataset.removesuffix("/")


def part_name(
    kind: str, pages: tuple[int, int, int], content: Content, codec: FormatCodec, run_id: str = ""
) -> str:
    """The name of a part, relative to its dataset: the same pages and bytes give the same name.

    Args:
        kind: ``PART`` or ``QUARANTINE``.
        pages: The pass, the first page and the last page.
        content: What the part holds.
        codec: Its format.
        run_id: The run that writes it, where the dataset takes more than one: two that bring the same have
            two parts, and not one that is listed twice.
    """
    pass_, first, last = pages
    own = f"{run_id}\n{content.sha256}".encode()
    sha256 = hashlib.sha256(own).hexdigest() if run_id else content.sha256
    return f"{kind}-{pass_}-{first:08}-{last:08}-{sha256[:_DIGEST_CHARS]}{codec.extension}"


def manifest_prefix(dataset: str) -> str:
    """What the keys of all manifests of a dataset start with."""
    return f"{dataset_name(dataset)}/_manifest-"


def manifest_key(dataset: str, generation: int) -> str:
    """The key of a commit."""
    return f"{manifest_prefix(dataset)}{generation:08}.json"


def symlink_key(dataset: str, generation: int | None = None) -> str:
    """The key of the list of the latest commit's parts, or of those of one commit.

    Each is alone in a folder, since engines read all that lies below a table's location.
    """
    own = "" if generation is None else f"-{generation:08}"
    return f"{dataset_name(dataset)}/_symlink{own}/manifest.txt"


def cleaning_key(dataset: str) -> str:
    """The key of the mark that leftovers are being deleted."""
    return f"{dataset_name(dataset)}/_cleaning.json"


def parse_manifest_key(key: str) -> tuple[str, int] | None:
    """The dataset and the generation of a manifest's key; None if it is no such key."""
    match = _MANIFEST.fullmatch(key)
    return (match["dataset"], int(match["generation"])) if match else None


def parse_journal_key(key: str) -> tuple[str, int] | None:
    """The folder of the run whose progress this is, and its place in there; None if it is no such key.

    The plan is what comes before everything: 0.
    """
    match = _JOURNAL.fullmatch(key)
    return (match["run"], int(match["sequence"] or 0)) if match else None


def is_plan_key(key: str) -> bool:
    """Whether a key of a run's progress is that of its plan."""
    return key.endswith("/plan.json")


def is_receipt_key(key: str) -> bool:
    """Whether a key is that of a receipt, be it of a commit or of a single object."""
    return _RECEIPT.fullmatch(key) is not None


def parse_commit_receipt_key(key: str) -> tuple[str, int, str] | None:
    """The dataset, generation and run of a commit's receipt, or of its page; None if it is no such key.

    The run may not have won that generation: whoever is about to commit writes its receipt before.
    """
    match = _COMMIT_RECEIPT.fullmatch(key)
    return (match["dataset"], int(match["generation"]), match["run"]) if match else None


def is_part_key(key: str) -> bool:
    """Whether an object is named as a part."""
    return PART_NAME.fullmatch(key.rpartition("/")[2]) is not None


def is_listed_key(key: str) -> bool:
    """Whether an object is named as one that a commit names: a part, or the places of parents."""
    return LISTED_NAME.fullmatch(key.rpartition("/")[2]) is not None


def is_reserved(key: str) -> bool:
    """Whether a key is one that runs and commits write under: nobody else may."""
    return _RESERVED.fullmatch(key) is not None


def names_dataset(key: str) -> bool:
    """Whether a key can only mean a dataset: a prefix with its slash, or a manifest's key."""
    return key.endswith("/") or parse_manifest_key(key) is not None


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
        run_id: The run that brought its records; only said where a manifest lists parts of several runs.
    """

    key: str
    pass_: int = field(name="pass")
    first_page: int
    last_page: int
    records: int
    size: int
    sha256: str
    run_id: str | UnsetType = UNSET


class Manifest(Struct, frozen=True, kw_only=True):
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
        version: The layout: 2 if it lists parts of several runs.
        primary_key: The fields by which no two of its records are the same; not said where none are kept
            apart.
        incremental: How far the dataset is read; not said where it is read as a whole.
    """

    version: Literal[1, 2] = 1
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
    primary_key: tuple[str, ...] | UnsetType = UNSET
    incremental: Reached | UnsetType = UNSET

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
        before: Iterable[ManifestPart] = (),
        primary_key: tuple[str, ...] | UnsetType = UNSET,
        incremental: Reached | UnsetType = UNSET,
    ) -> Manifest:
        """Put parts together, in any order; it is partial if pages are missing.

        Args:
            parts: Of the run that commits.
            run_id: That run.
            generation: From 1.
            format: The parts' format.
            schema: What all parts share.
            missing_pages: Ranges of pages that the run leaves out.
            quarantine: What it set aside.
            before: Parts of other runs that stay, in their order, each with its run.
            primary_key: The fields by which no two records of all parts are the same, if that was seen to.
            incremental: How far the dataset is read, if it is read only as far as it is new.

        Raises:
            InvalidInputError: The generation is below 1, or two parts of a pass share a page.
        """
        ordered = tuple(sorted(parts, key=_position))
        missing = tuple(missing_pages)
        others = tuple(before)
        if others:
            ordered = (*others, *(structs.replace(part, run_id=run_id) for part in ordered))
        manifest = cls(
            version=2 if others else 1,
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
            primary_key=primary_key,
            incremental=incremental,
        )
        if problem := _problem(manifest):
            raise InvalidInputError(f"no manifest for run {run_id!r}: {problem}")
        return manifest

    def parts_of(self, run_id: str) -> tuple[ManifestPart, ...]:
        """The parts that a run brought, as far as they are still listed."""
        return tuple(part for part in self.parts if self._run_of(part) == run_id)

    def parts_of_others(self, run_id: str) -> tuple[ManifestPart, ...]:
        """The parts of all other runs, each with its run."""
        others = (part for part in self.parts if self._run_of(part) != run_id)
        return tuple(structs.replace(part, run_id=self._run_of(part)) for part in others)

    def _run_of(self, part: ManifestPart) -> str:
        return self.run_id if part.run_id is UNSET else part.run_id


def encode_manifest(manifest: Manifest) -> bytes:
    """Spell a manifest; equal manifests are equal bytes."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=_INDENT) + b"\n"


def manifest_sha256(manifest: Manifest) -> str:
    """SHA-256 in hex of a manifest's bytes."""
    return hashlib.sha256(encode_manifest(manifest)).hexdigest()


def commit_receipt_key(dataset: str, manifest: Manifest) -> str:
    """The key of the receipt of a commit: beside it, and of these very bytes.

    Who is about to commit something else writes another receipt, and not over that of the one who wins.
    """
    sha256 = manifest_sha256(manifest)[:_DIGEST_CHARS]
    return f"{dataset}/_receipt-{manifest.generation:08d}-{manifest.run_id}-{sha256}.json"


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
        raise MalformedDataError(f"{key} is no manifest: {str(error)[:200]}") from error
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
        "`parts` of a run stand apart, or do not name it": _are_by_runs(manifest),
    }
    return next((problem for problem, holds in checks.items() if not holds), None)


def _follows(part: ManifestPart, before: ManifestPart) -> bool:
    return part.run_id != before.run_id or _position(part) > (before.pass_, before.last_page)


def _are_by_runs(manifest: Manifest) -> bool:
    """Whether the parts say of which runs they are, where there are several, and stand together."""
    runs = [run_id for run_id, _ in groupby(part.run_id for part in manifest.parts)]
    if manifest.version == 1:
        return set(runs) <= {UNSET}
    return UNSET not in runs and len(set(runs)) == len(runs)
