"""Settings and requests: checked as a whole against a type, every problem named at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from de_classes.configs._conversion import Rules, fill
from de_classes.configs.environment import environment
from de_classes.configs.secret import Secret
from de_classes.errors import ConfigurationError, InvalidInputError, MalformedDataError
from de_classes.utils import strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["ENVIRONMENT", "Secret", "environment", "load", "load_file", "validate"]

T = TypeVar("T", bound=msgspec.Struct)

ENVIRONMENT = "environment"


def load(
    struct_type: type[T], values: Mapping[str, object], *, prefix: str = "", source: str = ENVIRONMENT
) -> T:
    """Fill a frozen struct from settings.

    From the environment, a field ``page_limit`` is read from ``PREFIX`` + ``PAGE_LIMIT``; an empty
    variable counts as unset, text is converted ("5" to 5), a table or list is given as JSON, and
    variables of other names are ignored. From any other source the field goes by its own name, behind
    the prefix, and an unknown name is a problem.

    Args:
        struct_type: The msgspec struct, its bounds declared by ``Annotated`` and ``Meta``.
        values: Name to value.
        prefix: What the names begin with.
        source: ``"environment"``, or the name of the file, for the message.

    Raises:
        ConfigurationError: Its ``problems`` name each wrong setting, what is wrong and what is allowed.
    """
    from_environment = source == ENVIRONMENT
    rules = Rules(strict=False, environment=from_environment)
    result, problems = fill(struct_type, values, rules, prefix=prefix)
    if result is None:
        raise ConfigurationError(
            _summary(f"the {source} does not hold valid settings", problems), problems=problems
        )
    return result


def load_file(struct_type: type[T], path: str | Path) -> T:
    """Fill a frozen struct from a TOML or JSON file, whose suffix says which.

    Raises:
        ConfigurationError: The file cannot be read, is neither, or its settings are wrong.
    """
    path = Path(path)
    parse = _PARSERS.get(path.suffix.lower())
    if parse is None:
        raise ConfigurationError(f"settings are read from .toml or .json files, and {path} is neither")
    try:
        values = parse(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"the settings file {path} cannot be read: {error.strerror}") from error
    except (MalformedDataError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"the settings file {path} is malformed: {_reason(error)}") from error
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"the settings file {path} must hold an object: names and their values")
    return load(struct_type, values, source=f"file {path}")


def validate(
    struct_type: type[T],
    payload: object,
    *,
    what: str = "request",
    also: Callable[[Mapping[str, object]], Sequence[str]] = lambda _: (),
) -> T:
    """Check a request against its type, strictly: "5" is not a number here.

    Args:
        struct_type: The msgspec struct.
        payload: The JSON text, or what was parsed from it; None and empty text stand for ``{}``.
        what: What to call it in the message.
        also: Gives what else is wrong with the object, as it came, so that it is named with the rest.

    Raises:
        InvalidInputError: Its ``problems`` name each wrong field; an unknown field is one.
    """
    if isinstance(payload, (str, bytes, bytearray)) or payload is None:
        payload = _parse_body(payload or b"{}", what)
    if not isinstance(payload, Mapping):
        raise InvalidInputError(f"the {what} must be a JSON object: names and their values")
    result, problems = fill(struct_type, payload, Rules(strict=True, environment=False))
    problems += also(payload)
    if result is None or problems:
        raise InvalidInputError(_summary(f"the {what} is not valid", problems), problems=problems)
    return result


def _parse_body(body: str | bytes | bytearray, what: str) -> object:
    try:
        return strict_json.loads(body.encode() if isinstance(body, str) else bytes(body))
    except (MalformedDataError, UnicodeEncodeError) as error:
        raise InvalidInputError(f"the {what} is not valid JSON: {_reason(error)}") from error


def _parse_toml(content: bytes) -> object:
    import tomllib  # noqa: PLC0415 - a function reads no files, and should not start slower for it

    return tomllib.loads(content.decode())


_PARSERS: dict[str, Callable[[bytes], object]] = {".toml": _parse_toml, ".json": strict_json.loads}


def _reason(error: Exception) -> str:
    # A parser's own words may quote the document, and a document may hold a secret: strict_json's never do.
    if isinstance(error, MalformedDataError):
        return str(error).removeprefix("not JSON: ")
    return "it is nested too deeply" if isinstance(error, RecursionError) else _place(error)


def _place(error: Exception) -> str:
    line = getattr(error, "lineno", None)
    return (
        "it is no UTF-8 text"
        if isinstance(error, UnicodeError)
        else f"see line {line}"
        if line
        else "its syntax"
    )


def _summary(opening: str, problems: Sequence[str]) -> str:
    return f"{opening}: {'; '.join(problems)}"
