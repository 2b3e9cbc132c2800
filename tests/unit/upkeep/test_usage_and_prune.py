"""Disk use, and pruning: dry unless asked, never results, folders and buckets alike."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from s3_bucket import bucket, s3_address, s3_environment
from sqlalchemy import select, update

from pipeline import storage
from pipeline.cli import main
from pipeline.ledger.tables import Batch, StorageUse

__all__ = ["bucket", "s3_address", "s3_environment"]


def files(root: Path) -> dict[str, str]:
    """Returns the digests of all files below a folder by their names."""
    found = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_usage_counts_what_lies_in_the_output(finished, capsys) -> None:
    (usage,) = run(capsys, "usage", "c")["outputs"]
    sizes = {path: path.stat().st_size for path in finished.output.rglob("*") if path.is_file()}
    assert sum(usage["bytes"].values()) == sum(sizes.values())
    assert usage["files"]["restored"] == 2 and usage["files"]["quarantine"] == 2
    assert (usage["scans"], usage["output"]) == (3, str(finished.output))
    with finished.ledger.read() as session:
        (kept,) = session.scalars(select(StorageUse))
    assert (kept.files, kept.bytes) == (len(sizes), sum(sizes.values()))
    assert main(["usage"]) == 0 and "3 scans," in capsys.readouterr().out
    assert main(["usage", "other"]) == 2 and "knows no collection 'other'" in capsys.readouterr().err


def test_prune_deletes_only_when_asked_and_never_a_result(finished, capsys) -> None:
    work = finished.output / ".work/killed"
    work.mkdir(parents=True)
    (work / "batch.json").write_text("{}")
    before, masters = files(finished.output), files(finished.inbox)
    assert run(capsys, "prune")["found"] == [], "nothing is 90 days old"
    found = run(capsys, "prune", "--older-than", "0")
    assert {(one["what"], one["batch"]) for one in found["found"]} == {
        ("reports", "b1"),
        ("quarantine", "b1"),
        (".work", "killed"),
    }
    assert files(finished.output) == before, "it was only listed"
    run(capsys, "prune", "--older-than", "0", "--what", "quarantine", "--delete")
    assert not (finished.output / "quarantine/b1").exists() and (finished.output / "reports/b1").exists()
    assert main(["prune", "c", "--older-than", "0", "--delete"]) == 0
    kept = files(finished.output)
    assert kept == {
        name: sha for name, sha in before.items() if name.split("/")[0] not in ("reports", "quarantine", ".work")
    }
    assert files(finished.inbox) == masters


def test_a_batch_under_way_is_not_pruned(finished, capsys) -> None:
    with finished.ledger.write() as session:
        session.execute(update(Batch).values(state="running", finished=None))
    assert run(capsys, "prune", "--older-than", "0")["found"] == []


def test_nothing_is_pruned_where_an_inbox_lies(finished, capsys) -> None:
    with finished.ledger.write() as session:
        session.execute(update(Batch).values(inbox=str(finished.output / "quarantine/b1")))
    assert main(["prune", "--older-than", "0", "--delete"]) == 1
    assert "overlap" in capsys.readouterr().err
    assert (finished.output / "quarantine/b1/c.png").exists()


def test_buckets_are_measured_and_pruned(finished, capsys, bucket) -> None:
    for path in finished.output.rglob("*"):
        if path.is_file():
            storage.write_file(f"{bucket}/out/{path.relative_to(finished.output)}", path)
    with finished.ledger.write() as session:
        session.execute(update(Batch).values(output=f"{bucket}/out/"))
    (usage,) = run(capsys, "usage")["outputs"]
    assert usage["files"]["restored"] == 2
    run(capsys, "prune", "--older-than", "0", "--delete")
    assert sorted({entry.path.split("/")[0] for entry in storage.list_files(f"{bucket}/out")}) == [
        "masks",
        "restored",
        "sidecars",
    ]
