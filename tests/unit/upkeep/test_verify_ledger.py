"""Proving a ledger from the command line, against its reports and against paper."""

from __future__ import annotations

import json
import shutil

import pytest
from small_project import Project
from sqlalchemy import text

from pipeline.cli import main
from pipeline.ledger import chain
from pipeline.ledger.tables import Event
from pipeline.stages.digest import digest
from pipeline.stages.ledger_witness import LEDGER_HEAD
from pipeline.stages.report import report


@pytest.fixture
def reported(project: Project) -> Project:
    """A project whose only batch has its report and its digest."""
    project.put("ä b.png")
    project.restore(project.receive())
    report(project.work_area())
    digest(project.work_area())
    return project


def verified(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    capsys.readouterr()
    code = main(["trace", "--verify", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def test_report_mail_and_event_bear_witness_to_one_head(reported: Project, capsys) -> None:
    folder = reported.output / "reports/b1"
    document = json.loads((folder / LEDGER_HEAD).read_text())
    head = f"{document['position']}:{document['sha256']}"
    with reported.ledger.read() as session:
        [figures] = session.query(Event.figures).where(Event.stage == "report").one()
        assert figures["ledger_head"] == head
        assert chain.head(session, "c").position > document["position"]
    mail = (folder / "digest.eml").read_text()
    assert document["sha256"][:20] in mail.replace("=\n", "")
    code, found = verified(capsys, "c", "--head", head, "--head", head[:12].upper())
    assert code == 0 and found["collections"][0]["witnessed"] == 3


def test_the_console_says_what_holds(reported: Project, capsys) -> None:
    assert main(["trace", "--verify"]) == 0
    printed = capsys.readouterr().out
    assert "c: " in printed and "whole" in printed and "1 reports or heads agree" in printed


def test_a_ledger_that_was_rewritten_whole_is_given_away_by_its_report(reported: Project, capsys) -> None:
    with reported.ledger.write() as session:
        for name in ("no_update", "no_delete"):
            session.execute(text(f"DROP TRIGGER ledger_events_{name}"))
        session.execute(text("UPDATE ledger_events SET decision = 'unchanged' WHERE stage = 'publish'"))
        session.execute(text("DROP INDEX ix_ledger_events_chain"))
        events = session.query(Event).order_by(Event.position).all()
        session.execute(text("DELETE FROM ledger_events"))
        session.execute(text("UPDATE ledger_chains SET length = 0, head = :none"), {"none": chain.GENESIS})
        columns = [column.name for column in Event.__table__.columns if column.name not in ("chain_id",)]
        for event in events:
            chain.append(session, event.batch_id, "", [{name: getattr(event, name) for name in columns}])
    code, found = verified(capsys)
    assert code == 1
    [fault] = found["collections"][0]["findings"]
    assert fault["fault"] == "differs from what was witnessed" and LEDGER_HEAD in fault["sentence"]


def test_a_witness_that_was_changed_is_no_witness(reported: Project, capsys) -> None:
    (reported.output / "reports/b1" / LEDGER_HEAD).write_text("{}")
    code, found = verified(capsys)
    assert code == 1 and "not as the program wrote it" in found["collections"][0]["findings"][0]["sentence"]


def test_renaming_moving_and_pruning_leave_the_chain_whole(reported: Project, capsys, tmp_path) -> None:
    from pipeline.stages.reconcile import reconcile

    reconcile(reported.work_area())
    with reported.ledger.read() as session:
        before = chain.head(session, "c")
    shutil.copytree(reported.output, tmp_path / "new")
    assert main(["move", str(reported.output), str(tmp_path / "new")]) == 0
    assert main(["rename", "c", "plates"]) == 0
    code, found = verified(capsys, "plates", "--head", str(before))
    assert code == 0 and found["collections"][0]["witnessed"] == 2
    assert main(["prune", "--older-than", "0", "--delete"]) == 0
    code, found = verified(capsys)
    assert code == 0 and [one["collection"] for one in found["collections"]] == ["plates"]
    with reported.ledger.read() as session:
        said = session.query(Event.stage).where(Event.position > before.position).order_by(Event.position).all()
    assert {stage for [stage] in said} == {"move", "rename", "prune"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--verify", "unknown"], "knows no collection"),
        (["--verify", "c", "--head", "nonsense"], "no number and sha256"),
        (["--verify", "--head", "1:12345678"], "name the collection"),
        (["x", "--head", "1:12345678"], "--verify"),
        ([], "Name a scan"),
    ],
)
def test_wrong_usage_of_verify_is_named(reported: Project, capsys, arguments: list[str], said: str) -> None:
    try:
        assert main(["trace", *arguments]) == 2
    except SystemExit as end:
        assert end.code == 2
    assert said in capsys.readouterr().err
