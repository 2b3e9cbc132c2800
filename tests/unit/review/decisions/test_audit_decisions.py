"""What a decision about a repair that was drawn at random says of the nights."""

from __future__ import annotations

import pytest

from pipeline.ledger import samples
from pipeline.ledger.samples import AuditFigures
from pipeline.stages.reconcile import reconcile


@pytest.fixture
def drawn(page):
    """The repair that nobody was asked about, drawn at the end of its batch."""
    reconcile(page.project.work_area())
    result = page.results()["box/painted.png"]
    assert result["audit"] and result["state"] == "open" and result["marks"] == 0
    assert not page.results()["box/marked.png"]["audit"]
    return result


def figures(page) -> AuditFigures:
    with page.project.ledger.read() as session:
        return samples.figures(session, "c")


def test_the_sample_comes_after_what_is_open(page, drawn) -> None:
    assert [one["path"] for one in page.get("results", state="open")["results"]] == [
        "box/marked.png",
        "box/painted.png",
    ]
    assert figures(page) == AuditFigures(drawn=1)


def test_decisions_count_and_are_taken_back(page, drawn) -> None:
    result = page.decide(drawn, "later").json()
    assert figures(page).decided == 0
    result = page.decide(result, "accept").json()
    assert figures(page) == AuditFigures(1, 1, 0)
    result = page.decide(result, "undo").json()
    assert figures(page) == AuditFigures(1, 0, 0)
    result = page.decide(result, "reject").json()
    assert figures(page) == AuditFigures(1, 1, 1)
    page.decide(result, "undo")
    assert figures(page) == AuditFigures(1, 0, 0)
    page.decide(page.results()["box/marked.png"], "reject")
    assert figures(page) == AuditFigures(1, 0, 0), "it was not drawn"


@pytest.mark.parametrize(
    ("edits", "false"),
    [
        # More is marked: the repair itself was right. A part of it is erased: that part was false.
        ([{"tool": "paint", "stroke": {"points": [[10, 10], [20, 10]], "width": 5}}], 0),
        ([{"tool": "erase", "stroke": {"points": [[85, 25]], "width": 4}}], 1),
    ],
)
def test_a_repair_is_false_where_a_person_erases_it(page, drawn, edits, false: int) -> None:
    body = {"version": drawn["version"], "painting": {"edits": edits}}
    painted = page.request("POST", f"/api/results/{drawn['id']}/painting", json=body)
    assert painted.status_code == 200, painted.text
    assert figures(page) == AuditFigures(1, 1, false)
    page.decide(painted.json(), "undo")
    assert figures(page) == AuditFigures(1, 0, 0)
