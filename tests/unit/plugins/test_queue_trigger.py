"""The queue trigger with a real queue (moto's SQS over HTTP) into which a bucket puts its notifications."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from triggers import collect_events, load

pytestmark = pytest.mark.airflow


class Cloud:
    """A bucket that notifies a queue of new objects, on a moto server."""

    def __init__(self) -> None:
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        self.url = "http://{}:{}".format(*self.server.get_host_and_port())
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        self.s3, self.sqs = (boto3.client(name, endpoint_url=self.url, **keys) for name in ("s3", "sqs"))
        self.queue = self.sqs.create_queue(QueueName="scans")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.s3.create_bucket(Bucket="archive")
        notify = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}]}
        self.s3.put_bucket_notification_configuration(Bucket="archive", NotificationConfiguration=notify)

    def put(self, key: str) -> None:
        self.s3.put_object(Bucket="archive", Key=key, Body=b"1")

    def waiting(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    cloud = Cloud()
    access = {"AWS_ENDPOINT_URL": cloud.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    for name, value in (access | {"AWS_DEFAULT_REGION": "us-east-1"}).items():
        monkeypatch.setenv(name, value)
    yield cloud
    cloud.server.stop()


def make(cloud: Cloud, settle: float = 0.5) -> Any:
    return load("queue_trigger").QueueTrigger("s3://archive/in box", cloud.queue, settle)


def messages(events: list[dict[str, Any]]) -> int:
    return sum(event["messages"] for event in events)


def test_many_notifications_create_one_event_and_leave_the_queue(cloud: Cloud) -> None:
    for number in range(25):
        cloud.put(f"in box/ü {number}.png")
    trigger = make(cloud, settle=3.0)
    events = asyncio.run(collect_events(trigger, 60, until=lambda events: messages(events) >= 25))
    assert [event["inbox"] for event in events] == ["s3://archive/in box"] * len(events)
    assert messages(events) == 25 and len(events) <= 2  # on a busy machine the event at the start may come first
    assert cloud.waiting() == 0


def test_other_prefixes_and_removed_objects_create_no_event(cloud: Cloud) -> None:
    trigger = make(cloud)

    async def deliver() -> list[dict[str, Any]]:
        await collect_events(trigger, 60, until=lambda events: len(events) == 1)
        cloud.put("restored/a.png")
        cloud.s3.delete_object(Bucket="archive", Key="in box/gone.png")
        await collect_events(trigger, 60, until=lambda events: len(events) == 1 and cloud.waiting() == 0)
        trigger._first = 0.0
        cloud.put("in box/b.png")
        return await collect_events(trigger, 60, until=lambda events: messages(events) > 0)

    assert messages(asyncio.run(deliver())) == 1


def test_an_event_at_the_start_covers_messages_that_a_killed_triggerer_may_have_received(cloud: Cloud) -> None:
    assert asyncio.run(collect_events(make(cloud), 60, until=bool)) == [{"inbox": "s3://archive/in box", "messages": 0}]


def test_a_queue_that_does_not_answer_is_retried(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    trigger = make(cloud)
    output = ""

    async def deliver() -> list[dict[str, Any]]:
        def is_away(_: object) -> bool:
            nonlocal output
            output += capsys.readouterr().out
            return "does not answer" in output

        def is_back(events: list[dict[str, Any]]) -> bool:
            if is_away(events):
                monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
            return messages(events) > 0

        cloud.put("in box/a.png")
        return await collect_events(trigger, 90, until=is_back)

    assert messages(asyncio.run(deliver())) == 1
    assert (output + capsys.readouterr().out).count("does not answer") == 1


def test_it_is_created_again_from_what_it_serializes(cloud: Cloud) -> None:
    path, arguments = make(cloud).serialize()
    assert path == "queue_trigger.QueueTrigger"
    assert load("queue_trigger").QueueTrigger(**arguments).serialize() == (path, arguments)


RECORD = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "in/a+%C3%BC.png"}}}
DETAIL = {"bucket": {"name": "b"}, "object": {"key": "in/a ü.png"}}


@pytest.mark.parametrize(
    ("message", "concerned"),
    [
        ({"Records": [RECORD]}, True),
        ({"Type": "Notification", "Message": json.dumps({"Records": [RECORD]})}, True),
        ({"detail-type": "Object Created", "detail": DETAIL}, True),
        ({"detail-type": "Object Deleted", "detail": DETAIL}, False),
        ({"Records": [RECORD | {"eventName": "ObjectRemoved:Delete"}]}, False),
        ({"Records": [RECORD | {"s3": {"bucket": {"name": "c"}, "object": {"key": "in/a.png"}}}]}, False),
        ({"Records": [RECORD | {"s3": {"bucket": {"name": "b"}, "object": {"key": "inside/a.png"}}}]}, False),
        ({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}, False),
        ({"Records": [{"surprise": 1}]}, True),
        ({"of": "another kind"}, True),
        ("no JSON at all", True),
    ],
)
def test_which_messages_concern_an_inbox(message: Any, concerned: bool) -> None:
    from pipeline.storage.notifications import may_concern

    body = message if isinstance(message, str) else json.dumps(message)
    assert may_concern(body, "s3://b/in/") is concerned


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("in/a.tif", True),
        ("in/a.mask.png", True),
        ("in/box/Thumbs.db", False),
        ("in/a.xmp", False),
        ("in/proofs/a.tif", False),
        ("in/done.txt", True),
        ("in/bag/manifest-sha256.txt", True),
    ],
)
def test_what_is_no_scan_counts_for_nothing(key: str, wanted: bool) -> None:
    trigger = load("queue_trigger").QueueTrigger("s3://b/in", "https://q/1", 1.0, ["proofs"], "done.txt")
    record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": key}}}
    trigger._count({"message_batch": [{"Body": json.dumps({"Records": [record]})}]})
    assert bool(trigger._messages) is wanted
