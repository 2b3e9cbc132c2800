"""A run of a collection's DAG over a bucket, in one process, with mail."""

from __future__ import annotations

import pytest
from faulty_store import new_bucket, objects, s3_access, s3_server
from mail_server import Mailbox
from small_inbox import EXPECTED, inbox, outcomes

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]


def test_an_inbox_in_a_bucket_is_restored_and_reported_by_mail(airflow, mailbox: Mailbox):
    recipients = ["archive@example.org"]
    with s3_server() as url:
        client = new_bucket(url, "archive")
        for name, data in inbox().items():
            client.put_object(Bucket="archive", Key=f"inbox/{name}", Body=data)
        place = {"inbox": "s3://archive/inbox", "output": "s3://archive/restored"}
        airflow.write(bucket=place | {"recipients": recipients})

        airflow.restore("bucket", AIRFLOW_CONN_SMTP_DEFAULT=mailbox.connection, **s3_access(url))

        found = {key.removeprefix("restored/"): data for key, data in objects(client, "archive", "restored/").items()}
    [report] = [data for key, data in found.items() if key.endswith("report.parquet")]
    assert EXPECTED.items() <= outcomes(report).items()
    assert "restored/box 1/Grüße <b>.png" in found
    assert not [key for key in found if key.startswith(".work/")]
    [message] = mailbox.messages
    assert message["To"] == recipients[0]
    assert "application/pdf" in [part.get_content_type() for part in message.walk()]
