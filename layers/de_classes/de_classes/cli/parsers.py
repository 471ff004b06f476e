"""The arguments of every command, but those of ``simulate``, which stand beside the simulators.

The parser of a command is filled only where the command is named, and its program imported only when it is
run, see ``PROGRAMS`` of ``__main__``. Beside the options stands which of them have no effect together.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from de_classes.utils.command_line import NoEffect, RefusedOption
from de_classes.utils.formats import FORMATS
from de_classes.utils.limits import MAX_CONCURRENCY

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Container

    from de_classes.utils.command_line import CommandParser


def add_source_options(group: argparse._ActionsContainer) -> None:
    """Add what says where descriptions are, and fills them in.

    Args:
        group: Of a command's parser, or the parser itself.
    """
    group.add_argument("--sources", metavar="PATH", help="descriptions: a file or folder (sources/)")
    group.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the source"
    )
    group.add_argument("--secrets", metavar="FILE", help="JSON of names and secrets, yours alone (mode 600)")
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


ENDPOINT_URL = "the server that s3:// means, if not AWS"


def endpoint_needs_s3(name: str, place: str) -> NoEffect:
    """``--endpoint-url`` says nothing of a folder, or of an address that names its server.

    Args:
        name: The argument that says where, as the help has it.
        place: The same, as it is parsed.
    """
    return NoEffect(
        "--endpoint-url",
        f"with such a {name}",
        lambda args: getattr(args, place) is not None and not getattr(args, place).startswith("s3://"),
        "it is the server that s3:// means",
    )


def fill_simulate(parser: CommandParser) -> None:
    """Give ``simulate`` its arguments."""
    from de_classes.simulators import cli  # noqa: PLC0415 - the other commands need no simulators

    cli.fill_parser(parser)


_INIT_EPILOG = """\
exit status: 0 it was confirmed by requests, or converted whole; 1 something
could not be told, and stands as a comment; 2 nothing was written

examples:
  %(prog)s https://pokeapi.co/api/v2/pokemon --out pokeapi.toml
  %(prog)s https://api.notion.com/v1/databases/ID/query \\
      --body '{}' --secrets secrets.json
  %(prog)s --openapi openapi.json --resource orders/list
  %(prog)s --from manifest.json --out sources/acme.toml
"""


def fill_init(parser: CommandParser) -> None:
    """Give ``init`` its arguments."""
    parser.description = (
        "Ask a source a few times, and write a description of it with a comment at every guess; "
        "or make one of an OpenAPI document, an Airbyte manifest or a dlt rest_api configuration."
    )
    parser.epilog = _INIT_EPILOG
    parser.no_effects = (
        NoEffect(
            "--secrets --header --method --body",
            "without a URL",
            lambda args: args.url is None,
            "a document is read, and nothing is asked",
        ),
        NoEffect(
            "--resource",
            "without --openapi",
            lambda args: args.openapi is None,
            "there is nothing to choose from",
        ),
        NoEffect("--body", "with --method GET", lambda args: args.method == "GET", "a GET has none"),
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("url", metavar="URL", nargs="?", help="a collection's first address, with its query")
    what.add_argument("--openapi", metavar="FILE", help="an OpenAPI document, as JSON")
    what.add_argument(
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
    parser.add_argument("--body", metavar="JSON", help="the body, an object")
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
        help="an operation's id or path; repeatable; all collections unless given",
    )
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")
    refuse_secrets(parser)


_CHECK_EPILOG = """\
Asked for are the first page at its usual size and at a tiny one, the page
behind each, the page before the first, and the last: half a dozen requests,
and those for a login.

exit status: 0 nothing is wrong, 1 something is, 2 a mistake in the command

examples:
  %(prog)s pokeapi.pokemon
  %(prog)s shop.orders --sources shop.toml --json
  %(prog)s github.issues --set owner=acme --set repo=app \\
      --secrets github.json
"""


def fill_check(parser: CommandParser) -> None:
    """Give ``check`` its arguments."""
    parser.description = "Ask a described source a few times, and say whether it is as its description says."
    parser.epilog = _CHECK_EPILOG
    parser.add_argument("resource", metavar="NAME.RESOURCE", help="what is looked at, such as stripe.charges")
    add_source_options(parser)
    refuse_secrets(parser)
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


_SAMPLE_EPILOG = """\
No more pages are asked for than the records take. Nothing is stored.

exit status: 0 they came, or all that there are; 1 the source does not give
them; 2 a mistake in the command

examples:
  %(prog)s pokeapi.pokemon -n 5
  %(prog)s shop.orders --sources shop.toml --json
  %(prog)s stripe.charges --secrets stripe.json -n 3 --jsonl
"""


def fill_sample(parser: CommandParser) -> None:
    """Give ``sample`` its arguments."""
    parser.description = "Show the first records of a described source, as a table or as JSON Lines."
    parser.epilog = _SAMPLE_EPILOG
    parser.add_argument("resource", metavar="NAME.RESOURCE", help="what is shown, such as stripe.charges")
    parser.add_argument("-n", type=int, default=20, dest="count", metavar="N", help="how many records (20)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--jsonl", action="store_true", help="a line of JSON each, instead of a table")
    form.add_argument("--json", action="store_true", help="one JSON object with all of them")
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
_INGEST_DETAILS = f"""\
The password is read from the variable {PASSWORD_VARIABLE}, from --password-file, or asked for; it is no
option, since every process of the machine could read it there. The same is true of an API key in a header:
give --header-file, or --header X-Api-Key=@env:VARIABLE. Both files must be closed to other users (chmod 600).
"""
_INGEST_EPILOG = """\
exit status: 0 complete, 1 an error, 2 a mistake in the command, 3 partial, as
--partial allows, 4 incomplete: nothing was committed, 130 Ctrl-C

examples:
  %(prog)s pokeapi.pokemon --to lake --dataset pokemon
  %(prog)s http://127.0.0.1:8765 --username demo --to lake
  %(prog)s stripe.charges --secrets stripe.json \\
      --to s3://my-bucket/raw --dataset charges --plan
"""
_REPLAY_EPILOG = """\
Give the arguments that the run was begun with. Exit status: as that of ingest

examples:
  %(prog)s http://127.0.0.1:8765 --username demo --to lake \\
      --dataset orders --run-id monday
  %(prog)s pokeapi.pokemon --to lake \\
      --dataset pokemon --run-id tuesday
  %(prog)s stripe.charges --secrets stripe.json \\
      --to s3://my-bucket/raw --dataset charges --run-id monday
"""
_COMMON = (
    *("--to", "--format", "--dataset", "--run-id", "--sources", "--set", "--secrets", "--username"),
    *("--key-field", "--pages", "--concurrency", "--requests-per-second", "--partial", "--plan", "--json"),
    "--quiet",
)


_DESCRIBED = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)?")


def is_described(source: str) -> bool:
    """Whether a source is the name of a described one, and not an address."""
    return _DESCRIBED.fullmatch(source) is not None


def is_one_object(args: argparse.Namespace) -> bool:
    """Whether ``ingest`` is to write one object: a whole source has a dataset for each of its resources."""
    return args.dataset is None and not _is_whole(args)


def _is_whole(args: argparse.Namespace) -> bool:
    return is_described(args.source) and "." not in args.source


def _is_csv(args: argparse.Namespace) -> bool:
    """Whether CSV is written; only such a name of a format has no other."""
    told = args.format or (args.key or "").rpartition(".")[2]
    return bool(told.lower() == "csv")


def _signs_itself(args: argparse.Namespace) -> bool:
    return any(re.match(r"authorization\s*[:=]", each, re.IGNORECASE) for each in args.header)


_NO_EFFECTS = (
    NoEffect(
        "--data-path --username --auth-url --password-file --header --header-file --pagination --page-param "
        "--offset-param --cursor-param --cursor-field --limit-param --records-field --total-pages-field "
        "--total-records-field --requests-per-second --key-field --columns --quarantine",
        "with the name of a source",
        lambda args: is_described(args.source),
        "its description says that, and it goes with a URL alone",
    ),
    NoEffect(
        "--sources --set --secrets --base-url --from --until",
        "with a URL",
        lambda args: not is_described(args.source),
        "it goes with the name of a described source",
    ),
    NoEffect(
        "--dataset", "with all of a source", _is_whole, "each resource has a dataset of its own, by its name"
    ),
    NoEffect("--key", "with all of a source", _is_whole, "name one resource, as SOURCE.RESOURCE"),
    NoEffect(
        "--auth-url --password-file",
        "without --username",
        lambda args: args.username is None,
        "nobody logs in",
    ),
    NoEffect("--username", "with --header Authorization", _signs_itself, "both say who asks: leave one out"),
    NoEffect(
        "--page-param",
        "without --pagination page",
        lambda args: args.pagination != "page",
        "none has a number",
    ),
    NoEffect(
        "--offset-param",
        "without --pagination offset",
        lambda args: args.pagination != "offset",
        "none is asked for by its offset",
    ),
    NoEffect(
        "--cursor-param --cursor-field",
        "without --pagination cursor",
        lambda args: args.pagination != "cursor",
        "none is asked for by a cursor",
    ),
    NoEffect(
        "--key --no-overwrite",
        "with --dataset",
        lambda args: args.dataset is not None,
        "it is for one object, and a dataset is many",
    ),
    NoEffect(
        "--run-id --partial --key-field --columns --quarantine --part-pages --write --accept-shrink",
        "without --dataset",
        is_one_object,
        "one object is stored whole or not at all, as its records come",
    ),
    NoEffect(
        "--resume",
        "without --run-id",
        lambda args: args.run_id is None,
        "it goes on with a run that was cancelled",
    ),
    NoEffect(
        "--quarantine",
        "without --columns",
        lambda args: args.columns is None,
        "nothing says what does not fit",
    ),
    NoEffect(
        "--escape-formulas", "without --format csv", lambda args: not _is_csv(args), "CSV alone has them"
    ),
    NoEffect(
        "--no-jitter",
        "with --max-attempts 1",
        lambda args: args.max_attempts == 1,
        "nothing is asked for again",
    ),
    NoEffect(
        "--plan", "with replay", lambda args: args.replay, "a forecast is of a whole run: give it to ingest"
    ),
    endpoint_needs_s3("--to", "to"),
)


def fill_ingest(parser: CommandParser) -> None:
    """Give ``ingest`` its arguments."""
    parser.description = "Pull every page of an API into one object or one dataset, or say what is missing."
    parser.epilog = _INGEST_EPILOG
    _fill_with_run(parser, replay=False)


def fill_replay(parser: CommandParser) -> None:
    """Give ``replay`` its arguments, which are those of ``ingest``."""
    parser.description = (
        "Fetch what a run that was begun with --dataset is still missing, and commit it anew."
    )
    parser.epilog = _REPLAY_EPILOG
    _fill_with_run(parser, replay=True)


def _fill_with_run(parser: CommandParser, *, replay: bool) -> None:
    parser.usage = "%(prog)s SOURCE --to WHERE [OPTION...]"
    parser.details, parser.common, parser.no_effects = _INGEST_DETAILS, _COMMON, _NO_EFFECTS
    parser.set_defaults(replay=replay)
    parser.add_argument(
        "source", metavar="SOURCE", help="a URL, or a described one: NAME.RESOURCE, or NAME for all of it"
    )
    _add_target_options(parser.add_argument_group("the destination"))
    _add_dataset_options(
        parser.add_argument_group("a dataset: many parts, resumable, instead of one object"), required=replay
    )
    add_source_options(parser.add_argument_group("a described source"))
    _add_url_options(parser.add_argument_group("a URL, with what a description would say of it"))
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
    group.add_argument(
        "--to", required=True, metavar="WHERE", help="a directory, s3://BUCKET/PREFIX or http://HOST/BUCKET"
    )
    group.add_argument("--key", metavar="NAME", help="of the object below it (records.FORMAT)")
    group.add_argument("--format", metavar="FORMAT", help=f"{', '.join(FORMATS)} (by the key, else parquet)")
    group.add_argument(
        "--escape-formulas",
        action="store_true",
        help="CSV for spreadsheets: an apostrophe before text that starts with = + - or @",
    )
    group.add_argument("--endpoint-url", metavar="URL", help=ENDPOINT_URL)
    group.add_argument(
        "--no-overwrite", dest="overwrite", action="store_false", help="fail if the key is taken"
    )


def _add_dataset_options(group: argparse._ArgumentGroup, *, required: bool) -> None:
    group.add_argument(
        "--dataset", required=required, metavar="NAME", help="the folder of its parts; makes a run resumable"
    )
    group.add_argument(
        "--run-id", required=required, metavar="ID", help="go on with this run, or begin it by this name"
    )
    group.add_argument(
        "--write",
        choices=("append", "upsert", "snapshot"),
        help="how the dataset takes more runs (as described, else each has its own)",
    )
    group.add_argument(
        "--from",
        dest="from_",
        metavar="TIME",
        help="of what is incremental: begin here, as 2026-11-30T06:00:00Z (where the dataset ends)",
    )
    group.add_argument("--until", metavar="TIME", help="of what is incremental: end here (now)")
    group.add_argument(
        "--accept-shrink", action="store_true", help="commit although the dataset becomes much smaller"
    )
    group.add_argument("--partial", action="store_true", help="commit without pages that cannot be had")
    group.add_argument("--resume", action="store_true", help="go on although the run was cancelled")
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
    group.add_argument("--plan", action="store_true", help="fetch one page, and say what the run would take")
    group.add_argument("--json", action="store_true", help="print the receipt as JSON")
    group.add_argument("--report", action="store_true", help="store the receipt as a page, too, beside it")
    group.add_argument("--quiet", action="store_true", help="no progress bar")
    group.add_argument("--verbose", action="store_true", help="log every step")


_LOAD_DETAILS = """\
With glue:// nothing is copied: a table of the Glue catalog shows the dataset,
which is in S3 as parquet or jsonl, to Athena; credentials are boto3's to find.

In PostgreSQL the password is libpq's to find, in the file that PGPASSFILE names (~/.pgpass)
or a service of ~/.pg_service.conf (?service=NAME); or it is read from
--password-file or Secrets Manager. It is no part of the address, which every
process of the machine could read. To a host that is not this machine TLS is
verify-full, unless ?sslmode= says otherwise.
"""
_LOAD_EPILOG = """\
The table holds what the commit holds; one that no load has written is refused.
With --key-field records take the place of those with the same key. PostgreSQL's
password is in PGPASSFILE or --password-file. In Glue a table shows the commit.

exit status: 0 loaded, 1 an error, 2 a mistake in the command, 3 loaded, though
the dataset is partial; after an error the same command goes on

examples:
  %(prog)s lake/orders --to postgresql://ada@db.example/shop
  %(prog)s lake/orders --to postgresql:///shop?service=shop \\
      --key-field id
  %(prog)s s3://my-bucket/raw/orders --to glue://shop
  %(prog)s s3://my-bucket/raw/orders --table s3_orders --json \\
      --to postgresql://ada@db.example/shop/raw --type created_at=timestamptz
"""


def fill_load(parser: CommandParser) -> None:
    """Give ``load`` its arguments."""
    parser.description = (
        "Load a commit of a dataset into a table of PostgreSQL, each part exactly once; "
        "or show it as a table of the Glue catalog."
    )
    parser.epilog, parser.details = _LOAD_EPILOG, _LOAD_DETAILS
    parser.common = ("--to", "--table", "--key-field", "--type", "--partial", "--password-file", "--json")
    one = "one of them says what the password is"
    parser.no_effects = (
        endpoint_needs_s3("DATASET", "what"),
        NoEffect(
            "--generation --key-field --type --password-file --password-secret --iam",
            "with glue://",
            lambda args: args.to is not None and args.to.startswith("glue://"),
            "nothing is copied: the table shows the latest commit as it is",
        ),
        NoEffect("--password-secret --iam", "with --password-file", lambda args: args.password_file, one),
        NoEffect("--iam", "with --password-secret", lambda args: args.password_secret, one),
    )
    parser.add_argument(
        "what", metavar="DATASET", help="a folder, s3://BUCKET/KEY, or http://HOST:PORT/BUCKET/KEY"
    )
    parser.add_argument(
        "--to",
        required=True,
        metavar="WHERE",
        help="postgresql://[USER@]HOST[:PORT]/DATABASE[/SCHEMA], or glue://DATABASE[/TABLE]",
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
        help="in place of the dataset's, such as created_at=timestamptz",
    )
    parser.add_argument("--partial", action="store_true", help="load a dataset that lacks pages, too")
    parser.add_argument("--password-file", metavar="FILE", help="its first line is the password")
    parser.add_argument(
        "--password-secret",
        metavar="ID",
        help="of a secret in Secrets Manager: the password, or RDS's object",
    )
    parser.add_argument("--iam", action="store_true", help="a token of IAM in place of a password (RDS)")
    parser.add_argument(
        "--password",
        "--passwd",
        "--pass",
        action=RefusedOption,
        instead="give --password-file FILE or --password-secret ID, or set PGPASSFILE",
    )
    parser.add_argument("--endpoint-url", metavar="URL", help=ENDPOINT_URL)
    parser.add_argument("--json", action="store_true", help="print what was loaded as JSON")


_SHOW_EPILOG = """\
WHAT is a dataset, a receipt, or an object that one was written of; or a place
of datasets, of which each has a line. Of a dataset are shown its columns,
commits and runs, what they rest on, and its first rows; --html makes a page of
the receipt of its latest commit. Nothing is written but FILE.

exit status: 0 shown, 1 the store refuses, 2 there is nothing to show

examples:
  %(prog)s lake
  %(prog)s lake/orders
  %(prog)s lake/orders --html orders.html
  %(prog)s s3://my-bucket/raw/orders.csv --json
"""


def fill_show(parser: CommandParser) -> None:
    """Give ``show`` its arguments."""
    parser.description = "Show what a dataset holds or a run brought, what it rests on, and how it is read."
    parser.epilog = _SHOW_EPILOG
    parser.no_effects = (
        endpoint_needs_s3("WHAT", "what"),
        NoEffect("--generation --rows", "with --html", lambda args: args.html, "it is a page of a receipt"),
    )
    parser.add_argument(
        "what", metavar="WHAT", help="a file or folder, s3://BUCKET/KEY, or http://HOST:PORT/BUCKET/KEY"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--html", metavar="FILE", help="write the receipt as a page")
    form.add_argument("--json", action="store_true", help="print it as JSON; a receipt as it was written")
    parser.add_argument("--generation", type=int, metavar="N", help="which commit of a dataset (the latest)")
    parser.add_argument("--rows", type=int, metavar="N", help="how many first rows of a dataset (5)")
    parser.add_argument("--endpoint-url", metavar="URL", help=ENDPOINT_URL)


_SQL_EPILOG = """\
In SQL a dataset is called as its folder is, in quotes where that is no plain
word: FROM "my-orders". SQL is a statement that reads; - reads it from stdin.
Nothing but the parts of these datasets can be read, and nothing be written.

exit status: 0 answered, 1 an error, 2 a mistake in the command or the SQL, 3
answered, though a dataset is partial

examples:
  %(prog)s lake/orders "SELECT count(*) FROM orders"
  %(prog)s lake/orders "SUMMARIZE orders" --format csv
  %(prog)s lake/orders --json \\
      --with before=lake/orders/_manifest-00000001.json \\
      "SELECT count(*) AS gone FROM before ANTI JOIN orders USING (id)"
"""


def fill_sql(parser: CommandParser) -> None:
    """Give ``sql`` its arguments."""
    parser.description = "Answer a question about datasets in SQL, by DuckDB on this machine."
    parser.epilog = _SQL_EPILOG
    parser.no_effects = (
        NoEffect(
            "--endpoint-url",
            "with such datasets",
            lambda args: (
                not any(each.rpartition("=")[2].startswith("s3://") for each in (args.what, *args.with_))
            ),
            "it is the server that s3:// means",
        ),
    )
    parser.add_argument(
        "what", metavar="DATASET", help="a folder, s3://BUCKET/KEY, or http://HOST:PORT/BUCKET/KEY"
    )
    parser.add_argument("question", metavar="SQL", help="SELECT, FROM, WITH, DESCRIBE, SUMMARIZE and so on")
    parser.add_argument(
        "--with",
        dest="with_",
        action="append",
        default=[],
        metavar="NAME=DATASET",
        help="another dataset, and what it is called; repeatable",
    )
    parser.add_argument("--generation", type=int, metavar="N", help="which commit of DATASET (the latest)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--format", choices=("table", "csv", "json", "jsonl"), default="table", help="of the answer (table)"
    )
    form.add_argument(
        "--json", action="store_const", dest="format", const="json", help="the same as --format json"
    )
    parser.add_argument("--endpoint-url", metavar="URL", help=ENDPOINT_URL)


_VERIFY_EPILOG = """\
exit status: 0 nothing differs, 1 something does, 2 it could not be compared

examples:
  %(prog)s lake/orders/_receipt-00000001-monday-0a1b2c.json
  %(prog)s lake/_receipt-records.parquet.json --json
  %(prog)s s3://my-bucket/raw/_receipt-orders.csv.json
"""


def fill_verify(parser: CommandParser) -> None:
    """Give ``verify`` its arguments."""
    parser.description = "Read every object that a receipt names, and say what differs from it."
    parser.epilog = _VERIFY_EPILOG
    parser.no_effects = (endpoint_needs_s3("RECEIPT", "receipt"),)
    parser.add_argument(
        "receipt", metavar="RECEIPT", help="a file, s3://BUCKET/KEY, or http://HOST:PORT/BUCKET/KEY"
    )
    parser.add_argument("--json", action="store_true", help="print what differs as JSON")
    parser.add_argument("--endpoint-url", metavar="URL", help=ENDPOINT_URL)


_CLEAN_EPILOG = """\
WHERE is a dataset, or what runs were given as --to, or above it: the progress
of runs lies there in _runs, and in another place the parts of a run under way
look left behind. --older-than must be longer than any pause after which a run
is to go on.

With --keep, commits before the last N go, with the parts that only they list,
if they were replaced before --older-than. Who reads one of the last N has
--grace to read its parts, after it is none of them any more.

exit status: 0 done, 1 the store refuses, 2 a mistake in the command

examples:
  %(prog)s lake
  %(prog)s lake --older-than 30 --json
  %(prog)s s3://my-bucket/raw --older-than 30 --delete
  %(prog)s lake/orders --keep 5 --older-than 30d
"""


def _days(text: str) -> float:
    """A number of days, such as ``7``, ``30d``, ``12h`` or ``45min``."""
    for unit, in_a_day in (("d", 1), ("h", 24), ("min", 1440)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) / in_a_day
    return float(text)


_days.__name__ = "age"  # as argparse calls what it refuses


def fill_clean(parser: CommandParser) -> None:
    """Give ``clean`` its arguments."""
    parser.description = (
        "List the parts that no manifest names, the progress of runs that are over, and old commits."
    )
    parser.epilog = _CLEAN_EPILOG
    parser.no_effects = (
        endpoint_needs_s3("WHERE", "where"),
        NoEffect("--grace", "without --keep", lambda args: args.keep is None, "every commit stays"),
        NoEffect(
            "--superseded",
            "with --keep",
            lambda args: args.keep is not None,
            "commits that are not kept go with their parts",
        ),
    )
    parser.add_argument("where", metavar="WHERE", help=DESTINATIONS)
    parser.add_argument(
        "--older-than", type=_days, default=7.0, metavar="AGE", help="spare what is younger (7d): 30d, 12h"
    )
    parser.add_argument("--keep", type=int, metavar="N", help="of each dataset the last N commits alone")
    parser.add_argument("--grace", type=_days, metavar="AGE", help="how long somebody reads a commit (1d)")
    parser.add_argument(
        "--superseded", action="store_true", help="also parts that only replaced manifests name"
    )
    parser.add_argument("--delete", action="store_true", help="delete it; without this it is only listed")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.add_argument("--endpoint-url", metavar="URL", help=ENDPOINT_URL)


_SCHEDULE_EPILOG = """\
What a description says under schedule is created, changed and removed in the
stack's own schedule group; what is there by other hands is not touched.

exit status: 0 they are as described, 1 AWS refuses, 2 a mistake in the
command or in a description

examples:
  %(prog)s de-classes-dev --dry-run
  %(prog)s de-classes-dev --json
  %(prog)s my-lake --sources sources --region eu-central-1
"""


def fill_schedule(parser: CommandParser) -> None:
    """Give ``schedule`` its arguments."""
    parser.description = "Bring the schedules of a deployed stack up to date with what descriptions say."
    parser.epilog = _SCHEDULE_EPILOG
    parser.add_argument("stack", metavar="STACK", help="the name of the stack")
    parser.add_argument("--sources", metavar="PATH", help="descriptions: a file or folder (sources/)")
    parser.add_argument("--region", metavar="NAME", help="where the stack is, if not where the shell says")
    parser.add_argument("--profile", metavar="NAME", help="of AWS's configuration, if not the shell's")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


_NEW_EPILOG = """\
The last part of FOLDER is the project's name, and its stack's: letters, digits
and hyphens, a letter first.

exit status: 0 the project is there, 2 nothing was written

examples:
  %(prog)s my-lake
  %(prog)s my-lake --wheel de_classes-0.1.0-py3-none-any.whl
  sam init --no-input --name my-lake \\
      --location "$(%(prog)s --location)"
"""


def fill_new(parser: CommandParser) -> None:
    """Give ``new`` its arguments."""
    parser.description = (
        "Write a project that uses this package on AWS Lambda: a description, a handler, "
        "a template for `sam deploy`, a test and a Makefile. Nothing is installed or fetched."
    )
    parser.epilog = _NEW_EPILOG
    parser.no_effects = (
        NoEffect("--location", "with FOLDER", lambda args: args.folder, "nothing is written: give it alone"),
        NoEffect("--wheel", "with --location", lambda args: args.location, "nothing is written"),
    )
    parser.add_argument("folder", metavar="FOLDER", nargs="?", help="one that is not there, or is empty")
    parser.add_argument(
        "--wheel", metavar="FILE", help="this version's wheel, to install from while it is on no index"
    )
    parser.add_argument(
        "--location", action="store_true", help="print where the files lie, for `sam init --location`"
    )
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


_RUNS_EPILOG = """\
WHERE is what runs were given as --to: the progress of runs lies there in _runs.

exit status: 0 done, 1 it cannot be done, 2 a mistake in the command

examples:
  %(prog)s list lake
  %(prog)s status lake monday --json
  %(prog)s cancel lake friday
"""
_RUN_STATES = """\
A run is queued (nobody has begun), running, stopped (nobody is at it, and it
may go on), cancelled, incomplete, partial or complete.
"""
_RUNS_START_EPILOG = """\
Nobody waits for it: `status` tells how far it is. Asking again by the same
--run-id is one run. Calls are signed by AWS's credentials, as the SDK has them.

exit status: 0 it is begun, or was before; 1 it cannot be; 2 a mistake in the
command, or in what is asked for

examples:
  %(prog)s --run-id monday --worker "$WORKER_URL"
  %(prog)s unstable --json \\
      --worker "$WORKER_URL" --format csv
  %(prog)s --run-id monday --resume \\
      --worker "$WORKER_URL"
"""
_RUNS_STATUS_EPILOG = f"""\
{_RUN_STATES}
exit status: 0 it is told, whatever it is; 1 it cannot be told, 2 there is no
such run, or a mistake in the command

examples:
  %(prog)s lake monday
  %(prog)s s3://my-bucket/raw friday --json
  %(prog)s monday --worker "$WORKER_URL"
"""
_RUNS_LIST_EPILOG = f"""\
{_RUN_STATES}
exit status: 0 they are listed; 1 they cannot be, 2 a mistake in the command

examples:
  %(prog)s lake
  %(prog)s lake --state stopped --state incomplete
  %(prog)s s3://my-bucket/raw --json
"""
_RUNS_CANCEL_EPILOG = """\
Who is at it stops within seconds of its next page, and keeps what came. The
run goes on by the request that it was begun with, and --resume.

exit status: 0 it is cancelled; 1 it is complete, or cannot be cancelled, 2 no
such run, or a mistake in the command

examples:
  %(prog)s lake friday
  %(prog)s lake friday --json
  %(prog)s s3://my-bucket/raw friday
"""
STATES = ("queued", "running", "stopped", "cancelled", "incomplete", "partial", "complete")
_WORKER = "of a deployed worker: the stack's output WorkerUrl"
_OF_RUNS = "what runs were given as --to"


def fill_runs(parser: CommandParser) -> None:
    """Give ``runs`` its four commands, with their arguments."""
    parser.description = "Start runs that nobody waits for, tell where runs stand, and cancel them."
    parser.epilog = _RUNS_EPILOG
    actions = parser.add_subparsers(title="commands", dest="action", metavar="COMMAND", required=True)
    for name, (brief, fill) in _RUNS.items():
        fill(actions.add_parser(name, help=brief))


def _fill_runs_start(parser: CommandParser) -> None:
    parser.usage = "%(prog)s [SOURCE] --worker URL [OPTION...]"
    parser.description = "Have a deployed worker carry a run out, and do not wait for it."
    parser.epilog = _RUNS_START_EPILOG
    parser.common = ("--worker", "--run-id", "--format", "--pages", "--partial", "--resume", "--json")
    parser.no_effects = (
        NoEffect(
            "--resume",
            "without --run-id",
            lambda args: args.run_id is None,
            "it goes on with a run that was cancelled",
        ),
    )
    parser.add_argument(
        "source",
        metavar="SOURCE",
        nargs="?",
        help="one that is packaged with the worker: NAME.RESOURCE, or NAME (its default)",
    )
    parser.add_argument("--worker", metavar="URL", required=True, help=_WORKER)
    parser.add_argument("--region", metavar="NAME", help="of the worker (as its address or the SDK has it)")
    parser.add_argument("--run-id", metavar="ID", help="begin the run by this name, or go on with it")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the source"
    )
    parser.add_argument("--format", metavar="FORMAT", help=f"{', '.join(FORMATS)} (the worker's)")
    parser.add_argument("--limit", type=int, metavar="N", help="records a page (the worker's)")
    parser.add_argument("--pages", metavar="RANGE", help="such as 5, 3-7 or 3- (all)")
    parser.add_argument("--from", dest="from_", metavar="TIME", help="of what is incremental: begin here")
    parser.add_argument("--until", metavar="TIME", help="of what is incremental: end here (now)")
    parser.add_argument("--workers", type=int, metavar="N", help="that carry it out at once (the stack's)")
    parser.add_argument("--partial", action="store_true", help="commit without pages that cannot be had")
    parser.add_argument("--strict", action="store_true", help="take nothing for complete unproved")
    parser.add_argument("--accept-shrink", action="store_true", help="commit a dataset that becomes smaller")
    parser.add_argument("--resume", action="store_true", help="go on although the run was cancelled")
    parser.add_argument("--json", action="store_true", help="print where the run stands as JSON")


def _fill_runs_status(parser: CommandParser) -> None:
    parser.description = "Tell where a run stands: what came, at which rate, what failed, what is left."
    parser.epilog = _RUNS_STATUS_EPILOG
    parser.no_effects = (
        NoEffect("--region", "without --worker", lambda args: args.worker is None, "it is the worker's"),
        NoEffect(
            "--worker",
            "with WHERE",
            lambda args: args.where is not None,
            "both say where to look: one will do",
        ),
        endpoint_needs_s3("WHERE", "where"),
    )
    parser.add_argument("where", metavar="WHERE", nargs="?", help=_OF_RUNS)
    parser.add_argument("run_id", metavar="ID", help="of the run")
    parser.add_argument("--worker", metavar="URL", help=f"in place of WHERE, {_WORKER}")
    parser.add_argument("--region", metavar="NAME", help="of the worker (as its address or the SDK has it)")
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.add_argument("--endpoint-url", metavar="URL", help=ENDPOINT_URL)


def _fill_runs_list(parser: CommandParser) -> None:
    parser.description = "List the runs whose progress is there, and their states."
    parser.epilog = _RUNS_LIST_EPILOG
    parser.no_effects = (endpoint_needs_s3("WHERE", "where"),)
    parser.add_argument("where", metavar="WHERE", help=_OF_RUNS)
    parser.add_argument(
        "--state",
        action="append",
        choices=STATES,
        default=[],
        metavar="STATE",
        help="only such runs; repeatable",
    )
    parser.add_argument("--json", action="store_true", help="print them as JSON")
    parser.add_argument("--endpoint-url", metavar="URL", help=ENDPOINT_URL)


def _fill_runs_cancel(parser: CommandParser) -> None:
    parser.description = "Have whoever carries a run out stop, and keep what came."
    parser.epilog = _RUNS_CANCEL_EPILOG
    parser.no_effects = (endpoint_needs_s3("WHERE", "where"),)
    parser.add_argument("where", metavar="WHERE", help=_OF_RUNS)
    parser.add_argument("run_id", metavar="ID", help="of the run")
    parser.add_argument("--json", action="store_true", help="print where it stands as JSON")
    parser.add_argument("--endpoint-url", metavar="URL", help=ENDPOINT_URL)


_RUNS: dict[str, tuple[str, Callable[[CommandParser], None]]] = {
    "start": ("have a deployed worker carry a run out", _fill_runs_start),
    "status": ("tell where a run stands", _fill_runs_status),
    "list": ("list the runs that there are", _fill_runs_list),
    "cancel": ("have a run stopped, and keep what came", _fill_runs_cancel),
}
COMMANDS: dict[str, tuple[str, Callable[[CommandParser], None]]] = {
    "simulate": ("serve an API that fails on purpose, on this machine", fill_simulate),
    "init": ("write the description of a source from its address and a secret", fill_init),
    "check": ("try a described source before trusting it", fill_check),
    "sample": ("show the first records of a described source", fill_sample),
    "ingest": ("pull an API into a directory or a bucket", fill_ingest),
    "replay": ("fetch only the pages that a run is missing", fill_replay),
    "runs": ("start runs, tell where they stand, and cancel them", fill_runs),
    "load": ("load a dataset into PostgreSQL, each part exactly once", fill_load),
    "show": ("show a dataset, the datasets of a place, or the receipt of a run", fill_show),
    "sql": ("answer a question about a dataset in SQL", fill_sql),
    "verify": ("compare the objects of a run with its receipt", fill_verify),
    "clean": ("find, and delete, what runs left behind", fill_clean),
    "schedule": ("bring a stack's schedules up to date with descriptions", fill_schedule),
    "new": ("write a project of your own for AWS Lambda", fill_new),
}
"""By name: its line in the list of commands, and what gives it its arguments."""


def add_commands(subparsers: argparse._SubParsersAction[CommandParser], named: Container[str]) -> None:
    """Add every command to a command line.

    Args:
        subparsers: The commands.
        named: Those that get their arguments; of the others nobody asks but the line in the list.
    """
    for name, (brief, fill) in COMMANDS.items():
        parser = subparsers.add_parser(name, help=brief)
        if name in named:
            fill(parser)
