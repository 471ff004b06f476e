"""What TAB offers in each shell, with the script that the program prints."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from de_classes.__main__ import PROGRAMS, make_parser
from de_classes.cli.completion import completion

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.shells

# By shell: what is offered where the variable TYPED stands on the line, a word each.
ASKS = {
    "bash": """
source ./script
COMP_WORDS=($TYPED); [ "${TYPED: -1}" = " " ] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$TYPED; COMP_POINT=${#TYPED}
$(complete -p de-classes | sed 's/.*-F \\([^ ]*\\).*/\\1/')
printf '%s\\n' "${COMPREPLY[@]}"
""",
    "fish": "source ./script; complete -C $TYPED | cut -f 1",
    # zsh completes at a prompt alone: one is typed at, and what it shows is read.
    "zsh": """
cp script _de-classes; zmodload zsh/zpty; zpty shell zsh -f -i
say() { zpty -w shell "$1"; }
say 'fpath=($PWD $fpath); autoload -Uz compinit; compinit -u; setopt no_beep; LISTMAX=1000; COLUMNS=200'
say 'PS1="typed> "; echo re""ady'
zpty -r shell seen '*ready*typed> *'
zpty -n -w shell "$TYPED"$'\\t\\t'
sleep $PAUSE # it offers nothing to whoever goes on typing
zpty -n -w shell $'\\C-u'; say 'echo do""ne'
zpty -r shell seen '*done*'
print -r -- $seen
""",
}


def offered(shell: str, line: str, folder: Path, *, pause: int = 1) -> list[str]:
    script = completion(make_parser(PROGRAMS, program="de-classes"), shell)
    (folder / "script").write_text(script, encoding="utf-8")
    given = {"TYPED": line, "PAUSE": str(pause)}
    done = subprocess.run(
        [shell, "-c", ASKS[shell]],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "TERM": "dumb", **given},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("de-classes ", [*PROGRAMS]),
        ("de-classes ingest --da", ["--dataset", "--data-path"]),
        ("de-classes simulate --rate-", ["--rate-429", "--rate-500", "--rate-503"]),
        ("de-classes ingest --pagination ", ["page", "offset", "cursor", "link"]),
        ("de-classes sample x.y --sources sh", ["shop.toml"]),
    ],
)
def test_tab_knows_commands_options_choices_and_files(
    shell: str, line: str, words: list[str], tmp_path: Path
) -> None:
    (tmp_path / "shop.toml").touch()
    found: set[str] = set()
    for pause in (1, 5, 25):  # as long as a busy machine takes to think of them
        found = {*offered(shell, line, tmp_path, pause=pause)}
        if {*words} <= found:
            break
    assert {*words} <= found


def test_no_secret_is_offered_as_an_option(shell: str, tmp_path: Path) -> None:
    found = offered(shell, "de-classes ingest --pass", tmp_path)
    assert not {"--password", "--passwd"} & {*found}


def test_the_shell_finds_no_fault_in_the_script(shell: str, tmp_path: Path) -> None:
    (tmp_path / "script").write_text(completion(make_parser(PROGRAMS, program="de-classes"), shell))
    assert subprocess.run([shell, "-n", "script"], cwd=tmp_path, check=False).returncode == 0
