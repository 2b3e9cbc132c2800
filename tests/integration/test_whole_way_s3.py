"""The whole way over a bucket, against a real S3 server in this process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from whole_way import RECIPE, pair, restored, run


@pytest.fixture
def server() -> Iterator[str]:
    running = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def access(server: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "2",
    }


@pytest.fixture
def bucket(server: str) -> Any:
    client = boto3.client(
        "s3", endpoint_url=server, aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
    )
    client.create_bucket(Bucket="archive")
    return client


def keys(client: Any, prefix: str) -> dict[str, bytes]:
    listed = client.list_objects_v2(Bucket="archive", Prefix=prefix).get("Contents", ())
    return {one["Key"]: client.get_object(Bucket="archive", Key=one["Key"])["Body"].read() for one in listed}


def test_a_bucket_goes_the_whole_way(tmp_path: Path, bucket: Any, access: dict[str, str]) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    for number, name in enumerate(["a.png", "Größe #1?/50%.png"]):
        damaged, mask, _ = pair(number)
        bucket.put_object(Bucket="archive", Key=f"in/{name}", Body=damaged)
        bucket.put_object(Bucket="archive", Key=f"in/{name.removesuffix('.png')}.mask.png", Body=mask)
    bucket.put_object(Bucket="archive", Key="in/text.png", Body=b"no image")
    before = keys(bucket, "in/")

    arguments = ("s3://archive/in", "s3://archive/out", "--recipe", tmp_path / "recipe.yaml")
    arguments += ("--ledger", tmp_path / "ledger.db")
    said = restored(*arguments, **access)
    assert said["outcomes"] == {"restored": 2, "unchanged": 0, "review": 0, "quarantined": 1, "failed": 0}
    assert keys(bucket, "in/") == before
    found = keys(bucket, "out/")
    assert not [key for key in found if "/." in key], "the work area is left"
    for stem in ("a", "Größe #1?/50%"):
        sidecar = json.loads(found[f"out/sidecars/{stem}.json"])
        assert hashlib.sha256(found[f"out/restored/{stem}.png"]).hexdigest() == sidecar["output"]["sha256"]
        assert sidecar["output"]["uri"] == f"s3://archive/out/restored/{stem}.png"
    assert f"out/quarantine/{said['batches'][0]}/text.png" in found
    assert found[f"out/reports/{said['batches'][0]}/report.pdf"].startswith(b"%PDF")
    assert restored(*arguments, **access)["known"] == 3


def test_a_store_that_does_not_answer_is_told_and_tried_again(
    tmp_path: Path, bucket: Any, access: dict[str, str]
) -> None:
    away = {**access, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    done = run("restore", "s3://archive/in", "s3://archive/out", "--ledger", tmp_path / "l.db", **away)
    assert done.returncode == 1 and "did not answer" in done.stderr and len(done.stderr.splitlines()) == 1
    done = run("restore", "s3://no-such-bucket/in", "s3://archive/out", "--ledger", tmp_path / "l.db", **access)
    assert done.returncode == 2 and "there is no such" in done.stderr
