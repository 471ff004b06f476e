"""``simulate``: both simulators on this machine, for anybody's client to be tried against."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import msgspec

from de_classes.configs.settings import environment, load
from de_classes.errors import ConfigurationError
from de_classes.redaction import escaped_json, escaped_lines
from de_classes.simulators.catalogue import as_json, long_list, short_list
from de_classes.simulators.openapi import DEFAULT_LIMIT
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.utils.clock import SystemClock
from de_classes.utils.command_line import NoEffect, RefusedOption
from de_classes.utils.values import Value

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from typing import TextIO

    from msgspec import Struct

    from de_classes.simulators.http_handler import RequestLog
    from de_classes.utils.command_line import CommandParser

_READ_TOKEN = "python3 -c 'import json,sys; print(json.load(sys.stdin)[\"access_token\"])'"  # noqa: S105 - a command


def welcome(server: SimulatorServer, *, password_variable: str, show_password: bool) -> str:
    """Addresses, faults, and commands to paste.

    Args:
        server: Running.
        password_variable: The environment variable that the commands take the password from.
        show_password: Whether it was made up here, so that nobody else knows it.
    """
    lines = [
        f"The simulators answer at {server.base_url}",
        f"  login   POST {server.login_url}   (username: {server.username})",
        f"  pages   GET  {server.data_url}?page=1&limit=100   ({server.records.count:,} records)",
        f"  described at {server.base_url}/openapi.json",
        f"  to look at and to switch faults: {server.base_url}/",
        f"  faults  {_faults(server)}",
        "",
        "Try it:",
        *(
            [f"  export {password_variable}={server.password}   # made up for this run"]
            if show_password
            else []
        ),
        f"  TOKEN=$({_login(server, password_variable)} | {_READ_TOKEN})",
        f'  curl -i -H "Authorization: Bearer $TOKEN" "{server.data_url}?page=1&limit=2"',
        "",
        "Ctrl-C stops it and says what it served.",
    ]
    return "\n".join(lines) + "\n"


def summary(log: RequestLog, seconds: float) -> str:
    """What was served."""
    pages = log.served_pages
    lines = [
        "",
        (
            f"Served in {seconds:.1f} s: {log.requests:,} requests, {log.logins:,} logins, "
            f"{sum(pages.values()):,} pages of which {len(pages):,} different"
        ),
        f"  by status  {_counts(_by_status(log))}",
        f"  by fault   {_counts(log.by_fault)}",
    ]
    return "\n".join(lines) + "\n"


def _faults(server: SimulatorServer) -> str:
    plan = server.plan
    rates = ", ".join(f"{name} {rate:.1%}" for name, rate in plan.rates.items() if rate)
    return f"{rates or 'none'}; seed {plan.seed}; delays up to {plan.jitter:g} s"


def _login(server: SimulatorServer, password_variable: str) -> str:
    # The password leaves its quotes, so that the shell fills it in.
    body = f"""'{{"username":"{server.username}","password":"'"${password_variable}"'"}}'"""
    return f"curl -s -d {body} {server.login_url}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in sorted(counts.items())) or "none"


USERNAME_VARIABLE = "SIMULATOR_USERNAME"
PASSWORD_VARIABLE = "SIMULATOR_PASSWORD"  # noqa: S105 - the variable's name
DEFAULT_PORT = 8765
_HIGHEST_PORT = 65_535
_WAKE_SECONDS = 0.5
EXIT_OK = 0
EXIT_USAGE = 2

_RATES = {"rate_500": "--rate-500", "rate_503": "--rate-503", "rate_429": "--rate-429"}
_PARAMETERS = {
    "huge_body_bytes": ("--huge-body-bytes", "BYTES", "size of huge-body, and of gzip-bomb unzipped", int),
    "drip_bytes": ("--drip-bytes", "BYTES", "how many bytes slow-drip sends one by one", int),
    "drip_seconds": ("--drip-seconds", "SECONDS", "the wait before each of them", float),
    "hang_seconds": ("--hang", "SECONDS", "how long login-timeout is silent", float),
    "short_token_seconds": ("--short-token-life", "SECONDS", "how long short-token lets tokens live", int),
    "token_uses": ("--token-uses", "NUMBER", "pages that a token opens before revoked-token", int),
    "drift_every": ("--drift-every", "NUMBER", "requests for pages from one drift to the next", int),
    "drift_changes": ("--drift-changes", "NUMBER", "changes of each kind of drift", int),
    "result_window": ("--result-window", "NUMBER", "records that window-refuses and window-counts show", int),
}
_OPTIONS = {
    **_RATES,
    **{name: option for name, (option, *_) in _PARAMETERS.items()},
    "faults": "--faults",
    "fault_rate": "--rate",
    "seed": "--seed",
    "retry_after_seconds": "--retry-after",
    "jitter_seconds": "--jitter",
    "token_life_seconds": "--token-life",
    "total_records": "--records-count",
    "max_limit": "--limit-max",
    "records_uri": "--records",
}
_DEFAULTS = SimulatorSettings()
_DETAILS = f"""\
faults, by the ids of the catalogue (--list-faults says what each does):
{short_list()}
"""
_EXAMPLES = f"""\
The same seed gives any client the same faults, in any order and at any
concurrency. A password is made up if {PASSWORD_VARIABLE} gives none.
Ctrl-C stops the server and says what it served.

exit status: 0 after serving, 2 nothing was served

examples:
  %(prog)s --rate 0.3 --seed 7 --pages 200
  %(prog)s --records orders.jsonl --rate 0
  %(prog)s --rate-429 0.5 --retry-after 3 --token-life 10
  %(prog)s --faults F14=0.1,server-error-500=0.9@3-5
"""
_COMMON = (
    *("--rate", "--faults", "--list-faults", "--retry-after", "--jitter", "--seed", "--allow-overrides"),
    *("--records-count", "--pages", "--records", "--limit-max", "--port", "--username", "--token-life"),
    "--json",
)


_NO_EFFECTS = (
    NoEffect(
        " ".join(_RATES.values()),
        "with --faults",
        lambda args: args.faults is not None,
        "it says which faults there are, as server-error-500=0.1",
    ),
    NoEffect(
        " ".join(_RATES.values()),
        "with --rate",
        lambda args: args.rate is not None,
        "that sets all three rates",
    ),
    NoEffect(
        " ".join(option for option in (*_OPTIONS.values(), "--port", "--username", "--pages", "--links")),
        "with --list-faults",
        lambda args: args.list_faults,
        "nothing is served",
    ),
)


class Serving(Value, tag_field="event", tag="serving"):
    """What ``simulate --json`` prints when it answers.

    Attributes:
        url: Where it is looked at, and its faults are switched.
        login_url: Where a token is given for a name and a password, by POST.
        data_url: The pages.
        openapi_url: Its description.
        username: Who logs in.
        password: If it was made up for this run; null where it was given.
        records: How many there are.
        rates: Of each fault, the share of requests that it strikes.
        seed: What repeats them.
    """

    url: str
    login_url: str
    data_url: str
    openapi_url: str
    username: str
    password: str | None
    records: int
    rates: dict[str, float]
    seed: int


class Served(Value, tag_field="event", tag="served"):
    """What ``simulate --json`` prints when it is stopped.

    Attributes:
        seconds: How long it served.
        requests: All that were answered, or were not on purpose.
        logins: Those of them that asked for a token.
        pages: Pages that were served.
        different_pages: The same without those that were served before.
        by_status: Requests by status.
        by_fault: Requests by the fault that struck them.
    """

    seconds: float
    requests: int
    logins: int
    pages: int
    different_pages: int
    by_status: dict[str, int]
    by_fault: dict[str, int]


class ListedFaults(Value, tag_field="event", tag="faults"):
    """What ``simulate --list-faults --json`` prints.

    Attributes:
        faults: Each with name, ids of the catalogue, summary, where it strikes, and whether a retry cures it.
    """

    faults: list[dict[str, Any]]


def fill_parser(parser: CommandParser) -> None:
    """Give ``simulate`` its arguments; what they parse to is what ``run`` takes."""
    parser.usage = "%(prog)s [OPTION...]"
    parser.description = (
        "Serve an API with a login and paginated data that fails on purpose, on this machine."
    )
    parser.details, parser.epilog, parser.common = _DETAILS, _EXAMPLES, _COMMON
    parser.no_effects = _NO_EFFECTS
    _add_fault_options(parser.add_argument_group("what goes wrong"))
    _add_record_options(parser.add_argument_group("what is served"))
    _add_access_options(parser.add_argument_group("where, and to whom"))


def run(
    args: argparse.Namespace,
    *,
    out: TextIO | None = None,
    err: TextIO | None = None,
    wait: Callable[[SimulatorServer], None] | None = None,
) -> int:
    """Serve until interrupted.

    Args:
        args: As parsed by the parser that ``add_parser`` adds.
        out: In place of stdout.
        err: In place of stderr.
        wait: Returns when it is time to stop; by default upon Ctrl-C or SIGTERM.

    Returns:
        The exit status: 0 after serving, 2 if an argument was wrong and nothing was served.
    """
    out, clock = out or sys.stdout, SystemClock()
    if args.list_faults:
        out.write(_as_line(ListedFaults(as_json())) if args.json else long_list())
        return EXIT_OK
    password = environment().get(PASSWORD_VARIABLE)
    try:
        server = _server(args, password).start()
    except ConfigurationError as error:
        (err or sys.stderr).writelines(f"simulate: {_by_option(line)}\n" for line in error.problems)
        return EXIT_USAGE
    started = clock.monotonic()
    try:
        wait = wait or _until_interrupted()
        is_made_up = password is None
        told = welcome(server, password_variable=PASSWORD_VARIABLE, show_password=is_made_up)
        out.write(_as_line(_serving(server, is_made_up=is_made_up)) if args.json else escaped_lines(told))
        out.flush()
        wait(server)
    finally:
        server.stop()
    seconds = clock.monotonic() - started
    out.write(
        _as_line(_served(server.log, seconds)) if args.json else escaped_lines(summary(server.log, seconds))
    )
    return EXIT_OK


def _serving(server: SimulatorServer, *, is_made_up: bool) -> Serving:
    return Serving(
        url=server.base_url,
        login_url=server.login_url,
        data_url=server.data_url,
        openapi_url=f"{server.base_url}/openapi.json",
        username=server.username,
        password=server.password if is_made_up else None,
        records=server.records.count,
        rates=dict(server.plan.rates),
        seed=server.plan.seed,
    )


def _served(log: RequestLog, seconds: float) -> Served:
    return Served(
        seconds=round(seconds, 3),
        requests=log.requests,
        logins=log.logins,
        pages=sum(log.served_pages.values()),
        different_pages=len(log.served_pages),
        by_status=_by_status(log),
        by_fault=dict(log.by_fault),
    )


def _by_status(log: RequestLog) -> dict[str, int]:
    return {"no answer" if status is None else str(status): n for status, n in log.by_status.items()}


def _as_line(said: Struct) -> str:
    return f"{escaped_json(msgspec.json.encode(said).decode())}\n"


def _server(args: argparse.Namespace, password: str | None) -> SimulatorServer:
    username = args.username or environment().get(USERNAME_VARIABLE) or "demo"
    return SimulatorServer(_settings(args), username=username, password=password, port=args.port, page=True)


def _settings(args: argparse.Namespace) -> SimulatorSettings:
    given = {name: value for name in _OPTIONS if (value := getattr(args, name, None)) is not None}
    given |= _common_rate(args.rate, given)
    if args.pages is not None:
        limit = min(DEFAULT_LIMIT, int(given.get("max_limit", DEFAULT_LIMIT)))
        given["total_records"] = args.pages * limit
    given |= {name: True for name in ("allow_overrides", "links") if getattr(args, name)}
    return load(SimulatorSettings, given, source="command line")


def _common_rate(rate: float | None, given: Mapping[str, object]) -> dict[str, float]:
    if rate is None:
        return {}
    return {"fault_rate": rate} if "faults" in given else dict.fromkeys(_RATES, rate / len(_RATES))


def _by_option(problem: str) -> str:
    setting, space, rest = problem.partition(" ")
    return f"{_OPTIONS.get(setting, setting)}{space}{rest}"


def _until_interrupted() -> Callable[[SimulatorServer], None]:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    def wait(_: SimulatorServer) -> None:
        while not stop.wait(_WAKE_SECONDS):
            pass

    return wait


def _add_fault_options(group: argparse._ArgumentGroup) -> None:
    for name, option in _RATES.items():
        status, default = name.removeprefix("rate_"), getattr(_DEFAULTS, name)
        group.add_argument(
            option,
            dest=name,
            type=float,
            metavar="SHARE",
            help=f"share of pages answered {status}, 0 to 1 (default: {default})",
        )
    group.add_argument(
        "--rate",
        type=float,
        metavar="SHARE",
        help=f"one share for 500, 503 and 429 together, in equal parts; with --faults for those, "
        f"{_DEFAULTS.fault_rate} by default",
    )
    group.add_argument(
        "--faults",
        metavar="LIST",
        help="in place of 500, 503 and 429: faults by name or id, WHICH[=SHARE][@PAGES], between commas",
    )
    group.add_argument("--list-faults", action="store_true", help="list every fault, and stop")
    _add_setting(group, "retry_after_seconds", "SECONDS", "what a 429 asks to wait", int)
    _add_setting(group, "jitter_seconds", "SECONDS", "longest delay of an answer", float)
    _add_setting(group, "seed", "NUMBER", "repeats the faults and the records exactly", int)
    for name, (_, metavar, meaning, kind) in _PARAMETERS.items():
        _add_setting(group, name, metavar, meaning, kind)
    group.add_argument(
        "--allow-overrides",
        action="store_true",
        help="let a request set its own faults: X-Fault-Rate-429 (-500, or any name), X-Seed, X-Attempt, "
        "X-Retry-After, X-Jitter",
    )


def _add_record_options(group: argparse._ArgumentGroup) -> None:
    which = group.add_mutually_exclusive_group()
    _add_setting(which, "total_records", "NUMBER", "how many records are made up", int)
    which.add_argument(
        "--pages", type=int, metavar="NUMBER", help=f"the same in pages of {DEFAULT_LIMIT} records"
    )
    which.add_argument(
        "--records", dest="records_uri", metavar="FILE", help="your own: JSON, JSON Lines, CSV or Parquet"
    )
    group.add_argument("--links", action="store_true", help="pages say where the next one is: next, and Link")
    _add_setting(group, "max_limit", "NUMBER", "largest page that may be asked for", int)


def _add_access_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help="0 takes any free one (default: %(default)s)"
    )
    group.add_argument("--username", help=f"(default: {USERNAME_VARIABLE}, else demo)")
    group.add_argument("--password", action=RefusedOption, instead=f"set {PASSWORD_VARIABLE}")
    _add_setting(group, "token_life_seconds", "SECONDS", "how long a token is valid", int)
    group.add_argument("--json", action="store_true", help="say where, and what was served, as JSON")


def _add_setting(
    group: argparse._ActionsContainer, name: str, metavar: str, meaning: str, kind: Callable[[str], object]
) -> None:
    help_text = f"{meaning} (default: {getattr(_DEFAULTS, name)})"
    group.add_argument(_OPTIONS[name], dest=name, type=kind, metavar=metavar, help=help_text)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= _HIGHEST_PORT:
        raise ValueError(f"a port is a number from 0 to {_HIGHEST_PORT}")
    return port
