"""What people decide: recorded with who and what was seen, and with its consequences for the files."""

from __future__ import annotations

import io
import json
import os
import shutil
import time
from hashlib import sha256

import numpy as np
import pytest
from PIL import Image
from small_project import read_image

from pipeline import storage
from pipeline.ledger import batches, history, reviews, search
from pipeline.masks.encode import encode_mask
from pipeline.review.access import User
from pipeline.review.decisions import redo
from pipeline.review.decisions.decided_sidecar import DECIDING
from pipeline.review.decisions.finish_interrupted import finish_latest
from pipeline.review.refusals import NotStarted
from pipeline.settings.collections import Watch
from pipeline.stages.order import CHUNK_STAGES, load_stage
from pipeline.stages.writing_marker import marker_uri
from pipeline.upkeep.move import check_moved, move


def files(page) -> dict[str, bytes]:
    """Returns the published files by path, without reports and small pictures."""
    folders = ("restored", "withdrawn", "masks", "suggestions", "decided")
    return {
        str(path.relative_to(page.project.output)): path.read_bytes()
        for folder in folders
        for path in (page.project.output / folder).rglob("*")
        if path.is_file()
    }


def test_the_queue_opens_on_what_is_undecided(page) -> None:
    found = page.get("results")
    assert found["counts"] == {"open": 1, "unasked": 1}
    assert [(one["path"], one["state"], one["marks"]) for one in found["results"]] == [
        ("box/marked.png", "open", 1),
        ("box/painted.png", "unasked", 0),
    ]
    assert [one["path"] for one in page.get("results", state="open")["results"]] == ["box/marked.png"]
    assert [one["path"] for one in page.get("results", text="paint")["results"]] == ["box/painted.png"]
    first = page.get("results", limit=1)
    second = page.get("results", limit=1, after=first["next"])
    assert [one["path"] for one in first["results"] + second["results"]] == ["box/marked.png", "box/painted.png"]


def test_the_queue_is_searched(page) -> None:
    def found(**query) -> list[str]:
        return [one["path"] for one in page.get("results", **query)["results"]]

    assert found(kind="dust") == found(reason="doubt") == found(kind=["hair", "dust"]) == ["box/marked.png"]
    assert found(kind="hair") == found(reason="face") == found(kind="us") == found(kind="%") == []
    assert found(outcome="restored") == ["box/marked.png", "box/painted.png"] and found(outcome="review") == []
    assert found(since="2000-01-01") == found(before="2999-01-01T00:00:00+01:00") == found()
    assert found(since="2999-01-01") == found(before="2000-01-01") == []
    page.decide(page.results()["box/painted.png"], "accept", "bert")
    assert found(decided_by="bert") == ["box/painted.png"] and page.get("deciders") == ["bert"]
    assert page.get("results", kind="dust")["counts"] == {"open": 1}
    assert page.get("results", state="open")["counts"] == {"open": 1, "accepted": 1}


def test_the_order_is_that_of_the_pages(page) -> None:
    results = page.get("results")["results"]
    ids = page.get("order")
    assert ids == {"ids": [one["id"] for one in results], "next": None}
    assert page.get("order", state="open")["ids"] == ids["ids"][:1]
    assert page.get("some", id=ids["ids"]) == results and page.get("some", id=[999]) == []


def test_accepting_keeps_and_is_recorded(page) -> None:
    before, result = files(page), page.results()["box/marked.png"]
    assert page.decide(result, "accept").json()["state"] == "accepted"
    assert files(page) == before
    with page.project.ledger.read() as session:
        told = history.history(session, search.find_named(session, "box/marked.png")[0])
    (decision,) = told.decisions
    assert (decision.by, decision.by_name, decision.decision) == ("id-anna", "anna", "accept")
    assert decision.seen == told.outcomes[0].restored_sha256
    assert told.events[-1].stage == "review" and told.events[-1].figures["user"] == "id-anna"


def test_rejecting_withdraws_and_undoing_brings_back(page) -> None:
    before, result = files(page), page.results()["box/marked.png"]
    rejected = page.decide(result, "reject").json()
    assert rejected["state"] == "rejected"
    after = files(page)
    assert after.pop("withdrawn/box/marked.png") == before["restored/box/marked.png"]
    assert "restored/box/marked.png" not in after
    sidecar_file = page.project.output / "sidecars/box/marked.json"
    sidecar = json.loads(sidecar_file.read_text())
    assert sidecar["review"]["decision"]["verdict"] == "reject" and sidecar["review"]["decision"]["name"] == "anna"
    assert sidecar["output"]["path"] == "withdrawn/box/marked.png"
    with page.project.ledger.read() as session:
        told = history.history(session, search.find_named(session, "box/marked.png")[0])
    assert told.outcomes[0].restored_uri.endswith("withdrawn/box/marked.png")
    assert told.outcomes[0].sidecar_sha256 == sha256(sidecar_file.read_bytes()).hexdigest()
    assert told.events[-1].kind == "deaccession"
    assert page.decide(rejected, "undo").json()["state"] == "open"
    assert files(page) == before
    assert "decision" not in json.loads(sidecar_file.read_text())["review"]


@pytest.mark.parametrize("then", ["start", "decide"])
def test_of_a_server_that_was_killed_after_the_decision_the_copy_is_withdrawn(page, then: str) -> None:
    before, result = files(page), page.results()["box/marked.png"]
    rejected = page.decide(result, "reject").json()
    after = files(page)
    # As it was between the ledger and the store.
    copy, sidecar = page.project.output / "restored/box/marked.png", page.project.output / "sidecars/box/marked.json"
    copy.write_bytes(before["restored/box/marked.png"])
    storage.write_bytes(marker_uri(str(page.project.output), "box/marked"), DECIDING)
    if then == "start":
        finish_latest(page.project.ledger)
        assert files(page) == after
        with page.project.ledger.read() as session:
            (outcome,) = history.history(session, search.find_named(session, "box/marked.png")[0]).outcomes
        assert outcome.sidecar_sha256 == sha256(sidecar.read_bytes()).hexdigest()
    assert page.decide(rejected, "undo").json()["state"] == "open"
    assert files(page) == before and not storage.exists(marker_uri(str(page.project.output), "box/marked"))


def test_a_copy_that_somebody_has_changed_is_no_copy(page) -> None:
    page.decide(page.results()["box/marked.png"], "reject")
    copy = page.project.output / "restored/box/marked.png"
    copy.write_bytes(b"mine")
    storage.write_bytes(marker_uri(str(page.project.output), "box/marked"), DECIDING)
    finish_latest(page.project.ledger)
    assert copy.read_bytes() == b"mine"


def test_a_sidecar_that_was_written_before_the_server_was_killed_follows_the_ledger(page) -> None:
    result = page.results()["box/marked.png"]
    page.decide(result, "accept")
    sidecar = page.project.output / "sidecars/box/marked.json"
    accepted = sidecar.read_bytes()
    document = json.loads(accepted)
    document["review"]["decision"]["verdict"] = "reject"
    sidecar.write_text(json.dumps(document))
    storage.write_bytes(marker_uri(str(page.project.output), "box/marked"), DECIDING)
    finish_latest(page.project.ledger)
    assert sidecar.read_bytes() == accepted


def test_a_rejected_scan_is_not_restored_again(page) -> None:
    page.decide(page.results()["box/marked.png"], "reject")
    assert page.project.restore(page.project.receive()) == []


def test_the_second_of_two_people_is_told(page) -> None:
    result = page.results()["box/marked.png"]
    assert page.decide(result, "accept", "anna").status_code == 200
    answer = page.decide(result, "reject", "bert")
    assert answer.status_code == 409 and "decided by anna at" in answer.json()["detail"]
    assert "restored/box/marked.png" in files(page)


def test_there_is_nothing_to_undo_at_first(page) -> None:
    assert page.decide(page.results()["box/marked.png"], "undo").status_code == 409


def test_accepted_marks_are_filled_by_the_next_run(page) -> None:
    result = page.results()["box/marked.png"]
    told = page.get(f"results/{result['id']}/marks")
    (mark,) = told["marks"]
    assert told["all"] == 1 and mark["left"] == ""
    assert (mark["kind"], mark["probability"], mark["box"]) == ("dust", 0.4, [80, 20, 10, 10])
    body = {"version": result["version"], "painting": {"accepted": [mark["id"]]}}
    answer = page.request("POST", f"/api/results/{result['id']}/painting", json=body)
    assert answer.json()["state"] == "redo" and page.started.scans == [("c", "box/marked.png")]
    chunks = page.project.restore(page.project.receive(source="box/marked.png"))
    assert len(chunks) == 1
    mask = read_image(page.project.output / "masks/box/marked.png")
    assert mask[25, 85] == 255 and mask[50, 41] == 255 and np.count_nonzero(mask) == 96 * 3 + 100
    sidecar = json.loads((page.project.output / "sidecars/box/marked.json").read_text())
    assert sidecar["mask"]["source"] == "manual" and "decided by anna" in sidecar["mask"]["note"]
    again = page.results()["box/marked.png"]
    assert again["state"] == "open" and again["marks"] == 0 and again["version"] > answer.json()["version"]
    # Undone, the next run fills what the machine found.
    assert page.decide(again, "undo").status_code == 200
    page.project.restore(page.project.receive())
    assert np.count_nonzero(read_image(page.project.output / "masks/box/marked.png")) == 96 * 3


def test_what_is_erased_and_protected_is_not_filled(page) -> None:
    result = page.results()["box/marked.png"]
    stroke = {"points": [[41, 0], [41, 40]], "width": 9}
    edits = [
        {"tool": "erase", "stroke": stroke},
        {"tool": "paint", "stroke": {"points": [[20, 60]], "width": 6}},
        {"tool": "paint", "runs": [70, 10, 14]},
        {"tool": "protect", "stroke": {"points": [[20, 60]], "width": 2}},
    ]
    body = {"version": result["version"], "painting": {"edits": edits}}
    assert page.request("POST", f"/api/results/{result['id']}/painting", json=body).status_code == 200
    mask = read_image(page.project.output / "decided/box/marked.png.mask.png")
    assert not mask[:38, 38:45].any() and mask[60, 41] == 255
    assert mask[60, 17] == 255 and mask[60, 20] == 0 and mask[70, 10:14].all() and not mask[70, 14]


def test_malformed_masks_are_refused(page) -> None:
    result = page.results()["box/marked.png"]
    long = {"points": [[0, 0]] * 20_001, "width": 3}
    for painting in (
        {},
        {"accepted": [99]},
        {"edits": [{"tool": "paint"}]},
        {"edits": [{"tool": "paint", "runs": [1, 2]}]},
        {"edits": [{"tool": "paint", "stroke": long}]},
        {"edits": [{"tool": "paint", "runs": [-5, -9, 10**9]}], "keep_filled": False},
        {"edits": [{"tool": "burn", "stroke": long}]},
        {"mask": encode_mask(np.zeros((1, 1), np.uint8)).hex()},
    ):
        body = {"version": result["version"], "painting": painting}
        answer = page.request("POST", f"/api/results/{result['id']}/painting", json=body)
        assert answer.status_code == 422, (painting, answer.text)
    assert page.results()["box/marked.png"] == result and not page.started.scans


def test_the_mask_of_the_slower_of_two_is_not_kept(page) -> None:
    result = page.results()["box/marked.png"]
    path = f"/api/results/{result['id']}/painting"
    for number, (user, status) in enumerate((("anna", 200), ("bert", 409))):
        edits = [{"tool": "paint", "stroke": {"points": [[20 + 30 * number, 60]], "width": 6}}]
        body = {"version": result["version"], "painting": {"edits": edits}}
        assert page.request("POST", path, user, json=body).status_code == status
    mask = read_image(page.project.output / "decided/box/marked.png.mask.png")
    assert mask[60, 20] == 255 and mask[60, 50] == 0


def test_a_decided_mask_need_not_settle(page) -> None:
    result = page.results()["box/marked.png"]
    for path in page.project.inbox.rglob("*.png"):
        os.utime(path, (1e9, 1e9))
    body = {"version": result["version"], "painting": {"accepted": [0]}}
    assert page.request("POST", f"/api/results/{result['id']}/painting", json=body).status_code == 200
    page.project.changes["watch"] = Watch(settle=3600)
    assert len(page.project.restore(page.project.receive(source="box/marked.png"))) == 1


def test_a_rejected_repair_is_not_published_under_another_name(page) -> None:
    page.decide(page.results()["box/marked.png"], "reject")
    (page.project.inbox / "copy.png").write_bytes((page.project.inbox / "box/marked.png").read_bytes())
    page.project.restore(page.project.receive())
    assert page.results()["copy.png"]["state"] == "open"
    assert not page.project.output.joinpath("restored/box/marked.png").exists()


def test_a_derivative_that_was_changed_is_not_moved(page) -> None:
    result = page.results()["box/marked.png"]
    derivative = page.project.output / "restored/box/marked.png"
    derivative.write_bytes(derivative.read_bytes() + b"x")
    answer = page.decide(result, "reject")
    assert answer.status_code == 409 and derivative.exists() and "withdrawn/box/marked.png" not in files(page)


def test_a_redo_follows_an_output_that_was_moved(page, tmp_path) -> None:
    moved = tmp_path / "moved"
    with page.project.ledger.write() as session:
        batches.finish(session, batches.get(session, "c", "b1").id, {})
    shutil.copytree(page.project.output, moved)
    old, new = str(page.project.output), str(moved)
    assert not check_moved(page.project.ledger, old, new).missing
    move(page.project.ledger, old, new)
    shutil.rmtree(old)
    result = page.results()["box/marked.png"]
    body = {"version": result["version"], "painting": {"accepted": [0]}}
    assert page.request("POST", f"/api/results/{result['id']}/painting", json=body).status_code == 200
    redo.run("c", "box/marked.png")
    assert read_image(moved / "masks/box/marked.png")[25, 85] == 255 and not page.project.output.exists()


def paint(page, result, x: int, user: str = "anna") -> None:
    """Has a person paint a dot, and the next run fill it."""
    edits = [{"tool": "paint", "stroke": {"points": [[x, 60]], "width": 6}}]
    body = {"version": result["version"], "painting": {"edits": edits}}
    answer = page.request("POST", f"/api/results/{result['id']}/painting", user, json=body)
    assert answer.status_code == 200, answer.text


def current_mask(page):
    return read_image(page.project.output / "decided/box/marked.png.mask.png")


def test_every_decided_mask_is_kept_and_undo_returns_to_the_one_before(page) -> None:
    paint(page, page.results()["box/marked.png"], 20)
    first = current_mask(page)
    page.project.restore(page.project.receive(source="box/marked.png"))
    again = page.results()["box/marked.png"]
    told = page.get(f"results/{again['id']}")
    assert told["replaces"]["name"] == "anna" and len(told["replaces"]["seen"]) == 64
    paint(page, again, 100, "bert")
    assert current_mask(page)[60, 100] == 255 and not np.array_equal(current_mask(page), first)
    versions = page.project.output / "decided/box/marked.png.masks"
    assert len(list(versions.iterdir())) == 2
    assert page.decide(page.results()["box/marked.png"], "undo").status_code == 200
    assert np.array_equal(current_mask(page), first) and len(list(versions.iterdir())) == 2


def test_a_mask_of_somebody_else_in_its_place_is_kept(page) -> None:
    foreign = page.project.output / "decided/box/marked.png.mask.png"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"mine")
    paint(page, page.results()["box/marked.png"], 20)
    kept = [path.read_bytes() for path in (page.project.output / "decided/box/marked.png.masks").iterdir()]
    assert b"mine" in kept and len(kept) == 2


def test_a_sidecar_that_was_edited_is_not_written_over(page) -> None:
    sidecar = page.project.output / "sidecars/box/marked.json"
    sidecar.write_bytes(sidecar.read_bytes() + b" ")
    edited, result = sidecar.read_bytes(), page.results()["box/marked.png"]
    answer = page.decide(result, "accept")
    assert answer.status_code == 409 and "sidecars/box/marked.json" in answer.json()["detail"]
    assert sidecar.read_bytes() == edited and page.results()["box/marked.png"] == result


def test_what_lies_where_a_derivative_returns_is_kept(page) -> None:
    page.decide(page.results()["box/marked.png"], "reject")
    (page.project.output / "restored/box").mkdir(parents=True, exist_ok=True)
    (page.project.output / "restored/box/marked.png").write_bytes(b"mine")
    answer = page.decide(page.results()["box/marked.png"], "undo")
    assert answer.status_code == 409 and "restored/box/marked.png" in answer.json()["detail"]
    assert files(page)["restored/box/marked.png"] == b"mine" and "withdrawn/box/marked.png" in files(page)


def test_an_earlier_withdrawn_derivative_stays(page) -> None:
    page.decide(page.results()["box/marked.png"], "reject")
    before = files(page)["withdrawn/box/marked.png"]
    paint(page, page.results()["box/marked.png"], 20)
    assert "restored/box/marked.png" not in files(page)
    page.project.restore(page.project.receive(source="box/marked.png"))
    assert files(page)["withdrawn/box/marked.png"] == before and "restored/box/marked.png" in files(page)
    page.decide(page.results()["box/marked.png"], "reject")
    withdrawn = {name: data for name, data in files(page).items() if name.startswith("withdrawn/")}
    assert withdrawn["withdrawn/box/marked.png"] == before and len(withdrawn) == 2


def test_what_waits_to_be_filled_is_taken_up_again(page) -> None:
    assert reviews_waiting(page) == []
    paint(page, page.results()["box/marked.png"], 20)
    assert reviews_waiting(page) == [("c", "box/marked.png")]
    result = page.results()["box/marked.png"]
    path = f"/api/results/{result['id']}/again"
    assert page.request("POST", path, json={"version": result["version"]}).status_code == 200
    assert page.started.scans == [("c", "box/marked.png")] * 2
    assert page.request("POST", path, json={"version": result["version"] - 1}).status_code == 409


def test_a_decided_mask_is_filled_although_the_server_was_killed_before_it_lay_in_its_place(page) -> None:
    paint(page, page.results()["box/marked.png"], 20)
    with page.project.ledger.write() as session:
        batches.finish(session, batches.get(session, "c", "b1").id, {})
    (page.project.output / "decided/box/marked.png.mask.png").unlink()
    redo.run("c", "box/marked.png")
    assert read_image(page.project.output / "masks/box/marked.png")[60, 20] == 255
    assert page.results()["box/marked.png"]["state"] == "open"


def reviews_waiting(page):
    with page.project.ledger.read() as session:
        return reviews.waiting(session)


def test_people_read_their_own_language(page) -> None:
    result = page.results()["box/marked.png"]
    page.decide(result, "accept", "anna")
    german = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}
    body = {"version": result["version"], "verdict": "reject"}
    answer = page.request("POST", f"/api/results/{result['id']}/decision", "bert", json=body, headers=german)
    assert answer.status_code == 409 and answer.json()["detail"].startswith("entschieden von anna, ")
    told = page.request("GET", f"/api/results/{result['id']}", headers=german).json()["history"]
    assert ("Ergebnis geschrieben", "restauriert") in {(one["what"], one["decision"]) for one in told}
    assert told[-1] | {"at": ""} == {
        "at": "", "what": "Angesehen", "decision": "angenommen", "name": "anna", "message": "",
    }  # fmt: skip
    other = german | {"sec-fetch-site": "cross-site"}
    answer = page.request("POST", f"/api/results/{result['id']}/decision", "bert", json=body, headers=other)
    assert answer.status_code == 403 and "von einer anderen Website" in answer.json()["detail"]
    answer = page.request("POST", f"/api/results/{result['id']}/decision", "viewer", json=body, headers=german)
    assert answer.status_code == 403 and "darf ansehen, aber nicht entscheiden" in answer.json()["detail"]


def test_every_mark_of_a_scan_that_was_held_back_is_offered(page) -> None:
    page.project.changes["recipe"] = page.project.changes["recipe"].model_copy(update={"max_coverage": 0.01})
    page.project.restore(page.project.receive(redo=True))
    result = page.results()["box/marked.png"]
    assert result["outcome"] == "review"
    told = page.get(f"results/{result['id']}/marks")
    assert told["filled"] == [] and {tuple(mark["box"]) for mark in told["marks"]} == {(41, 0, 3, 96), (80, 20, 10, 10)}
    # In the queue they are blue as well: what is red was filled.
    thumb = page.request("GET", f"/api/results/{result['id']}/thumb.jpg").content
    small = np.asarray(Image.open(io.BytesIO(thumb)), np.int16)[:, 41:44]
    assert (small[..., 2] - small[..., 0] > 60).any() and not (small[..., 0] - small[..., 2] > 60).any()
    body = {"version": result["version"], "painting": {"accepted": [mark["id"] for mark in told["marks"]]}}
    assert page.request("POST", f"/api/results/{result['id']}/painting", json=body).status_code == 200
    assert np.count_nonzero(current_mask(page)) == 96 * 3 + 100


def test_of_a_run_that_cannot_start_the_person_is_told_and_the_result_stays_open(page, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise NotStarted("paused", name="c")

    monkeypatch.setattr(page.started, "start", refuse)
    result = page.results()["box/marked.png"]
    body = {"version": result["version"], "painting": {"accepted": [0]}}
    german = {"accept-language": "de"}
    answer = page.request("POST", f"/api/results/{result['id']}/painting", json=body, headers=german)
    assert answer.status_code == 503 and "c ist in Airflow ausgeschaltet" in answer.json()["detail"]
    again = page.results()["box/marked.png"]
    assert again["state"] == "open" and again["version"] == answer.json()["version"]
    assert not (page.project.output / "decided/box/marked.png.mask.png").exists()


def test_a_mask_that_is_taken_back_while_it_is_filled_is_published_once_at_most(page) -> None:
    result = page.results()["box/marked.png"]
    paint(page, result, 20)
    chunks = page.project.receive(source="box/marked.png")
    for stage in CHUNK_STAGES[:2]:
        chunks = [load_stage(stage)(chunk, None) for chunk in chunks]
    waiting = page.results()["box/marked.png"]
    assert page.decide(waiting, "undo").json()["state"] == "open"
    for stage in CHUNK_STAGES[2:]:
        chunks = [load_stage(stage)(chunk, None) for chunk in chunks]
    # What was on its way is published; the next run fills what the machine found, and the one after that nothing.
    assert page.results()["box/marked.png"]["state"] in ("open", "unasked")
    page.project.restore(page.project.receive())
    assert np.count_nonzero(read_image(page.project.output / "masks/box/marked.png")) == 96 * 3
    assert page.project.restore(page.project.receive()) == []
    restored = [name for name in files(page) if name.startswith(("restored/", "withdrawn/"))]
    assert sorted(restored) == ["restored/box/marked.png", "restored/box/painted.png"]


def test_of_a_run_that_failed_the_log_is_named(page, tmp_path) -> None:
    local = redo.LocalRedo(logs=tmp_path / "logs")
    local.start("nobody's", "box/marked.png", User("id", "anna", frozenset()))
    for _ in range(600):
        if problem := local.problem("nobody's", "box/marked.png"):
            break
        time.sleep(0.1)
    assert problem is not None and "knows no batch of nobody's" in problem.text
    (log,) = (tmp_path / "logs").iterdir()
    assert str(log) in problem.text and "Traceback" in log.read_text()
