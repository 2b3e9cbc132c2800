"""Two Celery workers as two hosts, a bucket that is slow for a while, and one host that loses power in the middle."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg2
import pytest
from airflow_home import Airflow, start_run, wait_for_run
from celery_services import CeleryWorker, celery_services
from faulty_store import FaultyStore, new_bucket, objects, s3_access, s3_server
from image_files import png
from small_project import damaged

from scripts.airflow_api import wait_until
from tests.faults.batch import Damage
from tests.faults.table import Table

pytestmark = [pytest.mark.airflow, pytest.mark.postgres, pytest.mark.timeout(3600)]

SCANS = 200


def names() -> list[str]:
    return [f"box {number // 50}/{number:03d}.png" for number in range(SCANS)]


def test_a_host_loses_power_while_the_store_is_slow(
    airflow: Airflow, tmp_path: Path, full: bool, seeds: range, table: Table
) -> None:
    if not full:
        pytest.skip("two hundred scans through two workers: make faults")
    with s3_server() as server, celery_services() as services:
        client = new_bucket(server, "archive")
        for number, name in enumerate(names()):
            pixels, mask = damaged(number)
            # All different, so that no result is shared.
            pixels[0, 0] = number % 256, number // 256, 1
            client.put_object(Bucket="archive", Key=f"in/{name}", Body=png(pixels))
            client.put_object(Bucket="archive", Key=f"in/{name.removesuffix('.png')}.mask.png", Body=png(mask))
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
