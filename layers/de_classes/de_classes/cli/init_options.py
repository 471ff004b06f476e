"""The words of ``init``; what they do is imported only when it is run."""

from __future__ import annotations

import argparse

_EPILOG = """\
exit status: 0 a description that requests confirmed, or that was converted whole; 1 something could not be
told or carried over, and stands as a comment at its place; 2 nothing could be written.

examples:
  de-classes init https://api.github.com/repos/acme/widgets/issues --secrets secrets.json --out gh.toml
  de-classes init https://api.notion.com/v1/databases/ID/query --json '{}' --secrets secrets.json
  de-classes init --openapi openapi.json --resource issues/list-for-repo
  de-classes init --from manifest.json --out sources/acme.toml
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``init`` to a command line."""
    parser = subparsers.add_parser(
        "init",
        help="write the description of a source from its address and a secret",
        description="Ask a source a few times, and write a description of it with a comment at every guess; "
        "or make one of an OpenAPI document, an Airbyte manifest or a dlt rest_api configuration.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("url", metavar="URL", nargs="?", help="a collection's first address, with its query")
    parser.add_argument("--openapi", metavar="FILE", help="an OpenAPI document, as JSON")
    parser.add_argument(
        "--from",
        metavar="FILE",
        dest="document",
        help="an Airbyte declarative manifest or a dlt rest_api configuration, as JSON",
    )
    parser.add_argument(
        "--secrets", metavar="FILE", help="a JSON object of names and secrets, yours alone (mode 600)"
    )
    parser.add_argument("--name", help="of the source; made of the host unless given")
    parser.add_argument("--out", metavar="FILE", help="a new .toml file; stdout unless given")
    parser.add_argument("--method", choices=("GET", "POST"), help="POST where the question is in the body")
    parser.add_argument("--json", metavar="JSON", help="the body, an object")
    parser.add_argument(
        "--header",
        metavar="'NAME: VALUE'",
        action="append",
        default=[],
        help="one that the source asks for; repeatable",
    )
    parser.add_argument(
        "--resource",
        metavar="NAME",
        action="append",
        default=[],
        help="of an OpenAPI document: an operation's id or path; repeatable; all collections unless given",
    )
