"""S3 and compatible servers: paginated listing, streams by smart_open, one complete upload per object.

The client's settings come from the usual AWS variables; `AWS_ENDPOINT_URL` selects a server other than Amazon's.
"""

from __future__ import annotations

import errno
import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, BinaryIO, cast

import boto3
import smart_open.s3
from botocore.config import Config
from botocore.exceptions import ClientError

from pipeline.atomic_write import temporary_name
from pipeline.errors import ConfigurationError
from pipeline.imaging.suffixes import has_image_suffix
from pipeline.storage.entry import Entry, is_hidden, text_path
from pipeline.storage.errors import GuardedReader
from pipeline.storage.s3_errors import s3_errors
from pipeline.storage.uris import scheme, split_bucket

# Objects up to this size are sent in one request; larger ones as a multipart upload with parts of PART bytes.
SINGLE = 32 << 20
PART = 16 << 20
# Keys that one response lists, or one request deletes.
PAGE = 1000


def client() -> Any:
    """Return this process's S3 client for the present environment variables (threads may share it)."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    # A connection pool must not be shared with a forked child, hence the process id.
    return _client(os.getpid(), endpoint, os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_MAX_ATTEMPTS"))


@lru_cache(maxsize=8)
def _client(process: int, endpoint: str | None, key: str | None, attempts: str | None) -> Any:
    """Create a client; the arguments are the cache key."""
    config = Config(
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=16,
        retries={"mode": os.environ.get("AWS_RETRY_MODE", "standard"), "total_max_attempts": int(attempts or 5)},
        # Servers other than Amazon's rarely have one host name per bucket.
        s3={"addressing_style": "path"} if endpoint else None,
    )
    return boto3.session.Session().client("s3", endpoint_url=endpoint, config=config)


def list_files(root: str) -> Iterator[Entry]:
    """Yield the objects below a prefix, by key in byte order, in constant memory; hidden names are skipped."""
    bucket, key = split_bucket(root)
    prefix = key.rstrip("/") + "/" if key.rstrip("/") else ""
    found = False
    for item in _objects(root, bucket, prefix):
        found = True
        path = item["Key"][len(prefix) :]
        if not path or is_hidden(path) or _is_placeholder(item):
            continue
        if not path.endswith("/"):
            yield _entry(root, path, item)
        elif has_image_suffix(path[:-1]):
            # A folder marker with an image's name.
            uri = f"{scheme(root)}://{bucket}/{item['Key']}"
            yield Entry(text_path(path[:-1]), uri, 0, item["LastModified"].timestamp(), "", "directory")
    if not found and key and not key.endswith("/"):
        with suppress(FileNotFoundError):
            yield stat(root)


def stat(uri: str) -> Entry:
    """Return the entry of one object."""
    bucket, key = split_bucket(uri)
    with s3_errors(uri):
        head = client().head_object(Bucket=bucket, Key=key)
    return _entry(uri, key.rpartition("/")[2], head | {"Key": key, "Size": head["ContentLength"]})


def _is_placeholder(item: dict[str, Any]) -> bool:
    """Return whether an object only stands for a folder, as some tools write them: empty, without an extension."""
    return item["Size"] == 0 and not item["Key"].endswith("/") and "." not in item["Key"].rpartition("/")[2]


def _entry(root: str, path: str, item: dict[str, Any]) -> Entry:
    """Return the entry of one listed object."""
    bucket, _ = split_bucket(root)
    uri = f"{scheme(root)}://{bucket}/{item['Key']}"
    modified = item["LastModified"].timestamp()
    return Entry(text_path(path), uri, item["Size"], modified, item["ETag"].strip('"'), "file")


def _objects(root: str, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a listing, page by page."""
    arguments = {"Bucket": bucket, "Prefix": prefix, "PaginationConfig": {"PageSize": PAGE}}
    pages = iter(client().get_paginator("list_objects_v2").paginate(**arguments))
    while True:
        try:
            with s3_errors(root):
                page = next(pages, None)
        except PermissionError as error:
            message = f"{root}: may not be listed ({error.strerror}); allow these credentials to list the bucket"
            raise ConfigurationError(message) from error
        if page is None:
            return
        yield from page.get("Contents", ())


def open_read(uri: str) -> BinaryIO:
    """Return a seekable stream of an object; a broken connection is resumed where it broke."""
    bucket, key = split_bucket(uri)
    with s3_errors(uri):
        # Bucket and key are passed separately: smart_open would parse a URI and misread '#', '?' or '@' in a key.
        stream = smart_open.s3.open(bucket, key, "rb", client=client())
        stream.seek(0)
    return cast(BinaryIO, io.BufferedReader(GuardedReader(stream, lambda: s3_errors(uri)), 1 << 18))


@contextmanager
def open_write(uri: str) -> Iterator[BinaryIO]:
    """Yield a stream into a multipart upload that is completed at the end, or aborted on any error."""
    bucket, key = split_bucket(uri)
    with s3_errors(uri, to_write=True):
        stream = smart_open.s3.open(bucket, key, "wb", client=client(), min_part_size=PART)
        try:
            yield cast(BinaryIO, stream)
            stream.close()
        except BaseException:
            with suppress(Exception):
                stream.terminate()
            raise


@contextmanager
def open_new(uri: str) -> Iterator[BinaryIO]:
    """Yield a stream into a multipart upload that is completed at the end, unless there is an object by then."""
    bucket, key = split_bucket(uri)
    absent = {"IfNoneMatch": "*"}
    requests = {"S3.Client.complete_multipart_upload": absent, "S3.Client.put_object": absent}
    with s3_errors(uri, to_write=True):
        _refuse_existing(uri)
        stream = smart_open.s3.open(bucket, key, "wb", client=client(), min_part_size=PART, client_kwargs=requests)
        try:
            yield cast(BinaryIO, stream)
            # Not every server knows the condition.
            _refuse_existing(uri)
            stream.close()
        except BaseException:
            with suppress(Exception):
                stream.terminate()
            raise


def _refuse_existing(uri: str) -> None:
    if exists_object(uri):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), uri)


def write_bytes(uri: str, data: bytes | memoryview) -> None:
    """Write an object atomically."""
    bucket, key = split_bucket(uri)
    if len(data) > SINGLE:
        with open_write(uri) as stream:
            stream.write(data)
        return
    with s3_errors(uri, to_write=True):
        client().put_object(Bucket=bucket, Key=key, Body=bytes(data))


def copy(source: str, target: str) -> None:
    """Copy an object on the server."""
    from_bucket, from_key = split_bucket(source)
    bucket, key = split_bucket(target)
    if not exists_object(source):
        raise FileNotFoundError(source)
    with s3_errors(target, to_write=True):
        client().copy({"Bucket": from_bucket, "Key": from_key}, bucket, key)


def exists(uri: str) -> bool:
    """Return whether there is an object with that key, or objects below it."""
    bucket, key = split_bucket(uri)
    if key and not key.endswith("/") and exists_object(uri):
        return True
    try:
        with s3_errors(uri):
            prefix = key.rstrip("/") + "/" if key else ""
            page = client().list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    except FileNotFoundError:
        return False
    return bool(page["KeyCount"]) or not key


def exists_object(uri: str) -> bool:
    """Return whether there is an object with exactly that key."""
    bucket, key = split_bucket(uri)
    try:
        with s3_errors(uri):
            client().head_object(Bucket=bucket, Key=key)
    except FileNotFoundError:
        return False
    return True


def delete(uri: str) -> None:
    """Delete an object, if it exists."""
    bucket, key = split_bucket(uri)
    with s3_errors(uri, to_write=True):
        client().delete_object(Bucket=bucket, Key=key)


def delete_tree(uri: str) -> None:
    """Delete all objects below a prefix.

    Raises:
        ValueError: the URI is a whole bucket.
    """
    bucket, key = split_bucket(uri)
    if not key.strip("/"):
        raise ValueError(f"{uri!r}: refusing to delete everything in a bucket")
    batch: list[str] = []
    for item in _objects(uri, bucket, key.rstrip("/") + "/"):
        batch.append(item["Key"])
        if len(batch) == PAGE:
            _delete_batch(uri, bucket, batch)
            batch = []
    if batch:
        _delete_batch(uri, bucket, batch)


def _delete_batch(uri: str, bucket: str, keys: list[str]) -> None:
    """Delete up to PAGE objects in one request."""
    with s3_errors(uri, to_write=True):
        # Keys that XML cannot represent (control characters) are deleted one by one, by a request's path.
        plain = [key for key in keys if key.isprintable()]
        for key in set(keys).difference(plain):
            client().delete_object(Bucket=bucket, Key=key)
        if plain:
            objects = [{"Key": key} for key in plain]
            answer = client().delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
            for refused in answer.get("Errors", ()):
                raise ClientError({"Error": refused}, "DeleteObjects")


def check_writable(uri: str) -> None:
    """Check that an object can be written below a prefix and deleted again."""
    probe = f"{uri.rstrip('/')}/{temporary_name()}"
    write_bytes(probe, b"")
    delete(probe)


def sweep(root: str, older_than: float) -> int:
    """Abort uploads that killed writers left unfinished (invisible, but charged for); return how many.

    Args:
        root: bucket or prefix.
        older_than: age in seconds; the writer of younger ones may still be running.
    """
    bucket, key = split_bucket(root)
    limit = time.time() - older_than
    swept = 0
    with s3_errors(root, to_write=True):
        for page in client().get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=key):
            for upload in page.get("Uploads", ()):
                if upload["Initiated"].timestamp() <= limit:
                    client().abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
                    swept += 1
    return swept
