"""Read ``template.yaml`` as data, its CloudFormation tags kept as one-key mappings."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).resolve().parent.parent / "template.yaml"


class _Loader(yaml.CSafeLoader):
    """Reads ``!Sub x`` as ``{"Sub": x}``; by libyaml, since YAML in Python takes half a second."""


def _tagged(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    if isinstance(node, yaml.MappingNode):
        return {suffix: loader.construct_mapping(node, deep=True)}
    raise TypeError(f"YAML has no {type(node).__name__}")


_Loader.add_multi_constructor("!", _tagged)


def parsed(text: str) -> dict[str, Any]:
    """A template's text, as data."""
    loaded: dict[str, Any] = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    return loaded


@cache
def template() -> dict[str, Any]:
    """The whole template of this project."""
    return parsed(PATH.read_text(encoding="utf-8"))
