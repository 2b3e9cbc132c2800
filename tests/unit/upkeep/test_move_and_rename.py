"""Moving an output and renaming a collection: nothing is done again, nothing is lost, and traces show what is true."""

from __future__ import annotations

import shutil

import pytest
from s3_bucket import bucket, s3_address, s3_environment
from small_project import count_outcomes
from sqlalchemy import select

from pipeline import storage
from pipeline.cli import main
from pipeline.ledger.tables import Base, Event, OutcomeRow

__all__ = ["bucket", "s3_address", "s3_environment"]


def test_a_moved_output_is_traced_where_it_lies_and_not_done_again(finished, capsys, tmp_path) -> None:
    new = tmp_path / "new place"
    shutil.copytree(finished.output, new)
    assert main(["move", str(finished.output), f"{new}/", "--checksums"]) == 0
    shutil.rmtree(finished.output)
    capsys.readouterr()
    assert main(["trace", "a.png"]) == 0
    traced = capsys.readouterr().out
    assert f"{new}/restored/a.png" in traced and f"{finished.output}/" not in traced
    finished.changes["output"] = str(new)
    assert finished.receive() == []
    with finished.ledger.read() as session:
        assert session.scalars(select(Event.figures).where(Event.decision == "moved")).one()["to"] == str(new)


def test_an_output_moves_into_a_bucket(finished, bucket) -> None:
    for path in finished.output.rglob("*"):
        if path.is_file():
            storage.write_file(f"{bucket}/out/{path.relative_to(finished.output)}", path)
    assert main(["move", str(finished.output), f"{bucket}/out", "--checksums"]) == 0
    with finished.ledger.read() as session:
        uris = [one.restored_uri for one in session.scalars(select(OutcomeRow)) if one.restored_uri]
    assert sorted(uris) == [f"{bucket}/out/restored/a.png", f"{bucket}/out/restored/box/b.png"]
    assert all(storage.exists(uri) for uri in uris)


def test_nothing_is_recorded_while_files_are_missing_or_different(finished, capsys, tmp_path) -> None:
    new = tmp_path / "new"
    shutil.copytree(finished.output, new)
    (new / "masks/a.png").unlink()
    assert main(["move", str(finished.output), str(new)]) == 1
    assert "masks/a.png" in capsys.readouterr().err
    (new / "masks/a.png").write_bytes(b"another")
    assert main(["move", str(finished.output), str(new)]) == 0, "names are there"
    assert main(["move", str(new), str(finished.output)]) == 0
    assert main(["move", str(finished.output), str(new), "--checksums"]) == 1
    assert main(["move", str(finished.output), str(new), "--missing-ok"]) == 0


@pytest.mark.parametrize("verb", ["move", "rename"])
def test_what_cannot_be_changed_is_named(finished, capsys, verb: str) -> None:
    unknown = {"move": ["/nowhere", "/new"], "rename": ["x", "y"]}
    assert main([verb, *unknown[verb]]) == 2
    assert "the ledger knows no" in capsys.readouterr().err
    finished.put("d.png", 4)
    finished.receive()
    known = {"move": [str(finished.output), "/new"], "rename": ["c", "y"]}
    assert main([verb, *known[verb]]) == 2
    assert "is under way" in capsys.readouterr().err


def test_a_renamed_collection_keeps_its_outcomes(finished, capsys) -> None:
    before = count_outcomes(finished)
    assert main(["rename", "c", "Plates"]) == 2 and "lower-case" in capsys.readouterr().err
    assert main(["rename", "c", "plates-1890"]) == 0
    with finished.ledger.read() as session:
        named = {
            table.name: set(session.execute(select(table.c.collection)).scalars())
            for table in Base.metadata.sorted_tables
            if "collection" in table.c
        }
    assert {"ledger_scans", "ledger_batches", "ledger_publications"} <= named.keys()
    assert set().union(*named.values()) == {"plates-1890"}
    finished.changes["name"] = "plates-1890"
    assert finished.receive() == [], "nothing is done again"
    assert count_outcomes(finished) == before
    finished.changes["name"] = "c"
    assert main(["rename", "plates-1890", "c"]) == 2, "a batch is under way"
