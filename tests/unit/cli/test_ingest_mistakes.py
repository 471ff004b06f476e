"""A mistake in the command is named, as the user wrote it, before anything is sent or made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.commands import called

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = "http://127.0.0.1:9"  # nothing listens there, and nothing is to be asked


def ingest(*words: str) -> tuple[int, str]:
    status, out, err = called("ingest", *words)
    assert out == ""
    return status, err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--timeout", "0"], "--timeout must be a number above 0"),
        (["--timeout", "-1"], "--timeout must be a number above 0"),
        (["--timeout", "nan"], "--timeout must be a number above 0"),
        (["--timeout", "inf"], "--timeout must be a number above 0"),
        (["--requests-per-second", "0"], "--requests-per-second must be a number above 0"),
        (["--requests-per-second", "-2"], "--requests-per-second must be a number above 0"),
        (["--requests-per-second", "nan"], "--requests-per-second must be a number above 0"),
        (["--requests-per-second", "inf"], "--requests-per-second must be a number above 0"),
        (["--max-attempts", "0"], "--max-attempts must be a whole number from 1"),
        (["--max-attempts", "-3"], "--max-attempts must be a whole number from 1"),
        (["--limit", "0"], "--limit must be a whole number of at least 1"),
        (["--concurrency", "65"], "--concurrency must be a whole number from 1 to 64"),
        (["--header", "X: ü€"], "--header must be NAME: VALUE"),
        (["--header", "X-Ü: 1"], "--header must be NAME: VALUE"),
        (["--header", "X: a\nY: b"], "--header must be NAME: VALUE"),
        (["--header", ": b"], "--header must be NAME: VALUE"),
        (["--data-path", "data"], "--data-path must be a path below the URL that begins with one slash"),
        (["--data-path", "//evil.example"], "--data-path must be a path"),
        (["--pages", "7-3"], "--pages cannot be read: the page range 7-3 runs backwards"),
        (["--key", "../x"], "--key cannot be an object's key: one of its parts is '.' or '..'"),
        (["--key", "/x"], "--key cannot be an object's key"),
        (["--key", "x/"], "--key cannot be an object's key: it ends with a slash"),
        (["--key", "a//b.csv"], "--key: 'a//b.csv' cannot be an object's key"),
        (["--key", "x.csv", "--format", "json"], "--format is json, but the key ends like csv"),
        (["--key", "x.xlsx"], "--key: its ending 'xlsx' is no format: choose one of csv, "),
        (["--format", "xml"], "--format 'xml' is no format: choose one of csv, "),
        (["--format", "xml", "--key", "x.csv"], "--format 'xml' is no format: choose one of csv, "),
        (["--cursor-param", "c"], "--cursor-param has no effect without --pagination cursor: "),
        (
            ["--pagination", "link", "--page-param", "p"],
            "--page-param has no effect without --pagination page: ",
        ),
        (["--pagination", "cursor", "--cursor-field", ""], "--cursor-field must be text of at least 1"),
        (["--username", "ada", "--auth-url", "127.0.0.1/login"], "--auth-url must be a URL that begins with"),
    ],
    ids=lambda value: ascii(" ".join(value))[:40] if isinstance(value, list) else "",
)
def test_a_mistake_in_an_option_is_named_by_the_option(tmp_path: Path, words: list[str], named: str) -> None:
    status, err = ingest(NOBODY, "--to", str(tmp_path / "lake"), *words)
    assert status == 2
    assert err.startswith(f"ingest: {named}")
    assert list(tmp_path.rglob("*.*")) == []


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("127.0.0.1:8765", "URL must be a URL that begins with https:// or http://"),
        ("api.example", "there is no source 'api': "),
        ("http://127.0.0.1?x=1", "URL must end with its path"),
        ("https://user:hunter2@api.example", "URL must not hold user:password@"),
        ("http://api.example", "URL must be https, since tokens travel there"),
    ],
)
def test_a_url_that_is_unfit_is_refused_and_its_password_not_repeated(
    tmp_path: Path, url: str, named: str
) -> None:
    status, err = ingest(url, "--to", str(tmp_path / "lake"))
    assert status == 2
    assert err.startswith(f"ingest: {named}")
    assert "hunter2" not in err
    assert list(tmp_path.iterdir()) == []


def test_plain_http_to_another_machine_has_a_flag_that_the_message_names(tmp_path: Path) -> None:
    words = ["http://no-such-host.invalid", "--to", str(tmp_path), "--max-attempts", "1"]
    assert "--allow-insecure" in ingest(*words)[1]
    status, err = ingest(*words, "--allow-insecure")
    assert (status, "IncompleteRunError" in err) == (4, True)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    wrong = ["--timeout", "0", "--limit", "0", "--header", "x", "--key", "../x", "--pages", "x"]
    status, err = ingest("ftp://x", "--to", str(tmp_path), *wrong)
    assert status == 2
    assert {line.split()[1] for line in err.splitlines()} == {
        *("URL", "--timeout", "--limit", "--header", "--key", "--pages"),
    }


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("", "--to must be text of at least 1 characters"),
        ("/", "--to: the root of the file system"),
        ("file://lk3", "--to: 'lk3' in 'file://lk3' is a host: write file:///PATH"),
        ("file://host/path", "--to: 'host' in 'file://host/path' is a host"),
        ("FILE", "is a file: name a directory, and the file by --key"),
        ("FILE/below", "cannot be made a directory: Not a directory"),
        ("/proc/none", "--to: /proc/none cannot be made a directory: "),
    ],
)
def test_a_place_that_is_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    status, err = ingest(NOBODY, "--to", target.replace("FILE", str(tmp_path / "file")))
    assert status == 2
    assert named in err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_one_auth_and_another_of_a_file_are_not_both_taken(tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text("authorization: Bearer x-y-z\n")
    file.chmod(0o600)
    words = ("--to", str(tmp_path / "lake"), "--username", "ada", "--header-file", str(file))
    status, err = ingest(NOBODY, *words)
    assert status == 2
    assert err.startswith("ingest: --username has no effect with Authorization in --header-file: ")
    assert "x-y-z" not in err
    assert not (tmp_path / "lake").exists()
