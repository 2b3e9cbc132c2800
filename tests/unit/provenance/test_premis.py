"""PREMIS: valid, complete, the same every time, and fit for any name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from lxml import etree
from small_project import Project
from sqlalchemy import select
from xml_schemas import xmllint

from pipeline.ledger import TaskContext, events, history
from pipeline.ledger.tables import OutcomeRow, Scan
from pipeline.provenance import EventType
from pipeline.provenance.identifiers import identifier
from pipeline.provenance.premis import NAMESPACE, PremisFile, PremisWriter
from pipeline.provenance.premis_history import master_identifier, write_premis
from pipeline.provenance.pronom import BIG, file_format, format_written
from pipeline.provenance.xml_text import xml_name, xml_text

P = {"p": NAMESPACE}
AWKWARD = "Box 1/Grüße & <b>\n100%.png"


@pytest.fixture
def told(project: Project) -> history.History:
    """The history of a scan that was restored, and then rejected by a person."""
    project.put(AWKWARD)
    project.restore(project.receive())
    with project.ledger.write() as session:
        outcome = session.scalars(select(OutcomeRow)).one()
        figures = {"user": "7", "name": "Ada <Lovelace>", "seen": outcome.restored_sha256}
        for kind, decision in ((EventType.QUALITY, "accept"), (EventType.WITHDRAWAL, "reject")):
            record = events.EventRecord(outcome.scan_id, "review", str(kind), decision, "the sky\x07 is wrong", figures)
            events.append(session, outcome.batch_id, TaskContext(), [record])
    with project.ledger.read() as session:
        return history.history(session, session.scalars(select(Scan)).one())


def premis(told: history.History) -> bytes:
    """Return the document on one scan."""
    target = BytesIO()
    assert write_premis(target, [told]) == 1
    return target.getvalue()


def texts(element: etree._Element, path: str) -> list[str]:
    return [found.text or "" for found in element.iterfind(path, P)]


def of_role(document: etree._Element, role: str) -> etree._Element:
    """Return the object of a role; the master has none."""
    return next(
        one for one in document.iterfind("p:object", P) if role in texts(one, ".//p:significantPropertiesValue")
    )


def test_a_restored_scan_is_valid_premis(told: history.History, tmp_path: Path) -> None:
    (tmp_path / "premis.xml").write_bytes(premis(told))
    assert "validates" in xmllint(tmp_path / "premis.xml", "premis.xsd")


def test_both_ways_of_the_derivation_name_the_same_event(told: history.History) -> None:
    document = etree.fromstring(premis(told))
    master, derivative = document.find("p:object", P), of_role(document, "derivative")
    assert texts(master, ".//p:messageDigest") == [told.scan.sha256]
    assert texts(derivative, ".//p:messageDigest") == [told.outcomes[0].restored_sha256]
    ids = [texts(one, "p:objectIdentifier/p:objectIdentifierValue")[0] for one in (master, derivative)]
    ways = {}
    for one, other in ((master, ids[1]), (derivative, ids[0])):
        for way in one.iterfind("p:relationship", P):
            if texts(way, "p:relatedObjectIdentifier/p:relatedObjectIdentifierValue") == [other]:
                assert texts(way, "p:relationshipType") == ["derivation"]
                ways[texts(way, "p:relationshipSubType")[0]] = texts(way, ".//p:relatedEventIdentifierValue")
    assert ways.keys() == {"is source of", "has source"}
    assert ways["is source of"] == ways["has source"]
    made = next(
        one for one in document.iterfind("p:event", P) if texts(one, ".//p:eventIdentifierValue") == ways["has source"]
    )
    assert texts(made, "p:eventType") == ["creation"] and texts(made, ".//p:eventOutcome") == ["success"]
    roles = {texts(link, "p:linkingObjectIdentifierValue")[0]: texts(link, "p:linkingObjectRole")[0]
             for link in made.iterfind("p:linkingObjectIdentifier", P)}  # fmt: skip
    assert roles[ids[0]] == "source" and roles[ids[1]] == "outcome"


def test_events_and_agents_tell_what_was_done_and_by_whom(told: history.History) -> None:
    document = etree.fromstring(premis(told))
    kinds = set(texts(document, "p:event/p:eventType"))
    assert kinds >= {"ingestion", "validation", "message digest calculation", "fixity check", "creation"}
    assert kinds >= {"quality review", "deaccession"}
    agents = {texts(one, "p:agentName")[0]: one for one in document.iterfind("p:agent", P)}
    assert texts(agents["archive-restoration"], "p:agentVersion") == ["test"]
    engine = told.batches[told.outcomes[0].batch_id].engine_digest.split()[0]
    assert texts(agents["inpainting engine telea"], "p:agentVersion") == [engine]
    person = agents["Ada <Lovelace>"]
    assert texts(person, "p:agentType") == ["person"]
    assert "7" in texts(person, "p:agentIdentifier/p:agentIdentifierValue")
    withdrawn = next(one for one in document.iterfind("p:event", P) if texts(one, "p:eventType") == ["deaccession"])
    assert texts(withdrawn, ".//p:linkingAgentRole") == ["authorizer", "reviewer"]
    assert texts(withdrawn, ".//p:eventOutcomeDetailNote") == ["reject: the sky%07 is wrong"]


def test_every_link_leads_to_something_in_the_document(told: history.History) -> None:
    document = etree.fromstring(premis(told))
    there = set()
    for kind in ("object", "event", "agent"):
        found = texts(document, f"p:{kind}/p:{kind}Identifier/p:{kind}IdentifierValue")
        assert len(found) == len(set(found))
        there |= set(found)
    links = {found.text for found in document.iter() if etree.QName(found).localname.endswith("IdentifierValue")}
    assert links <= there


def test_identifiers_stay_the_same_and_do_not_depend_on_the_name_of_the_collection(told: history.History) -> None:
    assert premis(told) == premis(told)
    same = {"path": told.scan.path, "sha256": told.scan.sha256}
    renamed = Scan(collection="another", first_seen=told.scan.first_seen, **same)
    assert master_identifier(renamed) == master_identifier(told.scan)
    # The same file in another collection was received at another moment.
    elsewhere = Scan(collection="another", first_seen=told.scan.first_seen + timedelta(microseconds=1), **same)
    assert master_identifier(elsewhere) != master_identifier(told.scan)
    assert identifier("master", "ab", "c") != identifier("master", "a", "bc")


def test_a_name_that_xml_cannot_hold_is_encoded_and_says_so(told: history.History) -> None:
    document = etree.fromstring(premis(told))
    assert texts(document, ".//p:originalName") == ["Box 1/Grüße & <b>%0A100%25.png"]
    assert any("percent-encoded" in text for text in texts(document, ".//p:significantPropertiesValue"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("plain 100%.tif", "plain 100%.tif"), ("a\tb", "a%09b"), ("\x00%\ud800", "%00%25%ED%A0%80"), ("ü€𝄞", "ü€𝄞")],
)
def test_names_are_kept_or_can_be_decoded(name: str, expected: str) -> None:
    assert xml_name(name) == (expected, name != expected)
    etree.Element("x").text = xml_text(name)


def test_formats_without_one_pronom_identifier_have_none() -> None:
    assert (file_format("TIFF", 1).puid, file_format("TIFF", BIG).puid) == ("fmt/353", "fmt/1917")
    assert not file_format("PNG").puid and "fmt/13" in file_format("PNG").note
    assert format_written("other", "a.png") == file_format("PNG")
    assert format_written("sidecar", "a.json").puid == "fmt/817"
    assert file_format("").name == "unknown"


def test_what_this_program_writes_has_an_identifier(told: history.History) -> None:
    derivative = of_role(etree.fromstring(premis(told)), "derivative")
    assert texts(derivative, ".//p:formatName") == ["Portable Network Graphics"]
    assert texts(derivative, ".//p:formatVersion") == ["1.2"]
    assert texts(derivative, ".//p:formatRegistryKey") == ["fmt/13"]
    assert texts(of_role(etree.fromstring(premis(told)), "mask"), ".//p:formatRegistryKey") == ["fmt/11"]
    access = format_written("access copy", "access/a.jpg")
    assert (access.name, access.version, access.puid) == ("JPEG File Interchange Format", "1.01", "fmt/43")


def test_many_objects_are_written_in_the_order_of_the_schema(tmp_path: Path) -> None:
    target = BytesIO()
    with PremisWriter(target) as writer:
        for number in range(3):
            writer.write([PremisFile(str(number), file_format("TIFF"))], [])
    document = etree.fromstring(target.getvalue())
    assert [etree.QName(one).localname for one in document] == ["object"] * 3
    assert document.nsmap == {None: NAMESPACE, "xsi": "http://www.w3.org/2001/XMLSchema-instance"}


def test_a_document_that_failed_is_not_complete() -> None:
    target = BytesIO()
    with pytest.raises(RuntimeError), PremisWriter(target):
        raise RuntimeError
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(target.getvalue())
    with pytest.raises(ValueError, match="no scan"):
        write_premis(BytesIO(), [])


def test_moments_are_in_utc(told: history.History) -> None:
    for text in texts(etree.fromstring(premis(told)), ".//p:eventDateTime"):
        assert text.endswith("Z") and datetime.fromisoformat(text).tzinfo == UTC


def test_a_fixity_check_names_the_files_that_were_read_and_fails_where_one_differs(
    told: history.History, project: Project
) -> None:
    derivative = told.outcomes[0].restored_sha256
    with project.ledger.write() as session:
        for decision, wrong in (("intact", []), ("differs and missing", [{"file": "mask", "expected": "f" * 64}])):
            figures = {"sha256": {"master": told.scan.sha256, "derivative": derivative}, "wrong": wrong}
            record = events.EventRecord(told.scan.id, "fixity", str(EventType.FIXITY), decision, figures=figures)
            events.append(session, None, TaskContext(), [record])
    with project.ledger.read() as session:
        document = etree.fromstring(premis(history.history(session, session.scalars(select(Scan)).one())))
    checks = [
        one
        for one in document.iterfind("p:event", P)
        if "of the files calculated again" in texts(one, ".//p:eventDetail")[0]
    ]
    assert [texts(one, ".//p:eventOutcome") for one in checks] == [["success"], ["fail"]]
    ids = {
        texts(one, "p:objectIdentifier/p:objectIdentifierValue")[0]
        for one in (document.find("p:object", P), of_role(document, "derivative"))
    }
    assert all(set(texts(one, ".//p:linkingObjectIdentifierValue")) == ids for one in checks)
