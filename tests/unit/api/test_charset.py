from __future__ import annotations

import codecs

import pytest

from de_classes.api.charset import in_utf8
from de_classes.errors import MalformedDataError, ProtocolError

TEXT = '{"data": [{"name": "Łódź"}]}'
WESTERN = '{"data": [{"name": "Zürich, 5 £"}]}'


def typed(charset: str) -> dict[str, str]:
    return {"content-type": f"application/json; Charset={charset}"}


@pytest.mark.parametrize("headers", [{}, typed("utf-8"), typed('"UTF8"'), typed("us-ascii"), typed("")])
def test_F83_what_is_utf8_stays_the_very_same_bytes(headers: dict[str, str]) -> None:
    body = TEXT.encode()
    assert in_utf8(body, headers) is body


@pytest.mark.parametrize(
    ("mark", "charset"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
    ],
)
@pytest.mark.parametrize("headers", [{}, typed("iso-8859-1"), typed("utf-16")])
def test_F83_a_byte_order_mark_says_more_than_a_header(
    mark: bytes, charset: str, headers: dict[str, str]
) -> None:
    assert in_utf8(mark + TEXT.encode(charset), headers) == TEXT.encode()


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be", "utf-32-be"])
@pytest.mark.parametrize("headers", [{}, typed("utf-16"), typed("utf-8")])
def test_F83_zeros_beside_the_first_character_give_the_charset_away(
    charset: str, headers: dict[str, str]
) -> None:
    assert in_utf8(TEXT.encode(charset), headers) == TEXT.encode()


@pytest.mark.parametrize("charset", ["iso-8859-1", "'ISO-8859-15'", "windows-1252", "cp850", '"macintosh"'])
def test_F83_a_declared_charset_is_believed(charset: str) -> None:
    assert in_utf8(WESTERN.encode(charset.strip("'\"")), typed(charset)) == WESTERN.encode()


def test_F83_what_is_not_what_it_is_declared_to_be_is_not_sound() -> None:
    with pytest.raises(MalformedDataError, match="shift_jis"):
        in_utf8(b'{"data": ["\x85\xff"]}', typed("shift_jis"))


@pytest.mark.parametrize("charset", ["klingon", "base64", "utf-7", "unicode_escape", "x" * 300, "a\x00b"])
def test_F83_an_unknown_charset_is_refused_unless_it_makes_no_difference(charset: str) -> None:
    assert in_utf8(b'{"data": []}', typed(charset)) == b'{"data": []}'
    with pytest.raises(ProtocolError, match="charset"):
        in_utf8(TEXT.encode(), typed(charset))


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "shift_jis", "utf-16"])
def test_F83_xml_may_declare_it_itself(charset: str) -> None:
    text = f'<?xml version="1.0" encoding="{charset}"?><a>x\\</a>'
    assert in_utf8(text.encode(charset), {}, is_xml=True).endswith(b"<a>x\\</a>")


def test_F83_a_header_says_more_than_xml_itself() -> None:
    body = '<?xml version="1.0" encoding="utf-8"?>\n<a>Zürich</a>'.encode("iso-8859-1")
    headers = {"content-type": "text/xml; charset=iso-8859-1"}
    assert in_utf8(body, headers, is_xml=True) == "\n<a>Zürich</a>".encode()


def test_F83_xml_in_utf8_that_a_header_declares_is_not_left_to_its_own_declaration() -> None:
    body = '<?xml version="1.0" encoding="iso-8859-1"?>\n<a>Zürich</a>'.encode()
    headers = {"content-type": "text/xml; charset=utf-8"}
    assert in_utf8(body, headers, is_xml=True) == "\n<a>Zürich</a>".encode()
