"""Bags are valid for others' programs, whole or not there, and hold what the ledger says."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from urllib.parse import unquote, urlsplit

import bagit
import pytest
from bagit_utils import Bag as OtherBag
from lxml import etree
from s3_bucket import bucket, s3_address, s3_environment

from pipeline import storage
from pipeline.cli import main
from pipeline.inbox.bags import check
from pipeline.preservation.bag_manifests import Manifests
from pipeline.settings import Collection
from pipeline.stages.reconcile import reconcile

__all__ = ["bucket", "s3_address", "s3_environment"]

METS = "{http://www.loc.gov/METS/}"
XLINK = "{http://www.w3.org/1999/xlink}href"


def payload(folder: Path) -> dict[str, bytes]:
    """Returns the files below data/."""
    data = folder / "data"
    return {str(path.relative_to(data)): path.read_bytes() for path in data.rglob("*") if path.is_file()}


def problems(folder: Path) -> list[str]:
    """Returns what is wrong with a bag, by RFC 8493 and nothing else: no validator here decodes percent signs."""
    wrong = []
    for algorithm in ("sha256", "sha512"):
        for manifest in folder.glob(f"*manifest-{algorithm}.txt"):
            named = set()
            for line in manifest.read_text(encoding="utf-8").split("\n")[:-1]:
                digest, _, path = line.partition("  ")
                file = folder / unquote(path)
                named.add(file)
                if not file.is_file() or hashlib.new(algorithm, file.read_bytes()).hexdigest() != digest:
                    wrong.append(f"{manifest.name}: {path}")
            if manifest.name.startswith("manifest"):
                wrong += [str(file) for file in (folder / "data").rglob("*") if file.is_file() and file not in named]
    return wrong


def test_a_bag_is_valid_for_two_programs(finished, tmp_path, capsys) -> None:
    finished.put("Grüße aus Köln.png", 3)
    finished.restore(finished.receive())
    reconcile(finished.work_area())
    bag = tmp_path / "my bag"
    assert main(["bag", str(finished.output), str(bag), "--sha512", "--mets", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["scans"] == 3 and found["files"] == len(payload(bag))
    bagit.Bag(str(bag)).validate(processes=1)
    report = OtherBag(bag, load=True).validate()
    assert report.valid, report.issues
    assert problems(bag) == []
    assert (bag / "data/masters/Grüße aus Köln.png").read_bytes() == (
        finished.inbox / "Grüße aus Köln.png"
    ).read_bytes()
    assert {name.partition("/")[0] for name in payload(bag)} == {
        "METS.xml", "masters", "masks", "metadata", "reports", "restored", "sidecars",
    }  # fmt: skip
    assert not list(tmp_path.glob(".*")), "nothing is left of the writing"


def test_a_bag_names_its_collection_and_what_it_holds(finished, tmp_path) -> None:
    finished.changes |= {"title": "Glass\nplates", "bag_info": {"Source-Organization": "Archive of X"}}
    finished.put("d.png", 3)
    finished.restore(finished.receive())
    reconcile(finished.work_area())
    assert main(["bag", str(finished.output), str(tmp_path / "bag"), "--batch", "b2"]) == 0
    info = bagit.Bag(str(tmp_path / "bag")).info
    assert info["Source-Organization"] == "Archive of X" and info["External-Description"].startswith("Glass")
    assert info["External-Identifier"] == "c/b2"
    size = sum(map(len, payload(tmp_path / "bag").values()))
    assert info["Payload-Oxum"] == f"{size}.{len(payload(tmp_path / 'bag'))}"
    assert [name for name in payload(tmp_path / "bag") if name.startswith("restored")] == ["restored/d.png"]


def test_premis_in_a_bag_is_of_its_scans(finished, tmp_path) -> None:
    assert main(["fixity", str(finished.output)]) == 0
    assert main(["bag", str(finished.output), str(tmp_path / "bag"), "--masters", "none"]) == 0
    document = etree.fromstring((tmp_path / "bag/data/metadata/preservation/premis.xml").read_bytes())
    spaces = {"p": "http://www.loc.gov/premis/v3"}
    assert document.xpath("//p:originalName/text()", namespaces=spaces) == ["a.png", "box/b.png"]
    checks = document.xpath("//p:event[p:eventType='fixity check']", namespaces=spaces)
    read_again = [one for one in checks if "calculated again, and compared with the ledger" in "".join(one.itertext())]
    # Master, derivative, mask and sidecar of each.
    assert [len(one.xpath("p:linkingObjectIdentifier", namespaces=spaces)) for one in read_again] == [4, 4]
    assert all(one.xpath("p:linkingAgentIdentifier", namespaces=spaces) for one in read_again)


def test_mets_names_every_file_of_the_results(finished, tmp_path) -> None:
    finished.put("two\nlines & <more>.png", 3)
    finished.restore(finished.receive())
    reconcile(finished.work_area())
    bag = tmp_path / "bag"
    assert main(["bag", str(finished.output), str(bag), "--mets"]) == 0
    mets = etree.fromstring((bag / "data/METS.xml").read_bytes())
    listed = {unquote(one.get(XLINK)): one.getparent().get("CHECKSUM") for one in mets.iter(f"{METS}FLocat")}
    content = payload(bag)
    assert listed.keys() == {name for name in content if not name.startswith(("METS", "metadata"))}
    assert all(hashlib.sha256(content[name]).hexdigest() == digest for name, digest in listed.items())
    [premis] = mets.iter(f"{METS}mdRef")
    assert hashlib.sha256(content[premis.get(XLINK)]).hexdigest() == premis.get("CHECKSUM")
    identifiers = [one.get("ID") for one in mets.iter() if one.get("ID")]
    assert len(identifiers) == len(set(identifiers))


def test_masters_may_be_fetched(finished, tmp_path) -> None:
    bag = tmp_path / "bag"
    assert main(["bag", str(finished.output), str(bag), "--masters", "fetch"]) == 0
    assert not (bag / "data/masters").exists()
    with pytest.raises(bagit.BagError):
        bagit.Bag(str(bag)).validate()
    for line in (bag / "fetch.txt").read_text().splitlines():
        url, size, path = line.split(" ", 2)
        content = Path(unquote(urlsplit(url).path)).read_bytes()
        assert len(content) == int(size)
        (bag / path).parent.mkdir(parents=True, exist_ok=True)
        (bag / path).write_bytes(content)
    bagit.Bag(str(bag)).validate()


def test_names_with_line_ends_and_percent_signs_are_encoded(project, tmp_path) -> None:
    names = ["two\nlines.png", "carriage\rreturn.png", "100% sure%0A.png", "ä ö.png", "-r.png"]
    for number, name in enumerate(names):
        project.put(name, number)
    project.restore(project.receive())
    bag = tmp_path / "bag"
    assert main(["bag", str(project.output), str(bag)]) == 0
    assert {f"masters/{name}" for name in names} <= payload(bag).keys()
    assert problems(bag) == []
    text = (bag / "manifest-sha256.txt").read_bytes().decode()
    assert "data/masters/two%0Alines.png" in text and "data/masters/100%25 sure%250A.png" in text
    # The pipeline's own inbox takes it too.
    assert check(str(bag), project.ledger).valid


@pytest.mark.parametrize("role", ["in/a.png", "out/restored/a.png", "out/sidecars/a.json"])
@pytest.mark.parametrize("gone", [True, False])
def test_no_bag_is_made_of_what_changed_and_it_goes_on_when_mended(finished, capsys, tmp_path, role, gone) -> None:
    file, bag = finished.output.parent / role, tmp_path / "bag"
    content = file.read_bytes()
    file.unlink() if gone else file.write_bytes(b"another")
    assert main(["bag", str(finished.output), str(bag)]) == 1
    said = capsys.readouterr().err
    assert ("is missing" if gone else "differs from its recorded checksum") in said and "a.png" in said
    assert not bag.exists()
    file.write_bytes(content)
    assert main(["bag", str(finished.output), str(bag)]) == 0
    assert problems(bag) == []


def test_a_bag_that_was_killed_is_continued(finished, tmp_path, capsys) -> None:
    bag = tmp_path / "bag"
    # Dies, as if killed, while it writes the sixth file; what it wrote of that stays.
    program = (
        "import os, sys; from pathlib import Path; from pipeline.cli import main\n"
        "real, count = os.replace, [0]\n"
        "def replace(self, target):\n"
        "    count[0] += 1\n"
        "    os._exit(9) if count[0] == 6 else real(self, target)\n"
        "Path.replace = replace; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["bag", str(finished.output), str(bag)]
    assert subprocess.run([sys.executable, "-c", program, *arguments], env=os.environ, check=False).returncode == 9
    [half] = tmp_path.glob(".*bag-being-written")
    assert not bag.exists() and list(half.rglob(".part-*"))
    # Something else may not go on there.
    assert main([*arguments, "--masters", "none"]) == 2
    assert "part of another bag" in capsys.readouterr().err
    # A result that is not wanted any more is not in the bag either.
    (half / "data/restored/old.png").write_bytes(b"old")
    assert main(arguments) == 0
    assert problems(bag) == [] and not half.exists()
    bagit.Bag(str(bag)).validate()


def test_what_lies_at_the_place_is_never_touched(finished, tmp_path, capsys) -> None:
    place = tmp_path / "bag"
    place.mkdir()
    assert main(["bag", str(finished.output), str(place)]) == 0, "an empty folder will do"
    before = payload(place)
    assert main(["bag", str(finished.output), str(place)]) == 2
    assert "not empty" in capsys.readouterr().err and payload(place) == before
    for wrong in (finished.output / "bag", finished.inbox, finished.inbox / "bag"):
        assert main(["bag", str(finished.output), str(wrong)]) == 2
    assert main(["bag", str(finished.output), str(tmp_path / "none"), "--batch", "nosuch"]) == 2
    assert "nothing to put into a bag" in capsys.readouterr().err


def test_results_that_are_replaced_meanwhile_are_taken_as_they_are_then(finished, tmp_path, monkeypatch) -> None:
    from pipeline.preservation import bag as module

    real, done = module.copy_checked, []

    def replace_first(uri, target, algorithms, sha256):
        if not done:
            done.append(True)
            # The run publishes a.png again, with another mask, just before it would be copied.
            finished.put("a.png", 9)
            finished.restore(finished.receive())
            reconcile(finished.work_area())
        return real(uri, target, algorithms, sha256)

    monkeypatch.setattr(module, "copy_checked", replace_first)
    bag = tmp_path / "bag"
    assert main(["bag", str(finished.output), str(bag)]) == 0
    assert problems(bag) == []
    # The new content is a scan of its own, and belongs to the next bag.
    assert [name for name in payload(bag) if name.startswith("sidecars")] == ["sidecars/box/b.json"]


def test_what_lies_beside_results_is_taken_too(finished, tmp_path) -> None:
    beside = {"restored/a.xmp": b"of an editor", "restored/box/b.png.xmp": b"x", "sidecars/a.master.c2pa": b"box"}
    for name, content in beside.items():
        (finished.output / name).write_bytes(content)
    assert main(["bag", str(finished.output), str(tmp_path / "bag")]) == 0
    assert beside.items() <= payload(tmp_path / "bag").items()
    assert problems(tmp_path / "bag") == []


def test_what_lies_beside_two_results_is_taken_once(project, tmp_path) -> None:
    # The second is published as `a.png.png`; `a.png.xmp` is the name of one program for the first, and of another's
    # for the second.
    project.put("a.jpg")
    project.put("a.png", 1)
    project.restore(project.receive())
    (project.output / "restored/a.png.xmp").write_bytes(b"of an editor")
    assert main(["bag", str(project.output), str(tmp_path / "bag")]) == 0
    assert payload(tmp_path / "bag")["restored/a.png.xmp"] == b"of an editor"
    assert problems(tmp_path / "bag") == []


def test_masters_whose_names_are_no_text_are_taken(project, tmp_path) -> None:
    project.put("a.png")
    (project.inbox / "a.png").rename(project.inbox / os.fsdecode(b"caf\xe9.png"))
    (project.inbox / "a.mask.png").rename(project.inbox / os.fsdecode(b"caf\xe9.mask.png"))
    project.restore(project.receive())
    for masters in ("copy", "fetch"):
        bag = tmp_path / masters
        assert main(["bag", str(project.output), str(bag), "--masters", masters]) == 0
    assert "masters/caf%E9.png" in payload(tmp_path / "copy")
    assert "/caf%E9.png " in (tmp_path / "fetch/fetch.txt").read_text()


def test_reports_of_another_collection_are_left_out(finished, tmp_path) -> None:
    finished.inbox, finished.changes = tmp_path / "in2", {"name": "other"}
    finished.put("other.png", 3)
    finished.restore(finished.receive())
    other = finished.output / "reports/b2"
    other.mkdir()
    (other / "report.csv").write_text("of another\n")
    assert main(["bag", str(finished.output), str(tmp_path / "bag"), "--collection", "c"]) == 0
    assert {name for name in payload(tmp_path / "bag") if name.startswith("reports/")} == {"reports/b1/report.csv"}


def test_a_bag_that_was_killed_before_it_appeared_is_continued(finished, tmp_path, monkeypatch) -> None:
    def killed(*_: object) -> None:
        raise SystemExit(9)

    arguments = ["bag", str(finished.output), str(tmp_path / "bag")]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        with pytest.raises(SystemExit):
            main(arguments)
    assert not (tmp_path / "bag").exists()
    assert main(arguments) == 0
    assert problems(tmp_path / "bag") == [] and not list(tmp_path.rglob(".bag-being-written*"))


def test_a_rejected_derivative_is_left_out(finished, tmp_path) -> None:
    from sqlalchemy import update

    from pipeline.ledger.tables import OutcomeRow

    (finished.output / "withdrawn").mkdir()
    (finished.output / "restored/a.png").rename(finished.output / "withdrawn/a.png")
    (finished.output / "withdrawn/a.png.xmp").write_bytes(b"of an editor")
    old, new = (str(finished.output / folder / "a.png") for folder in ("restored", "withdrawn"))
    with finished.ledger.write() as session:
        session.execute(update(OutcomeRow).where(OutcomeRow.restored_uri == old).values(restored_uri=new))
    assert main(["bag", str(finished.output), str(tmp_path / "bag")]) == 0
    assert {name for name in payload(tmp_path / "bag") if "a.png" in name} == {"masters/a.png", "masks/a.png"}


def test_bags_go_into_buckets_and_come_from_them(project, bucket, tmp_path) -> None:
    project.put("a b.png")
    project.changes["output"] = f"{bucket}/out"
    project.restore(project.receive())
    reconcile(f"{bucket}/out/.work/b1")
    assert main(["bag", f"{bucket}/out", f"{bucket}/bags/one", "--masters", "fetch"]) == 0
    assert main(["bag", f"{bucket}/out", f"{bucket}/bags/two"]) == 0
    assert main(["bag", f"{bucket}/out", f"{bucket}/bags/two"]) == 2, "not empty"
    for entry in storage.list_files(f"{bucket}/bags/two"):
        target = tmp_path / "bag" / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(storage.read_bytes(entry.uri))
    bagit.Bag(str(tmp_path / "bag")).validate()
    assert problems(tmp_path / "bag") == []
    assert f"file://{project.inbox}/a%20b.png" in storage.read_bytes(f"{bucket}/bags/one/fetch.txt").decode()


def test_manifests_take_no_memory(tmp_path) -> None:
    manifests = Manifests(tmp_path, ["sha256"])
    tracemalloc.start()
    peaks = []
    for part in range(2):
        for number in range(10_000):
            manifests.add(f"restored/box {part}/plate {number:06}.tif", 1, {"sha256": "0" * 64})
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert peaks[1] - peaks[0] < 50_000, "2 MB of names"
    assert "data/restored/box 1/plate 000009.tif" in manifests and "data/x" not in manifests
    assert manifests.files == manifests.bytes == 20_000
    manifests.complete()


@pytest.mark.parametrize("wrong", [{"payload-oxum": "1.1"}, {"a: b": "c"}, {"": "c"}])
def test_lines_that_would_break_a_bag_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"label|itself"):
        Collection(name="c", inbox="/in", output="/out", bag_info=wrong)
