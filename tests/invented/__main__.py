"""How runs over invented sources end: ``python -m tests.invented --examples 2000 --seed 1``.

``--show 338`` tries one seed, and prints its requests and answers; it takes an example as JSON too.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from tests.fakes.inventing import say, shrunk, tell_failures
from tests.invented.examples import FAMILIES, KINDS, Example
from tests.invented.runs import run_example
from tests.invented.shrinking import smaller

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.invented.runs import Outcome

_NAMED: dict[str, Callable[[Outcome], str]] = {
    "family": lambda outcome: outcome.example.family,
    "kind": lambda outcome: outcome.example.kind,
    "end, stillness": lambda outcome: " ".join(
        (outcome.receipt.get(each) or {}).get("by", "-") for each in ("end", "still")
    ),
    "told of a key": lambda outcome: "yes" if outcome.example.keys else "no",
}
ENDS = ("right", "warned", "incomplete", "error", "wrong", "endless", "crash")


def main() -> int:
    """Print the figures; the exit status is 1 where a run ended as none may."""
    args = _arguments()
    how = {
        "family": args.family,
        "kind": args.kind,
        "keys": {"yes": True, "no": False, None: None}[args.keys],
        "also": json.loads(args.also),
    }
    if args.show is not None:
        is_json = args.show.startswith("{")
        example = msgspec.json.decode(args.show, type=Example) if is_json else int(args.show)
        return int(run_example(example, show=say, **how).is_failure)
    seeds = range(args.seed, args.seed + args.examples)
    if args.failures:
        return tell_failures(seeds, lambda seed: run_example(seed, **how).is_failure)
    began = time.monotonic()
    outcomes = {seed: run_example(seed, **how) for seed in seeds}
    seconds = time.monotonic() - began
    say(f"{len(seeds)} examples in {seconds:.0f} s, {len(seeds) / seconds:.0f} a second\n")
    _say_figures(list(outcomes.values()))
    failed = {seed: outcome for seed, outcome in outcomes.items() if outcome.is_failure}
    if args.shrink:
        _say_least(failed)
    return 1 if failed else 0


def _say_figures(outcomes: list[Outcome]) -> None:
    for title, name_of in _NAMED.items():
        counts = Counter((name_of(outcome), outcome.end) for outcome in outcomes)
        say(f"| {title} | {' | '.join(ENDS)} |\n|{'---|' * (len(ENDS) + 1)}")
        for name in dict.fromkeys([*FAMILIES, *KINDS, *sorted({name for name, _ in counts})]):
            row = [counts[name, end] for end in ENDS]
            if any(row):
                say(f"| {name} | {' | '.join(f'{count:,}' for count in row)} |")
        say("")
    say(f"{sum(outcome.requests for outcome in outcomes) / max(len(outcomes), 1):.1f} requests a run\n")


def _say_least(failed: dict[int, Outcome]) -> None:
    """One failure of each sort, as small as it can be, and how many there are of each."""
    sorts: dict[tuple[str, ...], list[int]] = {}
    for seed, outcome in failed.items():
        sorts.setdefault(_sort(outcome), []).append(seed)
    for sort, seeds in sorted(sorts.items(), key=lambda each: -len(each[1])):
        end = failed[seeds[0]].end
        least = shrunk(failed[seeds[0]].example, smaller, lambda each, end=end: run_example(each).end == end)
        why = run_example(least).why[:160]
        say(f"{len(seeds)} of {' '.join(sort)}, such as seed {seeds[0]}: {why}")
        say(f"    {msgspec.json.encode(least).decode()}")


def _sort(outcome: Outcome) -> tuple[str, ...]:
    """What failures are told apart by."""
    example = outcome.example
    return (outcome.end, example.family, example.kind, *sorted(example.mistakes), *example.spoils)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.invented", description=__doc__)
    parser.add_argument("--examples", type=int, default=2000, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="the first")
    parser.add_argument("--family", choices=FAMILIES, help="only of this")
    parser.add_argument("--kind", choices=KINDS, help="only of this pagination")
    parser.add_argument("--also", default="{}", help="what descriptions say besides, as JSON by path")
    parser.add_argument("--keys", choices=("yes", "no"), help="only with, or without, a key")
    parser.add_argument(
        "--failures", action="store_true", help="nothing but the seeds that fail, as they come"
    )
    parser.add_argument(
        "--shrink", action="store_true", help="also the least example of each sort of failure"
    )
    parser.add_argument("--show", metavar="EXAMPLE", help="one, with its requests: a seed, or JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
