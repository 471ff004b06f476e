"""Pages as blocks: what is written does not depend on how they were decoded, nor where they were cut."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from de_classes.storage.format.blocks import Batcher, RecordBlock, decode_straight
from de_classes.storage.format.codec import get_codec
from de_classes.storage.format.decoders import decoder_of, line_decoder_of
from de_classes.storage.format.schema import Field, Kind, Schema
from de_classes.storage.format.segmented import SegmentedWriter
from de_classes.utils import strict_json
from tests.fakes.effort import examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.storage.format.blocks import ColumnDecoder
    from de_classes.storage.format.codec import FormatCodec
    from de_classes.storage.format.schema import Record, Widening

TOKENS = {
    "null": ["null"],
    "bool": ["true", "false"],
    "small": ["0", "-0", "7", "9007199254740992"],
    "large": ["9007199254740993", "-9223372036854775808"],
    "huge": ["9223372036854775808", "1" + "0" * 30],
    "float": ["1.0", "-0.0", "2.5", "1e3", "1E-7", "5e-324", "1e22", "9007199254740993.0"],
    "text": [
        '""',
        '"x"',
        '"a:b"',
        '"\\"q\\""',
        '"\\u003a"',
        '"Käse"',
        '"[1"',
        '"=1+1"',
        '"l\\n"',
        '"\\ud83d\\ude00"',
    ],
    "list": ["[]", "[1]", "[null,2]", '["a:b"]', "[2.5]"],
    "empty": ["{}", '{"x":1}'],
    "nested": ['{"x":1}', '{"y":[2],"x":2.5}', '{"x":null}', '{"o":[{"a:b":":"},{"s":""},null]}', '{"y":[]}'],
    "object": ["{}", '{"x":1}', '{"x":"a:b","y":[]}'],
}
SPACES = [("", ""), (" ", ""), ("\n", " "), ("\r\n", "")]
PLAIN = ["bool", "small", "float", "text", "nested"]
NAMES = ["id", "amount", "a:b", "ü"]


@st.composite
def kinds(draw: st.DrawFn) -> dict[str, list[str]]:
    """Which tokens each column takes: mostly of plain kinds, and mostly of one."""
    of_kind = st.sampled_from([*PLAIN, *PLAIN, *TOKENS])
    of_kinds = st.lists(of_kind, min_size=1, max_size=2) | of_kind.map(lambda kind: ["null", kind])
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=4))
    return {name: [token for kind in draw(of_kinds) for token in TOKENS[kind]] for name in names}


@st.composite
def page(draw: st.DrawFn, columns: dict[str, list[str]]) -> bytes:
    """The text of a page: some records, over and over."""
    before, after = draw(st.sampled_from(SPACES))
    records = draw(st.lists(record(columns, before), min_size=1, max_size=4))
    times = draw(st.sampled_from([1, 250, 500]))
    return ("[" + f"{after},{before}".join(records * times) + "]").encode()


@st.composite
def record(draw: st.DrawFn, columns: dict[str, list[str]], before: str) -> str:
    names = [name for name in columns if draw(st.integers(0, 9)) > 0]
    return "{" + ",".join(f'{before}"{name}":{draw(st.sampled_from(columns[name]))}' for name in names) + "}"


@st.composite
def pages(draw: st.DrawFn) -> list[bytes]:
    """Pages of which most are alike."""
    columns = draw(kinds())
    usual = draw(st.lists(page(columns), min_size=2, max_size=5))
    odd = draw(kinds().flatmap(page)) if draw(st.booleans()) else None
    place = draw(st.integers(0, len(usual)))
    return usual if odd is None else [*usual[:place], odd, *usual[place:]]


def straight(text: bytes, decoder: ColumnDecoder | None) -> RecordBlock | None:
    """A block that was decoded under a decoder; None if it cannot be."""
    block = RecordBlock(text)
    decode_straight([block], decoder)
    return block if block.is_decoded else None


class Written:
    """What a writer makes of pages, decoded as a source's reader does."""

    def __init__(self, codec: FormatCodec, schema: Schema | None = None) -> None:
        self.target = io.BytesIO()
        self.writer = SegmentedWriter(codec, self.target, schema=schema)
        self.straight = 0

    def blocks(self, texts: list[bytes], *, late: int = 0) -> tuple[bytes, Schema, tuple[Widening, ...]]:
        """Decoded straight where that can be, under the decoder of ``late`` pages before."""
        shapes: list[ColumnDecoder | None] = [None] * (late + 1)
        for text in texts:
            block = straight(text, shapes[-late - 1])
            self.straight += block is not None
            self.writer.write(block or RecordBlock(text, records=strict_json.loads(text)))
            shapes.append(self.writer.decoder)
        return self.result()

    def records(self, parts: Sequence[Sequence[Record]]) -> tuple[bytes, Schema, tuple[Widening, ...]]:
        """Decoded into dictionaries."""
        for part in parts:
            self.writer.write(part)
        return self.result()

    def result(self) -> tuple[bytes, Schema, tuple[Widening, ...]]:
        self.writer.close()
        return self.target.getvalue(), self.writer.schema, self.writer.widenings


@pytest.mark.parametrize("escape_formulas", [False, True])
@given(texts=pages(), late=st.integers(0, 3))
@settings(max_examples=examples(15), deadline=None)
def test_CSV_of_blocks_is_the_CSV_of_dictionaries(
    escape_formulas: bool,  # noqa: FBT001 - a parameter of the test
    texts: list[bytes],
    late: int,
) -> None:
    codec = get_codec("csv", escape_formulas=escape_formulas)
    expected = Written(codec).records([strict_json.loads(text) for text in texts])
    assert Written(codec).blocks(texts, late=late) == expected


@pytest.mark.parametrize(
    "number",
    [
        "1e22",
        "1e-5",
        "0.00001",
        "0.00001234567890123",
        "100.10",
        "1E5",
        "123456789012345.67",
        "-0.0",
        "-0",
        "7",
    ],
)
def test_F91_a_number_is_spelled_alike_however_it_was_decoded(number: str) -> None:
    rows = f'{{"n":1,"amount":{number}}},{{"n":2,"amount":2.5}},{{"n":3}},{{"n":4,"amount":null}}'
    first, texts = b'{"n":0,"amount":1.5}', [f"[{rows}]".encode()]
    codec = get_codec("csv")
    expected, *_ = Written(codec).records(
        [strict_json.loads(b"[%b]" % first), *map(strict_json.loads, texts)]
    )
    written, *_ = Written(codec).blocks([b"[%b]" % b",".join([first] * 1000), *texts])
    assert written.endswith(expected.split(b"\n", 2)[2])


@given(texts=pages().filter(lambda texts: any(b'":' in text for text in texts[:1])), late=st.integers(0, 3))
@settings(max_examples=examples(25), deadline=None)
def test_Parquet_of_blocks_is_the_Parquet_of_dictionaries(texts: list[bytes], late: int) -> None:
    codec = get_codec("parquet")
    expected = Written(codec).records([strict_json.loads(text) for text in texts])
    assert Written(codec).blocks(texts, late=late) == expected


@given(texts=pages(), late=st.integers(0, 3))
@settings(max_examples=examples(25), deadline=None)
def test_JSON_Lines_are_the_records_as_they_came_however_they_were_decoded(
    texts: list[bytes], late: int
) -> None:
    codec = get_codec("jsonl")
    content, schema, widenings = Written(codec).blocks(texts, late=late)
    assert (content, schema, widenings) == Written(codec).blocks(texts, late=len(texts))
    records = [record for text in texts for record in strict_json.loads(text)]
    assert Written(codec).records([records])[1:] == (schema, widenings)
    assert content.count(b"\n") == len(records)
    assert [strict_json.loads(line) for line in content.splitlines()] == records


@pytest.mark.parametrize("name", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize("size", [1, 7, 999, 1_000, 1_001, 3_000])
def test_where_pages_end_does_not_show(name: str, size: int) -> None:
    rows = [b'{"id":%d,"amount":%d.5,"on":%s}' % (n, n, b"true" if n % 3 else b"null") for n in range(3_500)]
    whole = Written(get_codec(name)).blocks([b"[" + b",".join(rows) + b"]"])
    cut = Written(get_codec(name))
    texts = [b"[" + b",".join(rows[start : start + size]) + b"]" for start in range(0, len(rows), size)]
    assert cut.blocks(texts) == whole
    assert cut.straight == len(texts) - -(-1_000 // size)


@pytest.mark.parametrize("name", ["csv", "parquet", "jsonl"])
def test_a_page_decoded_under_a_shape_of_before_is_written_under_that_of_now(name: str) -> None:
    before = decoder_of(Schema((Field("a", Kind.INT53),)))
    now = Schema((Field("new", Kind.STRING), Field("a", Kind.FLOAT64)))
    texts = [b'[{"a":1},{"a":2}]', b'[{"new":"x","a":2.5}]']
    blocks = [straight(texts[0], before), straight(texts[1], decoder_of(now))]
    assert None not in blocks
    written = Written(get_codec(name), now).records([block for block in blocks if block is not None])
    assert written == Written(get_codec(name), now).records([strict_json.loads(text) for text in texts])


def test_objects_in_CSV_keep_their_keys_in_order() -> None:
    rows = [b'{"o":{"x":1,"y":"a"}}', b'{"o":{"y":"b","x":2}}']
    texts = [b"[" + b",".join(rows * 500) + b"]"] * 3
    written = Written(get_codec("csv"))
    content, _, _ = written.blocks(texts)
    assert content.splitlines()[-2:] == [b'"{""x"":1,""y"":""a""}"', b'"{""y"":""b"",""x"":2}"']
    assert written.straight == 2


def test_lines_are_the_source_s_own_text() -> None:
    text = b'[{"a": 1.50, "b":"\\u0041"} , {"b":\n"x"}\n]'
    content, _, _ = Written(get_codec("jsonl")).blocks([text])
    assert content == b'{"a": 1.50, "b":"\\u0041"}\n{"b":"x"}\n'


STRINGS = st.sampled_from(["", "},{", '},{"id":', '"},{"id":', "[", " {", ":", "\\", "ü"]).map(json.dumps)
VALUES = st.recursive(
    STRINGS | st.sampled_from(["0", "null", "{}"]),
    lambda inner: (
        st.builds('{{"id":{}}}'.format, inner)
        | st.lists(st.builds('{{"id":{}}}'.format, inner), max_size=3).map(",".join).map("[{}]".format)
        | st.builds('{{"x":{},"id":{}}}'.format, inner, inner)
    ),
    max_leaves=4,
)
KEYS = st.sampled_from(
    ['"id"', '"id"', '"id"', '"id"', '"i}"', '"i},{"', '"a"', '"\\"id"', '""', '"},{"', '"ü"']
)


@given(st.data())
@settings(deadline=None)
def test_lines_are_cut_from_a_page_wherever_its_records_end(data: st.DataObject) -> None:
    first = data.draw(KEYS)
    keys = st.just(first) if data.draw(st.booleans()) else KEYS
    record = st.builds('{{{}:{},"b":{}}}'.format, keys, VALUES, VALUES)
    rows = data.draw(st.lists(record, min_size=1, max_size=5))
    commas = st.just(",") if data.draw(st.booleans()) else st.sampled_from([",", ", ", " ,"])
    text = rows[0] + "".join(data.draw(commas) + row for row in rows[1:])
    before, after = data.draw(
        st.sampled_from([("[", "]"), ("[ ", "]"), (" [", "]"), ("[", " ]"), ("[", "] ")])
    )
    page = (before + text + after).encode()
    block = RecordBlock(page, records=strict_json.loads(page))
    start = data.draw(st.integers(0, len(rows) - 1))
    stop = data.draw(st.integers(start + 1, len(rows)))
    assert block.lines(start, stop) == "".join(row + "\n" for row in rows[start:stop]).encode()


@pytest.mark.parametrize("first", ["{}", '{"a":1}'])
def test_records_of_other_keys_are_lines_all_the_same(first: str) -> None:
    page = f'[{first},{{"id":1}},{{"id":2}}]'.encode()
    block = RecordBlock(page, records=strict_json.loads(page))
    assert block.lines(0, 3) == first.encode() + b'\n{"id":1}\n{"id":2}\n'


def test_lines_that_were_made_in_decoding_are_those_of_the_text() -> None:
    page = b'[{"id":1,"a":1.50},{"id":2},{"a":null},{"id":3,"a":7}]'
    decoder = line_decoder_of(Schema((Field("id", Kind.INT53), Field("a", Kind.FLOAT64))))
    block, plain = RecordBlock(page), RecordBlock(page)
    assert decoder is not None
    columns = block.columns(decoder)
    assert columns is not None
    assert columns.lines == plain.lines(0, 4) == b'{"id":1,"a":1.50}\n{"id":2}\n{"a":null}\n{"id":3,"a":7}\n'
    for start in range(4):
        for stop in range(start, 5):
            assert block.lines(start, stop) == plain.lines(start, stop)


def test_a_block_is_a_sequence_of_the_very_records() -> None:
    text = b'[{"b":"x","a":1},{"a":null},{"b":"y","a":3}]'
    decoder = decoder_of(Schema((Field("a", Kind.INT53), Field("b", Kind.STRING))))
    block = straight(text, decoder)
    assert block is not None
    records = strict_json.loads(text)
    assert (len(block), block[0], block[-1]) == (3, records[0], records[2])
    assert {"a": None} in block
    assert {"a": None, "b": None} not in block
    assert block[1:] == records[1:]
    assert list(map(list, block)) == [["b", "a"], ["a"], ["b", "a"]]
    assert block == records
    assert block == RecordBlock(text, records=records)
    assert {"a": None} in block
    assert block != records[:2]


def test_a_text_that_is_not_sound_is_no_block() -> None:
    decoder = decoder_of(Schema((Field("a", Kind.INT53),)))
    assert straight(b'[{"a":1,"a":1}]', decoder) is None
    assert straight(b'[{"a":1}]', None) is None


def test_a_batch_may_be_of_several_pages_and_a_page_in_several_batches() -> None:
    batcher = Batcher(3)
    added = [[len(batch) for batch in batcher.add([{"n": n} for n in range(size)])] for size in (2, 0, 5, 3)]
    assert added == [[], [], [3, 3], [3]]
    assert batcher.rest().records() == [{"n": 2}]
    assert len(batcher.rest()) == 0


def test_a_list_that_its_owner_uses_again_is_written_as_it_was() -> None:
    batcher, records = Batcher(2), [{"n": 1}]
    assert list(batcher.add(records)) == []
    records.clear()
    assert batcher.rest().records() == [{"n": 1}]
