"""``init``: a description of a source, from its address and a secret or from somebody else's document."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import msgspec

from de_classes.api.source.guessing import GuessRequest, convert, from_openapi, guess_source, write
from de_classes.api.source.guessing.observing import Observer
from de_classes.api.source.loading import parse_sources
from de_classes.api.source.secrets import FileSecrets, NoSecrets
from de_classes.cli.progress import Progress
from de_classes.errors import ConfigurationError, DeClassesError, InvalidInputError, MalformedDataError
from de_classes.redaction import escaped_json
from de_classes.utils import strict_json
from de_classes.utils.values import Value

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from de_classes.api.source.guessing import Draft
    from de_classes.api.transport import Transport
    from de_classes.utils.clock import Clock


class WrittenDescription(Value):
    """What ``init --json`` prints.

    Attributes:
        resources: The names that ``ingest`` takes.
        path: The file that was written; null if none was.
        description: The text of it, as TOML, where there is no file.
        open_points: What could not be told or carried over, a sentence each.
    """

    resources: list[str]
    path: str | None
    description: str | None
    open_points: list[str]


EXIT_OPEN = 1
EXIT_USAGE = 2
_SAID = 20


def run(
    args: argparse.Namespace,
    *,
    out: TextIO | None = None,
    err: TextIO | None = None,
    transport: Transport | None = None,
    clock: Clock | None = None,
) -> int:
    """Write a description, and say what it rests on.

    Args:
        args: As ``parsers`` parses them.
        out: In place of stdout: the description, unless it goes to a file.
        err: In place of stderr: what was found, and what could not be told.
        transport: How to reach the network.
        clock: What to measure and to wait with.

    Returns:
        The exit status: 0 all is confirmed or carried over, 1 something is not, 2 there is nothing to write.
    """
    out, err = out or sys.stdout, err or sys.stderr
    try:
        path = _fresh(args.out)
        draft = _draft(args, err, transport, clock)
        text = write(draft)
        parse_sources(text.encode(), ".toml", name=args.out or f"{draft.name}.toml")
        if path is not None:
            path.write_text(text, encoding="utf-8")
    except DeClassesError as error:
        err.write(f"init: {error}\n")
        return EXIT_USAGE
    except OSError as error:
        err.write(f"init: --out {args.out} cannot be written: {error.strerror}\n")
        return EXIT_USAGE
    names = [f"{draft.name}.{name}" for name in draft.source["resources"]]
    more = f" and {len(names) - _SAID} more" if len(names) > _SAID else ""
    err.write(f"init: written: {', '.join(names[:_SAID])}{more}{f' to {path}' if path else ''}\n")
    if args.json:
        written = WrittenDescription(names, args.out, None if path else text, list(draft.open_points))
        out.write(f"{escaped_json(msgspec.json.encode(written).decode())}\n")
    elif path is None:
        out.write(text)
    return EXIT_OPEN if draft.open_points else 0


def _draft(args: argparse.Namespace, err: TextIO, transport: Transport | None, clock: Clock | None) -> Draft:
    if args.openapi:
        draft = from_openapi(_document(args.openapi, "--openapi"), name=args.name, wanted=args.resource)
    elif args.document:
        draft = convert(_document(args.document, "--from"), name=args.name)
    else:
        return _guessed(args, err, transport, clock)
    err.writelines(f"init: could not tell: {text}\n" for text in draft.open_points[:_SAID])
    if len(draft.open_points) > _SAID:
        err.write(f"init: and {len(draft.open_points) - _SAID} more, which stand as comments\n")
    return draft


def _guessed(
    args: argparse.Namespace, err: TextIO, transport: Transport | None, clock: Clock | None
) -> Draft:
    body = _body(args)
    progress = Progress(err, "init", clock=clock)
    runtime = progress.runtime(transport=transport)
    secrets = FileSecrets(args.secrets) if args.secrets else NoSecrets()
    names = tuple(_document(args.secrets, "--secrets")) if args.secrets else ()
    observer = Observer(runtime.transport, runtime.clock)
    asked = GuessRequest(
        url=args.url,
        secrets=secrets,
        secret_names=names,
        name=args.name,
        json=body,
        headers=_headers(args.header),
    )
    with progress.shown():
        draft = guess_source(asked, observer, runtime.clock, lambda text: print(f"init: {text}", file=err))
    err.write(f"init: requests: {observer.requests}\n")
    return draft


def _body(args: argparse.Namespace) -> object:
    if args.body is None:
        return {} if args.method == "POST" else None
    try:
        body = strict_json.loads(args.body.encode())
    except MalformedDataError as error:
        raise InvalidInputError(f"--body must be a JSON object: {error}") from error
    if not isinstance(body, dict):
        raise InvalidInputError("--body must be a JSON object")
    return body


def _headers(given: list[str]) -> Mapping[str, str]:
    headers = {}
    for text in given:
        name, colon, value = text.partition(":")
        if not colon or not name.strip() or not value.strip():
            raise InvalidInputError("--header must be 'NAME: VALUE'")
        headers[name.strip()] = value.strip()
    return headers


def _document(path: str, option: str) -> dict[str, object]:
    try:
        value = strict_json.loads(Path(path).read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{option}: {path} cannot be read: {error.strerror}") from error
    except MalformedDataError as error:
        raise ConfigurationError(f"{option}: {path} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ConfigurationError(f"{option}: {path} is not a JSON object")
    return value


def _fresh(path: str | None) -> Path | None:
    """Where the description goes: what a person has edited is never written over."""
    if path is None:
        return None
    if not path.endswith(".toml"):
        raise InvalidInputError("--out must be a .toml file")
    if Path(path).exists():
        raise InvalidInputError(f"--out: {path} is there already, and is not written over")
    return Path(path)
