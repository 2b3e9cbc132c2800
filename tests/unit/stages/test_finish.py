"""A batch is done only with every outcome and its report; what was stopped goes on when its last task is cleared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import func, select

from pipeline.ledger import TaskContext
from pipeline.ledger.batches import UnknownBatch
from pipeline.ledger.tables import Claim
from pipeline.settings import settings
from pipeline.stages import manifest
from pipeline.stages.catch_up import run_stage
from pipeline.stages.digest import digest
from pipeline.stages.finish import finish
from pipeline.stages.order import CHUNK_STAGES, Stage
from pipeline.stages.reconcile import Unreconciled
from pipeline.stages.report import report
from pipeline.stages.take_over import TakenOver


@pytest.fixture(autouse=True)
def without_pdf(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Replaces the report's files, which need seconds; returns how many scans each report had."""
    import pipeline.reports

    written: list[int] = []

    def tables_only(frame: pd.DataFrame, batch: Any, previews: Any, target_dir: Path) -> None:
        written.append(len(frame))
        for name in ("report.pdf", "report.parquet", "report.csv"):
            (target_dir / name).write_bytes(b"%PDF")

    monkeypatch.setattr(pipeline.reports, "write_report", tables_only)
    return written


@pytest.fixture
def chunks(project) -> list[str]:
    project.changes["chunk_scans"] = 1
    project.put("a.png")
    project.put("b.png", 1)
    return project.receive("b1", context=TaskContext("restore_c", "run"))


def test_a_batch_with_outcomes_and_report_is_done(project, chunks: list[str]) -> None:
    project.restore(chunks)
    report(project.work_area("b1"))
    assert finish(project.work_area("b1"))["restored"] == 2
    assert finish(project.work_area("b1"))["restored"] == 2
    assert report(project.work_area("b1")) == str(project.output / "reports" / "b1")
    for stage in CHUNK_STAGES:
        assert run_stage(chunks[0], stage) == manifest.sibling(chunks[0], stage.step)


@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_stopped_batch_frees_its_scans_and_is_completed_when_the_task_is_cleared(
    project, chunks: list[str], done: int, without_pdf: list[int]
) -> None:
    project.restore(chunks[:done])
    run_stage(chunks[-1], Stage.MASK)
    area = project.work_area("b1")
    with pytest.raises(Unreconciled, match="have no outcome" if done < 2 else "there is no report"):
        finish(area)
    with project.ledger.read() as session:
        assert session.scalar(select(func.count()).select_from(Claim)) == 0
    assert finish(area)["restored"] == 2
    assert without_pdf == [2] and (project.output / "reports/b1/digest.eml").exists()
    assert not Path(area).exists()


def test_a_report_of_an_unfinished_batch_is_written_again(project, chunks: list[str], without_pdf: list[int]) -> None:
    project.restore(chunks[:1])
    area = project.work_area("b1")
    report(area)
    with pytest.raises(Unreconciled, match="1 of 2 scans"):
        finish(area)
    project.restore(chunks[1:])
    assert finish(area)["restored"] == 2
    assert len(without_pdf) == 2


def test_a_stage_runs_those_before_it_that_did_not_run(project, chunks: list[str]) -> None:
    assert run_stage(chunks[0], Stage.PUBLISH) == manifest.sibling(chunks[0], "published")
    (row,) = manifest.read(manifest.sibling(chunks[0], "published"))
    assert row.outcome == "restored"


def test_a_run_leaves_a_batch_that_another_one_has_taken_over(project, chunks: list[str]) -> None:
    with pytest.raises(TakenOver, match="run run continues batch b1"):
        finish(project.work_area("b1"), TaskContext("restore_c", "another"))


def test_a_batch_that_an_older_ledger_does_not_know_ends_with_the_remedy(
    project, chunks: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTORATION_LEDGER_URL", f"sqlite:///{tmp_path}/older.db")
    settings.cache_clear()
    area = project.work_area("b1")
    for work in (lambda: run_stage(chunks[0], Stage.MASK), lambda: report(area), lambda: digest(area)):
        with pytest.raises(UnknownBatch, match="start the collection again"):
            work()
    with pytest.raises(UnknownBatch, match="start the collection again"):
        finish(area)
