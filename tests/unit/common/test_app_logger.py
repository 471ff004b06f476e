import contextlib
import importlib
import importlib.util
import io
import json
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.common.logger import app_logger
from de_classes.common.logger.app_logger import AppLogger
from de_classes.common.logger.handlers import use_only

CANARY = "c4n4ry-v4lue"
MARK = "qZ"[::-1]  # source lines are part of a logged stack, so none may hold it as it is
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) (\S+): (.*)")
CONTEXT = SimpleNamespace(
    function_name="worker",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:x",
    aws_request_id="request-1",
)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"demo.{request.node.name}"
    yield name
    use_only(logging.getLogger(name), [])


@pytest.fixture
def on_lambda(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "worker")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", f"service-{request.node.name}")


def json_lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_on_a_laptop_everything_goes_to_the_console_and_errors_to_a_file(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = AppLogger(name, log_dir=tmp_path / "a" / "logs").get_logger()
    assert (tmp_path / "a" / "logs").is_dir()
    logger.debug("looking %s", "closely")
    logger.error("Something went wrong")
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = [LINE.fullmatch(line) for line in printed.err.splitlines()]
    assert [line.groups() for line in lines if line] == [
        ("DEBUG", name, "looking closely"),
        ("ERROR", name, "Something went wrong"),
    ]
    assert (tmp_path / "a" / "logs" / "errors.log").read_text() == printed.err.splitlines(keepends=True)[1]


def test_the_file_rotates(name: str, tmp_path: Path) -> None:
    logger = AppLogger(name, log_dir=tmp_path).get_logger()
    (tmp_path / "errors.log").write_text("x" * 999_990)
    logger.error("one line more")
    assert (tmp_path / "errors.log.1").stat().st_size == 999_990
    assert "one line more" in (tmp_path / "errors.log").read_text()


def test_no_handler_is_doubled_however_often_it_is_asked(name: str, tmp_path: Path) -> None:
    first = AppLogger(name, log_dir=tmp_path).get_logger()
    handlers = list(first.handlers)
    assert len(handlers) == 2
    assert AppLogger(name, log_dir=tmp_path).get_logger() is first
    assert first.handlers == handlers


def test_no_handler_is_doubled_by_reloading_or_importing_under_another_name(
    name: str, tmp_path: Path
) -> None:
    logger = AppLogger(name, log_dir=tmp_path).get_logger()
    handlers = list(logger.handlers)
    importlib.reload(app_logger).AppLogger(name, log_dir=tmp_path).get_logger()
    spec = importlib.util.spec_from_file_location("another_name", app_logger.__file__)
    assert spec is not None
    assert spec.loader is not None
    twin = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(twin)
    twin.AppLogger(name, log_dir=tmp_path).get_logger()
    assert logger.handlers == handlers


def test_no_handler_is_doubled_among_threads(name: str, tmp_path: Path) -> None:
    gate = threading.Barrier(16)

    def ask() -> None:
        gate.wait()
        AppLogger(name, log_dir=tmp_path).get_logger()

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(logging.getLogger(name).handlers) == 2


def test_two_loggers_share_the_console_and_the_file(name: str, tmp_path: Path) -> None:
    one = AppLogger(name, log_dir=tmp_path).get_logger()
    other = AppLogger(f"{name}.child", log_dir=tmp_path).get_logger()
    assert one.handlers == other.handlers
    use_only(other, [])


def test_no_line_is_doubled_by_the_root_or_by_a_parent(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root_handler = logging.StreamHandler(sys.stderr)
    logging.getLogger().addHandler(root_handler)
    try:
        AppLogger(name, log_dir=tmp_path).get_logger()
        child = AppLogger(f"{name}.child", log_dir=tmp_path).get_logger()
        child.info("only once")
    finally:
        logging.getLogger().removeHandler(root_handler)
        use_only(logging.getLogger(f"{name}.child"), [])
    assert capsys.readouterr().err.count("only once") == 1


def test_a_foreign_handler_such_as_caplog_can_be_attached_and_stays(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logger = AppLogger(name, log_dir=tmp_path).get_logger()
    logger.addHandler(caplog.handler)
    AppLogger(name, log_dir=tmp_path).get_logger().info("password=%s", CANARY)
    logger.removeHandler(caplog.handler)
    assert caplog.messages == ["password=***"]


@pytest.mark.parametrize(("level", "expected"), [(None, logging.DEBUG), (logging.WARNING, 30), ("ERROR", 40)])
def test_the_level_can_be_chosen(name: str, tmp_path: Path, level: int | str | None, expected: int) -> None:
    assert AppLogger(name, level=level, log_dir=tmp_path).get_logger().level == expected


def test_a_new_log_dir_replaces_the_old_file(name: str, tmp_path: Path) -> None:
    AppLogger(name, log_dir=tmp_path / "old").get_logger()
    AppLogger(name, log_dir=tmp_path / "new").get_logger().error("moved")
    assert not (tmp_path / "old" / "errors.log").exists()
    assert "moved" in (tmp_path / "new" / "errors.log").read_text()


def test_where_no_directory_can_be_made_the_console_says_so_and_goes_on(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("a file")
    AppLogger(name, log_dir=tmp_path / "taken").get_logger().error("still heard")
    printed = capsys.readouterr().err
    assert "errors are logged to the console only" in printed
    assert "still heard" in printed


def test_a_message_cannot_pass_itself_off_as_another_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = "2026-01-01T00:00:00.000Z ERROR demo: forged"
    AppLogger(name, log_dir=tmp_path).get_logger().info("one\n%s\r%s\u2028\x1b[2K", forged, forged)
    first, second = capsys.readouterr().err.splitlines()
    assert LINE.fullmatch(first)
    assert second == f"    {forged}\\r{forged}\\u2028\\x1b[2K"


@pytest.mark.usefixtures("on_lambda")
def test_on_lambda_lines_are_json_on_stdout_and_no_file_is_made(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = AppLogger(name, log_dir=tmp_path / "logs").get_logger()
    logger.debug("not by default")
    logger.info("Starting %s", "now", extra={"rows": 3})
    printed = capsys.readouterr()
    assert printed.err == ""
    (line,) = json_lines(printed.out)
    assert (line["level"], line["message"], line["rows"], line["logger"]) == ("INFO", "Starting now", 3, name)
    assert str(line["service"]).startswith("service-")
    assert str(line["timestamp"]).endswith("+00:00")
    assert not (tmp_path / "logs").exists()


@pytest.mark.usefixtures("on_lambda")
def test_on_lambda_no_line_is_doubled_however_often_it_is_asked(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root_handler = logging.StreamHandler(sys.stdout)
    logging.getLogger().addHandler(root_handler)
    try:
        for _ in range(3):
            logger = importlib.reload(app_logger).AppLogger(name).get_logger()
        logger.info("only once")
    finally:
        logging.getLogger().removeHandler(root_handler)
    assert len(logger.handlers) == 1
    assert len(json_lines(capsys.readouterr().out)) == 1


@pytest.mark.usefixtures("on_lambda")
def test_on_lambda_the_handler_gives_its_lines_cold_start_and_correlation_id(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    app = AppLogger(name)
    logger = app.get_logger()

    def handle(event: dict[str, str], context: object) -> str:
        logger.info("handling", extra={"of": str(context is CONTEXT)})
        return event["id"]

    wrapped = app.inject_lambda_context(handle, correlation_id_path="id")
    assert [wrapped({"id": "c-1"}, CONTEXT), wrapped({"id": "c-2"}, CONTEXT)] == ["c-1", "c-2"]
    first, second = json_lines(capsys.readouterr().out)
    assert (first["correlation_id"], second["correlation_id"]) == ("c-1", "c-2")
    assert isinstance(first["cold_start"], bool)
    assert second["cold_start"] is False
    assert first["function_request_id"] == "request-1"


@pytest.mark.usefixtures("on_lambda")
def test_a_correlation_id_can_be_set_and_taken_out(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    app = AppLogger(name)
    app.set_correlation_id("c-1")
    app.get_logger().info("with")
    app.set_correlation_id(None)
    app.get_logger().info("without")
    first, second = json_lines(capsys.readouterr().out)
    assert first["correlation_id"] == "c-1"
    assert "correlation_id" not in second


def test_on_a_laptop_the_handler_is_left_as_it_is(name: str, tmp_path: Path) -> None:
    def handle(event: object, context: object) -> tuple[object, object]:
        return event, context

    app = AppLogger(name, log_dir=tmp_path, on_lambda=False)
    app.set_correlation_id("c-1")
    assert app.inject_lambda_context(handle) is handle


@pytest.mark.usefixtures("on_lambda")
def test_a_logger_that_powertools_already_had_is_masked_too(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from aws_lambda_powertools.logging import Logger  # noqa: PLC0415 - only this test needs it

    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "somebody-elses")
    theirs = Logger(service="somebody-elses")
    AppLogger(name).get_logger().info("ours: Bearer %s", CANARY)
    theirs.info(f"theirs: Bearer {CANARY}")
    printed = capsys.readouterr().out
    assert CANARY not in printed
    assert [line["message"] for line in json_lines(printed)] == ["ours: Bearer ***", "theirs: Bearer ***"]


@pytest.mark.usefixtures("on_lambda")
@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": 1}', "\u00e4\u6f22"])
def test_on_lambda_a_message_stays_the_text_it_is(
    name: str, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    AppLogger(name).get_logger().info(text)
    assert json_lines(capsys.readouterr().out)[0]["message"] == text


@pytest.mark.usefixtures("on_lambda")
def test_asked_the_other_way_round_the_logger_changes_over(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    AppLogger(name).get_logger()
    AppLogger(name, log_dir=tmp_path, on_lambda=False).get_logger().info("on a laptop")
    AppLogger(name).get_logger().info("on Lambda")
    printed = capsys.readouterr()
    assert printed.err.count("on a laptop") == 1
    assert [line["message"] for line in json_lines(printed.out)] == ["on Lambda"]


@contextlib.contextmanager
def collected(name: str, log_dir: Path, *, on_lambda: bool) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    output = io.StringIO()
    logger = AppLogger(name, level="DEBUG", log_dir=log_dir, on_lambda=on_lambda).get_logger()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        yield logger, output


def log_everywhere(logger: logging.Logger, text: str) -> None:
    logger.info(text)
    logger.info("%s and %r", text, text)
    logger.info({"note": text, "list": [text, {"deep": text}]})
    logger.warning("as extra", extra={"note": text, "nested": {"list": [text]}, "object": ValueError(text)})
    error = ValueError(text)
    error.__cause__ = KeyError(text)
    error.add_note(text)
    logger.error("failed", exc_info=error)
    logger.error("%d", text)
    logger.error(text, stack_info=True)


@pytest.mark.parametrize("mode", ["laptop", "Lambda"])
@given(secret=st.text(min_size=4, max_size=20).map(lambda text: f"{MARK}{text}"))
def test_a_registered_secret_never_appears(
    tmp_path_factory: pytest.TempPathFactory, mode: str, secret: str
) -> None:
    log_dir = tmp_path_factory.getbasetemp() / f"canary-{mode}"
    AppLogger.redact(secret)
    with collected(f"canary.{mode}", log_dir, on_lambda=mode == "Lambda") as (logger, output):
        log_everywhere(logger, f"before {secret} after")
        use_only(logger, [])
    written = (log_dir / "errors.log").read_text() if mode == "laptop" else output.getvalue()
    assert MARK not in output.getvalue()
    assert MARK not in written
    assert "before *** after" in written


@pytest.mark.parametrize("mode", ["laptop", "Lambda"])
@pytest.mark.parametrize(
    "shape",
    [
        "Bearer {}",
        "password={}",
        '{{"password": "{}"}}',
        "https://u:{}@host/",
        "?access_token={}&x=1",
        "X-API-Key: {}",
    ],
)
def test_a_credential_nobody_registered_never_appears(tmp_path: Path, mode: str, shape: str) -> None:
    with collected(f"canary.{mode}", tmp_path, on_lambda=mode == "Lambda") as (logger, output):
        log_everywhere(logger, shape.format(CANARY))
        logger.info("extra", extra={"password": CANARY, "headers": {"Authorization": CANARY}})
        use_only(logger, [])
    assert CANARY not in output.getvalue()
    assert output.getvalue().count("***") > 5


def test_importing_and_asking_load_only_what_is_used(tmp_path: Path) -> None:
    code = (
        "import sys; from de_classes.common.logger.app_logger import AppLogger\n"
        "lazy = {'aws_lambda_powertools', 'logging.handlers', 'msgspec', 'boto3'}\n"
        "print(sorted(lazy & sys.modules.keys())); AppLogger('demo', on_lambda=False).get_logger()\n"
        "print(sorted(lazy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(app_logger.__file__).parents[3])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["[]", "['logging.handlers']"]
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]
