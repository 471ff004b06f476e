"""How the objects of a dataset and of the runs that write it are named.

    <prefix>/_runs/<run_id>/plan.json                             what a run is to do
    <prefix>/_runs/<run_id>/part-00000001.json                    what it has done: a record a part
    <prefix>/_runs/<run_id>/keys-00000001-0a1b2c3d4e5f.bin        the keys of that part's records, hashed
    <prefix>/_runs/<run_id>/struck-00000001.json                  that this part is broken and counts no more
    <prefix>/_runs/<run_id>/invocation-<id>.json                  that somebody went on with it, and when
    <prefix>/_ways-on/<hash>.json                                 a way from page to page that a run followed
    <dataset>/part-1-00000051-00000100-0a1b2c3d4e5f.parquet       a part: pass, first and last page, content
    <dataset>/_quarantine-1-00000051-00000100-5f4e3d2c1b0a.jsonl  records of these pages that were set aside
    <dataset>/_manifest-00000001.json                             a commit; the highest generation counts
    <dataset>/_receipt-00000001-<run_id>-5f4e3d2c1b0a.json        the receipt of that commit, and its content
    <dataset>/_symlink/manifest.txt                               the parts of the latest, for Athena and Hive
    <dataset>/_cleaning.json                                      that leftovers are being deleted just now

Numbers are padded to eight digits so that keys sort by them, and grow beyond if they must. Names that start
with an underscore are invisible to engines that read a prefix the Hive way.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from de_classes.storage.clients.checksums import Content
    from de_classes.storage.format.codec import FormatCodec

PART: Final = "part"
"""What the names of parts start with."""

QUARANTINE: Final = "_quarantine"
"""What the names of parts that were set aside start with."""

PART_NAME: Final = re.compile(r"(?:part|_quarantine)-\d+-\d{8,}-\d{8,}-[0-9a-f]{12}\.[a-z0-9]+")
"""A part's name, wherever it is spelled."""

_DIGEST_CHARS: Final = 12
_MANIFEST: Final = re.compile(r"(?P<dataset>.+)/_manifest-(?P<generation>\d{8,})\.json")
_JOURNAL: Final = re.compile(
    r"(?P<run>(?:.+/)?_runs/[^/]+)/"
    r"(?:plan\.json|invocation-[0-9a-f]+\.json"
    r"|(?:part|keys|struck)-(?P<sequence>\d{8,})(?:-[0-9a-f]{12}\.bin|\.json))"
)
_RECEIPT: Final = re.compile(r"(?:.+/)?_receipt-[^/]+\.json")
_RESERVED: Final = re.compile(
    r"(?:.+/)?(?:_runs/.*|_ways-on/.*|_symlink/.*|_cleaning\.json|_(?:manifest|receipt|quarantine)-[^/]*|part-\d+-[^/]*)"
)


def dataset_name(dataset: str) -> str:
    """A dataset's key prefix, whether or not it was given with a slash at its end."""
    return dataset.removesuffix("/")


def part_name(kind: str, pages: tuple[int, int, int], content: Content, codec: FormatCodec) -> str:
    """The name of a part, relative to its dataset: the same pages and bytes give the same name.

    Args:
        kind: ``PART`` or ``QUARANTINE``.
        pages: The pass, the first page and the last page.
        content: What the part holds.
        codec: Its format.
    """
    pass_, first, last = pages
    return f"{kind}-{pass_}-{first:08}-{last:08}-{content.sha256[:_DIGEST_CHARS]}{codec.extension}"


def manifest_prefix(dataset: str) -> str:
    """What the keys of all manifests of a dataset start with."""
    return f"{dataset_name(dataset)}/_manifest-"


def manifest_key(dataset: str, generation: int) -> str:
    """The key of a commit."""
    return f"{manifest_prefix(dataset)}{generation:08}.json"


def symlink_key(dataset: str) -> str:
    """The key of the list of the latest commit's parts."""
    return f"{dataset_name(dataset)}/_symlink/manifest.txt"


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


def is_part_key(key: str) -> bool:
    """Whether an object is named as a part."""
    return PART_NAME.fullmatch(key.rpartition("/")[2]) is not None


def is_reserved(key: str) -> bool:
    """Whether a key is one that runs and commits write under: nobody else may."""
    return _RESERVED.fullmatch(key) is not None


def names_dataset(key: str) -> bool:
    """Whether a key can only mean a dataset: a prefix with its slash, or a manifest's key."""
    return key.endswith("/") or parse_manifest_key(key) is not None
