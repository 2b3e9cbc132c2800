"""Files are read again and compared: what differs or is missing is found, said once, and a killed check goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from s3_bucket import bucket, s3_address, s3_environment
from small_project import Project, post
from sqlalchemy import func, select, update

from pipeline import storage
from pipeline.cli import main
from pipeline.ledger import TaskContext
from pipeline.ledger.rows import now
from pipeline.ledger.tables import Claim, Event, FixityCheck, FixityRound, OutcomeRow, Scan
from pipeline.preservation.fixity_notice import FilesChanged, check_collection
from pipeline.preservation.fixity_round import CheckUnderWay, check_output
from pipeline.preservation.pace import Pace
from pipeline.settings import Fixity
from pipeline.stages.reconcile import reconcile
from pipeline.upkeep.outputs import outputs

__all__ = ["bucket", "post", "s3_address", "s3_environment"]


def fixity(project: Project, capsys, *options: str) -> tuple[int, dict]:
    """Runs the verb; returns its exit code and what it printed of the only collection."""
    code = main(["fixity", str(project.output), "--json", *options])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])["collections"][0]


def checks(project: Project) -> list[tuple[str, str, str]]:
    """Returns kind, decision and message of every event of a check."""
    with project.ledger.read() as session:
        found = session.execute(
            select(Event.kind, Event.decision, Event.message).where(Event.stage == "fixity").order_by(Event.id)
        )
        return [tuple(row) for row in found]


def test_what_is_intact_is_recorded_as_read(finished, capsys) -> None:
    code, found = fixity(finished, capsys)
    assert code == 0 and found["scans"] == 2
    # Master, derivative, mask and sidecar of both.
    assert found["files"] == 8 and found["differs"] == found["missing"] == 0
    assert checks(finished) == [("fixity check", "intact", "")] * 2
    main(["trace", "a.png"])
    assert "fixity" in capsys.readouterr().out


@pytest.mark.parametrize("role", ["in/a.png", "out/restored/a.png", "out/masks/a.png", "out/sidecars/a.json"])
@pytest.mark.parametrize("problem", ["differs", "missing"])
def test_every_file_that_changed_or_is_gone_is_named(finished, capsys, role: str, problem: str) -> None:
    file = finished.output.parent / role
    before = file.read_bytes()
    if problem == "missing":
        file.unlink()
    else:
        file.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    assert main(["fixity", str(finished.output)]) == 1
    said = capsys.readouterr()
    assert str(file) in said.err and ("is missing" in said.err) == (problem == "missing")
    assert ("1 differ" in said.out) == (problem == "differs")
    file.write_bytes(before)
    assert main(["fixity", str(finished.output)]) == 0
    assert [decision for _, decision, _ in checks(finished)] == [problem, "intact", "intact", "intact"]


def test_a_master_that_was_moved_away_is_said_once(finished, post) -> None:
    postbox, channel = post
    finished.changes |= {"recipients": ("a@example.org",), "language": "de", "fixity": Fixity()}
    (finished.inbox / "a.png").unlink()
    with pytest.raises(FilesChanged, match=r'the master of "a\.png" is missing'):
        check_collection(finished.collection, channel=channel, context=TaskContext())
    assert "files read again: 7" in check_collection(finished.collection, channel=channel, context=TaskContext())
    [mail] = postbox.arrived
    assert mail["Subject"] == "c: Dateien fehlen oder sind verändert"
    assert 'der Master von "a.png" fehlt' in " ".join(mail.get_content().split())
    # A derivative that is missing stays an error, and is not mailed again either.
    (finished.output / "restored/a.png").unlink()
    for _ in range(2):
        with pytest.raises(FilesChanged, match=r'the derivative of "a\.png" is missing'):
            check_collection(finished.collection, channel=channel, context=TaskContext())
    assert len(postbox.arrived) == 2


def test_people_are_told_even_when_the_process_dies_before_the_mail(finished, post) -> None:
    postbox, channel = post
    finished.changes |= {"recipients": ("a@example.org",)}
    (finished.output / "masks/a.png").unlink()
    [here] = outputs(finished.ledger)
    assert check_output(finished.ledger, here).found.new == 1
    with pytest.raises(FilesChanged):
        check_collection(finished.collection, channel=channel, context=TaskContext())
    assert len(postbox.arrived) == 1
    with finished.ledger.read() as session:
        assert session.scalar(select(func.count()).select_from(FixityRound)) == 1


def test_people_are_told_what_a_killed_check_of_another_extent_found(finished, post) -> None:
    postbox, channel = post
    finished.changes |= {"recipients": ("a@example.org",), "fixity": Fixity(sample=1)}
    (finished.output / "masks/a.png").unlink()
    [here] = outputs(finished.ledger)
    # All scans are read, and nobody is told; then one scan is wanted, which is found as it was.
    check_output(finished.ledger, here)
    with pytest.raises(FilesChanged, match=r'the mask of "a\.png" is missing'):
        check_collection(finished.collection, channel=channel, context=TaskContext())
    [mail] = postbox.arrived
    assert "scans were not changed" not in mail.get_content()


def test_a_check_that_another_process_has_taken_over_writes_nothing_more(finished) -> None:
    [here] = outputs(finished.ledger)

    def taken(*_: int) -> None:
        with finished.ledger.write() as session:
            session.execute(update(FixityRound).values(owner="elsewhere 1 1"))

    with pytest.raises(CheckUnderWay, match="taken over"):
        check_output(finished.ledger, here, progress=taken)
    assert checks(finished) == []


def test_a_sample_takes_the_longest_unread_first(finished, capsys) -> None:
    for number in range(2, 6):
        finished.put(f"more/{number}.png", number)
    finished.restore(finished.receive())
    reconcile(finished.work_area())
    for _ in range(3):
        code, found = fixity(finished, capsys, "--sample", "30%")
        assert code == 0 and found["scans"] == 2
    with finished.ledger.read() as session:
        assert session.scalar(select(func.count()).select_from(FixityCheck)) == 6
        first = session.scalars(select(FixityCheck.scan_id).order_by(FixityCheck.checked, FixityCheck.scan_id)).first()
    assert fixity(finished, capsys, "--sample", "1")[1]["scans"] == 1
    with finished.ledger.read() as session:
        latest = select(FixityCheck.scan_id).order_by(FixityCheck.checked.desc()).limit(1)
        assert session.scalars(latest).one() == first


def test_a_killed_check_goes_on_where_it_was(finished, capsys) -> None:
    for number in range(2, 8):
        finished.put(f"more/{number}.png", number)
    finished.restore(finished.receive())
    reconcile(finished.work_area())
    size = sum(path.stat().st_size for path in (finished.inbox / "more").rglob("?.png"))
    # A process that saves after each scan, and is slow enough to be killed in the middle.
    program = (
        "import sys; from pipeline.cli import main; from pipeline.preservation import fixity_round;"
        "fixity_round.SAVE_SECONDS = 0.0; sys.exit(main(sys.argv[1:]))"
    )
    slow = ["fixity", str(finished.output), "--bandwidth", str(size / 1e6 / 4)]
    process = subprocess.Popen([sys.executable, "-c", program, *slow], env=os.environ)
    checked = select(func.count()).select_from(FixityCheck)
    for _ in range(600):
        time.sleep(0.1)
        with finished.ledger.read() as session:
            if (done := session.scalar(checked)) >= 2:
                break
    process.send_signal(signal.SIGKILL)
    process.wait()
    with finished.ledger.read() as session:
        done = session.scalar(checked)
    assert 2 <= done < 8
    code, found = fixity(finished, capsys)
    assert code == 0 and found["resumed"] and found["scans"] == 8
    assert len(checks(finished)) == 8, "none was read twice, none was left out"


def test_two_checks_at_once_are_refused(finished) -> None:
    [here] = outputs(finished.ledger)
    check_output(finished.ledger, here)
    with finished.ledger.write() as session:
        session.execute(update(FixityRound).values(owner="elsewhere 1 1", active=now()))
    with pytest.raises(CheckUnderWay, match="process 1 on elsewhere"):
        check_output(finished.ledger, here)
    with finished.ledger.write() as session:
        session.execute(update(FixityRound).values(active=now() - timedelta(hours=1)))
    assert check_output(finished.ledger, here).resumed


def test_what_a_run_replaces_meanwhile_is_no_finding(finished, capsys) -> None:
    (finished.output / "restored/a.png").write_bytes(b"half of a new one")
    with finished.ledger.write() as session:
        scan_id = session.scalars(select(Scan.id).where(Scan.path == "a.png")).one()
        batch_id = session.scalars(select(OutcomeRow.batch_id)).first()
        session.add(Claim(scan_id=scan_id, recipe_digest="r", batch_id=batch_id, expires=now() + timedelta(minutes=5)))
    code, found = fixity(finished, capsys)
    assert code == 0 and found["busy"] == 1 and found["scans"] == 1


def test_a_disk_that_is_not_mounted_is_no_loss(finished, capsys) -> None:
    moved = finished.inbox.rename(finished.inbox.with_name("elsewhere"))
    assert main(["fixity", str(finished.output)]) == 1
    assert "mount it" in capsys.readouterr().err and checks(finished) == []
    assert main(["fixity", str(finished.output), "--no-masters"]) == 0
    # Where a disk is mounted, an empty folder stays.
    finished.inbox.mkdir()
    assert main(["fixity", str(finished.output)]) == 1
    assert "mount it" in capsys.readouterr().err and len(checks(finished)) == 2
    finished.inbox.rmdir()
    moved.rename(finished.inbox)
    finished.output.rename(finished.output.with_name("gone"))
    for _ in range(2):
        assert main(["fixity", str(finished.output)]) == 1
        assert "mount it" in capsys.readouterr().err
        finished.output.mkdir(exist_ok=True)


def test_names_that_no_one_expects_are_found(project, capsys) -> None:
    names = ["Grüße aus Köln.png", "two\nlines.png", "100% sure.png"]
    for number, name in enumerate(names):
        project.put(name, number)
    latin = os.fsencode(project.inbox) + b"/caf\xe9.png"
    with open(latin, "wb") as file:  # noqa: PTH123 - a name that is not text
        file.write((project.inbox / names[0]).read_bytes())
    project.restore(project.receive())
    code, found = fixity(project, capsys)
    assert code == 0 and found["scans"] == 4


def test_buckets_are_read_too(project, bucket, capsys) -> None:
    project.put("a.png")
    project.changes["output"] = f"{bucket}/out"
    project.restore(project.receive())
    assert main(["fixity", f"{bucket}/out"]) == 0
    storage.delete(f"{bucket}/out/restored/a.png")
    assert main(["fixity", f"{bucket}/out"]) == 1
    assert f"{bucket}/out/restored/a.png is missing" in capsys.readouterr().err


def test_what_cannot_be_meant_is_refused(finished, capsys) -> None:
    assert main(["fixity", "/nowhere", "--ledger", str(finished.output.parent)]) == 2
    assert "the ledger knows no output" in capsys.readouterr().err
    for wrong in (["--sample", "0"], ["--sample", "150%"], ["--sample", "x"], ["--full", "--sample", "3"]):
        with pytest.raises(SystemExit):
            main(["fixity", str(finished.output), *wrong])


def test_the_pace_keeps_its_limit() -> None:
    pace, started = Pace(10), time.monotonic()
    for _ in range(5):
        pace(200_000)
    assert time.monotonic() - started >= 0.09
