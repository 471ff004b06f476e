"""Who is compared, with what settings, and where each one's Python is."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

from de_classes.errors import ConfigurationError, InvalidInputError

ROOT = Path(__file__).resolve().parent.parent
DEFAULTS, TUNED = "defaults", "tuned"
_VERSIONS = (
    "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
)


@dataclass(frozen=True)
class Contestant:
    """A client.

    Attributes:
        name: As the tables call it.
        adapter: The module that runs it.
        environment: The folder of its virtual environment.
        packages: The distributions whose versions matter.
        variants: Its settings: name to what they are, in words.
    """

    name: str
    adapter: str
    environment: str
    packages: tuple[str, ...]
    variants: dict[str, str]

    @property
    def python(self) -> Path:
        """Its own interpreter.

        Raises:
            ConfigurationError: The environment was not made yet.
        """
        path = ROOT / self.environment / "bin" / "python"
        if not path.exists():
            raise ConfigurationError(f"{self.name} has no environment yet: run 'make env-scoreboard'")
        return path

    @property
    def path(self) -> str:
        """Where it finds its adapter."""
        return str(ROOT)

    @property
    def versions(self) -> dict[str, str]:
        """Package to installed version, as its environment says."""
        command = [str(self.python), "-c", _VERSIONS, *self.packages]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own environments
        versions: dict[str, str] = json.loads(done.stdout)
        return versions


class _Ours(Contestant):
    """This library, which is not installed but in place."""

    @property
    def path(self) -> str:
        return os.pathsep.join([str(ROOT), str(ROOT / "layers" / "de_classes")])

    @property
    def versions(self) -> dict[str, str]:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return {project["name"]: project["version"]}


OURS = _Ours(
    "de-classes",
    "scoreboard.adapters.ours",
    ".venv",
    (),
    {DEFAULTS: "`python -m de_classes ingest`, and no option but from where and to where"},
)
CONTESTANTS = (
    OURS,
    Contestant(
        "requests",
        "scoreboard.adapters.urllib3_retry",
        ".venvs/peer-requests",
        ("requests", "urllib3"),
        {
            DEFAULTS: "a loop over pages, `Retry(5)` on the session, `raise_for_status`",
            TUNED: "10 retries of 408, 429, 500, 502, 503 and 504, of GET and POST, with backoff"
            " and a ceiling on `Retry-After`; timeouts; no redirects; a fresh token ahead of expiry"
            " and on a 401",
        },
    ),
    Contestant(
        "dlt",
        "scoreboard.adapters.dlt_rest",
        ".venvs/peer-dlt",
        ("dlt", "duckdb", "requests", "urllib3"),
        {
            DEFAULTS: "`rest_api_source`, `PageNumberPaginator`, `OAuth2ClientCredentials`, DuckDB, append",
            TUNED: "a `Client` with 10 attempts, 408 among its statuses, undecodable answers among its"
            " exceptions, a timeout, no redirects, and a `retry_condition` for an answer that is no page;"
            " `stop_after_empty_page=False`; merge by primary key",
        },
    ),
    Contestant(
        "singer",
        "scoreboard.adapters.singer_tap",
        ".venvs/peer-singer",
        ("singer-sdk", "requests", "urllib3"),
        {
            DEFAULTS: "`RESTStream`, `PageNumberPaginator` with `has_more`, `OAuthAuthenticator`",
            TUNED: "10 tries, 408 among its statuses, `backoff_runtime` by `Retry-After`, a timeout,"
            " no redirects, `validate_response` for an answer that is no page and for a 401,"
            " `continue_if_empty`;"
            " a target that merges by primary key",
        },
    ),
    Contestant(
        "airbyte",
        "scoreboard.adapters.airbyte_manifest",
        ".venvs/peer-airbyte",
        ("airbyte-cdk", "requests", "urllib3"),
        {
            DEFAULTS: "a manifest with `PageIncrement`, no error handler, and a `SessionTokenAuthenticator`"
            " that is given no `expiration_duration`, so logs in for every request",
            TUNED: "`DefaultErrorHandler` with 10 retries, `WaitTimeFromHeader` with a ceiling,"
            " and a filter for an answer that is no page; timeouts;"
            " a destination that deduplicates by primary key",
        },
    ),
)


def contestants(wanted: tuple[str, ...] = ()) -> list[Contestant]:
    """All of them, or those of the wanted names.

    Raises:
        InvalidInputError: There is none of a name.
    """
    by_name = {each.name: each for each in CONTESTANTS}
    for name in wanted:
        if name not in by_name:
            raise InvalidInputError(f"{name!r} is no client: give some of {', '.join(by_name)}")
    return [by_name[name] for name in wanted or by_name]
