"""From nothing to a deployed stack, telling what happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.cli.schedule import reconcile, scheduled
from localcloud.stack import STACK, Stack, prepare_artifacts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from de_classes.cli.schedule import Reconciled
    from localcloud.aws import LocalAws
    from localcloud.console import Console
    from localcloud.emulator import Emulator
    from localcloud.sam import SamCli

# Where an AWS deployment and this one differ, and nowhere else.
LOCAL_PARAMETERS = {
    "PublishDataFrames": "false",
    # Here no account has a quota that a burst could exhaust, and a simulator is asked as fast as it answers.
    "SimulatorBurst": "5000",
    "SimulatorRequestsPerSecond": "10000",
    "WorkerBurst": "10",
    "WorkerRequestsPerSecond": "5",
}


def launch(emulator: Emulator, sam: SamCli, parameters: Mapping[str, str], console: Console) -> Stack:
    """Build and deploy the template into a running local cloud.

    Args:
        emulator: The local cloud.
        sam: Builds and deploys.
        parameters: Of the template, besides those that a local cloud needs.
        console: Where progress is shown.

    Raises:
        LocalCloudError: The build or the deployment failed.
    """
    with console.step("building functions and layers") as step:
        if not sam.build():
            step.note("nothing changed")
    with console.step("deploying template.yaml"):
        prepare_artifacts(emulator.aws)
        sam.deploy(
            emulator.endpoint,
            {**LOCAL_PARAMETERS, "ApiBaseUrl": emulator.rest_api_base_url, **parameters},
        )
        bring_schedules_up_to_date(emulator.aws, sam.sources)
    return Stack(emulator.aws)


def bring_schedules_up_to_date(aws: LocalAws, sources: Path) -> Reconciled:
    """What `make deploy` does after SAM, here.

    Args:
        aws: Makes clients of the local cloud.
        sources: The folder of descriptions.
    """
    wanted = scheduled(sources)
    return reconcile(aws.cloudformation(), aws.scheduler(), stack=STACK, wanted=wanted)
