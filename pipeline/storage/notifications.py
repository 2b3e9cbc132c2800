"""Read notifications of a bucket: whether one may announce a new file below a prefix."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote_plus

from pipeline.storage.uris import split_bucket


def may_concern(message: str, root: str, is_wanted: Callable[[str], bool] = lambda path: True) -> bool:
    """Return whether a message may announce a new file below a root; a message that is not understood may.

    Args:
        message: body of a queue's message: a notification of S3 (or of a compatible server), sent directly, through
            SNS, or through EventBridge.
        root: URI of the inbox.
        is_wanted: whether a path below the root is one of which to be told.
    """
    try:
        notification = json.loads(message)
        if isinstance(notification, dict) and isinstance(notification.get("Message"), str):
            notification = json.loads(notification["Message"])
    except ValueError:
        return True
    if not isinstance(notification, dict):
        return True
    if notification.get("Event") == "s3:TestEvent":
        return False
    if not isinstance(notification.get("Records"), list) and "detail" not in notification:
        return True
    bucket, key = split_bucket(root)
    prefix = key.rstrip("/") + "/" if key.rstrip("/") else ""
    return any(
        one is None or (one[0] == bucket and one[1].startswith(prefix) and is_wanted(one[1][len(prefix) :]))
        for one in _new_objects(notification)
    )


def _new_objects(notification: dict[str, Any]) -> Iterator[tuple[str, str] | None]:
    """Yield bucket and key of each new object; None for a record that is not understood."""
    if "detail" in notification:
        try:
            if "Deleted" not in str(notification.get("detail-type", "")):
                yield notification["detail"]["bucket"]["name"], notification["detail"]["object"]["key"]
        except (KeyError, TypeError):
            yield None
        return
    for record in notification["Records"]:
        try:
            if "ObjectRemoved" not in record.get("eventName", "") and "Expiration" not in record.get("eventName", ""):
                yield record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        except (AttributeError, KeyError, TypeError):
            yield None
