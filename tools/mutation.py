"""``python -m tools.mutation``: what the tests notice, by mutmut; fails where that is too little.

Runs in the environment ``mutation``, which is ``dev`` with mutmut: ``make mutation``. mutmut knows packages
in the folder that it is started in, or in ``src``: so it gets a folder of links to this project, its ``src``
the layer's.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from configparser import RawConfigParser
from math import comb
from pathlib import Path
from typing import TYPE_CHECKING, Final

from de_classes.utils.command_line import CommandParser

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parent.parent
WORK: Final = ROOT / ".mutation"
SETTINGS: Final = RawConfigParser()
SETTINGS.read(ROOT / "tools" / "mutation.cfg", encoding="utf-8")
GROUPS: Final = {group: text.split() for group, text in SETTINGS["groups"].items()}
FLOORS: Final = {group: float(text) for group, text in SETTINGS["floors"].items()}
CHANCE: Final = 0.01  # a sample is too little where a group at its floor would be noticed so little so rarely
NOTICED: Final = ("killed", "timeout", "segfault")  # as mutmut calls them; what no test reaches is "no tests"
START, END = "<!-- figures -->\n", "<!-- end of figures -->\n"


def main(arguments: Sequence[str]) -> int:
    """Try what was asked for, print the survivors and the table, and say which groups are too weak."""
    parser = CommandParser(prog="python -m tools.mutation")
    parser.add_argument("--modules", default="", help="words in the names of modules; all by default")
    parser.add_argument("--sample", type=int, default=0, help="try only so many, as many of each group")
    parser.add_argument("--docs", action="store_true", help="write the figures into docs/")
    options = parser.parse_args(arguments)
    words = options.modules.replace(",", " ").split()
    chosen = [
        each for group in GROUPS.values() for each in group if not words or any(w in each for w in words)
    ]
    if not chosen:
        sys.exit(f"MODULES={options.modules}: no module in tools/mutation.cfg is called so")
    began = time.monotonic()
    lay_out(chosen)
    mutmut(
        "run", "--max-children", "2", *(sample(mutants_of(chosen), options.sample) if options.sample else ())
    )
    results = mutmut("results", "--all", "true")
    statuses = read_statuses(results)
    minutes = (time.monotonic() - began) / 60
    computed = sum(os.times()[:4]) / 60  # on a busy machine, the better measure
    survivors = {name: change(name) for name, status in statuses.items() if status not in NOTICED}
    every = results.count("__mutmut_")
    share = f"a sample of {len(statuses)} of {every} mutants" if options.sample else f"all {every} mutants"
    today = f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}"
    about = f"{today}, {share}, {minutes:.0f} minutes, {computed:.0f} of processor time."
    lines = [f"{name}: {statuses[name]}\n{diff}" for name, diff in survivors.items()]
    weak = below(statuses, is_sample=bool(options.sample))
    print("\n".join([*lines, about, table(statuses), *weak]))  # noqa: T201 - what the command is for
    if options.docs:
        write(ROOT / "docs", about, statuses, survivors)
    return 1 if weak else 0


def lay_out(modules: Sequence[str]) -> None:
    """Make mutmut's folder anew: what it remembers of an earlier run knows nothing of tests that changed."""
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "mutants" / "src").mkdir(parents=True)  # Python looks only into what was there when it started
    for path in ROOT.iterdir():
        if not path.name.startswith("."):
            (WORK / path.name).symlink_to(path)
    (WORK / "src").symlink_to(ROOT / "layers" / "de_classes")
    SETTINGS["mutmut"]["only_mutate"] = "".join(f"\nsrc/de_classes/{module}.py" for module in modules)
    with (WORK / "setup.cfg").open("w", encoding="utf-8") as settings:
        SETTINGS.write(settings)
    os.chdir(WORK)  # where mutmut looks for its settings


def mutmut(command: str, *arguments: str) -> str:
    """Run one of its commands; what it printed. Somebody who waits for ``run`` sees it instead."""
    environment = {**os.environ, "PYTHONPATH": str(WORK / "mutants" / "src"), "PYTHONHASHSEED": "0"}
    done = subprocess.run(  # noqa: S603 - our own tool, by names that it gave
        [str(Path(sys.executable).with_name("mutmut")), command, *arguments],
        env=environment,
        stdout=None if command == "run" and sys.stdout.isatty() else subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"mutmut {command}: {(done.stdout or 'see above')[-4000:]}")
    return done.stdout or ""


def mutants_of(modules: Sequence[str]) -> list[str]:
    """The names of all mutants. No command lists them before they are tried."""
    from mutmut.mutation.file_mutation import mutate_file_contents  # noqa: PLC0415 - not in the environment of tests
    from mutmut.utils.format_utils import get_mutant_name  # noqa: PLC0415

    paths = [Path("src", "de_classes", f"{module}.py") for module in modules]
    found = [(path, mutate_file_contents(str(path), path.read_text(encoding="utf-8"))) for path in paths]
    return [get_mutant_name(path, name) for path, mutated in found for name in mutated.mutant_names]


def sample(mutants: Sequence[str], count: int) -> list[str]:
    """Draw by the names' hashes: a change of the code draws anew only in the functions that it changes.

    As many of each group: a small one's share would be too few to tell anything.
    """
    groups = [[each for each in mutants if module_of(each) in modules] for modules in GROUPS.values()]
    share = -(-count // len([group for group in groups if group]))
    return [mutant for group in groups for mutant in sorted(group, key=lot)[:share]]


def lot(mutant: str) -> bytes:
    """What decides whether it is drawn."""
    return hashlib.sha256(mutant.encode()).digest()


def module_of(mutant: str) -> str:
    """The module of ``de_classes.api.retry.x__failure__mutmut_1``: ``api/retry``."""
    return mutant.rpartition(".")[0].partition(".")[2].replace(".", "/")


def read_statuses(results: str) -> dict[str, str]:
    """What became of each mutant that was tried, by name."""
    lines = (line.strip().rpartition(": ") for line in results.splitlines() if "__mutmut_" in line)
    return {name: status for name, _, status in lines if status != "not checked"}


def change(mutant: str) -> str:
    """The lines that it changes, before and after."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant  # noqa: PLC0415 - as above

    diff = get_diff_for_mutant(mutant, path=Path("src", "de_classes", f"{module_of(mutant)}.py"))
    return "\n".join(line for line in diff.splitlines()[3:] if line.startswith(("+", "-")))


def score(statuses: Mapping[str, str], modules: Sequence[str]) -> tuple[Counter[str], float]:
    """Of some modules' mutants, how many ended in each way, and percent that were noticed."""
    counts = Counter(status for mutant, status in statuses.items() if module_of(mutant) in modules)
    return counts, 100 * sum(counts[each] for each in NOTICED) / max(1, counts.total())


def below(statuses: Mapping[str, str], *, is_sample: bool) -> list[str]:
    """Which groups are noticed too little, in words; one that was not tried is not among them.

    A sample shows that only where chance does not explain it: of 38 mutants, 32 noticed are as well 90 %.
    """
    scores = {group: score(statuses, modules) for group, modules in GROUPS.items()}
    return [
        f"{group}: {percent:.1f} % are noticed, less than {FLOORS[group]:.0f} %"
        for group, (counts, percent) in scores.items()
        if counts and percent < FLOORS[group] and (not is_sample or chance(counts, FLOORS[group]) < CHANCE)
    ]


def chance(counts: Counter[str], floor: float) -> float:
    """How likely so few are noticed where each is by the floor's percent."""
    tried, noticed, rate = counts.total(), sum(counts[each] for each in NOTICED), floor / 100
    return sum(comb(tried, k) * rate**k * (1 - rate) ** (tried - k) for k in range(noticed + 1))


def table(statuses: Mapping[str, str]) -> str:
    """A row for each group and module that was tried."""
    rows = [
        "|  | Mutants | Killed | Timed out | Survived | Not reached | Noticed |",
        "| --- |" + " ---: |" * 6,
    ]
    for group, modules in GROUPS.items():
        for name, members in [(f"**{group}**", modules), *((f"`{each}.py`", [each]) for each in modules)]:
            counts, percent = score(statuses, members)
            ways = [
                counts["killed"],
                counts["timeout"] + counts["segfault"],
                counts["survived"],
                counts["no tests"],
            ]
            if counts:
                rows.append(f"| {name} | {' | '.join(map(str, [counts.total(), *ways]))} | {percent:.1f} % |")
    return "\n".join(rows)


def write(docs: Path, about: str, statuses: Mapping[str, str], survivors: Mapping[str, str]) -> None:
    """Put the table between its marks, and everything into a file beside it."""
    figures = {"about": about, "statuses": statuses, "survivors": survivors}
    (docs / "mutation.json").write_text(
        json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    before, _, rest = (docs / "mutation.md").read_text(encoding="utf-8").partition(START)
    page = f"{before}{START}\n{about}\n\n{table(statuses)}\n\n{END}{rest.partition(END)[2]}"
    (docs / "mutation.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
