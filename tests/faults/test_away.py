"""Stores, mail servers and databases that do not answer, are slow or break off; and disks that are full."""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from faulty_mail import FaultyMail
from faulty_store import FaultyStore, new_bucket, objects, s3_access, s3_server
from postgres_server import PostgresServer, postgres

from pipeline.errors import OutputNotWritable
from tests.faults.batch import Folder, UnattendedRun
from tests.faults.stages import Call, run
from tests.faults.table import Table

pytestmark = pytest.mark.timeout(7200)

STORE = {"500": "500", "503": "503", "slow": "slow", "cuts the answer": "cut", "cuts the upload": "upload"}
MAIL = {
    "refuses": "refuse",
    "takes it later": "later",
    "hangs": "hang",
    "dies before the message": "die",
    "takes the message and dies": "swallow",
    "takes the message and hangs": "mute",
    "takes the message and hangs at the end": "linger",
}


# One of each kind, for runs without --full; the tests of the mail channel cover all states of a message.
SHORT = ("503", "cuts the upload", "hangs", "takes the message and dies")


@pytest.fixture
def _in_short(full: bool, fault: str) -> None:
    if not full and fault not in SHORT:
        pytest.skip("this fault is tested by: make faults")


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.mark.usefixtures("_in_short")
@pytest.mark.parametrize("fault", STORE)
def test_a_store_misbehaves(tmp_path: Path, store: str, table: Table, seeds: range, fault: str) -> None:
    met = 0
    for seed in seeds:
        name = f"archive-{fault.replace(' ', '-')}-{seed}"
        client = new_bucket(store, name)
        faulty = FaultyStore(store, seed, {"slow": 0.4, "cuts the upload": 0.5}.get(fault, 0.15), [STORE[fault]])
        os.environ.update(s3_access(faulty.url) | {"AWS_MAX_ATTEMPTS": "2"})
        unattended = UnattendedRun(tmp_path / str(seed), inbox=f"s3://{name}/in", output=f"s3://{name}/out")
        for path, data in unattended.masters.items():
            client.put_object(Bucket=name, Key=f"in/{path}", Body=data)
        try:
            with table.run([f"the store: {fault}"], f"seed {seed}") as damage:
                unattended.go(unattended.insist)
                faulty.healthy = True
                files = {key.removeprefix("out/"): data for key, data in objects(client, name, "out/").items()}
                masters = {key.removeprefix("in/"): data for key, data in objects(client, name, "in/").items()}
                damage |= unattended.damage(files, masters)
                begun = client.list_multipart_uploads(Bucket=name).get("Uploads", ())
                damage.torn += [f"an upload of {upload['Key']} is left unfinished" for upload in begun]
        finally:
            faulty.close()
        print(f"seed {seed}: {faulty.faults} requests went wrong, {unattended.attempts} attempts at 12 tasks")
        assert not damage.describe(), f"seed {seed}: {damage.describe()}"
        met += faulty.faults
    assert met >= len(seeds)


@pytest.mark.usefixtures("_in_short")
@pytest.mark.parametrize("fault", MAIL)
def test_a_mail_server_misbehaves(tmp_path: Path, table: Table, seeds: range, fault: str) -> None:
    mode = MAIL[fault]
    taken = mode in ("swallow", "mute", "linger")
    for seed in seeds[:3]:
        mail = FaultyMail(patience=3.0)
        unattended = UnattendedRun(tmp_path / str(seed), mail=mail)
        failed = 0

        def repair(error: Exception, mail: FaultyMail = mail) -> None:
            nonlocal failed
            failed += 1
            if failed == 2:
                mail.mode = "healthy"

        def do(call: Call, mail: FaultyMail = mail, unattended: UnattendedRun = unattended) -> Any:
            if call.stage == "report":
                return None  # the message is sent without its PDF, which does not matter here
            if call.stage == "digest":
                mail.mode = mode
            return unattended.insist(call, repair=repair)

        try:
            with table.run([f"the mail server {fault}"], f"seed {seed}") as damage:
                unattended.go(do)
                damage |= unattended.damage()
                if len(mail.messages) != 1:
                    damage.lost.append(f"{len(mail.messages)} messages arrived")
        finally:
            mail.close()
        assert not damage.describe(), damage.describe()
        assert failed == (0 if taken else 2) and (mail.mode == "healthy") != taken


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres() as running:
        yield running


@pytest.mark.postgres
def test_the_ledgers_database_is_restarted(tmp_path: Path, table: Table, seeds: range, server: PostgresServer) -> None:
    met = 0
    for seed in seeds:
        chance = random.Random(seed)
        server.create(f"ledger{seed}")
        unattended = UnattendedRun(tmp_path / str(seed), ledger=server.url(f"ledger{seed}"))
        over = threading.Event()

        def trouble(chance: random.Random = chance, over: threading.Event = over) -> None:
            """Restarts the server now and then, not for ever: a slow machine must come to its end."""
            for _ in range(8):
                if over.wait(chance.uniform(0.3, 2.0)):
                    break
                chance.choice((server.stop, server.kill))()
                time.sleep(chance.uniform(0, 1.0))
                server.start()

        thread = threading.Thread(target=trouble)
        with table.run(["the ledger's database is restarted"], f"seed {seed}") as damage:
            thread.start()
            try:
                unattended.go(unattended.insist)
            finally:
                over.set()
                thread.join()
            damage |= unattended.damage()
        print(f"seed {seed}: {unattended.attempts} attempts at 12 tasks")
        assert not damage.describe(), f"seed {seed}: {damage.describe()}"
        met += unattended.attempts
    assert met >= 12 * len(seeds)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of one megabyte; skips the test where it may not be mounted."""
    folder.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip() or 'mount failed'}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_the_disk_is_full(tmp_path: Path, table: Table, seeds: range) -> None:
    met = 0
    for seed in seeds:
        chance = random.Random(seed)
        with small_disk(tmp_path / f"disk{seed}") as disk:
            unattended = UnattendedRun(tmp_path / str(seed), output=str(disk / "out"))
            (disk / "out").mkdir()
            ballast = disk / "ballast"

            def full(room: int, disk: Path = disk, ballast: Path = ballast) -> None:
                """Leaves so many bytes free."""
                ballast.unlink(missing_ok=True)
                state = os.statvfs(disk)
                with ballast.open("wb") as file:
                    file.write(bytes(max(0, state.f_bavail * state.f_frsize - room)))

            def repair(error: Exception, ballast: Path = ballast) -> None:
                nonlocal met
                assert isinstance(error, OutputNotWritable), error
                met += 1
                ballast.unlink(missing_ok=True)

            def do(call: Call, chance: random.Random = chance, unattended: UnattendedRun = unattended) -> Any:
                full(chance.choice((0, 4096, 8192, 32768, 65536)))
                return unattended.insist(call, repair=repair)

            with table.run(["the disk is full"], f"seed {seed}") as damage:
                unattended.go(do)
                ballast.unlink(missing_ok=True)
                damage |= unattended.damage(Folder(disk / "out").files())
            print(f"seed {seed}: {unattended.attempts} attempts at 12 tasks")
            assert not damage.describe(), f"seed {seed}: {damage.describe()}"
    assert met, "the disk was never full"


def test_nothing_is_wrong_where_nothing_goes_wrong(tmp_path: Path, table: Table) -> None:
    mail = FaultyMail()
    try:
        with table.run(["none"], "without a fault") as damage:
            unattended = UnattendedRun(tmp_path / "n", mail=mail)
            unattended.go(run)
            damage |= unattended.damage()
            # Damage would be noticed.
            next((unattended.output / "restored").rglob("*.png")).write_bytes(b"half a pict")
            (unattended.output / "masks" / ".part-1-2").touch()
            mail.messages += mail.messages
            (unattended.inbox / "a.png").write_bytes(b"")
            seen = unattended.damage()
        assert not damage.describe() and len(seen.torn) >= 4 and len(seen.doubled) == 1
    finally:
        mail.close()
