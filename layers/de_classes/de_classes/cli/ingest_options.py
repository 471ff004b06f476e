"""The words of ``ingest``; what they do is imported only when it is run."""

from __future__ import annotations

import argparse

from de_classes.cli.source_options import add_source_options
from de_classes.utils.command_line import RefusedOption
from de_classes.utils.limits import MAX_CONCURRENCY

PASSWORD_VARIABLE = "INGEST_PASSWORD"  # noqa: S105 - the variable's name
PAGINATIONS = ("page", "offset", "cursor", "link")
NO_FIELD = "none"
FIELD_OPTIONS = {
    "page_param": "the query parameter of the page number (page)",
    "offset_param": "the query parameter of the offset (offset)",
    "cursor_param": "the query parameter of the cursor (cursor)",
    "cursor_field": "where an answer names the next cursor (next_cursor)",
    "limit_param": "the query parameter of the page's size (limit)",
}
DESTINATIONS = "a directory, s3://BUCKET/PREFIX, or http://HOST:PORT/BUCKET/PREFIX for MinIO and its like"
_EPILOG = f"""\
The password is read from the variable {PASSWORD_VARIABLE}, from --password-file, or asked for; it is no
option, since every process of the machine could read it there. The same is true of an API key in a header:
give --header-file, or --header X-Api-Key=@env:VARIABLE. Both files must be closed to other users (chmod 600).

exit status: 0 the run is complete, perhaps with warnings, 1 an error, 2 a mistake in the command, 3 the run
is partial, as --partial allows: the receipt names the pages that are missing, 4 it is incomplete, and
nothing was committed.

examples:
  python -m de_classes ingest github.issues --set owner=python --set repo=cpython --secrets github.json \\
      --to lake --dataset issues
  python -m de_classes ingest http://127.0.0.1:8765 --username demo --to lake --format parquet
  python -m de_classes ingest https://api.example/v1 --auth-url https://api.example/login \\
      --username ada --to s3://my-bucket/raw --key orders.csv --concurrency 8
  python -m de_classes ingest https://api.example/v1 --data-path /items --pagination cursor \\
      --records-field items --total-pages-field none --to http://127.0.0.1:9000/raw
  python -m de_classes ingest https://api.example/v1 --to s3://my-bucket/raw --dataset orders \\
      --run-id monday --key-field id
"""
_REPLAY = """\
Fetch what a run that was begun with --dataset is still missing, and commit it anew. Give the words that
it was begun with, and its --run-id.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``ingest`` to a command line; what it parses is what ``run`` takes."""
    _add_command(
        subparsers,
        "ingest",
        "pull an API into a directory or a bucket",
        "Pull every page of an API into one object or one dataset, or say what is missing.",
    )
    _add_command(subparsers, "replay", "fetch only the pages that a run is missing", _REPLAY)


def _add_command(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], name: str, brief: str, text: str
) -> None:
    parser = subparsers.add_parser(
        name,
        help=brief,
        description=text,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(replay=name == "replay")
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="a described one, NAME.RESOURCE or NAME for all of it; or an API's URL",
    )
    add_source_options(parser.add_argument_group("a described source"))
    _add_url_options(parser.add_argument_group("a URL, with what a description would say of it"))
    _add_target_options(parser.add_argument_group("the destination"))
    _add_dataset_options(parser.add_argument_group("a dataset: many parts, resumable, instead of one object"))
    _add_run_options(parser.add_argument_group("the run"))


def _add_url_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--data-path", default="/data", metavar="PATH", help="of its pages (/data)")
    group.add_argument("--username", metavar="NAME", help="log in; without it no token is sent")
    group.add_argument("--auth-url", metavar="URL", help="where to log in (URL/login)")
    group.add_argument("--password-file", metavar="FILE", help="its first line is the password")
    group.add_argument(
        "--password",
        "--passwd",
        "--pass",
        action=RefusedOption,
        instead=f"give --password-file FILE, or set {PASSWORD_VARIABLE}",
    )
    group.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="HEADER",
        help="sent along: 'NAME: VALUE', or NAME=@env:VARIABLE, which keeps it secret",
    )
    group.add_argument("--header-file", metavar="FILE", help="lines NAME: VALUE, all kept secret")
    group.add_argument(
        "--token",
        "--api-key",
        "--secret",
        "--authorization",
        action=RefusedOption,
        instead="give --header-file FILE, or --header NAME=@env:VARIABLE",
    )
    group.add_argument("--pagination", choices=PAGINATIONS, default="page", help="(page)")
    for name, meaning in FIELD_OPTIONS.items():
        group.add_argument(f"--{name.replace('_', '-')}", metavar="NAME", help=meaning)
    group.add_argument("--records-field", default="data", metavar="NAME", help="the list of records (data)")
    group.add_argument(
        "--total-pages-field",
        default="total_pages",
        metavar="NAME",
        help="(total_pages; none if it has none)",
    )
    group.add_argument(
        "--total-records-field",
        default="total_records",
        metavar="NAME",
        help="(total_records; none if it has none)",
    )


def _add_target_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--to", required=True, metavar="WHERE", help=DESTINATIONS)
    group.add_argument("--key", metavar="NAME", help="of the object below it (records.FORMAT)")
    group.add_argument(
        "--format", metavar="FORMAT", help="csv, json, jsonl or parquet (by the key, else parquet)"
    )
    group.add_argument(
        "--escape-formulas",
        action="store_true",
        help="CSV for spreadsheets: an apostrophe before text that starts with = + - or @",
    )
    group.add_argument("--endpoint-url", metavar="URL", help="the server that s3:// means, if not AWS")
    group.add_argument(
        "--no-overwrite", dest="overwrite", action="store_false", help="fail if the key is taken"
    )


def _add_dataset_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--dataset", metavar="NAME", help="of the folder for its parts and its manifest")
    group.add_argument("--run-id", metavar="ID", help="go on with this run, or begin it by this name")
    group.add_argument("--partial", action="store_true", help="commit without pages that cannot be had")
    group.add_argument(
        "--strict",
        action="store_true",
        help="take nothing for complete that is not proved: every page is asked for twice",
    )
    group.add_argument(
        "--key-field",
        action="append",
        metavar="FIELD",
        help="tells records apart: drop duplicates, repair drift",
    )
    group.add_argument("--columns", metavar="FILE", help="JSON of columns and types that records must fit")
    group.add_argument("--quarantine", action="store_true", help="set aside what does not fit --columns")
    group.add_argument(
        "--part-pages", type=int, default=1_000, metavar="N", help="pages in a part at the most (1000)"
    )


def _add_run_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--limit", type=int, metavar="N", help="records a page (100, or what the description says)"
    )
    group.add_argument(
        "--pages", metavar="RANGE", help="such as 5, 3-7 or 3- (all); 0- where they count from 0"
    )
    group.add_argument(
        "--concurrency", type=int, default=4, metavar="N", help=f"pages at once, 1 to {MAX_CONCURRENCY} (4)"
    )
    group.add_argument(
        "--requests-per-second",
        type=float,
        metavar="N",
        help="for pages, at the most; such as 0.5 (no limit)",
    )
    group.add_argument(
        "--max-attempts",
        type=int,
        metavar="N",
        help="tries a page (50; half a minute of them before the first answer, unless this says how many)",
    )
    group.add_argument("--timeout", type=float, default=30.0, metavar="S", help="seconds a request (30)")
    group.add_argument("--no-jitter", action="store_true", help="wait the full backoff every time")
    group.add_argument(
        "--plan", action="store_true", help="fetch the first page alone, and say what the run would take"
    )
    group.add_argument("--json", action="store_true", help="print the receipt as JSON")
    group.add_argument("--report", action="store_true", help="store the receipt as a page, too, beside it")
    group.add_argument("--quiet", action="store_true", help="no progress bar")
    group.add_argument("--verbose", action="store_true", help="log every step")
