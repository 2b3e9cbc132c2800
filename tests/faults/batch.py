"""A small batch that goes through the stages, and what must be true of it at the end."""

from __future__ import annotations

import hashlib
import io
import json
import random
import smtplib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from end_to_end import damaged_sample
from faulty_mail import FaultyMail
from PIL import Image
from sqlalchemy import select

from pipeline.errors import StoreUnavailable
from pipeline.ledger.migrate import upgrade
from pipeline.ledger.tables import Batch, Claim, Event, OutcomeRow, Scan
from pipeline.settings import Collection, Recipe
from pipeline.stages.order import CHUNK_STAGES
from pipeline.stages.previews import THUMBS
from tests.faults.stages import Call, enter, run

# Those with a mask are filled; the fourth is not an image.
SCANS = {"a.png": "restored", "box/b.png": "restored", "box/c.png": "unchanged", "d.png": "quarantined"}


@dataclass
class Damage:
    """What went wrong, each a list of sentences."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)

    def __ior__(self, other: Damage) -> Damage:
        """Adds the damage of another run."""
        self.lost += other.lost
        self.doubled += other.doubled
        self.torn += other.torn
        return self

    def describe(self) -> str:
        """Returns all of it as one text, empty when nothing is wrong."""
        return "; ".join([*self.lost, *self.doubled, *self.torn])


class Folder:
    """An output in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def files(self) -> dict[str, bytes]:
        """Returns all files, hidden ones too, by name relative to the root."""
        return {str(p.relative_to(self.root)): p.read_bytes() for p in self.root.rglob("*") if p.is_file()}


class UnattendedRun:
    """One collection with a small inbox, and its batches.

    Args:
        folder: for everything that the batch needs: the inbox, and the output unless another one is given.
        place: keys of the collection that differ, such as `output` or `inbox`.
        ledger: its URL; a file in the folder when empty.
        mail: to which the digest goes.
    """

    def __init__(
        self, folder: Path, *, ledger: str = "", mail: FaultyMail | None = None, name: str = "c", **place: str
    ) -> None:
        self.scratch = folder / "tmp"
        self.scratch.mkdir(parents=True)
        self.inbox, self.output, self.mail = folder / "in", folder / "out", mail
        self.masters = inbox_files()
        self.fill()
        self.ledger = ledger or f"sqlite:///{folder}/ledger.db"
        self.collection = Collection(
            name=name,
            recipe=Recipe(engine="telea", detector="none"),
            chunk_scans=2,
            recipients=["archive@example.org"],
            **{"inbox": str(self.inbox), "output": str(self.output), **place},
        )
        self.environment = {
            "RESTORATION_LEDGER_URL": self.ledger,
            "RESTORATION_CODE_VERSION": "test",
            "TMPDIR": str(self.scratch),
        }
        self.attempts = 0
        if mail:
            mail.mode = "healthy"
            mail.messages.clear()
        enter(self.call("receive"))

    def fill(self) -> None:
        """Writes the files of the inbox."""
        for path, data in self.masters.items():
            (self.inbox / path).parent.mkdir(parents=True, exist_ok=True)
            (self.inbox / path).write_bytes(data)

    def call(self, stage: str, batch: str = "b1", **given: Any) -> Call:
        """Returns the first attempt of a task."""
        port = self.mail.port if self.mail else 0
        return Call(stage, self.collection, batch, mail=port, environment=self.environment, **given)

    def go(self, do: Callable[[Call], Any], batch: str = "b1") -> None:
        """Runs all tasks of a batch; each is run by `do`, which returns what the stage returns."""
        chunks = list(do(self.call("receive", batch)))
        for stage in map(str, CHUNK_STAGES):
            chunks = [do(self.call(stage, batch, chunk=chunk)) for chunk in chunks]
        if chunks:
            do(self.call("report", batch, chunks=tuple(chunks)))
            do(self.call("digest", batch))
        do(self.call("reconcile", batch, chunks=tuple(chunks)))

    def insist(self, call: Call, *, pause: float = 0.0, repair: Callable[[Exception], None] | None = None) -> Any:
        """Returns what a stage returns, retried as Airflow would whenever a store or the mail server does not answer.

        Args:
            repair: called after each failure, to repair what can be repaired.
        """
        for _ in range(60):
            self.attempts += 1
            try:
                return run(call)
            except (StoreUnavailable, smtplib.SMTPException, TimeoutError) as error:
                if repair is not None:
                    repair(error)
                time.sleep(pause)
                call = call.again()
        raise AssertionError(f"{call.stage} never came through")

    def damage(
        self, files: dict[str, bytes] | None = None, masters: dict[str, bytes] | None = None, *, batches: int = 1
    ) -> Damage:
        """Returns what is wrong with the collection's results, its ledger, its masters and its temporary files.

        Args:
            files: everything in the output, by name; those of the folder when left out.
            masters: everything in the inbox, likewise.
            batches: that were done.
        """
        found = Damage()
        files = Folder(self.output).files() if files is None else files
        masters = Folder(self.inbox).files() if masters is None else masters
        if masters != self.masters:
            found.torn.append("the masters were changed")
        self._check_ledger(found, files, batches)
        for name in files:
            if any(part.startswith(".") for part in Path(name.removeprefix(f"{THUMBS}/")).parts):
                found.torn.append(f"{name} is left")
        for path in self.scratch.iterdir():
            found.torn.append(f"{path} is left")
        if self.mail and self.mail.max_copies() > 1:
            found.doubled.append(f"a digest was sent {self.mail.max_copies()} times")
        return found

    def _check_ledger(self, found: Damage, files: dict[str, bytes], batches: int) -> None:
        with upgrade(self.ledger).read() as session:
            mine = select(Scan.id).where(Scan.collection == self.collection.name)
            scans = {scan.id: scan for scan in session.scalars(select(Scan).where(Scan.id.in_(mine)))}
            outcomes = session.scalars(select(OutcomeRow).where(OutcomeRow.scan_id.in_(mine))).all()
            events = session.scalars(select(Event).where(Event.scan_id.in_(mine), Event.stage == "publish")).all()
            claims = session.scalars(select(Claim).where(Claim.scan_id.in_(mine))).all()
            states = session.scalars(select(Batch.state).where(Batch.collection == self.collection.name)).all()
        per_path = Counter(scans[outcome.scan_id].path for outcome in outcomes)
        for path, expected in SCANS.items():
            ends = [outcome.outcome for outcome in outcomes if scans[outcome.scan_id].path == path]
            if ends != [expected]:
                (found.doubled if len(ends) > 1 else found.lost).append(f"{path} has {ends}, not {expected}")
        if per_path.keys() - SCANS:
            found.doubled.append(f"more has an outcome than was received: {per_path.keys() - SCANS}")
        ended = Counter(scans[one.scan_id].path for one in events if one.decision in set(SCANS.values()))
        found.doubled += [f"{path} was published {count} times" for path, count in ended.items() if count > 1]
        if claims or set(states) != {"done"} or len(states) != batches:
            found.lost.append(f"{len(claims)} claims are left; the batches are {states}")
        for outcome in outcomes:
            self._check_files(found, outcome, scans[outcome.scan_id].path, files)

    def _check_files(self, found: Damage, outcome: OutcomeRow, path: str, files: dict[str, bytes]) -> None:
        """Checks files of one scan against its sidecar, and both against the ledger."""
        root = f"{self.collection.output}/"
        places = {name: getattr(outcome, f"{name}_uri").removeprefix(root) for name in ("restored", "mask", "sidecar")}
        for name, place in places.items():
            if place and sha256(files.get(place, b"")) != getattr(outcome, f"{name}_sha256"):
                found.torn.append(f"{place} is not what the ledger says")
        if outcome.outcome == "quarantined":
            if not any(name.startswith("quarantine/") and name.endswith(f"/{path}") for name in files):
                found.lost.append(f"{path} is not in quarantine")
            return
        sidecar = json.loads(files.get(places["sidecar"]) or b"{}")
        output = sidecar.get("output")
        if bool(output) != (outcome.outcome == "restored"):
            found.torn.append(f"the sidecar of {path} does not fit its outcome")
        elif output:
            data = files.get(output["path"], b"")
            if sha256(data) != output["sha256"] or not is_whole(data):
                found.torn.append(f"{output['path']} is not what its sidecar says")


def inbox_files() -> dict[str, bytes]:
    """Returns the inbox by name: see SCANS."""
    files = {}
    for number, path in enumerate(SCANS):
        damaged, mask, _ = damaged_sample(number)
        files[path] = damaged
        if SCANS[path] == "restored":
            files[f"{path.removesuffix('.png')}.mask.png"] = mask
    return files | {"d.png": b"no picture at all"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def is_whole(data: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(data)) as opened:
            opened.load()
    except OSError:
        return False
    return True


def step_of(chance: random.Random, steps: int) -> int:
    """Returns a random step of a stage with so many steps."""
    return 1 + chance.randrange(max(1, steps))
