"""Runs for callers who do not wait: what carries them out is told to begin, and the caller has the id."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final, Protocol

from de_classes.errors import ConfigurationError, StorageUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from de_classes.configs.ingest import WorkerSettings

_LONGEST_NAME: Final = 80  # of an execution
_DIGEST_CHARS: Final = 12


class RunStarter(Protocol):
    """What begins a run elsewhere, and is done when that is sure to happen."""

    def start(self, request: Mapping[str, Any], *, go: int) -> None:
        """Have a run begun.

        Args:
            request: As ``POST /ingest`` takes it, with its ``run_id``.
            go: Which go of the run it is, from 1: asking again for the same one begins nothing new, where
                that can be told.

        Raises:
            ConfigurationError: The deployment has nothing that may begin it.
            StorageUnavailableError: What would begin it does not answer.
        """
        ...


class SelfInvocation:
    """The worker itself, by an event that nobody waits for: it is delivered three times if it has to be.

    Args:
        function: The function's name.
        alias: Its alias; empty for none.
        client: Of boto3's Lambda; made when it is first needed.
    """

    def __init__(self, function: str, alias: str, client: Any = None) -> None:  # noqa: ANN401 - boto3's
        self._function = f"{function}:{alias}" if alias else function
        self._client = client

    def start(self, request: Mapping[str, Any], *, go: int) -> None:
        """See ``RunStarter``. Two goes at once do no harm: the first to seal a part wins."""
        del go
        payload = json.dumps(request, separators=(",", ":")).encode()
        _called(
            self._client or _client("lambda"),
            "invoke",
            FunctionName=self._function,
            InvocationType="Event",
            Payload=payload,
        )


class StateMachine:
    """A state machine, whose executions are called by the runs: of one name there is one.

    Args:
        arn: Its ARN.
        client: Of boto3's Step Functions; made when it is first needed.
    """

    def __init__(self, arn: str, client: Any = None) -> None:  # noqa: ANN401 - boto3's
        self._arn = arn
        self._client = client

    def start(self, request: Mapping[str, Any], *, go: int) -> None:
        """See ``RunStarter``."""
        _called(
            self._client or _client("stepfunctions"),
            "start_execution",
            known=("ExecutionAlreadyExists",),
            stateMachineArn=self._arn,
            name=execution_name(str(request["run_id"]), go),
            input=json.dumps(request, separators=(",", ":")),
        )


def starter_for(settings: WorkerSettings, function: str) -> RunStarter:
    """What a deployment begins runs by: its state machine if it has one, else the worker itself.

    Args:
        settings: The worker's.
        function: What the worker is called.
    """
    if settings.run_state_machine:
        return StateMachine(settings.run_state_machine)
    return SelfInvocation(function, settings.alias)


def execution_name(run_id: str, go: int) -> str:
    """What an execution is called: as the run, and by a number from its second go on.

    Args:
        run_id: The run.
        go: From 1.
    """
    name = run_id if go == 1 else f"{run_id}-go-{go}"
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_CHARS]
    return f"{name[: _LONGEST_NAME - _DIGEST_CHARS - 1]}-{digest}"


def _client(service: str) -> Any:  # noqa: ANN401 - boto3's
    from de_classes.storage.clients.sessions import default_config, shared_session  # noqa: PLC0415 - as below

    session: Any = shared_session()  # its stubs name every service there is
    return session.create_client(service, config=default_config())


def _called(client: Any, operation: str, *, known: tuple[str, ...] = (), **arguments: Any) -> None:  # noqa: ANN401 - boto3's
    """Call it, unless it was called before."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - botocore, only where it starts

    try:
        getattr(client, operation)(**arguments)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in known:
            return
        if code.startswith(("AccessDenied", "ResourceNotFound", "StateMachineDoesNotExist")):
            raise ConfigurationError(
                f"wait: false: {code}: the worker's role may not {operation}, or there is nothing to; deploy "
                "the whole template, or ask with wait: true"
            ) from error
        raise StorageUnavailableError(f"wait: false: nothing was begun: {code}; ask again") from error
    except BotoCoreError as error:
        raise StorageUnavailableError(
            f"wait: false: nothing was begun: {type(error).__name__}; ask again"
        ) from error
