"""Headers that ``ingest`` is told to send. A secret one comes from a file or a variable, never as a word."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from de_classes.configs.secret_file import read_secret_lines
from de_classes.errors import ConfigurationError
from de_classes.redaction import MASK, is_secret_header, redact_header, shared_filter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# RFC 9110: a name is a token, a value is on one line; what is not ASCII has no agreed meaning there.
_NAME = r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)"
_HEADER = re.compile(rf"{_NAME}[ \t]*:[ \t]*([\x20-\x7e\t]*)")
_FROM_VARIABLE = re.compile(rf"{_NAME}=@env:([A-Za-z_][A-Za-z0-9_]*)")


def header_problems(given: Sequence[str]) -> Iterator[str]:
    """What is wrong with the words of ``--header``; no sentence repeats a value."""
    for each in given:
        header = _HEADER.fullmatch(each)
        if header is None and not _FROM_VARIABLE.fullmatch(each):
            yield "header must be NAME: VALUE, both in ASCII and on one line, or NAME=@env:VARIABLE"
        elif header is not None and _is_secret(*header.groups()):
            yield (
                f"header {header[1]} looks like a credential, which every process of the machine could read: "
                f"give --header-file FILE, or --header {header[1]}=@env:VARIABLE"
            )


def read_headers(given: Sequence[str], file_name: str | None, variables: Mapping[str, str]) -> dict[str, str]:
    """Names to values. Those from the file and from variables are masked in all that is shown from now on.

    Args:
        given: The words of ``--header``, without problems; they win over the file.
        file_name: A file of lines ``NAME: VALUE``, or None.
        variables: The environment.

    Raises:
        ConfigurationError: The file or a variable does not hold what it should.
    """
    plain = dict(_pair(header) for each in given if (header := _HEADER.fullmatch(each)))
    secret = {**_in_file(file_name), **dict(_in_variables(given, variables))}
    for value in secret.values():
        redact_header(value)
    return {**secret, **plain}


def _is_secret(name: str, value: str) -> bool:
    return bool(value.strip()) and (is_secret_header(name) or MASK in shared_filter().text(value))


def _pair(header: re.Match[str]) -> tuple[str, str]:
    return header[1], header[2].strip()


def _in_file(name: str | None) -> dict[str, str]:
    if name is None:
        return {}
    headers: dict[str, str] = {}
    for number, line in enumerate(read_secret_lines("--header-file", name), start=1):
        header = _HEADER.fullmatch(line)
        if header is None and line.strip():
            raise ConfigurationError(
                f"--header-file: line {number} of {name} is not NAME: VALUE, both in ASCII"
            )
        headers.update([_pair(header)] if header else [])
    return headers


def _in_variables(given: Sequence[str], variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for each in given:
        if source := _FROM_VARIABLE.fullmatch(each):
            name, variable = source.groups()
            header = _HEADER.fullmatch(f"{name}: {variables.get(variable, '')}")
            if header is None or not header[2].strip():
                raise ConfigurationError(
                    f"--header {name}: the variable {variable} is not set, or is no header's value in ASCII"
                )
            yield _pair(header)
