from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from de_classes.errors import MalformedDataError
from de_classes.storage.format.batches import Rebatcher, batched
from de_classes.storage.format.lines import CHUNK_BYTES, MAX_RECORD_BYTES, check_size, read_lines, read_text
from tests.fakes.effort import examples


@settings(max_examples=examples(100), deadline=None, database=None)
@given(data=st.binary(max_size=40).map(lambda data: data.replace(b"\x00", b"\n") * 3))
def test_lines_are_those_of_the_data(data: bytes) -> None:
    assert list(read_lines(io.BytesIO(data))) == list(io.BytesIO(data))


def test_lines_longer_than_a_chunk_are_whole() -> None:
    data = b"x" * (3 * CHUNK_BYTES) + b"\ny" + b"\n" * 3
    assert list(read_lines(io.BytesIO(data))) == list(io.BytesIO(data))


def test_characters_cut_by_a_chunk_are_whole() -> None:
    text = "a" + "é" * CHUNK_BYTES
    assert "".join(read_text(io.BytesIO(text.encode()))) == text


def test_text_that_ends_inside_a_character_is_refused() -> None:
    with pytest.raises(MalformedDataError, match="UTF-8"):
        list(read_text(io.BytesIO("é".encode()[:1])))


def test_F19_a_record_has_a_ceiling() -> None:
    assert check_size(MAX_RECORD_BYTES) == MAX_RECORD_BYTES
    with pytest.raises(MalformedDataError, match="longer than"):
        check_size(MAX_RECORD_BYTES + 1)


@settings(max_examples=examples(100), deadline=None, database=None)
@given(pages=st.lists(st.integers(0, 12)), size=st.integers(1, 7))
def test_batches_depend_on_positions_alone(pages: list[int], size: int) -> None:
    rebatcher: Rebatcher[int] = Rebatcher(size)
    items = iter(range(sum(pages)))
    out = [batch for page in pages for batch in rebatcher.add([next(items) for _ in range(page)])]
    assert [*out, *filter(None, [rebatcher.rest()])] == list(batched(range(sum(pages)), size))
    assert rebatcher.rest() == []
