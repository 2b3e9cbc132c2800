"""Two Celery workers as two hosts, a bucket that is slow for a while, and one host that loses power in the middle."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from airflow_home import Airflow, start_run, wait_for_run
from celery_services import CeleryWorker, celery_services
from faulty_store import FaultyStore, new_bucket, objects, s3_access, s3_server
from image_files import png
from small_project import damaged

from scripts.airflow_api import AirflowApi, wait_until
from tests.faults.batch import Damage
from tests.faults.table import Table

pytestmark = [pytest.mark.airflow, pytest.mark.postgres, pytest.mark.timeout(3600)]

SCANS = 200
# Fewer where the same is done twice, and every request to the store is slow: some fifteen seconds a scan. Enough for
# each task to wait longer than it works, so that the machine has cores for four.
FEW, FEW_IN_CHUNK = 24, 6


def names(count: int = SCANS) -> list[str]:
    return [f"box {number // 50}/{number:03d}.png" for number in range(count)]


def fill(client: Any, folder: str, count: int = SCANS) -> None:
    for number, name in enumerate(names(count)):
        pixels, mask = damaged(number)
        # All different, so that no result is shared.
        pixels[0, 0] = number % 256, number // 256, 1
        client.put_object(Bucket="archive", Key=f"{folder}/{name}", Body=png(pixels))
        client.put_object(Bucket="archive", Key=f"{folder}/{name.removesuffix('.png')}.mask.png", Body=png(mask))


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _ended(api: Any, run: str, task: str) -> bool:
    return any(one["task_id"] == task and one["state"] == "success" for one in api.tasks(run))


def test_a_host_loses_power_while_the_store_is_slow(
    airflow: Airflow, tmp_path: Path, full: bool, seeds: range, table: Table
) -> None:
    if not full:
        pytest.skip("two hundred scans through two workers: make faults")
    with s3_server() as server, celery_services() as services:
        client = new_bucket(server, "archive")
        fill(client, "in")
        masters = objects(client, "archive", "in/")
        store = FaultyStore(server, seeds[0], share=0.3, kinds=("slow",))
        services |= s3_access(store.url)
        airflow.write(hosts={"inbox": "s3://archive/in", "output": "s3://archive/out", "chunk_scans": 10})
        airflow.prepare(**services)
        hosts = [
            CeleryWorker(airflow, tmp_path / name, services, queues="cpu,gpu", concurrency=2) for name in ("one", "two")
        ]
        try:
            with airflow.running(port=int(services["AIRFLOW__API__PORT"]), **services) as api:
                run = start_run(api, "hosts")

                def published() -> int:
                    done = (one for one in api.tasks(run) if one["task_id"] == "chunk.publish")
                    return sum(one["state"] == "success" for one in done)

                wait_until(lambda: published() >= 3, "no chunk was published", seconds=1800, interval=1)
                hosts[1].kill()
                moment = time.monotonic()
                store.healthy = True
                state = wait_for_run(api, run)
                seconds = time.monotonic() - moment
                tasks = api.tasks(run)
        finally:
            for host in hosts:
                host.stop()
            store.close()
        print(f"seed {seeds[0]}: done {seconds:.0f} s after a host was killed; {store.faults} slow answers", flush=True)
        restored = {key.removeprefix("out/restored/") for key in objects(client, "archive", "out/restored/")}
        damage = Damage(lost=sorted({*names()} - restored), doubled=sorted(restored - {*names()}))
        table.row("power cut on one of two Celery hosts, bucket slow").add(damage, f"seed {seeds[0]}", seconds)
        failed = [(one["task_id"], one["map_index"], one["state"]) for one in tasks if one["state"] != "success"]
        assert state == "success", f"{failed}\n{hosts[0].log.read_text()[-3000:]}"
        assert objects(client, "archive", "in/") == masters
        assert not damage.describe()
        assert not objects(client, "archive", "out/.work/")
        connection = psycopg2.connect(services["RESTORATION_LEDGER_URL"].replace("+psycopg2", ""))
        with connection.cursor() as cursor:
            cursor.execute("SELECT outcome, count(*), count(DISTINCT scan_id) FROM ledger_outcomes GROUP BY outcome")
            assert cursor.fetchall() == [("restored", SCANS, SCANS)]
            cursor.execute("SELECT count(*) FROM ledger_claims")
            assert cursor.fetchone() == (0,)
        connection.close()
        # The surviving host keeps nothing; what the other has left is removed when a worker starts there again.
        left = [path for path in hosts[0].scratch.rglob("*") if path.is_file()]
        assert not left, left


def _slow_chunks(api: AirflowApi, name: str, store: FaultyStore) -> float:
    """Return the seconds from the first to the last of a run's chunks, with a store that is slow meanwhile."""
    run = start_run(api, name)
    wait_until(lambda: _ended(api, run, "receive"), "receive did not end", seconds=900)
    store.healthy = False

    def chunks() -> list[dict[str, Any]]:
        return [one for one in api.tasks(run) if one["task_id"].startswith("chunk.")]

    def done() -> bool:
        published = [one["state"] for one in chunks() if one["task_id"] == "chunk.publish"]
        return len(published) == FEW // FEW_IN_CHUNK and set(published) == {"success"}

    wait_until(done, "the chunks were not published", seconds=1800, interval=1)
    # What follows is done once, by one host.
    store.healthy = True
    assert wait_for_run(api, run) == "success"
    return max(_moment(one["end_date"]) for one in chunks()) - min(_moment(one["start_date"]) for one in chunks())


def test_two_hosts_share_the_work_of_a_slow_store(airflow: Airflow, tmp_path: Path, full: bool, seeds: range) -> None:
    # Tasks that wait for the store stand for the work of cores that this machine does not have.
    if not full:
        pytest.skip("the same scans by one host and by two: make faults")
    with s3_server() as server, celery_services() as services:
        client = new_bucket(server, "archive")
        places = {f"hosts_{count}": f"in{count}" for count in (1, 2)}
        for folder in places.values():
            fill(client, folder, FEW)
        store = FaultyStore(server, seeds[0], share=1.0, kinds=("slow",))
        store.healthy = True
        services |= s3_access(store.url)
        shared = {"chunk_scans": FEW_IN_CHUNK, "recipe": {"engine": "telea", "detector": "none"}}
        airflow.write(
            **{
                name: shared | {"inbox": f"s3://archive/{folder}", "output": f"s3://archive/out_{name}"}
                for name, folder in places.items()
            }
        )
        airflow.prepare(**services)
        hosts: list[CeleryWorker] = []
        seconds: dict[str, float] = {}
        try:
            with airflow.running(port=int(services["AIRFLOW__API__PORT"]), **services) as api:
                for name in places:
                    host = tmp_path / f"host{len(hosts)}"
                    hosts.append(CeleryWorker(airflow, host, services, queues="cpu,gpu", concurrency=2))
                    # As docs/install.md says: a slot for each host that fills.
                    airflow.run("airflow", "pools", "set", "gpu", str(len(hosts)), "Inpainting", **services)
                    seconds[name] = _slow_chunks(api, name, store)
        finally:
            for host in hosts:
                host.stop()
            store.close()
        ratio = seconds["hosts_1"] / seconds["hosts_2"]
        one, two = (f"{spent:.0f} s" for spent in seconds.values())
        print(f"{FEW} scans: chunks by one host in {one}, by two in {two}, {ratio:.2f} times as fast", flush=True)
        for name in places:
            assert len(objects(client, "archive", f"out_{name}/restored/")) == FEW
        connection = psycopg2.connect(services["RESTORATION_LEDGER_URL"].replace("+psycopg2", ""))
        with connection.cursor() as cursor:
            cursor.execute("SELECT outcome, count(*), count(DISTINCT scan_id) FROM ledger_outcomes GROUP BY outcome")
            assert cursor.fetchall() == [("restored", 2 * FEW, 2 * FEW)]
        connection.close()
