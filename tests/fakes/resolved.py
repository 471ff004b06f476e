"""What CloudFormation deploys: SAM's translation of the template, its parameters and conditions resolved.

A test on it sees what a test on the template's own text cannot.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.fakes.checks import translated

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCAL = {"ApiBaseUrl": "http://127.0.0.1:4566/_aws/execute-api"}
# Where the template behaves differently: by its environment, and by whether it is on AWS.
PLACES = {
    f"{environment}-{where}": {"Environment": environment, **own}
    for environment in ("dev", "prod")
    for where, own in (("aws", {}), ("local", LOCAL))
}
PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "this-stack",
    "AWS::URLSuffix": "amazonaws.com",
}

_ABSENT = object()  # AWS::NoValue
_NAME = re.compile(r"\$\{([^}!]+)\}")

Resources = dict[str, dict[str, Any]]


@cache
def deployed(place: str) -> Resources:
    """The resources of one of ``PLACES``, by their logical id."""
    return deployed_by(PLACES[place])


def deployed_by(values: Mapping[str, str]) -> Resources:
    """The resources by these values for the parameters; what is left out has its default."""
    default = str(parameters()["Environment"]["Default"])
    return Resolver(_documents()[values.get("Environment", default)], values).resources()


def parameters() -> dict[str, dict[str, Any]]:
    """The template's parameters, as they are declared."""
    declared: dict[str, dict[str, Any]] = _documents()["dev"]["Parameters"]
    return declared


@cache
def _documents() -> dict[str, dict[str, Any]]:
    """SAM's translations: of all parameters it reads the environment alone, and a test holds that."""
    environments = ("dev", "prod")
    return {each: translated(f"Environment={each}") for each in environments}


def of_type(resources: Resources, kind: str) -> Resources:
    """Those of a type."""
    return {name: each for name, each in resources.items() if each["Type"] == kind}


class Resolver:
    """Does what CloudFormation does with a template before it makes anything.

    A resource stands for what it is referred to by: ``<Bucket>``, ``<Bucket.Arn>``.

    Args:
        document: The translated template.
        values: For its parameters.
    """

    def __init__(self, document: Mapping[str, Any], values: Mapping[str, str]) -> None:
        self._document = document
        defaults = {name: each.get("Default") for name, each in document["Parameters"].items()}
        self._values = {
            name: _text(value) for name, value in {**defaults, **values}.items() if value is not None
        }
        if unknown := values.keys() - defaults.keys():
            raise KeyError(f"no parameters of the template: {sorted(unknown)}")

    def resources(self) -> Resources:
        """Those whose condition holds."""
        return {
            name: self.value(
                {key: value for key, value in each.items() if key not in {"Condition", "Metadata"}}
            )
            for name, each in self._document["Resources"].items()
            if "Condition" not in each or self.holds(each["Condition"])
        }

    def holds(self, condition: str) -> bool:
        """Whether one of the template's conditions does."""
        return self._truth(self._document["Conditions"][condition])

    def value(self, found: Any) -> Any:
        """What becomes of any part of the template."""
        if isinstance(found, list):
            return [value for each in found if (value := self.value(each)) is not _ABSENT]
        if not isinstance(found, dict):
            return found
        if len(found) == 1 and (function := _FUNCTIONS.get(next(iter(found)))):
            return function(self, *found.values())
        if len(found) == 1 and next(iter(found)).startswith("Fn::"):
            raise NotImplementedError(next(iter(found)))
        resolved = {key: self.value(each) for key, each in found.items()}
        return {key: each for key, each in resolved.items() if each is not _ABSENT}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _ABSENT
        if name in self._document["Resources"]:
            return f"<{name}>"
        return {**PSEUDO, **self._values}[name]

    def _get_att(self, path: str | list[str]) -> str:
        return f"<{path if isinstance(path, str) else '.'.join(path)}>"

    def _sub(self, given: str | list[Any]) -> str:
        text, own = (given, {}) if isinstance(given, str) else (given[0], self.value(given[1]))

        def named(match: re.Match[str]) -> str:
            name = match[1]
            if name in own:
                return _text(own[name])
            return self._get_att(name) if "." in name else _text(self._ref(name))

        return _NAME.sub(named, text).replace("${!", "${")

    def _if(self, given: list[Any]) -> Any:
        condition, then, otherwise = given
        return self.value(then if self.holds(condition) else otherwise)

    def _find_in_map(self, given: list[Any]) -> Any:
        name, first, second = (self.value(each) for each in given)
        return self._document["Mappings"][name][first][second]

    def _join(self, given: list[Any]) -> str:
        return str(given[0]).join(map(_text, self.value(given[1])))

    def _split(self, given: list[Any]) -> list[str]:
        return _text(self.value(given[1])).split(given[0])

    def _select(self, given: list[Any]) -> Any:
        return self.value(given[1])[int(self.value(given[0]))]

    def _truth(self, condition: Mapping[str, Any]) -> bool:
        ((kind, given),) = condition.items()
        if kind == "Condition":
            return self.holds(given)
        if kind == "Fn::Equals":
            first, second = (_text(self.value(each)) for each in given)
            return first == second
        truths = [self._truth(each) for each in given]
        return {"Fn::And": all(truths), "Fn::Or": any(truths), "Fn::Not": not truths[0]}[kind]


_FUNCTIONS: dict[str, Any] = {
    "Ref": Resolver._ref,  # noqa: SLF001 - its own table
    "Fn::GetAtt": Resolver._get_att,  # noqa: SLF001
    "Fn::Sub": Resolver._sub,  # noqa: SLF001
    "Fn::If": Resolver._if,  # noqa: SLF001
    "Fn::FindInMap": Resolver._find_in_map,  # noqa: SLF001
    "Fn::Join": Resolver._join,  # noqa: SLF001
    "Fn::Split": Resolver._split,  # noqa: SLF001
    "Fn::Select": Resolver._select,  # noqa: SLF001
}


def refuses(parameter: Mapping[str, Any], value: str) -> bool:
    """Whether CloudFormation refuses a value of a parameter, before it makes anything."""
    if parameter["Type"] == "Number":
        number = float(value)
        return not parameter.get("MinValue", number) <= number <= parameter.get("MaxValue", number)
    pattern, allowed = parameter.get("AllowedPattern"), parameter.get("AllowedValues")
    return (
        (allowed is not None and value not in map(_text, allowed))
        or (pattern is not None and re.fullmatch(pattern, value) is None)
        or len(value) > parameter.get("MaxLength", len(value))
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
