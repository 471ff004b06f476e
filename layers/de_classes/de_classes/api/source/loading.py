"""Reading descriptions from TOML or JSON: every mistake named at once, with its place and line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from de_classes.api.source.description import SourceDescription, SourceFile
from de_classes.api.source.rules import function_problems, problems_of
from de_classes.configs._conversion import Rules, fill
from de_classes.errors import ConfigurationError, InvalidInputError, MalformedDataError
from de_classes.utils import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


SUFFIXES = (".toml", ".json")
SHIPPED = Path(__file__).parent / "shipped"
"""Where the descriptions lie that come with the package, a file each, named after its source."""

_HEADER = re.compile(r"\s*\[\[?([^\[\]]+)\]\]?\s*(?:#.*)?")
_KEY = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PLACE = re.compile(r"[^.\s\[]+|\[[0-9]+\]")


def load_sources(path: str | Path, *, allow_functions: bool = False) -> dict[str, SourceDescription]:
    """The sources of a file, or of every ``.toml`` and ``.json`` of a folder.

    Args:
        path: The file or the folder.
        allow_functions: See ``parse_sources``.

    Raises:
        ConfigurationError: Its ``problems`` name every mistake, with file and line.
    """
    path = Path(path)
    if not path.is_dir():
        return parse_sources(_content(path), path.suffix, name=str(path), allow_functions=allow_functions)
    found: dict[str, SourceDescription] = {}
    problems: list[str] = []
    files = sorted(each for each in path.iterdir() if each.suffix in SUFFIXES and each.is_file())
    for file in files:
        try:
            content = _content(file)
            more = parse_sources(content, file.suffix, name=str(file), allow_functions=allow_functions)
        except ConfigurationError as error:
            problems += error.problems
            continue
        problems += [
            f"{file}: sources.{name} is described in another file too" for name in more if name in found
        ]
        found |= more
    if problems:
        raise ConfigurationError("; ".join(problems), problems=problems)
    return found


def shipped_names() -> list[str]:
    """The names of the sources that come with the package."""
    return sorted(file.stem for file in SHIPPED.glob("*.toml"))


def shipped_source(name: str) -> SourceDescription | None:
    """A source that comes with the package, or None if there is none of that name."""
    file = SHIPPED / f"{name}.toml"
    is_one = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", name) is not None and file.is_file()
    return load_sources(file, allow_functions=True)[name] if is_one else None


def parse_sources(
    content: bytes, suffix: str, *, name: str, allow_functions: bool = False
) -> dict[str, SourceDescription]:
    """The sources of a text.

    Args:
        content: TOML or JSON, UTF-8.
        suffix: ``.toml`` or ``.json``.
        name: What to call it in messages.
        allow_functions: Whether transforms may name functions. A file is data: who hands one over says
            nothing by it of the code that this process is to run.

    Raises:
        ConfigurationError: Its ``problems`` name every mistake.
    """
    values = _parsed(content, suffix, name)
    result, problems = fill(SourceFile, values, Rules(strict=True, environment=False))
    problems = [*problems, *(problems_of(result) if result is not None else _of_sound_sources(values))]
    if result is not None and not allow_functions:
        problems += function_problems(result)
    if result is None or problems:
        lines = list(_lines(content.decode())) if suffix == ".toml" else []
        problems = [_placed(name, problem, lines) for problem in problems]
        raise ConfigurationError("; ".join(problems), problems=problems)
    return _with_values(result, name)


def _with_values(file: SourceFile, name: str) -> dict[str, SourceDescription]:
    """The sources of a file, and those of the package that it gives values or schedules to."""
    sources = dict(file.sources)
    problems = []
    for source_name, values in file.values.items():
        source = sources.get(source_name) or shipped_source(source_name)
        if source is None:
            problems.append(f"{name}: values.{source_name} is neither here nor in the package")
            continue
        unknown = sorted(values.keys() - source.parameters.keys())
        problems += [f"{name}: values.{source_name}.{each} is no parameter of it" for each in unknown]
        parameters = {
            each: structs.replace(said, default=values.get(each, said.default))
            for each, said in source.parameters.items()
        }
        sources[source_name] = structs.replace(source, parameters=parameters)
    for resource_name, schedule in file.schedules.items():
        source_name, _, own_name = resource_name.partition(".")
        source = sources.get(source_name) or shipped_source(source_name)
        if source is None or own_name not in source.resources:
            problems.append(f"{name}: schedules.{resource_name} is neither here nor in the package")
            continue
        resource = source.resources[own_name]
        if resource.schedule is not None:
            problems.append(f"{name}: schedules.{resource_name} has a schedule where it is described")
        unknown = sorted(schedule.parameters.keys() - source.parameters.keys())
        problems += [
            f"{name}: schedules.{resource_name}.parameters.{each} is no parameter of it" for each in unknown
        ]
        resources = {**source.resources, own_name: structs.replace(resource, schedule=schedule)}
        sources[source_name] = structs.replace(source, resources=resources)
    if problems:
        raise ConfigurationError("; ".join(problems), problems=problems)
    return sources


def _of_sound_sources(values: Mapping[str, object]) -> Iterator[str]:
    """The problems of those sources whose parts are all well-formed, though others are not."""
    sources = values.get("sources")
    for name, value in sources.items() if isinstance(sources, dict) else ():
        if isinstance(value, dict):
            source, _ = fill(SourceDescription, value, Rules(strict=True, environment=False))
            if source is not None:
                yield from problems_of(SourceFile(version=1, sources={name: source}))


def _content(path: Path) -> bytes:
    if not path.suffix and not path.exists():
        raise ConfigurationError(f"there is no folder {path}: name a folder or a file of descriptions")
    if path.suffix not in SUFFIXES:
        raise ConfigurationError(f"descriptions are read from .toml or .json files, and {path} is neither")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"the description {path} cannot be read: {error.strerror}") from error


def _parsed(content: bytes, suffix: str, name: str) -> Mapping[str, object]:
    import tomllib  # noqa: PLC0415 - a function that is handed its source reads no file

    try:
        values = tomllib.loads(content.decode()) if suffix == ".toml" else strict_json.loads(content)
    except (ValueError, MalformedDataError, RecursionError) as error:
        raise ConfigurationError(f"{name}: {_reason(error)}") from error
    if not isinstance(values, dict):
        raise ConfigurationError(f"{name}: a description is an object with version and sources")
    return values


def _reason(error: Exception) -> str:
    """A parser's words name a place, and quote nothing that stands there."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no UTF-8 text"
    place = re.search(r"\(at (.+)\)\Z", str(error))
    words = re.sub(r"'[^']*'", "a name", str(error).partition(" (at ")[0])
    return f"line {place[1].removeprefix('line ')}: {words}" if place else f"it cannot be read: {words}"


def _placed(name: str, problem: str, lines: list[tuple[tuple[str, ...], int]]) -> str:
    place = tuple(
        part for part in _PLACE.findall(problem.partition(" ")[0].rstrip(":")) if not part.startswith("[")
    )
    best = 0
    line = None
    for keys, number in lines:
        shared = _shared(keys, place)
        if shared > best or (shared == best and shared and len(keys) == shared and line is None):
            best, line = shared, number
    return f"{name}{f':{line}' if line else ''}: {problem}"


def _shared(keys: tuple[str, ...], place: tuple[str, ...]) -> int:
    count = 0
    for mine, theirs in zip(keys, place, strict=False):
        if mine != theirs:
            break
        count += 1
    return count if count == len(keys) else 0


def _lines(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Where the keys of a TOML text stand: each one's path and line, those of inline tables too."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if (header := _HEADER.fullmatch(line)) is not None:
            table = _keys(header[1])
            yield table, number
        elif (key := _KEY.match(line)) is not None:
            path = table + _keys(key[1])
            yield path, number
            rest = line[key.end() :]
            yield from (
                (path + _keys(inner[1]), number) for inner in re.finditer(r"[{,]" + _KEY.pattern, rest)
            )


def _keys(text: str) -> tuple[str, ...]:
    parts = re.findall(r"\"[^\"]*\"|'[^']*'|[^.]+", text)
    return tuple(piece for part in parts for piece in part.strip().strip("\"'").split("."))


def pick(sources: Mapping[str, SourceDescription], name: str) -> tuple[str, SourceDescription]:
    """A source by its name, of those that were loaded or of those that come with the package.

    Raises:
        InvalidInputError: There is none; says what there is, and the nearest.
    """
    if name in sources:
        return name, sources[name]
    shipped = shipped_source(name)
    if shipped is not None:
        return name, shipped
    import difflib  # noqa: PLC0415 - only for a message

    known = [*sources, *shipped_names()]
    nearest = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(sorted(known)) or 'none'}"
    raise InvalidInputError(
        f"there is no source {name[:64]!r}: {hint}; an API's own address begins with https://"
    )
