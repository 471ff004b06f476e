"""Print what AWS would make of template.yaml, as JSON; runs in the environment of the checks.

Usage: ``python translate_template.py TEMPLATE``. Each line of standard input asks for a translation, and one
line answers: ``{"parameters": {...}, "changed": ...}``, values of the template's parameters, and a layer
that stands for one whose content is another one, or null.
"""

from __future__ import annotations

import hashlib
import json
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

CODE = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


def main() -> None:
    """Translate, and print."""
    template = yaml_parse(Path(sys.argv[1]).read_text())
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(translate(template, asked["changed"], asked["parameters"])), flush=True)  # noqa: T201 - a program's own words


def translate(template: dict[str, Any], changed: str | None, given: dict[str, str]) -> dict[str, Any]:
    """What becomes of the template by these values."""
    translated = Translator({}, Parser()).translate(packaged(deepcopy(template), changed), given)
    return with_reasons(translated, template["Resources"])


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
