"""Print what AWS would make of template.yaml, as JSON; runs in the environment of the checks.

Usage: ``python translate_template.py TEMPLATE [--changed LAYER] [NAME=VALUE...]``, values of the template's
parameters. A changed layer stands for one whose content is another one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

CODE = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


def main() -> None:
    """Translate, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("template", type=Path)
    parser.add_argument("--changed")
    parser.add_argument("parameters", nargs="*")
    options = parser.parse_intermixed_args()
    text = options.template.read_text()
    given = dict(each.split("=", 1) for each in options.parameters)
    translated = Translator({}, Parser()).translate(packaged(yaml_parse(text), options.changed), given)
    json.dump(with_reasons(translated, yaml_parse(text)["Resources"]), sys.stdout, indent=1)


def packaged(template: dict[str, Any], changed: str | None) -> dict[str, Any]:
    """The template with its folders uploaded: S3 addresses by the hash of what is there."""
    for name, resource in template["Resources"].items():
        uri = CODE.get(resource["Type"])
        if uri:
            content = f"{resource['Properties'][uri]} {'changed' if name == changed else ''}"
            resource["Properties"][uri] = f"s3://artifacts/{hashlib.sha256(content.encode()).hexdigest()}"
    return template


def with_reasons(translated: dict[str, Any], sources: dict[str, Any]) -> dict[str, Any]:
    """Let what is written beside a resource hold for what is made of it, such as an API's stage."""
    for name, resource in translated["Resources"].items():
        origin = max((each for each in sources if name.startswith(each)), key=len, default=None)
        if origin and "Metadata" in sources[origin]:
            resource.setdefault("Metadata", sources[origin]["Metadata"])
    return translated


if __name__ == "__main__":
    main()
