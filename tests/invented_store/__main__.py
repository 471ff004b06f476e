"""How runs over an invented store end: ``python -m tests.invented_store --examples 300 --seed 1``.

``--show 13`` tries one seed, and prints its requests; it takes an example as JSON too.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from tests.fakes.inventing import say, tell_failures
from tests.invented_store.examples import FAMILIES, Example
from tests.invented_store.runs import ENDS, run_example

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.invented_store.runs import Outcome


def main() -> int:
    """Print the figures; the exit status is 1 where something ended as nothing may."""
    args = _arguments()
    if args.show is not None:
        is_json = args.show.startswith("{")
        example = msgspec.json.decode(args.show, type=Example) if is_json else int(args.show)
        return int(run_example(example, show=say, family=args.family).is_failure)
    seeds = range(args.seed, args.seed + args.examples)
    if args.failures:
        return tell_failures(seeds, lambda seed: run_example(seed, family=args.family).is_failure)
    began = time.monotonic()
    outcomes = {seed: run_example(seed, family=args.family) for seed in seeds}
    say(f"{len(seeds)} examples in {time.monotonic() - began:.0f} s\n")
    _say_figures(outcomes.values())
    failed = {seed: outcome for seed, outcome in outcomes.items() if outcome.is_failure}
    for seed, outcome in failed.items():
        say(f"seed {seed}, {outcome.end}: {outcome.why[:300]}")
    return 1 if failed else 0


def _say_figures(outcomes: Iterable[Outcome]) -> None:
    ends = Counter((outcome.example.family, outcome.end) for outcome in outcomes)
    say(f"| family | {' | '.join(ENDS)} |\n|{'---|' * (len(ENDS) + 1)}")
    for family in FAMILIES:
        say(f"| {family} | {' | '.join(str(ends[family, end]) for end in ENDS)} |")
    happened = Counter(what for outcome in outcomes for what in outcome.happened)
    say(f"\n{', '.join(f'{what} {times}' for what, times in happened.most_common())}")
    goes = Counter(go.partition(":")[0].partition(" ")[0] for outcome in outcomes for go in outcome.goes)
    say(f"goes: {', '.join(f'{how} {times}' for how, times in goes.most_common())}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.invented_store", description=__doc__)
    parser.add_argument("--examples", type=int, default=300, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="the first")
    parser.add_argument("--family", choices=FAMILIES, help="only of this")
    parser.add_argument(
        "--failures", action="store_true", help="nothing but the seeds that fail, as they come"
    )
    parser.add_argument("--show", metavar="EXAMPLE", help="one, with its requests: a seed, or JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
