"""Tasks that are killed, or outlive their supervisor, at random steps of every stage; the seed chooses them."""

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

# Approximate steps of each stage in a batch of this size; a stage with fewer ends before it is killed.
STEPS = {
    "receive": 85, "mask": 13, "inpaint": 13, "measure": 10, "publish": 45, "report": 63, "digest": 33, "reconcile": 40,
}  # fmt: skip
# Fewer steps at which an orphan may be frozen: not while it holds the ledger.
FROZEN = STEPS | {"receive": 33, "mask": 7, "inpaint": 7, "measure": 7, "publish": 30, "digest": 29, "reconcile": 34}


@pytest.fixture(scope="module")
def mail() -> Iterator[FaultyMail]:
    server = FaultyMail()
    yield server
    server.close()


class Kills:
    """Kills a task of each stage at a random step, and then runs it again."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.states = chance, dict[str, str]()

    def __call__(self, call: Call) -> Any:
        # Of the tasks on chunks, the first or a later one.
        if call.stage in self.states or (call.chunk and self.chance.random() < 0.3):
            return run(call)
        step = self.chance.randint(1, STEPS[call.stage])
        victim = Victim(call, step)
        state = victim.wait()
        assert state in ("killed", "done"), f"{call.stage}, step {step}: {victim.said}"
        self.states[call.stage] = f"{state} at step {step}"
        return run(call.again())


class Orphans:
    """Freezes a task of each stage at a random step, runs it again, and lets the frozen one continue.

    It continues during the second attempt, or after it, or only when the whole batch is done.
    """

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.states, self.late = chance, dict[str, str](), list[Victim]()

    def __call__(self, call: Call) -> Any:
        if call.stage in self.states or (call.chunk and self.chance.random() < 0.3):
            return run(call)
        step, when = self.chance.randint(1, FROZEN[call.stage]), self.chance.choice(("beside", "after", "late"))
        victim = Victim(call, step, freeze=True)
        state = victim.wait()
        assert state in ("frozen", "done"), f"{call.stage}, step {step}: {victim.said}"
        self.states[call.stage] = f"{state} at step {step}, going on {when}"
        if state == "done":
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
        """Lets a frozen task continue to its end."""
        victim.resume()
        # It may succeed or fail, depending on what it still finds.
        assert victim.wait() in ("done", "failed")


def summary(seed: int, states: dict[str, str]) -> str:
    return f"seed {seed} ({'; '.join(f'{stage} {how}' for stage, how in states.items())})"


def test_a_task_is_killed_in_every_stage(tmp_path: Path, mail: FaultyMail, table: Table, seeds: range) -> None:
    killed = 0
    for seed in seeds:
        unattended = UnattendedRun(tmp_path / str(seed), mail=mail)
        kills = Kills(random.Random(seed))
        with table.run([f"kill -9 of the task: {stage}" for stage in STAGES], f"seed {seed}") as damage:
            unattended.go(kills)
            damage |= unattended.damage()
        print(summary(seed, kills.states))
        assert not damage.describe(), summary(seed, kills.states)
        killed += sum(how.startswith("killed") for how in kills.states.values())
    assert killed > len(seeds) * len(STAGES) / 2, "too fast to be killed"


def test_an_orphan_goes_on_writing_in_every_stage(tmp_path: Path, mail: FaultyMail, table: Table, seeds: range) -> None:
    frozen = 0
    for seed in seeds:
        unattended = UnattendedRun(tmp_path / str(seed), mail=mail)
        # Created first: a process frozen while it creates the ledger would block all others.
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
        print(summary(seed, orphans.states))
        assert not damage.describe(), summary(seed, orphans.states)
        frozen += sum(how.startswith("frozen") for how in orphans.states.values())
    assert frozen > len(seeds) * len(STAGES) / 2, "too fast to be frozen"
