"""A small project with finished batches, for what operators do beside the runs."""

from __future__ import annotations

import pytest
from small_project import Project, project

from pipeline.stages.reconcile import reconcile

__all__ = ["project"]


@pytest.fixture
def finished(project: Project) -> Project:
    """Two scans restored and one in quarantine, in one finished batch with a report."""
    project.put("a.png")
    project.put("box/b.png", 1)
    (project.inbox / "c.png").write_bytes(b"no image")
    project.restore(project.receive())
    reconcile(project.work_area())
    reports = project.output / "reports/b1"
    reports.mkdir(parents=True)
    (reports / "report.csv").write_text("path,outcome\n")
    return project
