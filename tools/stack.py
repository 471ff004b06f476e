"""Build, deploy and delete the stack by the SAM CLI, with the parameters of ``samconfig.toml`` and one's own.

Usage: ``python -m tools.stack build|deploy|destroy --env dev``, or ``make`` and one of these words. On its
command line SAM takes ``--parameter-overrides`` in place of all those of ``samconfig.toml``. So they are put
together here, and held to the template before anything is built.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from de_classes.api.source.loading import load_sources
from de_classes.cli import schedule
from de_classes.errors import ConfigurationError, DeClassesError
from de_classes.utils.command_line import CommandParser
from tools.template import parsed, template

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_cloudformation import CloudFormationClient

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "sources"
FINDER = ROOT / "layers" / "de_classes" / "de_classes" / "cli" / "find-compiler.sh"
CLOUDFORMATION_FORM = re.compile(r"ParameterKey=(?P<name>[^,]+),ParameterValue=(?P<value>.*)", re.DOTALL)


class StackError(Exception):
    """Something the user can mend; the message says what and where."""


@dataclass(frozen=True)
class Settings:
    """What the configuration file says of one environment.

    Args:
        path: The file.
        environment: Its name in the file, as ``dev``.
        document: The file's content.
    """

    path: Path
    environment: str
    document: Mapping[str, Any]

    def of(self, command: str) -> dict[str, Any]:
        """The parameters of a command of SAM, over those of all commands."""
        section = self.document[self.environment]
        merged: dict[str, Any] = {}
        for name in ("global", command):
            merged |= section.get(name, {}).get("parameters", {})
        return {name.replace("-", "_"): value for name, value in merged.items()}

    def place(self, command: str) -> str:
        """Where that is, for messages."""
        return f"{self.path.name} [{self.environment}.{command}.parameters]"


def main(arguments: Sequence[str]) -> int:
    """Do what is asked; the exit status is SAM's, or 1 if it was not even started."""
    options = make_parser().parse_args(arguments)
    try:
        settings = read_settings(options.config_file, options.env)
        if options.command == "destroy":
            return destroy(settings, asks=not options.yes)
        parameters = effective(settings, options.command, arch=options.arch, own=options.parameters)
        return build(settings, parameters) if options.command == "build" else deploy(settings, parameters)
    except StackError as error:
        _say(str(error))
        return 1


def read_settings(path: Path, environment: str) -> Settings:
    """Read the configuration file.

    Raises:
        StackError: It cannot be read, or knows no such environment.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise StackError(f"{path} cannot be read: {error}") from error
    known = [name for name, value in document.items() if isinstance(value, dict)]
    if environment not in known:
        raise StackError(f"{path.name} has no environment {environment!r}: ENV is one of {', '.join(known)}")
    return Settings(path, environment, document)


def effective(settings: Settings, command: str, *, arch: str = "", own: str = "") -> dict[str, str]:
    """The template's parameters that are set, the later over the earlier.

    Args:
        settings: Those of ``deploy`` hold for a build too: what is built is what is deployed.
        command: ``build`` or ``deploy``.
        arch: The parameter ``Architecture``, if any.
        own: ``NAME=VALUE`` pairs, values with spaces in quotes.

    Raises:
        StackError: Names each that the template does not know, or does not take.
    """
    sources = [
        (settings.place(each), parse(settings.of(each).get("parameter_overrides"), settings.place(each)))
        for each in dict.fromkeys(("deploy", command))
    ]
    sources.append(("ARCH", {"Architecture": arch} if arch else {}))
    sources.append(("PARAMETERS", parse(own, "PARAMETERS")))
    problems = [
        f"{place}: {problem}"
        for place, parameters in sources
        for name, value in parameters.items()
        for problem in problems_of(name, value)
    ]
    if problems:
        raise StackError("\n".join(problems))
    return {name: value for _, parameters in sources for name, value in parameters.items()}


def parse(overrides: object, place: str) -> dict[str, str]:
    """Read parameters in any form that SAM takes, but for references to other files.

    Args:
        overrides: ``NAME=VALUE`` pairs in a text or a list, CloudFormation's longer form of them, or a table.
        place: Where they are written, for messages.

    Raises:
        StackError: They are something else.
    """
    if isinstance(overrides, Mapping):
        return {str(name): _text(value) for name, value in overrides.items()}
    if isinstance(overrides, list):
        return {name: value for each in overrides for name, value in parse(each, place).items()}
    if not isinstance(overrides, str):
        if overrides is None:
            return {}
        raise StackError(f"{place}: {overrides!r} is no NAME=VALUE")
    try:
        words = shlex.split(overrides)
    except ValueError as error:
        raise StackError(f"{place}: a quote in it has no end: {overrides}") from error
    return dict(_pair(word, place) for word in words)


def _pair(word: str, place: str) -> tuple[str, str]:
    longer = CLOUDFORMATION_FORM.fullmatch(word)
    if longer:
        return longer["name"], longer["value"]
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise StackError(f"{place}: {word!r} is no NAME=VALUE")
    return name, value


def _text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(_text(each) for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def problems_of(name: str, value: str) -> Iterator[str]:
    """What the template has against a parameter's value, as CloudFormation would say after the build."""
    known: dict[str, dict[str, Any]] = template()["Parameters"]
    if name not in known:
        by_lower = {each.lower(): each for each in known}
        near = difflib.get_close_matches(name.lower(), by_lower, n=1)
        hint = f"did you mean {by_lower[near[0]]}?" if near else f"there are {', '.join(known)}"
        yield f"template.yaml has no parameter {name}: {hint}"
        return
    rule = known[name]
    allowed = [str(each) for each in rule.get("AllowedValues", [])]
    if allowed and value not in allowed:
        yield f"{name} is {' or '.join(allowed)}, not {value!r}"
    if "AllowedPattern" in rule and not re.fullmatch(rule["AllowedPattern"], value):
        yield f"{name} is not {value!r}, by its pattern {rule['AllowedPattern']}. {rule['Description']}"
    if "MaxLength" in rule and len(value) > rule["MaxLength"]:
        yield f"{name} has at most {rule['MaxLength']} characters, and this has {len(value)}"
    if rule["Type"] == "Number":
        yield from _number_problems(name, value, rule)
    if "\\" in value:
        yield f"{name} cannot hold a backslash, which the SAM CLI takes for an escape"


def _number_problems(name: str, value: str, rule: Mapping[str, Any]) -> Iterator[str]:
    try:
        number = float(value)
    except ValueError:
        yield f"{name} is a number, not {value!r}"
        return
    if not rule.get("MinValue", number) <= number <= rule.get("MaxValue", number):
        yield f"{name} is {rule.get('MinValue', 'any')} to {rule.get('MaxValue', 'any')}, not {value}"


def quoted(parameters: Mapping[str, str]) -> list[str]:
    """The parameters as SAM reads them from its command line, where it splits at spaces."""
    return [
        f"{name}={value}"
        if re.fullmatch(r"[^\s\"']+", value)
        else '{}="{}"'.format(name, value.replace('"', '\\"'))
        for name, value in parameters.items()
    ]


def build(settings: Settings, parameters: Mapping[str, str], *, sources: Path = SOURCES) -> int:
    """Build functions and layers for the processor and the Python that the parameters name.

    Args:
        settings: The environment's.
        parameters: The template's.
        sources: The descriptions that go into a layer; the worker cannot start with one that is wrong.

    Raises:
        StackError: A description is wrong, or no such Python is here to compile the layers' bytecode with.
    """
    try:
        load_sources(sources)
    except ConfigurationError as error:
        raise StackError("\n".join(error.problems)) from error
    architecture = _value("Architecture", parameters)
    version = _runtime(parameters).removeprefix("python")
    layers = {
        "LAYER_ARCH": architecture,
        "LAYER_PYTHON_VERSION": version,
        "LAYER_PYTHON": "",  # wheels of Lambda's platform, not of an interpreter here
        "LAYER_COMPILER": compiler(version),
    }
    cache = ROOT / ".aws-sam" / f"cache-{architecture}-{version}"
    return _sam(settings, "build", "--cache-dir", str(cache), *_overrides(parameters), variables=layers)


def compiler(version: str) -> str:
    """A Python of that version, fetched by uv if there is none here.

    Raises:
        StackError: There is none, and none could be fetched; how to get it is said before.
    """
    done = subprocess.run(  # noqa: S603 - our own script, which says itself what it fetches, or what is missing
        [str(FINDER), version, "--fetch"], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise StackError("nothing was built")
    return done.stdout.strip()


def deploy(settings: Settings, parameters: Mapping[str, str], *, sources: Path = SOURCES) -> int:
    """Deploy what was built, and bring the stack's schedules up to date.

    Args:
        settings: The environment's.
        parameters: The template's.
        sources: The descriptions, which say what is pulled by itself.

    Raises:
        StackError: The schedules cannot be brought up to date; the stack is deployed.
    """
    status = _sam(settings, "deploy", *_overrides(parameters))
    if status:
        return status
    told = settings.of("deploy")
    try:
        wanted = schedule.scheduled(sources)
        clients = schedule.clients(region=told.get("region"), profile=told.get("profile"))
        done = schedule.reconcile(*clients, stack=_stack_name(settings, told), wanted=wanted)
    except DeClassesError as error:
        raise StackError(f"the stack is deployed, but {error}") from error
    _say(schedule.as_text(done).rstrip())
    return 0


def destroy(settings: Settings, *, asks: bool) -> int:
    """Delete the stack, and say what of it stays.

    Args:
        settings: Name the stack, its region and the profile to use.
        asks: Whether SAM asks before it deletes anything.

    Raises:
        StackError: There is no such stack, or nobody may look.
    """
    import boto3  # noqa: PLC0415 - half a second that a build has no use for
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the same

    told = {**settings.of("deploy"), **settings.of("delete")}
    stack = _stack_name(settings, told)
    where = {name: told[name] for name in ("region", "profile") if name in told}
    options = [word for name, value in where.items() for word in (f"--{name}", value)]
    try:
        session = boto3.Session(region_name=where.get("region"), profile_name=where.get("profile"))
        client = session.client("cloudformation")
        stack_id = client.describe_stacks(StackName=stack)["Stacks"][0].get("StackId", stack)
        kept = list(retained(client, stack))
    except (BotoCoreError, ClientError) as error:
        raise StackError(f"the stack {stack} cannot be looked at: {error}") from error
    status = _sam(settings, "delete", "--stack-name", stack, *options, *([] if asks else ["--no-prompts"]))
    if status == 0 and _is_gone(client, stack_id):
        _say(f"{stack} is deleted. What stays, and how to remove it, is in docs/operations.md:")
        for kind, name in kept:
            _say(f"  {kind} {name}")
    return status


def _stack_name(settings: Settings, told: Mapping[str, Any]) -> str:
    if not told.get("stack_name"):
        raise StackError(f"{settings.path.name} names no stack_name for {settings.environment}")
    return str(told["stack_name"])


def retained(client: CloudFormationClient, stack: str) -> Iterator[tuple[str, str]]:
    """The type and the name of each of a stack's resources that its deletion leaves behind."""
    body: object = client.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    document = body if isinstance(body, Mapping) else parsed(str(body))
    pages = client.get_paginator("list_stack_resources").paginate(StackName=stack)
    for found in (each for page in pages for each in page["StackResourceSummaries"]):
        resource = document["Resources"].get(found["LogicalResourceId"], {})
        if str(resource.get("DeletionPolicy", "")).startswith("Retain"):
            yield found["ResourceType"], found.get("PhysicalResourceId", found["LogicalResourceId"])


def _is_gone(client: CloudFormationClient, stack_id: str) -> bool:
    """Whether a stack was deleted: SAM ends well too when it was told not to."""
    try:
        (found,) = client.describe_stacks(StackName=stack_id)["Stacks"]
    except client.exceptions.ClientError:
        return True
    return found["StackStatus"] == "DELETE_COMPLETE"


def _value(name: str, parameters: Mapping[str, str]) -> str:
    return parameters.get(name) or str(template()["Parameters"][name]["Default"])


def _runtime(parameters: Mapping[str, str]) -> str:
    """The runtime of the functions, which the template may leave to a parameter."""
    runtime = template()["Globals"]["Function"]["Runtime"]
    return _value(runtime["Ref"], parameters) if isinstance(runtime, dict) else str(runtime)


def _overrides(parameters: Mapping[str, str]) -> list[str]:
    return ["--parameter-overrides", *quoted(parameters)] if parameters else []


def _sam(settings: Settings, command: str, *words: str, variables: Mapping[str, str] | None = None) -> int:
    chosen = ["--config-file", str(settings.path), "--config-env", settings.environment]
    environment = {**os.environ, **(variables or {})}
    try:
        done = subprocess.run(["sam", command, *chosen, *words], cwd=ROOT, env=environment, check=False)  # noqa: S603, S607 - by make's PATH
    except FileNotFoundError as error:
        raise StackError("there is no SAM CLI on PATH: use make, which installs it") from error
    return done.returncode


def make_parser() -> CommandParser:
    """The parser of its words."""
    parser = CommandParser(prog="python -m tools.stack")
    parser.add_argument("command", choices=["build", "deploy", "destroy"])
    parser.add_argument("--env", default="dev", help="a section of the configuration file")
    parser.add_argument("--arch", default="", help="the template's Architecture, if not that of the file")
    parser.add_argument("--parameters", default="", metavar="'NAME=VALUE ...'", help="over those of the file")
    parser.add_argument("--config-file", type=Path, default=ROOT / "samconfig.toml")
    parser.add_argument("--yes", action="store_true", help="destroy without being asked")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a command's own words


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
