"""What is invented alike, be it sources or stores: drawn by a seed, made as small as it can be, and told."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from random import Random

T = TypeVar("T")


class Draw:
    """Draws what examples are made of.

    Args:
        random: Draws.
    """

    def __init__(self, random: Random) -> None:
        self._random = random

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def whole(self, least: int, most: int) -> int:
        return self._random.randint(least, most)

    def one_of(self, *choices: Any) -> Any:
        return self._random.choice(choices)

    def weighted(self, weights: Mapping[str, int]) -> str:
        return self._random.choices(list(weights), list(weights.values()))[0]


def shrunk(example: T, smaller: Callable[[T], Iterator[T]], is_same: Callable[[T], bool]) -> T:
    """Take away what can be taken away.

    Args:
        example: Ends in some way.
        smaller: Gives examples that are each a step smaller, the larger steps first.
        is_same: Whether another example ends in the same way.
    """
    while True:
        found = next((each for each in smaller(example) if is_same(each)), None)
        if found is None:
            return example
        example = found


def say(line: str) -> None:
    """Print a line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def tell_failures(seeds: Iterable[int], fails: Callable[[int], bool]) -> int:
    """Print the seeds that fail, a line each, as they are found; 1 if there are any."""
    failed = [say(str(seed)) for seed in seeds if fails(seed)]
    return 1 if failed else 0
