"""``runs``: start a run that nobody waits for, tell where runs stand, list them, and cancel one."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any, Final, TextIO

import msgspec

from de_classes.api.http_transport import HttpClientTransport
from de_classes.api.messages import HttpRequest
from de_classes.api.receipt import COMPLETE
from de_classes.cli.described import parameters_of
from de_classes.cli.destination import open_destination
from de_classes.configs.urls import url_problems
from de_classes.errors import (
    ConfigurationError,
    DeClassesError,
    InvalidInputError,
    NetworkError,
    PermissionDeniedError,
    ProtocolError,
    RequestRejectedError,
    RetryableError,
    RunCancelledError,
    TransientStatusError,
)
from de_classes.redaction import escaped_json, printable
from de_classes.runs.liveness import RunCancellation
from de_classes.runs.plan import new_run_id
from de_classes.runs.status import RunList, RunStatus, is_run_id, list_runs, read_status
from de_classes.utils.clock import SystemClock

if TYPE_CHECKING:
    import argparse

    from de_classes.api.transport import Transport
    from de_classes.cli.destination import Place
    from de_classes.runs.status import ListedRun
    from de_classes.utils.clock import Clock

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
_ANSWER_SECONDS: Final = 35.0  # API Gateway gives up after 29
_INGEST: Final = "/ingest"
_HOST: Final = re.compile(r"[^.]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
_WANTED: Final = {200, 202}
_BAD_REQUEST, _FORBIDDEN, _NOT_FOUND, _CONFLICT = 400, 403, 404, 409
_PASSES: Final = {429, 502, 503, 504}


def run(
    args: argparse.Namespace,
    *,
    out: TextIO | None = None,
    err: TextIO | None = None,
    clock: Clock | None = None,
    transport: Transport | None = None,
) -> int:
    """Do what the command says.

    Args:
        args: As ``parsers`` parses them.
        out: In place of stdout: where a run stands, or the list of runs.
        err: In place of stderr: what went wrong.
        clock: Tells the time.
        transport: Reaches a deployed worker.

    Returns:
        The exit status: 0 done, 1 it cannot be done, 2 a mistake in the command, or there is no such run.
    """
    out, err, clock = out or sys.stdout, err or sys.stderr, clock or SystemClock()
    try:
        return _ACTIONS[args.action](args, out, clock, transport or HttpClientTransport())
    except ConfigurationError as error:
        err.writelines(f"runs {args.action}: {problem}\n" for problem in error.problems)
        return EXIT_USAGE
    except DeClassesError as error:
        err.write(f"runs {args.action}: {type(error).__name__}: {error}\n")
        return EXIT_FAILED


def _start(args: argparse.Namespace, out: TextIO, clock: Clock, transport: Transport) -> int:
    del clock
    run_id = args.run_id or new_run_id()  # ours, so that asking again is one run, whatever the answer was
    said = {
        "run_id": run_id,
        "source": args.source,
        "parameters": parameters_of(args.set),
        "format": args.format,
        "limit": args.limit,
        "pages": args.pages,
        "from": args.from_,
        "until": args.until,
        "workers": args.workers,
        "allow_partial": args.partial,
        "strict": args.strict,
        "accept_shrink": args.accept_shrink,
        "resume": args.resume,
    }
    asked = {name: value for name, value in said.items() if value not in (None, {}, False)}
    worker = _Worker(args.worker, args.region, transport)
    answer = worker.post({**asked, "wait": False}, run_id)
    return _tell(args, out, _status_of(answer["run"]))


def _show(args: argparse.Namespace, out: TextIO, clock: Clock, transport: Transport) -> int:
    if args.worker is not None:
        worker = _Worker(args.worker, args.region, transport)
        return _tell(args, out, _status_of(worker.get(_checked(args.run_id))))
    if args.where is None:
        raise InvalidInputError("name WHERE the run writes to, or the --worker that carries it out")
    place = _place(args)
    status = read_status(place.store, place.bucket, place.prefix, args.run_id, now=clock.now())
    return _tell(args, out, status)


def _list(args: argparse.Namespace, out: TextIO, clock: Clock, transport: Transport) -> int:
    del transport
    place = _place(args)
    listed = list_runs(place.store, place.bucket, place.prefix, now=clock.now())
    chosen = (each for each in listed if not args.state or each.state in args.state)
    if args.json:
        _print_json(out, RunList(runs=list(chosen)))
        return 0
    count = 0
    for count, each in enumerate(chosen, start=1):  # noqa: B007 - how many there were
        out.write(f"{printable(_line(each))}\n")
    if not count:
        where = "of such a state" if args.state else "whose progress is there"
        out.write(f"no runs {where}; WHERE is what they were given as --to\n")
    return 0


def _cancel(args: argparse.Namespace, out: TextIO, clock: Clock, transport: Transport) -> int:
    del transport
    place = _place(args)
    where = (place.store, place.bucket, place.prefix, args.run_id)
    if read_status(*where, now=clock.now()).state != COMPLETE:
        RunCancellation(*where).ask()
    status = read_status(*where, now=clock.now())
    _tell(args, out, status)
    return EXIT_FAILED if status.state == COMPLETE else 0


_ACTIONS: Final = {"start": _start, "status": _show, "list": _list, "cancel": _cancel}


def summary(status: RunStatus) -> str:
    """Where a run stands, in a few lines."""
    again = ", ".join(f"{count} x {cause}" for cause, count in sorted(status.retries_by_cause.items()))
    failed = ", ".join(f"{count} x {kind}" for kind, count in sorted(status.failures.items()))
    lines = [
        f"run {status.run_id}: {status.state}, {_progress(status)}",
        *([f"error:    {status.error}: {status.message or 'see the log'}"] if status.error else []),
        *([f"source:   {_source(status)}"] if status.source else []),
        *([f"dataset:  {status.dataset}, {status.format}"] if status.dataset else []),
        f"began:    {status.began}, last sign of life {status.last_sign}, {_quiet(status.quiet_seconds)} ago",
        f"work:     {status.at_work} at it, {status.invocations} invocations, {status.seconds:.1f} s"
        + (f", ended by {failed}" if failed else ""),
        f"requests: {status.requests}, of which {status.retries} again" + (f" ({again})" if again else ""),
        *([f"missing:  {status.missing_pages} pages, until now"] if status.missing_pages else []),
        *([f"ranges:   {status.ranges_done} of {len(status.ranges)} done"] if status.ranges else []),
        *(
            f"  range {each.range}: pages {each.first}-{each.last or ''}: {each.state}, "
            f"{each.pages} pages, {each.records} records"
            for each in status.ranges
            if each.state != "done"
        ),
        *([f"receipt:  {status.receipt}"] if status.receipt else []),
    ]
    return "\n".join([*map(printable, lines), ""])


def _progress(status: RunStatus) -> str:
    of = "" if status.expected_pages is None else f" of {status.expected_pages}"
    rate = f", {status.records_per_second:.1f} a second" if status.records_per_second else ""
    left = "" if status.seconds_left is None else f", about {_quiet(status.seconds_left)} left"
    return f"{status.pages}{of} pages, {status.records} records{rate}{left}"


def _source(status: RunStatus) -> str:
    return f"{status.source} ({status.source_name})" if status.source_name else str(status.source)


def _quiet(seconds: float | None) -> str:
    """A time as people say it."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if (seconds or 0) >= 2 * size:
            return f"{(seconds or 0) / size:.0f} {unit}"
    return f"{seconds or 0:.0f} s"


def _line(each: ListedRun) -> str:
    brought = "" if each.records is None else f", {each.records} records"
    return (
        f"{each.run_id}: {each.state}, began {each.began}, last sign of life {each.last_sign}, "
        f"{each.parts} parts{brought}{f': {each.dataset}' if each.dataset else ''}"
    )


def _tell(args: argparse.Namespace, out: TextIO, status: RunStatus) -> int:
    if args.json:
        _print_json(out, status)
    else:
        out.write(summary(status))
    return 0


def _print_json(out: TextIO, document: msgspec.Struct) -> None:
    out.write(f"{escaped_json(msgspec.json.encode(document).decode())}\n")


def _place(args: argparse.Namespace) -> Place:
    logger = logging.getLogger("de_classes.runs")
    return open_destination(args.where, logger, endpoint_url=args.endpoint_url, create=False)


def _checked(run_id: str) -> str:
    if not is_run_id(run_id):
        raise InvalidInputError(
            "ID is no run's: 1 to 80 letters, digits, dots, underscores and hyphens, the first none of these"
        )
    return run_id


def _status_of(told: Any) -> RunStatus:  # noqa: ANN401 - what JSON holds
    try:
        return msgspec.convert(told, RunStatus)
    except msgspec.ValidationError as error:
        raise ProtocolError(
            f"--worker answers what this version cannot read: {error}; is it as new as this?"
        ) from error


class _Worker:
    """The API of a deployed worker; calls are signed by the process's own AWS credentials."""

    def __init__(self, url: str, region: str | None, transport: Transport) -> None:
        if not url.endswith(_INGEST):
            raise InvalidInputError("--worker is the stack's output WorkerUrl, which ends with /ingest")
        problems = url_problems("--worker", url)
        if problems:
            raise InvalidInputError("; ".join(problems), problems=problems)
        self._url = url
        self._region = region
        self._transport = transport

    def post(self, request: dict[str, Any], run_id: str) -> Any:  # noqa: ANN401 - what JSON holds
        """Ask for a run."""
        body = msgspec.json.encode(request)
        headers = {"Content-Type": "application/json"}
        try:
            return self._answer(HttpRequest("POST", self._url, headers=headers, body=body))
        except RetryableError as error:
            raise NetworkError(f"{error}; asking again with --run-id {run_id} is the same run") from error

    def get(self, run_id: str) -> Any:  # noqa: ANN401 - as above
        """Ask where a run stands."""
        url = f"{self._url.removesuffix(_INGEST)}/runs/{run_id}"
        return self._answer(HttpRequest("GET", url))

    def _answer(self, request: HttpRequest) -> Any:  # noqa: ANN401 - as above
        answer = self._transport.send(self._signed(request), timeout=_ANSWER_SECONDS)
        try:
            body = msgspec.json.decode(answer.body)
        except msgspec.MsgspecError as error:
            raise ProtocolError(
                f"--worker answers {answer.status}, and no JSON: is the URL right?"
            ) from error
        if answer.status not in _WANTED:
            raise _refused(answer.status, body if isinstance(body, dict) else {})
        return body

    def _signed(self, request: HttpRequest) -> HttpRequest:
        from botocore.auth import SigV4Auth  # noqa: PLC0415 - where a worker is called
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - as above
        from botocore.session import Session  # noqa: PLC0415 - as above

        session = Session()
        credentials = session.get_credentials()
        named = _HOST.fullmatch(self._url.partition("://")[2].partition("/")[0])
        region = self._region or (named[1] if named else session.get_config_variable("region"))
        if credentials is None or region is None:
            missing = "credentials" if credentials is None else "region: give --region"
            raise ConfigurationError(f"--worker is called with AWS's signature, and there are no {missing}")
        signed = AWSRequest(request.method, request.url, data=request.body or b"", headers=request.headers)
        SigV4Auth(credentials, "execute-api", region).add_auth(signed)
        return msgspec.structs.replace(request, headers=dict(signed.headers.items()))


def _refused(status: int, body: dict[str, Any]) -> DeClassesError:
    """What an answer that is none of those wanted means."""
    said = str(body.get("message", ""))
    if status in {_BAD_REQUEST, _NOT_FOUND}:
        problems = body.get("problems")
        return InvalidInputError(said, problems=problems if isinstance(problems, list) else ())
    if status == _FORBIDDEN:
        return PermissionDeniedError(f"--worker answers 403: {said}; the caller needs execute-api:Invoke")
    if status == _CONFLICT:
        return RunCancelledError(said)
    kind = str(body.get("error", "an error"))
    if status in _PASSES:
        return TransientStatusError(f"--worker answers {status}, {kind}: {said}", status=status)
    return RequestRejectedError(f"--worker answers {status}, {kind}: {said}", status=status)
