"""What ``simulate`` prints: how to reach it, and what it served."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from de_classes.simulators.request_log import RequestLog
    from de_classes.simulators.server import SimulatorServer

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
        f"  by status  {_counts({_status(status): n for status, n in log.by_status.items()})}",
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


def _status(status: int | None) -> str:
    return "no answer" if status is None else str(status)
