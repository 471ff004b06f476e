"""template.yaml as data, its CloudFormation tags kept as one-key mappings."""

from __future__ import annotations

from typing import Any

from tools.template import template

__all__ = ["events", "functions", "resources", "statements", "template", "variables"]


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a type, by their logical id."""
    return {name: each for name, each in template()["Resources"].items() if each["Type"] == kind}


def functions() -> dict[str, dict[str, Any]]:
    """The properties of every function, merged with those of all functions as SAM merges them."""
    common = template()["Globals"]["Function"]
    return {
        name: _merged(common, each["Properties"])
        for name, each in resources("AWS::Serverless::Function").items()
    }


def variables(function: str) -> dict[str, Any]:
    """A function's environment variables, but for those that are named without a value."""
    own: dict[str, Any] = functions()[function]["Environment"]["Variables"]
    return {name: value for name, value in own.items() if value != {"Ref": "AWS::NoValue"}}


def statements(function: str) -> list[dict[str, Any]]:
    """What a function's role may do, by whatever parameters."""
    name = functions()[function]["Role"]["GetAtt"].removesuffix(".Arn")
    policies = [
        *resources("AWS::IAM::Role")[name]["Properties"]["Policies"],
        *(
            each["Properties"]
            for each in resources("AWS::IAM::Policy").values()
            if {"Ref": name} in each["Properties"]["Roles"]
        ),
    ]
    every = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    return [each["If"][1] if "If" in each else each for each in every]


def events(function: str) -> list[dict[str, Any]]:
    """The routes that lead to a function."""
    return [each["Properties"] for each in functions()[function]["Events"].values()]


def _merged(common: Any, own: Any) -> Any:
    if isinstance(common, dict) and isinstance(own, dict):
        return {
            **common,
            **own,
            **{name: _merged(common[name], own[name]) for name in common.keys() & own.keys()},
        }
    return [*common, *own] if isinstance(common, list) and isinstance(own, list) else own
