"""The arguments of every command, but those of ``simulate``, which stand beside the simulators.

The program of a command is imported only when it is run, see ``PROGRAMS`` of ``__main__``.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from de_classes.utils.command_line import RefusedOption
from de_classes.utils.formats import FORMATS
from de_classes.utils.limits import MAX_CONCURRENCY

if TYPE_CHECKING:
    from collections.abc import Sequence


def add_source_options(group: argparse._ActionsContainer) -> None:
    """Add what says where descriptions are, and fills them in.

    Args:
        group: Of a command's parser, or the parser itself.
    """
    group.add_argument(
        "--sources", metavar="PATH", help="a file or folder of descriptions (sources/, if it is there)"
    )
    group.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the source"
    )
    group.add_argument(
        "--secrets", metavar="FILE", help="JSON of names and secrets, that nobody else can read"
    )
    group.add_argument("--base-url", metavar="URL", help="rehearse: every address on this origin instead")
    group.add_argument("--allow-insecure", action="store_true", help="plain http to other machines too")


def refuse_secrets(parser: argparse.ArgumentParser) -> None:
    """Name the right place to whoever gives a secret as an option.

    Args:
        parser: Of a command that takes no secret but by ``add_source_options``.
    """
    parser.add_argument(
        "--token",
        "--api-key",
        "--secret",
        "--authorization",
        "--password",
        "--passwd",
        "--pass",
        action=RefusedOption,
        instead="give --secrets FILE, or set DE_CLASSES_SECRET_NAME",
    )


_SIMULATE = "simulate"
_SIMULATE_HELP = "serve an API that fails on purpose, on this machine"


def add_simulate(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], arguments: Sequence[str]
) -> None:
    """Add ``simulate`` to a command line: all of it if it is named there, else its line in the list.

    Args:
        subparsers: The commands.
        arguments: What the command line says.
    """
    if _SIMULATE not in arguments:
        subparsers.add_parser(_SIMULATE, help=_SIMULATE_HELP)
        return
    from de_classes.simulators import cli  # noqa: PLC0415 - the other commands need no simulators

    cli.add_parser(subparsers)


_INIT_EPILOG = """\
exit status: 0 a description that requests confirmed, or that was converted whole; 1 something could not be
told or carried over, and stands as a comment at its place; 2 nothing could be written.

examples:
  de-classes init https://api.github.com/repos/acme/widgets/issues --secrets secrets.json --out gh.toml
  de-classes init https://api.notion.com/v1/databases/ID/query --json '{}' --secrets secrets.json
  de-classes init --openapi openapi.json --resource issues/list-for-repo
  de-classes init --from manifest.json --out sources/acme.toml
"""


def add_init(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``init`` to a command line."""
    parser = subparsers.add_parser(
        "init",
        help="write the description of a source from its address and a secret",
        description="Ask a source a few times, and write a description of it with a comment at every guess; "
        "or make one of an OpenAPI document, an Airbyte manifest or a dlt rest_api configuration.",
        epilog=_INIT_EPILOG,
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


_CHECK_EPILOG = """\
Asked for are the first page at its usual size and at a tiny one, the page behind each, the page before
the first, and the last: half a dozen requests, and those for a login.

exit status: 0 nothing is wrong, 1 something is, 2 a mistake in the command.

examples:
  python -m de_classes check github.issues --set owner=python --set repo=cpython --secrets github.json
  python -m de_classes check shop.orders --sources shop.toml --base-url http://127.0.0.1:8080 --json
"""


def add_check(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``check`` to a command line."""
    parser = subparsers.add_parser(
        "check",
        help="try a described source before trusting it",
        description="Ask a described source a few times, and say whether it is as its description says.",
        epilog=_CHECK_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("resource", metavar="NAME.RESOURCE", help="what is looked at, such as stripe.charges")
    add_source_options(parser)
    refuse_secrets(parser)
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


_SAMPLE_EPILOG = """\
No more pages are asked for than the records take. Nothing is stored.

exit status: 0 they came, or all that there are; 1 the source does not give them; 2 a mistake in the command.

examples:
  python -m de_classes sample pokeapi.pokemon -n 20
  python -m de_classes sample stripe.charges --secrets stripe.json -n 3 --jsonl
"""


def add_sample(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``sample`` to a command line."""
    parser = subparsers.add_parser(
        "sample",
        help="show the first records of a described source",
        description="Show the first records of a described source, as a table or as JSON Lines.",
        epilog=_SAMPLE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("resource", metavar="NAME.RESOURCE", help="what is shown, such as stripe.charges")
    parser.add_argument("-n", type=int, default=20, dest="count", metavar="N", help="how many records (20)")
    parser.add_argument("--jsonl", action="store_true", help="a line of JSON each, instead of a table")
    add_source_options(parser)
    refuse_secrets(parser)


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
_INGEST_EPILOG = f"""\
The password is read from the variable {PASSWORD_VARIABLE}, from --password-file, or asked for; it is no
option, since every process of the machine could read it there. The same is true of an API key in a header:
give --header-file, or --header X-Api-Key=@env:VARIABLE. Both files must be closed to other users (chmod 600).

exit status: 0 the run is complete, perhaps with warnings, 1 an error, 2 a mistake in the command, 3 the run
is partial, as --partial allows: the receipt names the pages that are missing, 4 it is incomplete, and
nothing was committed, 130 it was interrupted by Ctrl-C.

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
_REPLAY_DESCRIPTION = """\
Fetch what a run that was begun with --dataset is still missing, and commit it anew. Give the arguments
that it was begun with, and its --run-id.
"""


def add_ingest(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``ingest`` to a command line; what it parses is what ``run`` takes."""
    _add_command(
        subparsers,
        "ingest",
        "pull an API into a directory or a bucket",
        "Pull every page of an API into one object or one dataset, or say what is missing.",
    )
    _add_command(subparsers, "replay", "fetch only the pages that a run is missing", _REPLAY_DESCRIPTION)


def _add_command(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], name: str, brief: str, text: str
) -> None:
    parser = subparsers.add_parser(
        name,
        help=brief,
        description=text,
        epilog=_INGEST_EPILOG,
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
    group.add_argument("--format", metavar="FORMAT", help=f"{', '.join(FORMATS)} (by the key, else parquet)")
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


_LOAD_EPILOG = """\
The password is libpq's to find, in the file that PGPASSFILE names (~/.pgpass) or a service of
~/.pg_service.conf (?service=NAME); or it is read from --password-file or Secrets Manager. It is no part of
the address, which every process of the machine could read. To a host that is not this machine TLS is
verify-full, unless ?sslmode= says otherwise.

Without --key-field the table is made to hold what the commit holds; a table with rows that no load has
written is refused. With it records take the place of those with the same key, and none is taken away.

exit status: 0 loaded, 1 an error, 2 a mistake in the command, 3 loaded, though the dataset is partial, as
--partial allows, 130 it was interrupted by Ctrl-C. After any of these the same command goes on.

examples:
  python -m de_classes load lake/orders --to postgresql://ada@db.example/shop/raw
  python -m de_classes load s3://my-bucket/raw/orders --to postgresql:///shop/raw?service=warehouse \\
      --key-field id --type placed_at=timestamptz
"""


def add_load(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``load`` to a command line."""
    parser = subparsers.add_parser(
        "load",
        help="load a dataset into PostgreSQL, each part exactly once",
        description="Load a commit of a dataset into a table of PostgreSQL, each part exactly once.",
        epilog=_LOAD_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what", metavar="DATASET", help="a folder, s3://BUCKET/KEY, or http://HOST:PORT/BUCKET/KEY"
    )
    parser.add_argument(
        "--to", required=True, metavar="WHERE", help="postgresql://[USER@]HOST[:PORT]/DATABASE[/SCHEMA]"
    )
    parser.add_argument("--table", metavar="NAME", help="of the table (the dataset's last name)")
    parser.add_argument("--generation", type=int, metavar="N", help="which commit (the latest)")
    parser.add_argument(
        "--key-field",
        action="append",
        default=[],
        metavar="FIELD",
        help="tells records apart: one takes the place of that with the same key",
    )
    parser.add_argument(
        "--type",
        action="append",
        default=[],
        metavar="COLUMN=TYPE",
        help="in place of what the dataset says, such as placed_at=timestamptz",
    )
    parser.add_argument("--partial", action="store_true", help="load a dataset that lacks pages, too")
    secret = parser.add_mutually_exclusive_group()
    secret.add_argument("--password-file", metavar="FILE", help="its first line is the password")
    secret.add_argument(
        "--password-secret",
        metavar="ID",
        help="of a secret in Secrets Manager: the password, or RDS's object",
    )
    secret.add_argument("--iam", action="store_true", help="a token of IAM in place of a password (RDS)")
    parser.add_argument(
        "--password",
        "--passwd",
        "--pass",
        action=RefusedOption,
        instead="give --password-file FILE or --password-secret ID, or set PGPASSFILE",
    )
    parser.add_argument("--endpoint-url", metavar="URL", help="the server that s3:// means, if not AWS")
    parser.add_argument("--json", action="store_true", help="print what was loaded as JSON")


_SHOW_EPILOG = """\
WHAT is a receipt, or what one was written of: a dataset, of which the latest commit counts, or an object.
The page is one file that fetches nothing from elsewhere. Nothing is written but FILE, and nothing fetched
but the receipt.

exit status: 0 shown, 1 the store refuses, 2 there is nothing to show, or a mistake in the command.

examples:
  python -m de_classes show lake/orders
  python -m de_classes show lake/orders --html orders.html
  python -m de_classes show s3://my-bucket/raw/orders.csv --json
"""


def add_show(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``show`` to a command line."""
    parser = subparsers.add_parser(
        "show",
        help="show the receipt of a run: in short, as JSON, or as a page",
        description="Show what a run brought, what it rests on, and how the data is read.",
        epilog=_SHOW_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what", metavar="WHAT", help="a file or folder, s3://BUCKET/KEY, or http://HOST:PORT/BUCKET/KEY"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--html", metavar="FILE", help="write it as a page")
    form.add_argument("--json", action="store_true", help="print it as it was written, as JSON")
    parser.add_argument("--endpoint-url", metavar="URL", help="the server that s3:// means, if not AWS")


_VERIFY_EPILOG = """\
exit status: 0 nothing differs, 1 something does, 2 it could not be compared.

examples:
  python -m de_classes verify lake/orders/_receipt-00000001-monday-0a1b2c3d4e5f.json
  python -m de_classes verify s3://my-bucket/raw/_receipt-orders.csv.json
"""


def add_verify(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``verify`` to a command line."""
    parser = subparsers.add_parser(
        "verify",
        help="compare the objects of a run with its receipt",
        description="Read every object that a receipt names, and say what differs from it.",
        epilog=_VERIFY_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "receipt", metavar="RECEIPT", help="a file, s3://BUCKET/KEY, or http://HOST:PORT/BUCKET/KEY"
    )
    parser.add_argument("--json", action="store_true", help="print what differs as JSON")
    parser.add_argument("--endpoint-url", metavar="URL", help="the server that s3:// means, if not AWS")


_CLEAN_EPILOG = """\
WHERE must be what runs were given as --to, or above it: the progress of runs lies there in _runs, and
below a narrower place the parts of a run under way look left behind. --older-than must be longer than any
pause after which a run is still to go on.

exit status: 0 done, 1 the store refuses, 2 a mistake in the command.

examples:
  python -m de_classes clean lake
  python -m de_classes clean s3://my-bucket/raw --older-than 30 --delete
"""


def add_clean(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``clean`` to a command line."""
    parser = subparsers.add_parser(
        "clean",
        help="find, and delete, what runs left behind",
        description="List the parts that no manifest names, and the progress of runs that are over.",
        epilog=_CLEAN_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("where", metavar="WHERE", help=DESTINATIONS)
    parser.add_argument(
        "--older-than", type=float, default=7.0, metavar="DAYS", help="spare what is younger (7)"
    )
    parser.add_argument(
        "--superseded", action="store_true", help="also parts that only replaced manifests name"
    )
    parser.add_argument("--delete", action="store_true", help="delete it; without this it is only listed")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.add_argument("--endpoint-url", metavar="URL", help="the server that s3:// means, if not AWS")


_NEW_EPILOG = """\
The last part of FOLDER is the project's name, and its stack's: letters, digits and hyphens, a letter first.

exit status: 0 the project is there, 2 nothing was written.

examples:
  de-classes new my-lake
  de-classes new my-lake --wheel dist/de_classes-0.1.0-py3-none-any.whl
  sam init --no-input --name my-lake --location "$(de-classes new --location)"
"""


def add_new(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``new`` to a command line."""
    parser = subparsers.add_parser(
        "new",
        help="write a project of your own for AWS Lambda",
        description="Write a project that uses this package on AWS Lambda: a description, a handler, "
        "a template for `sam deploy`, a test and a Makefile. Nothing is installed or fetched.",
        epilog=_NEW_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="FOLDER", nargs="?", help="one that is not there, or is empty")
    parser.add_argument(
        "--wheel", metavar="FILE", help="this version's wheel, to install from while it is on no index"
    )
    parser.add_argument(
        "--location", action="store_true", help="print where the files lie, for `sam init --location`"
    )
