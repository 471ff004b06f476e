"""Near misses: valid examples with something small wrong, as strategies.

Each draw is a seed, so a mutation costs microseconds and a failure prints the very input that it found.
"""

from __future__ import annotations

import json
from copy import deepcopy
from random import Random
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hypothesis.strategies import SearchStrategy

SEEDS = st.integers(0, 2**63)

ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    "",
    " ",
    "0",
    "soon",
    "\ud800",
    "\x00\x1b[31m",
    "é" * 600,
    "../..",
    "9" * 5000,
    0,
    -1,
    1.5,
    2**63,
    2**70,
    1e308,
    [],
    [[]],
    {},
    {"": None},
)
RAW_TOKENS = (
    b"NaN",
    b"-Infinity",
    b"1e400",
    b"1E-400",
    b"-0",
    b"0.1e",
    b"tru",
    b"9" * 5000,
    b'"\\ud800"',
    b'"\xff"',
    b'{"a":1,"a":2}',
    b"[" * 300 + b"]" * 300,
    b"[" * 100_000,
    b'{"a":' * 50_000,
)
_PLACE = "a raw token goes here"
ODD_PIECES = (
    b"", b"\x00", b"\xff", b'"', b"\\", b"{", b"]", b",", b"=", b";", b"<", b">", b"9" * 400, b" " * 400, b"-"
)  # fmt: skip


def mutated_values(examples: Sequence[Any]) -> SearchStrategy[Any]:
    """JSON-like values, each one to three changes away from an example."""
    return SEEDS.map(lambda seed: _value(Random(seed), examples))  # noqa: S311 - not for secrets


def mutated_json(examples: Sequence[Any]) -> SearchStrategy[bytes]:
    """JSON texts a few changes away from an example, some of which are JSON no more."""
    return SEEDS.map(lambda seed: _json(Random(seed), examples))  # noqa: S311 - not for secrets


def mutated_bytes(examples: Sequence[bytes]) -> SearchStrategy[bytes]:
    """Texts with pieces cut, doubled, swapped or put in."""
    return SEEDS.map(lambda seed: _several(Random(seed), examples, _bend))  # noqa: S311 - not for secrets


def mutated_text(examples: Sequence[str]) -> SearchStrategy[str]:
    """The same for text, which may be any of the first 256 characters."""
    raw = [example.encode() for example in examples]
    return mutated_bytes(raw).map(lambda data: data.decode("latin-1"))


def _value(random: Random, examples: Sequence[Any]) -> Any:
    return _several(random, [deepcopy(example) for example in examples], _change)


def _several(random: Random, examples: Sequence[Any], change: Callable[[Random, Any], Any]) -> Any:
    value = random.choice(examples)
    for _ in range(random.randint(1, 3)):
        value = change(random, value)
    return value


def _json(random: Random, examples: Sequence[Any]) -> bytes:
    value = _value(random, examples)
    if random.random() < 0.3:
        value = _change(random, value, odd=_PLACE)
    text = json.dumps(value).encode()
    text = text.replace(json.dumps(_PLACE).encode(), random.choice(RAW_TOKENS))
    return _bend(random, text) if random.random() < 0.2 else text


def _change(random: Random, value: Any, *, odd: Any = ...) -> Any:
    """One change somewhere in the tree; containers on the way are changed in place."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        return _change_in_dict(random, value, odd)
    if isinstance(value, list) and value and random.random() < 0.7:
        index = random.randrange(len(value))
        value[index] = _change(random, value[index], odd=odd)
        return value
    return deepcopy(random.choice(ODD_VALUES)) if odd is ... else odd


def _change_in_dict(random: Random, value: dict[str, Any], odd: Any) -> dict[str, Any]:
    name = random.choice(sorted(value, key=repr))
    match random.randrange(6):
        case 0:
            del value[name]
        case 1:
            value[random.choice(("", "x" * 2000, "data", name.upper(), f"{name} "))] = value.pop(name)
        case 2:
            value[name] = value[random.choice(sorted(value, key=repr))]
            return deepcopy(value)  # no part in two places, and none within itself
        case _:
            value[name] = _change(random, value[name], odd=odd)
    return value


def _bend(random: Random, text: bytes) -> bytes:
    start, stop = sorted(random.randint(0, len(text)) for _ in range(2))
    piece = text[start:stop]
    return random.choice((
        text[:start] + text[stop:],
        text[:start] + random.choice(ODD_PIECES) + text[start:],
        text[:stop] + piece + text[stop:],
        text[:start] + piece[::-1] + text[stop:],
        text[:start] + bytes(random.randrange(256) for _ in piece[:3]) + text[start + 3 :],
        text[:stop],
    ))  # fmt: skip
