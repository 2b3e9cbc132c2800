"""Copy the ledger while runs write to it: the copy is as of one moment, and whole."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from pipeline import storage
from pipeline.atomic_write import atomic_path
from pipeline.errors import ConfigurationError, StoreUnavailable
from pipeline.ledger.database import BUSY_SECONDS, first_line
from pipeline.ledger.migrate import upgrade
from pipeline.ledger.tables import PREFIX
from pipeline.upkeep.outputs import outputs


def back_up(url: str, target: Path) -> None:
    """Write a copy of the ledger to a file, which appears when it is complete.

    Of SQLite it is a ledger itself; of PostgreSQL it is what `pg_dump -Fc` writes of the ledger's tables.

    Args:
        target: a file that does not exist yet; its folder is created.

    Raises:
        ConfigurationError: the file exists, lies in an inbox or cannot be written, or `pg_dump` is not installed.
        StoreUnavailable: the database did not answer.
    """
    if target.exists():
        raise ConfigurationError(f"{target} exists already; a backup never overwrites anything: choose another name")
    for output in outputs(upgrade(url)):
        if any(storage.overlap(str(target), inbox) for inbox in output.inboxes):
            raise ConfigurationError(f"{target} is in the inbox of {output.collection!r}: choose another folder")
    parsed = make_url(url)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(target) as temporary:
            if parsed.get_backend_name() == "sqlite":
                _copy_sqlite(Path(parsed.database or ""), Path(temporary))
            else:
                _dump_postgres(parsed, Path(temporary))
    except OSError as error:
        raise ConfigurationError(f"{target}: cannot be written ({error.strerror or error})") from error


def _copy_sqlite(ledger: Path, target: Path) -> None:
    if not ledger.is_file():
        raise ConfigurationError(f"there is no ledger at {ledger}")
    try:
        with (
            closing(sqlite3.connect(f"{ledger.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as origin,
            closing(sqlite3.connect(target)) as copy,
        ):
            # All pages in one step: a writer in between would start the copy over.
            origin.backup(copy, pages=-1)
            if copy.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise StoreUnavailable(f"{ledger}: the copy is damaged; is the disk healthy?")
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{ledger}: cannot be copied ({first_line(error)})") from error


def _dump_postgres(url: URL, target: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise ConfigurationError("pg_dump is not installed (Debian: apt-get install postgresql-client)")
    # The password in the environment: other users can read the arguments of a process.
    environment = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    arguments = ["--format=custom", f"--table={PREFIX}*", f"--file={target}"]
    done = subprocess.run(
        [program, *arguments, f"--dbname={plain.render_as_string(hide_password=False)}"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise StoreUnavailable(f"pg_dump failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
