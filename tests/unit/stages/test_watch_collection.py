"""A collection in trouble is found outside its runs: an inbox that cannot be read, a queue that is gone, silence."""

from __future__ import annotations

from datetime import timedelta

import pytest
from s3_bucket import bucket, s3_address, s3_environment
from sqlalchemy import update

from pipeline.errors import ConfigurationError
from pipeline.ledger.rows import now
from pipeline.ledger.tables import Scan
from pipeline.stages.watch_collection import CollectionInTrouble, watch_collection
from pipeline.storage.queues import check_queue

__all__ = ["bucket", "s3_address", "s3_environment"]


def test_an_inbox_that_cannot_be_read_is_said_once_a_day(project, post) -> None:
    postbox, channel = post
    project.changes["recipients"] = ("a@example.org",)
    assert watch_collection(project.collection, channel=channel) == "no scan has arrived yet"
    project.inbox.rename(project.inbox.with_name("elsewhere"))
    for _ in range(2):
        with pytest.raises(CollectionInTrouble, match=r"inbox .*/in: there is no such folder"):
            watch_collection(project.collection, channel=channel)
    [mail] = postbox.arrived
    assert mail["Subject"] == "c: the inbox cannot be read"
    assert "there is no such folder" in mail.get_content() and "Collection c," in mail.get_content()


def test_silence_is_said_once_until_scans_arrive(project, post) -> None:
    postbox, channel = post
    project.changes |= {"recipients": ("a@example.org",), "silent_days": 3, "language": "de"}
    project.put("a.png")
    project.receive()
    assert watch_collection(project.collection, channel=channel).startswith("the last new scan arrived on")
    with project.ledger.write() as session:
        session.execute(update(Scan).values(first_seen=now() - timedelta(days=5)))
    for _ in range(2):
        with pytest.raises(CollectionInTrouble, match="for 5 days"):
            watch_collection(project.collection, channel=channel)
    assert [mail["Subject"] for mail in postbox.arrived] == ["c: keine neuen Scans"]
    project.put("b.png", 1)
    project.receive()
    watch_collection(project.collection, channel=channel)
    project.changes["silent_days"] = None
    with project.ledger.write() as session:
        session.execute(update(Scan).values(first_seen=now() - timedelta(days=50)))
    watch_collection(project.collection, channel=channel)


def test_trouble_is_trouble_without_mail(project) -> None:
    project.changes["inbox"] = f"{project.inbox}/none"
    with pytest.raises(CollectionInTrouble):
        watch_collection(project.collection, channel=None)


def test_a_queue_that_is_gone_is_named(s3_environment, bucket) -> None:
    import boto3

    client = boto3.client("sqs", endpoint_url=s3_environment)
    url = client.create_queue(QueueName="scans")["QueueUrl"]
    check_queue(url)
    client.delete_queue(QueueUrl=url)
    with pytest.raises(ConfigurationError, match="there is no such queue"):
        check_queue(url)
