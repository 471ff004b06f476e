"""Every format's file, read by the standard library and pyarrow alone: what came, with exact decimals.

200 texts by default, 20,000 in ``make test-slow``, as ``test_decoders.py`` spells them. What becomes of a
value is said in docs/datasets.md.
"""

from __future__ import annotations

from collections import Counter

import pytest

from de_classes.errors import UnsupportedValueError
from de_classes.storage.format.blocks import RecordBlock
from de_classes.utils import strict_json
from tests.fakes.written import CHECKS, Written
from tests.fuzz.test_decoders import Spelling, expected


def check(text: bytes, met: Counter[str]) -> None:
    """Written as dictionaries, and as text under a schema that is known, it holds what came."""
    rows, is_refused = expected(text)
    if is_refused or not rows:
        return
    for name, check_one in CHECKS.items():
        try:
            written = Written(name, strict_json.loads(text))
        except UnsupportedValueError:
            met[f"{name}: refused"] += 1
            with pytest.raises(UnsupportedValueError):
                Written(name, RecordBlock(text))
            continue
        met[name] += 1
        check_one(written, rows)
        again = Written(name, RecordBlock(text), written.schema)
        check_one(again, rows)
        assert again.rounded == written.rounded
        met[f"{name}: some rounded"] += bool(written.rounded)


def check_many(texts: int, first: int) -> Counter[str]:
    met: Counter[str] = Counter()
    for seed in range(first, first + texts):
        try:
            check(Spelling(seed).text(), met)
        except Exception as error:
            error.add_note(f"seed {seed}: {Spelling(seed).text()!r}")
            raise
    return met


def test_F91_what_is_written_is_what_came_in_200_texts() -> None:
    met = check_many(200, first=0)
    assert min(met[name] for name in CHECKS) > 100
    assert met["parquet: some rounded"] > 10


@pytest.mark.slow
@pytest.mark.parametrize("share", range(4))
def test_F91_what_is_written_is_what_came_in_20_000_texts(share: int) -> None:
    met = check_many(5_000, first=200 + 5_000 * share)
    assert min(met[name] for name in CHECKS) > 2_500
    assert met["parquet: some rounded"] > 250
