"""Tasks that are killed, or that outlive their supervisor, at steps of every stage that a seed chooses."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faulty_mail import FaultyMail

from pipeline.ledger.migrate import upgrade
from tests.faults.batch import UnattendedRun
from tests.faults.stages import STAGES, Call, run
from tests.faults.table import Table
from tests.faults.victim import Victim

pytestmark = pytest.mark.timeout(7200)

# Steps that a stage takes in a batch of this size, roughly; what takes fewer is over before it is hit.
STEPS = {
    "receive": 85, "mask": 13, "inpaint": 13, "measure": 10, "publish": 45, "report": 63, "digest": 33, "reconcile": 40,
}  # fmt: skip
# Those at which an orphan may be frozen are fewer: not while it holds the ledger.
FROZEN = STEPS | {"receive": 33, "mask": 7, "inpaint": 7, "measure": 7, "publish": 30, "digest": 29, "reconcile": 34}


@pytest.fixture(scope="module")
def mail() -> Iterator[FaultyMail]:
    server = FaultyMail()
    yield server
    server.close()


class Kills:
    """Kills a task of each stage at a random step, and then does it again."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.stood = chance, dict[str, str]()

    def __call__(self, call: Call) -> Any:
        # Of the tasks on chunks, the first or a later one.
        if call.stage in self.stood or (call.chunk and self.chance.random() < 0.3):
            return run(call)
        step = self.chance.randint(1, STEPS[call.stage])
        victim = Victim(call, step)
        stood = victim.wait()
        assert stood in ("killed", "done"), f"{call.stage}, step {step}: {victim.said}"
        self.stood[call.stage] = f"{stood} at step {step}"
        return run(call.again())


class Orphans:
    """Freezes a task of each stage at a random step, does it again, and lets the frozen one go on.

    It goes on beside the second try, or after it, or only when the whole batch is done.
    """

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.stood, self.late = chance, dict[str, str](), list[Victim]()

    def __call__(self, call: Call) -> Any:
        if call.stage in self.stood or (call.chunk and self.chance.random() < 0.3):
            return run(call)
        step, when = self.chance.randint(1, FROZEN[call.stage]), self.chance.choice(("beside", "after", "late"))
        victim = Victim(call, step, freeze=True)
        stood = victim.wait()
        assert stood in ("frozen", "done"), f"{call.stage}, step {step}: {victim.said}"
        self.stood[call.stage] = f"{stood} at step {step}, going on {when}"
        if stood == "done":
            return run(call.again())
        if when == "beside":
            victim.resume()
        try:
            result = run(call.again())
        finally:
            if when == "late":
                self.late.append(victim)
            else:
                self.finish(victim)
        return result

    def finish(self, victim: Victim) -> None:
        """Lets a frozen task go on to its end."""
        victim.resume()
        # What it still finds in place or not, and says of it, is its own affair.
        assert victim.wait() in ("done", "failed")


def told(seed: int, stood: dict[str, str]) -> str:
    return f"seed {seed} ({'; '.join(f'{stage} {how}' for stage, how in stood.items())})"


def test_a_task_is_killed_in_every_stage(tmp_path: Path, mail: FaultyMail, table: Table, seeds: range) -> None:
    killed = 0
    for seed in seeds:
        unattended = UnattendedRun(tmp_path / str(seed), mail=mail)
        kills = Kills(random.Random(seed))
        with table.run([f"kill -9 of the task: {stage}" for stage in STAGES], f"seed {seed}") as damage:
            unattended.go(kills)
            damage |= unattended.damage()
        print(told(seed, kills.stood))
        assert not damage.told(), told(seed, kills.stood)
        killed += sum(how.startswith("killed") for how in kills.stood.values())
    assert killed > len(seeds) * len(STAGES) / 2, "too fast to be killed"


def test_an_orphan_goes_on_writing_in_every_stage(tmp_path: Path, mail: FaultyMail, table: Table, seeds: range) -> None:
    frozen = 0
    for seed in seeds:
        unattended = UnattendedRun(tmp_path / str(seed), mail=mail)
        # Made beforehand: whoever is frozen while it makes the ledger holds it, and that is not what this is about.
        upgrade(unattended.ledger).close()
        orphans = Orphans(random.Random(seed))
        faults = [f"kill -9 of the supervisor, orphan goes on: {stage}" for stage in STAGES]
        with table.run(faults, f"seed {seed}") as damage:
            try:
                unattended.go(orphans)
                for victim in orphans.late:
                    orphans.finish(victim)
            finally:
                for victim in orphans.late:
                    victim.end()
            # What an orphan leaves in a work area that was removed, the next run removes.
            unattended.go(run, "b2")
            damage |= unattended.damage(batches=2)
        print(told(seed, orphans.stood))
        assert not damage.told(), told(seed, orphans.stood)
        frozen += sum(how.startswith("frozen") for how in orphans.stood.values())
    assert frozen > len(seeds) * len(STAGES) / 2, "too fast to be frozen"
