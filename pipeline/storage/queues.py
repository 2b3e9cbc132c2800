"""Check that a queue of a bucket's notifications is there."""

from __future__ import annotations

import re

from pipeline.errors import ConfigurationError, StoreUnavailable

REGION = re.compile(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com")
MISSING = ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")


def check_queue(url: str) -> None:
    """Return when an SQS queue is there, or when nobody may ask (receiving needs no permission to ask).

    Raises:
        ConfigurationError: there is no such queue.
        StoreUnavailable: it did not answer.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    region = REGION.match(url)
    try:
        client = boto3.client("sqs", region_name=region[1] if region else None)
        client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    except ClientError as error:
        if error.response["Error"]["Code"] in MISSING:
            raise ConfigurationError(f"queue {url}: there is no such queue") from error
    except BotoCoreError as error:
        raise StoreUnavailable(f"queue {url} did not answer ({error})") from error
