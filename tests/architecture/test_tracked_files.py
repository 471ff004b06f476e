"""What a clone holds names no machine, no account and no place to install from."""

from __future__ import annotations

import re

import pytest

from tests.fakes.sources import ROOT, relative, tracked_files

THIS = "tests/architecture/test_tracked_files.py"
FORBIDDEN = {
    "a package registry": re.compile(r"pypi\.org|pythonhosted\.org|--(extra-)?index-url|--find-links"),
    "a path of one machine": re.compile(r"(?<![\w.])/(home|Users|root|work)/[\w.]+"),
    "an AWS account": re.compile(r"arn:aws[\w-]*:[\w-]+:[\w-]*:(?!0{12}|1234567890|123456789012)\d{12}:"),
    "an access key": re.compile(r"\b(AKIA|ASIA)(?!\w*(EXAMPLE|FAKE))[A-Z0-9]{16}\b"),
}
TEXTS = [path for path in tracked_files() if path.suffix not in {".png", ".svg", ".parquet"}]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what: str) -> None:
    found = [
        f"{relative(path)}: {match.group()}"
        for path in TEXTS
        if relative(path) != THIS and (match := FORBIDDEN[what].search(path.read_text(errors="replace")))
    ]
    assert found == []


def test_the_built_and_the_installed_are_not_tracked() -> None:
    tops = {path.relative_to(ROOT).parts[0] for path in tracked_files()}
    assert tops.isdisjoint({".venv", ".venvs", ".aws-sam", ".localcloud", ".hypothesis", "logs", "dist"})
