"""What runs rest on in template.yaml: progress that lasts, events that come again, records with keys."""

from __future__ import annotations

import msgspec

from de_classes.api.source import Source
from de_classes.cli.schedule import OURS, OUTPUTS
from de_classes.simulators.records import SyntheticRecords
from de_classes.worker.put_off import WAITS
from tests.fakes.sources import ROOT
from tests.fakes.template import functions, resources, template, variables

WORKER = "IngestionWorkerFunction"


def test_only_the_progress_of_runs_expires_by_its_age() -> None:
    """A rule that reached a part would delete what a manifest names."""
    (bucket,) = resources("AWS::S3::Bucket").values()
    told = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    rules = [rule["If"][1] if "If" in rule else rule for rule in told]
    expiring = [rule for rule in rules if "ExpirationInDays" in rule]
    assert [(rule["Prefix"], rule["ExpirationInDays"]) for rule in expiring] == [
        ({"Sub": "${KeyPrefix}/_runs/"}, 30),
        ("athena.results/", 30),  # where no KeyPrefix leads, by its pattern
    ]
    assert all(rule["Status"] == "Enabled" for rule in rules)


def test_the_simulators_records_are_told_apart_by_their_id_and_those_of_others_are_not() -> None:
    names = variables(WORKER)["DEFAULT_SOURCE"]["If"]
    assert names == ["ServesOwnRecords", "unstable.own_records", "unstable"]
    sources = Source.load(ROOT / "sources")
    assert sources[names[1]].described.primary_key == ()
    assert sources.resources(names[2], in_order=True)[0].described.primary_key == ("id",)
    assert all("id" in msgspec.json.decode(each) for each in SyntheticRecords(7, 3).slice(0, 3))


def test_every_try_of_an_event_is_over_before_the_event_expires() -> None:
    config = functions()[WORKER]["EventInvokeConfig"]
    longest = template()["Parameters"]["WorkerTimeoutSeconds"]["MaxValue"]
    waits = 60 + 120  # Lambda's own, between the tries
    tries = config["MaximumRetryAttempts"] + 1
    assert tries * longest + waits <= config["MaximumEventAgeInSeconds"]


def test_an_event_that_the_worker_fails_on_ends_in_an_encrypted_queue() -> None:
    queues = resources("AWS::SQS::Queue")
    assert set(queues) == {"FailedRuns", "FailedTicks"}
    assert all(queue["Properties"]["SqsManagedSseEnabled"] is True for queue in queues.values())
    alias = functions()[WORKER]["EventInvokeConfig"]
    bare = resources("AWS::Lambda::EventInvokeConfig")["IngestionWorkerLatest"]["Properties"]
    assert bare["Qualifier"] == "$LATEST"
    for config in (alias, bare):
        assert config["DestinationConfig"]["OnFailure"]["Destination"] == {"GetAtt": "FailedRuns.Arn"}
        assert config["MaximumRetryAttempts"] == 2


def test_a_schedule_may_deliver_ticks_to_the_worker_and_do_nothing_else() -> None:
    role = resources("AWS::IAM::Role")["ScheduleRole"]["Properties"]
    assert set(role) == {"AssumeRolePolicyDocument"}
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trusted["Condition"]["StringEquals"]["aws:SourceArn"] == {"GetAtt": "ScheduleGroup.Arn"}
    policies = resources("AWS::IAM::Policy").values()
    (policy,) = (
        each["Properties"] for each in policies if each["Properties"]["Roles"] == [{"Ref": "ScheduleRole"}]
    )
    assert [(each["Action"], each["Resource"]) for each in policy["PolicyDocument"]["Statement"]] == [
        ("lambda:InvokeFunction", {"Ref": f"{WORKER}.Alias"}),
        ("sqs:SendMessage", {"GetAtt": "FailedTicks.Arn"}),
    ]


def test_what_a_template_cannot_know_of_schedules_is_told_by_its_outputs() -> None:
    outputs = template()["Outputs"]
    assert {each: outputs[each]["Value"] for each in OUTPUTS.values()} == {
        "ScheduleGroupName": {"Ref": "ScheduleGroup"},
        "ScheduleRoleArn": {"GetAtt": "ScheduleRole.Arn"},
        "ScheduleTargetArn": {"Ref": f"{WORKER}.Alias"},
        "FailedTicksArn": {"GetAtt": "FailedTicks.Arn"},
    }


def test_somebody_looks_after_the_schedules_often_enough_for_the_alarm_that_takes_silence_for_one() -> None:
    (watch,) = resources("AWS::Scheduler::Schedule").values()
    assert (watch["Properties"]["ScheduleExpression"], watch["Properties"]["Target"]["Input"]) == (
        "rate(5 minutes)",
        '{"watch": true}',
    )
    assert watch["Properties"]["Description"] not in {OURS, WAITS}  # or the next deployment would remove it
    alarm = resources("AWS::CloudWatch::Alarm")["LateSchedulesAlarm"]["Properties"]
    assert alarm["Period"] * alarm["EvaluationPeriods"] >= 3 * 300
