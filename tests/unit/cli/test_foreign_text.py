"""F96: whatever a server, a store or a file says, nothing printed or logged is acted on by a terminal.
F97: nor is anything of it the secret header that was sent.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from de_classes.__main__ import main
from tests.fakes.aws import ACCESS_KEY, REGION, SECRET_KEY, no_aws_environment
from tests.fakes.foreign_text import HOSTILE, acted_on
from tests.fakes.raw_server import RawServer, answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IN_HEADERS = b"\x1b[31m\x9b\x7f\xe2\x80\xae\x85"
SECRET = "S3cret-Key-Of-This-Test-0123456789"
LOGIN = base64.b64encode(b"ada:hunter2-of-this-test").decode()

HELP = "ingest: for help: python -m de_classes ingest --help\n"


def page(**fields: object) -> bytes:
    return json.dumps({"data": [{"id": 1}], "total_pages": 1, "total_records": 1, **fields}).encode()


def with_header(name: str, value: bytes, *, status: str = "200 OK", body: bytes = b"") -> bytes:
    named = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{name}: ".encode()
    return named + value + b"\r\n\r\n" + body


def told(text: str) -> dict[str, tuple[list[str], list[bytes]]]:
    """Answers of a server that puts a text wherever it can, by kind: the words, and what it answers."""
    header = IN_HEADERS if text == HOSTILE else text.encode()
    link = b"<http://evil.example/" + header + b'>; rel="next"'
    cursor = ["--pagination", "cursor", "--total-pages-field", "none", "--limit", "1"]
    links = ["--pagination", "link", "--total-pages-field", "none", "--limit", "1"]
    body = json.dumps({"error": text}).encode()
    return {
        "a refusal": ([], [answer(text.encode(), status="400 Bad")]),
        "a refusal in JSON": (
            [],
            [answer(json.dumps({"e": text}, ensure_ascii=False).encode(), status="404 No")],
        ),
        "a reason": ([], [b"HTTP/1.1 422 " + header + b"\r\nContent-Length: 0\r\n\r\n"]),
        "a failure": ([], [answer(text.encode(), status="503 Busy")]),
        "a refused login": ([], [answer(body, status="401 No")]),
        "a prohibition": ([], [answer(body, status="403 No")]),
        "no status line": ([], [header + b"\r\n\r\n"]),
        "keys": ([], [answer(json.dumps({text: 1}, ensure_ascii=False).encode())]),
        "a content type": ([], [with_header("Content-Type", header, body=b"no JSON")]),
        "a coding": ([], [with_header("Content-Encoding", header, body=page())]),
        "a framing": ([], [with_header("Transfer-Encoding", header, body=page())]),
        "a total": ([], [answer(page(total_pages=text))]),
        "a total of records": ([], [answer(page(total_records={text: 1}))]),
        "a redirect": ([], [with_header("Location", b"http://evil.example/" + header, status="302 Go")]),
        "a redirect at home": ([], [with_header("Location", b"/" + header, status="301 Go")]),
        "a Retry-After": ([], [with_header("Retry-After", header, status="429 Slow")]),
        "a link": (links, [with_header("Link", link, body=page())]),
        "a cursor that loops": (cursor, [answer(page(next_cursor=text))]),
        "an echoed page": ([], [answer(page(page=text, total_pages=2)), answer(b"{}")]),
    }


KINDS = list(told(HOSTILE))
QUOTED = {
    "a refusal",
    "a refusal in JSON",
    "keys",
    "a content type",
    "a coding",
    "a framing",
    "a total",
    "a redirect",
}
MAY_PASS = {
    "a failure",
    "no status line",
    "keys",
    "a content type",
    "a Retry-After",
    "an echoed page",
}


def status_of(kind: str) -> int:
    """How the command ends that is answered so, and asks once: what may pass leaves the run incomplete."""
    return 4 if kind in MAY_PASS else 1


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Logs are written to the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(capsys: pytest.CaptureFixture[str], folder: Path) -> str:
    """All that was printed, and the log file."""
    printed = capsys.readouterr()
    log = folder / "logs" / "errors.log"
    return printed.out + printed.err + (log.read_text(encoding="utf-8") if log.exists() else "")


def ingest(url: str, *words: str) -> int:
    return main(["ingest", url, "--to", "lake", "--max-attempts", "1", "--verbose", *words])


@pytest.mark.parametrize("kind", KINDS)
def test_F96_a_hostile_server_shows_nothing_but_text(
    kind: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, answers = told(HOSTILE)[kind]
    with RawServer(answers) as server:
        assert ingest(server.url, *words) == status_of(kind)
    said = shown(capsys, elsewhere)
    assert acted_on(said) == []
    assert re.search(r"\\(x|u00)1b", said) or kind not in QUOTED


@pytest.mark.parametrize("words", [["--json"], [], ["--dataset", "d"], ["--dataset", "d", "--json"]], ids=str)
def test_F96_columns_with_hostile_names_are_told_without_harm(
    words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = page(data=[{"id": 1, HOSTILE: 1}], total_pages=2, total_records=2)
    second = page(data=[{"id": 2, HOSTILE: 1.5}], total_pages=2, total_records=2)
    looked_at_again = [answer(first), answer(second)]
    with RawServer([answer(first), answer(second), *looked_at_again]) as server:
        assert ingest(server.url, "--limit", "1", "--concurrency", "1", "--format", "jsonl", *words) == 0
    printed = capsys.readouterr()
    assert acted_on(printed.out + printed.err) == []
    (kept,) = (elsewhere / "lake").rglob("_receipt-*.json")
    assert HOSTILE in json.loads(kept.read_text())["columns"] or "--dataset" not in words
    if "--json" in words:
        assert json.loads(printed.out) == json.loads(kept.read_text())


def test_F96_a_column_that_does_not_fit_is_named_without_harm(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "columns.json").write_text('{"id": "int64"}')
    with RawServer([answer(page(data=[{"id": 1, HOSTILE: HOSTILE}]))]) as server:
        assert ingest(server.url, "--dataset", "d", "--columns", "columns.json") == 1
    said = shown(capsys, elsewhere)
    assert acted_on(said) == []
    assert "do not fit the pinned schema" in said


@pytest.fixture
def aws() -> Iterator[pytest.MonkeyPatch]:
    with no_aws_environment() as patch, mock_aws():
        patch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        boto3.client("s3").create_bucket(Bucket="bucket")
        yield patch


@pytest.mark.usefixtures("aws")
def test_F96_a_key_in_a_listing_is_shown_without_harm(capsys: pytest.CaptureFixture[str]) -> None:
    key = "raw/\u202egnp\u200b/part-1-00000001-00000001-0123456789ab.jsonl"
    boto3.client("s3").put_object(Bucket="bucket", Key=key, Body=b"{}\n")
    assert main(["clean", "s3://bucket/raw", "--older-than", "0"]) == 0
    said = capsys.readouterr().out
    assert acted_on(said) == []
    assert "s3://bucket/raw/\\u202egnp\\u200b/part-1" in said


def test_F96_a_receipt_is_compared_without_harm(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with RawServer([answer(page())]) as server:
        assert ingest(server.url, "--format", "jsonl") == 0
    (kept,) = (elsewhere / "lake").rglob("_receipt-*.json")
    receipt = json.loads(kept.read_text())
    for key in ("\u202egone\u200b.jsonl", HOSTILE):
        receipt["parts"][0]["key"] = key
        kept.write_text(json.dumps(receipt))
        assert main(["verify", str(kept)]) != 0
    kept.write_text(json.dumps({**receipt, "status": HOSTILE}))
    assert main(["verify", str(kept)]) == 2
    said = shown(capsys, elsewhere)
    assert acted_on(said) == []
    assert "\\u202egone\\u200b.jsonl is gone" in said


def in_file(folder: Path, text: str, *, mode: int = 0o600) -> Path:
    path = folder / "headers"
    path.touch(mode=mode)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


ECHOED = [
    *((SECRET, SECRET, kind) for kind in KINDS),
    (f"Basic {LOGIN}", LOGIN, "a refusal"),
    (f"session={SECRET}; x=1", SECRET, "a refusal"),
]


@pytest.mark.parametrize(("value", "secret", "kind"), ECHOED)
def test_F97_a_secret_header_that_a_server_repeats_is_masked(
    value: str, secret: str, kind: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, answers = told(secret)[kind]
    with RawServer(answers) as server:
        given = str(in_file(elsewhere, f"X-Any: {value}\n"))
        assert ingest(server.url, "--header-file", given, *words) == status_of(kind)
        assert f"X-Any: {value}\r\n".encode() in server.heads[0]
    said = shown(capsys, elsewhere)
    assert secret.lower() not in said.lower()
    assert "***" in said or kind not in QUOTED
    kept = [path for path in (elsewhere / "lake").rglob("*") if path.is_file()]
    assert [path for path in kept if secret in path.read_text()] == []


def test_F97_a_login_that_is_repeated_decoded_is_masked(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with RawServer(
        [answer(b"who is ada:hunter2-of-this-test? hunter2-of-this-test", status="400 No")]
    ) as server:
        ingest(server.url, "--header-file", str(in_file(elsewhere, f"Authorization: Basic {LOGIN}")))
    assert "hunter2" not in shown(capsys, elsewhere)


def test_F97_a_secret_header_comes_from_a_variable(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("API_KEY", SECRET)
    with RawServer([answer(SECRET.encode(), status="400 No")]) as server:
        assert ingest(server.url, "--header", "X-Api-Key=@env:API_KEY", "--header", "X-Plain: seen") == 1
    assert f"X-Api-Key: {SECRET}\r\nX-Plain: seen\r\n".encode() in server.heads[0]
    assert SECRET not in shown(capsys, elsewhere)


@pytest.mark.parametrize("words", [["--plan"], ["--dataset", "d"], []], ids=str)
def test_F97_plans_receipts_and_progress_hold_no_header(
    words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with RawServer([answer(page())]) as server:
        given = in_file(elsewhere, f"X-Api-Key: {SECRET}\n\n")
        assert ingest(server.url, "--header-file", str(given), "--json", *words) == 0
    assert SECRET not in shown(capsys, elsewhere)
    given.unlink()
    assert [
        path for path in elsewhere.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()
    ] == []


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["ingest", "http://127.0.0.1:9", "--to", "lake", *words]) == 2
    said = capsys.readouterr().err
    assert SECRET not in said
    return said


@pytest.mark.parametrize(
    "header",
    [
        *(
            f"{name}: {SECRET}"
            for name in ("Authorization", "X-Api-Key", "apikey", "X-Auth", "Cookie", "X-Token")
        ),
        *(
            f"{name}:{SECRET}"
            for name in ("x-client-secret", "Ocp-Apim-Subscription-Key", "X-Session-Id", "X-JWT")
        ),
        f"X-Other: Bearer {SECRET}",
        "X-Other: eyJhbGciOiJIUzI1NiJ9.e30.abc",
    ],
    ids=lambda header: header.partition(":")[0],
)
def test_F97_a_credential_that_is_given_as_a_word_is_told_its_places(
    header: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = header.partition(":")[0]
    said = refused(capsys, "--header", header)
    assert said.startswith(f"ingest: --header {name} looks like a credential")
    assert f"give --header-file FILE, or --header {name}=@env:VARIABLE" in said


def test_F97_a_header_file_that_others_can_read_is_refused(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for mode in (0o640, 0o604, 0o620, 0o602):
        path = in_file(elsewhere, f"X-Api-Key: {SECRET}", mode=mode)
        said = refused(capsys, "--header-file", str(path))
        assert said == f"ingest: --header-file: {path} is open to other users: chmod 600 it first\n{HELP}"
        said = refused(capsys, "--username", "ada", "--password-file", str(path))
        assert said == f"ingest: --password-file: {path} is open to other users: chmod 600 it first\n{HELP}"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f"X-A: b\n{SECRET}\n", "line 2 of"),
        (f"X-Api-Key: {SECRET}\u20ac", "line 1 of"),
        ("", "is empty"),
    ],
)
def test_F97_a_header_file_with_a_mistake_is_named_and_not_quoted(
    text: str, named: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert named in refused(capsys, "--header-file", str(in_file(elsewhere, text)))


def test_F97_a_variable_that_holds_no_header_is_named_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for value in ("", f"{SECRET}\nX-Other: injected", f"{SECRET}\u20ac"):
        monkeypatch.setenv("API_KEY", value)
        assert "the variable API_KEY is not set, or is no" in refused(
            capsys, "--header", "X-Key=@env:API_KEY"
        )


@pytest.mark.parametrize(
    "where", ["http://user:PW@h/", "http://user:PW@h/b", "s3://user:PW@b", "file://user:PW@h/p"]
)
def test_F97_a_password_in_an_address_is_not_said_back(
    where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    where = where.replace("PW", SECRET)
    said = refused(capsys, "--to", where)
    assert "credentials do not belong into an address" in said
    assert main(["clean", where]) == 2
    assert main(["verify", f"{where}/_receipt.json"]) == 2
    assert SECRET not in capsys.readouterr().err


def test_F97_an_address_that_is_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    for where in ("http://[::1/b", "s3://[b", "http://h:port/b"):
        assert "what is named is no address" in refused(capsys, "--to", where)
