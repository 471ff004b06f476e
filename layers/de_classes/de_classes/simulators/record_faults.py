"""Records that are odd, but as they are: each fault adds fields to them, and a run must bring them home.

They are added to the user's own records too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.simulators.fault_kinds import RecordFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.simulators.fault_kinds import Disfigure
    from de_classes.simulators.records import RecordSource

_BEYOND_DOUBLE = 2**53 + 1
_BEYOND_WORD = 2**70
_EVERY = 10
_WHERE = 5
_LATE = 0.9


class OddRecords:
    """Records with the fields of some faults added.

    Args:
        source: The records.
        faults: What to add, in this order.
    """

    def __init__(self, source: RecordSource, faults: Sequence[RecordFault]) -> None:
        self._source = source
        self._faults = tuple(faults)

    @property
    def count(self) -> int:
        """How many there are."""
        return self._source.count

    def slice(self, start: int, stop: int) -> list[bytes]:
        """Those from ``start`` up to ``stop``, from 0."""
        return [self._odd(index, each) for index, each in enumerate(self._source.slice(start, stop), start)]

    def _odd(self, index: int, record: bytes) -> bytes:
        added = [fields for fault in self._faults if (fields := fault.fields(index, self.count))]
        if not added:
            return record
        body = record.rstrip()[:-1]
        comma = b"" if body.strip() == b"{" else b","
        return body + comma + b",".join(added) + b"}"


def _changing_type(index: int, count: int) -> bytes:
    return (b'"reading":%d', b'"reading":%d.5', b'"reading":"%d"')[index * 3 // count] % index


def _late_column(index: int, count: int) -> bytes:
    return b'"late":%d' % index if index >= count * _LATE else b""


def _big_integer(index: int, _: int) -> bytes:
    return b'"big":%d' % (_BEYOND_DOUBLE + 2 * index) if index % 2 else b'"big":null'


def _mixed_shapes(index: int, _: int) -> bytes:
    shapes = (b"%d" % (_BEYOND_WORD + index), b"{}", b"[%d]" % index, b'{"n":%d}' % index)
    return b'"mixed":' + shapes[index % len(shapes)]


def _long_decimal(index: int, _: int) -> bytes:
    return b'"exact":%d.1000000000000000055511151231257827' % index


def _text_among_numbers(index: int, _: int) -> bytes:
    return (b'"either":%d', b'"either":"%d"')[index % 2] % index


def _now_and_then(fields: bytes) -> Disfigure:
    return lambda index, _: fields if index % _EVERY == _WHERE else b""


def _fault(name: str, catalogue_id: str, summary: str, fields: Disfigure) -> RecordFault:
    return RecordFault(name=name, catalogue_ids=(catalogue_id,), summary=summary, fields=fields)


RECORD_FAULTS = (
    _fault("changing-type", "F50", "a field is int, then float, then string", _changing_type),
    _fault("late-column", "F51", "a field first appears in the last tenth", _late_column),
    _fault("big-integers", "F52", "integers above 2^53 beside nulls", _big_integer),
    _fault("mixed-shapes", "F53", "a field is 2^70, {}, a list and an object", _mixed_shapes),
    _fault("nan", "F54", "one record in ten holds NaN, which is not JSON", _now_and_then(b'"odd":NaN')),
    _fault("float-overflow", "F54", "one record in ten holds 1e400", _now_and_then(b'"far":1e400')),
    _fault(
        "lone-surrogate",
        "F54",
        "one record in ten holds half of a surrogate pair",
        _now_and_then(b'"half":"\\ud800"'),
    ),
    _fault(
        "duplicate-keys",
        "F54",
        "one record in ten has a key twice",
        _now_and_then(b'"twice":1,"twice":2'),
    ),
)
MORE_RECORD_FAULTS = (
    _fault("long-decimals", "F91", "decimals that no float holds", _long_decimal),
    RecordFault(
        name="text-among-numbers",
        catalogue_ids=("F92", "F94"),
        summary="a field is a number and text by turns",
        fields=_text_among_numbers,
    ),
)
