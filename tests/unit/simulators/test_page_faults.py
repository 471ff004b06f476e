from __future__ import annotations

from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.faults import RecordFault
from de_classes.simulators.page_faults import OddRecords
from de_classes.simulators.records import SyntheticRecords


class ListRecords:
    """Records from a list."""

    def __init__(self, *records: bytes) -> None:
        self._records = list(records)
        self.count = len(records)

    def slice(self, start: int, stop: int) -> list[bytes]:
        return self._records[start:stop]


def odd(name: str) -> RecordFault:
    fault = CATALOGUE.named(name)
    assert isinstance(fault, RecordFault)
    return fault


def test_the_users_records_keep_their_bytes_in_front_of_what_is_added() -> None:
    records = OddRecords(ListRecords(b'{"a": 1.50 }', b"{ }", b"{}", b'{"a":"}"} '), [odd("big-integers")])

    assert records.slice(0, 4) == [
        b'{"a": 1.50 ,"big":null}',
        b'{ "big":9007199254740995}',
        b'{"big":null}',
        b'{"a":"}","big":9007199254740999}',
    ]


def test_a_slice_is_the_same_whatever_it_is_part_of() -> None:
    faults = [fault for fault in CATALOGUE if isinstance(fault, RecordFault)]
    records = OddRecords(SyntheticRecords(7, 50), faults)
    whole = records.slice(0, 50)

    assert [records.slice(index, index + 1)[0] for index in range(50)] == whole
    assert records.slice(48, 60) == whole[48:]
    assert records.slice(60, 50) == []


def test_an_untouched_record_is_the_genuine_one() -> None:
    genuine = SyntheticRecords(7, 50)
    assert OddRecords(genuine, [odd("late-column")]).slice(0, 45) == genuine.slice(0, 45)
