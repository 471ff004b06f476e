"""What a run over a changing source may bring: told from the source's history alone.

Nothing of the library is imported here, so that no picture of it is shared. A history has one state for each
request that the source was sent, from a run's first to its last: the rows that there were when it answered.
A row is an object with an ``id``, of which a state has no two, and a ``version``, which every change raises.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Row = Mapping[str, Any]
    State = Mapping[Any, Row]


def complaints(history: Sequence[State], came: Iterable[Row], *, has_key: bool) -> list[str]:
    """What is wrong with the rows of a run that says it is complete; nothing if they are right.

    A row that was there all the time must come, as it was at some moment. No row comes twice as it was at one
    moment; as it was at several it may come several times, but not where ids are told apart. Nothing else
    comes.

    Args:
        history: By id, the rows that there were at each request.
        came: The rows of the run.
        has_key: Whether the run was told that ``id`` tells rows apart.
    """
    rows = list(came)
    return [*_lost(history, rows), *_doubled(rows, has_key=has_key), *_strange(history, rows)]


def _lost(history: Sequence[State], rows: Sequence[Row]) -> list[str]:
    always = set(history[0]).intersection(*history[1:]) if history else set()
    lost = always - {row.get("id") for row in rows}
    return [f"row {each} was there all the time and did not come" for each in sorted(lost)]


def _doubled(rows: Sequence[Row], *, has_key: bool) -> list[str]:
    count = Counter(row.get("id") if has_key else (row.get("id"), row.get("version")) for row in rows)
    return [f"row {each} came {times} times" for each, times in count.items() if times > 1]


def _strange(history: Sequence[State], rows: Sequence[Row]) -> list[str]:
    there = {(row["id"], row["version"]): row for state in history for row in state.values()}
    found = [row for row in rows if there.get((row.get("id"), row.get("version"))) != row]
    return [f"row {dict(row)} was never there" for row in found]
