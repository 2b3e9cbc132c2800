"""All stages over a bucket, against a real S3 server in this process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from end_to_end import RECIPE, damaged_sample, restored
from faulty_store import FaultyStore, new_bucket, objects, s3_access, s3_server
from sqlalchemy import func, select

from pipeline.cli import main
from pipeline.errors import StoreUnavailable
from pipeline.ledger.migrate import upgrade
from pipeline.settings import settings


@pytest.fixture
def server() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def access(server: str) -> dict[str, str]:
    return s3_access(server) | {"AWS_MAX_ATTEMPTS": "2"}


@pytest.fixture
def bucket(server: str) -> Any:
    return new_bucket(server, "archive")


def keys(client: Any, prefix: str) -> dict[str, bytes]:
    return objects(client, "archive", prefix)


def test_a_bucket_is_restored(tmp_path: Path, bucket: Any, access: dict[str, str]) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    for number, name in enumerate(["a.png", "Größe #1?/50%.png"]):
        damaged, mask, _ = damaged_sample(number)
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
    assert not [key for key in found if "/.work" in key], "the work area is left"
    for stem in ("a", "Größe #1?/50%"):
        sidecar = json.loads(found[f"out/sidecars/{stem}.json"])
        assert hashlib.sha256(found[f"out/restored/{stem}.png"]).hexdigest() == sidecar["output"]["sha256"]
        assert sidecar["output"]["uri"] == f"s3://archive/out/restored/{stem}.png"
    assert f"out/quarantine/{said['batches'][0]}/text.png" in found
    assert found[f"out/reports/{said['batches'][0]}/report.pdf"].startswith(b"%PDF")
    assert restored(*arguments, **access)["known"] == 3


def test_a_faulty_store_costs_attempts_and_nothing_else(
    tmp_path: Path, bucket: Any, access: dict[str, str], monkeypatch: pytest.MonkeyPatch, seed: int = 1
) -> None:
    from pipeline.ledger.tables import Event, OutcomeRow
    from pipeline.settings import Collection, Recipe
    from pipeline.stages.batch import work_area
    from pipeline.stages.inpaint import inpaint
    from pipeline.stages.mask import mask
    from pipeline.stages.measure import measure
    from pipeline.stages.publish import publish
    from pipeline.stages.receive import receive
    from pipeline.stages.reconcile import reconcile

    for number in range(4):
        damaged, painted, _ = damaged_sample(number)
        bucket.put_object(Bucket="archive", Key=f"in/{number}.png", Body=damaged)
        bucket.put_object(Bucket="archive", Key=f"in/{number}.mask.png", Body=painted)
    before = keys(bucket, "in/")
    store = FaultyStore(access["AWS_ENDPOINT_URL"], seed, 0.1, ("refused", "closed", "cut"))
    for name, value in {**access, "AWS_ENDPOINT_URL": store.url, "AWS_MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RESTORATION_LEDGER_URL", f"sqlite:///{tmp_path}/ledger.db")
    settings.cache_clear()
    attempts = 0

    def insist(stage: Callable[..., Any], *arguments: Any, **given: Any) -> Any:
        nonlocal attempts
        for _ in range(60):
            attempts += 1
            try:
                return stage(*arguments, **given)
            except StoreUnavailable:
                continue
        raise AssertionError(f"seed {seed}: {stage.__name__} never came through")

    recipe = Recipe(engine="telea", detector="none")
    place = {"inbox": "s3://archive/in", "output": "s3://archive/out"}
    collection = Collection(name="c", recipe=recipe, chunk_scans=2, **place)
    chunks = insist(receive, collection, batch="b1")
    for stage in (mask, inpaint, measure, publish):
        chunks = [insist(stage, chunk) for chunk in chunks]
    counts = insist(reconcile, work_area("s3://archive/out", "b1"), chunks)
    settings.cache_clear()
    print(f"seed {seed}: {store.faults} faults, {attempts} attempts at 10 tasks")
    assert store.faults > 3 and counts["restored"] == counts["received"] == 4
    store.healthy = True
    store.proxy.shutdown()
    assert keys(bucket, "in/") == before
    found = keys(bucket, "out/")
    assert sorted(key for key in found if "/.review/" not in key) == sorted(
        f"out/{kind}/{number}.{ending}"
        for number in range(4)
        for kind, ending in (("restored", "png"), ("masks", "png"), ("sidecars", "json"))
    )
    for number in range(4):
        sidecar = json.loads(found[f"out/sidecars/{number}.json"])
        assert hashlib.sha256(found[f"out/restored/{number}.png"]).hexdigest() == sidecar["output"]["sha256"]
    with upgrade(f"sqlite:///{tmp_path}/ledger.db").read() as session:
        assert session.scalar(select(func.count()).select_from(OutcomeRow)) == 4
        assert session.scalar(select(func.count()).select_from(Event).where(Event.decision == "restored")) == 4


def test_a_store_that_does_not_answer_is_reported(
    tmp_path: Path,
    bucket: Any,
    access: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    given = ["--ledger", str(tmp_path / "l.db"), "--recipe", str(tmp_path / "recipe.yaml")]
    monkeypatch.setenv("RESTORATION_LEDGER_URL", "")
    for name, value in {**access, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)
    assert main(["restore", "s3://archive/in", "s3://archive/out", *given]) == 1
    said = capsys.readouterr().err
    assert "did not answer" in said and len(said.splitlines()) == 1
    monkeypatch.setenv("AWS_ENDPOINT_URL", access["AWS_ENDPOINT_URL"])
    assert main(["restore", "s3://no-such-bucket/in", "s3://archive/out", *given]) == 2
    assert "there is no such" in capsys.readouterr().err
    settings.cache_clear()
