"""Write PREMIS 3.0: objects, events and agents in, XML out, in memory that does not grow with their number.

The schema wants every object before every event, and every event before every agent. Events are therefore kept in a
temporary file until the last object is written; agents are few.

Source: PREMIS Data Dictionary for Preservation Metadata, version 3.0 (2015), and its XML schema of 2016-01-18; terms
and their URIs are those of the Library of Congress (id.loc.gov/vocabulary/preservation).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Any, BinaryIO, Self

from lxml import etree

from pipeline.provenance.pronom import FileFormat
from pipeline.provenance.vocabulary import Vocabulary, term_uri
from pipeline.provenance.xml_text import xml_name, xml_text

NAMESPACE = "http://www.loc.gov/premis/v3"
SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
#: Of the figures in `eventDetailExtension`: `<figures><figure name="coverage">0.01</figure></figures>`.
FIGURES = "urn:archive-restoration:figures:1"
NAME_NOTE = "percent-encoded UTF-8, because the name has characters that XML 1.0 cannot hold"
# Events beyond this size wait on disk.
SPOOL = 1 << 20

_DECLARED = {None: NAMESPACE, "xsi": SCHEMA_INSTANCE}
_ROOT = f'<premis xmlns="{NAMESPACE}" xmlns:xsi="{SCHEMA_INSTANCE}" version="3.0">'
_START = f'<?xml version="1.0" encoding="UTF-8"?>\n{_ROOT}\n'


@dataclass(frozen=True)
class Link:
    """A link from an event to an object or an agent.

    Attributes:
        roles: terms of the Library of Congress, or words of our own.
    """

    identifier: str
    roles: Sequence[str]


@dataclass(frozen=True)
class Relation:
    """A relationship of an object to another one, and the event that brought it about (empty where none is known)."""

    kind: str
    subtype: str
    related: str
    event: str = ""


@dataclass(frozen=True)
class PremisFile:
    """An object of the category file.

    Attributes:
        identifier: a UUID.
        size: bytes; None where it is not known.
        sha256: hex; empty where nothing could be read.
        original_name: as it was received; empty for what was made here.
        location: URI, or path of a file; empty where it is not known.
        application: name and version of the program that made the file, and when; None for what was received.
        properties: type and value of significant properties, such as width and height.
        events: identifiers.
    """

    identifier: str
    format: FileFormat
    sha256: str = ""
    size: int | None = None
    original_name: str = ""
    location: str = ""
    application: tuple[str, str, datetime] | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    relations: Sequence[Relation] = ()
    events: Sequence[str] = ()


@dataclass(frozen=True)
class PremisEvent:
    """An event.

    Attributes:
        kind: a PREMIS event type, or a word of our own.
        detail: what was done, in a sentence.
        figures: what was measured or recorded besides.
        outcome: `success`, `warning`, `fail`, or a word of our own.
        note: the outcome in words.
    """

    identifier: str
    kind: str
    at: datetime
    detail: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)
    outcome: str = ""
    note: str = ""
    agents: Sequence[Link] = ()
    objects: Sequence[Link] = ()


@dataclass(frozen=True)
class PremisAgent:
    """An agent.

    Attributes:
        kind: `software`, `person` or `organization`.
        local: identifier by which this installation knows it, e.g. a user's id; empty without one.
        notes: sentences.
    """

    identifier: str
    name: str
    kind: str
    version: str = ""
    local: str = ""
    notes: Sequence[str] = ()


class PremisWriter:
    """Writes one PREMIS document; a context manager, whose end completes the document.

    Args:
        target: where the XML goes, as UTF-8; it is not closed.
    """

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._events: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(max_size=SPOOL)  # noqa: SIM115
        self._agents: dict[str, PremisAgent] = {}

    def __enter__(self) -> Self:
        self._target.write(_START.encode())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # After an error the document stays incomplete, so that nobody takes it for a whole one.
        with self._events as events:
            if kind is not None:
                return
            events.seek(0)
            shutil.copyfileobj(events, self._target)
        for agent in self._agents.values():
            self._target.write(_serialised(_agent(agent)))
        self._target.write(b"</premis>\n")

    def write(
        self, files: Iterable[PremisFile], events: Iterable[PremisEvent], agents: Iterable[PremisAgent] = ()
    ) -> None:
        """Write objects and events; an agent that was written before is written once."""
        for one in files:
            self._target.write(_serialised(_object(one)))
        for event in events:
            self._events.write(_serialised(_event(event)))
        for agent in agents:
            self._agents.setdefault(agent.identifier, agent)


def _object(one: PremisFile) -> Any:
    element = etree.Element(f"{{{NAMESPACE}}}object", {f"{{{SCHEMA_INSTANCE}}}type": "file"}, nsmap=_DECLARED)
    _identifier(element, "object", one.identifier)
    name, encoded = xml_name(one.original_name)
    for kind, value in (
        {**one.properties, "encoding of originalName": NAME_NOTE} if encoded else one.properties
    ).items():
        found = _child(element, "significantProperties")
        _child(found, "significantPropertiesType", kind)
        _child(found, "significantPropertiesValue", value)
    _characteristics(element, one)
    if name:
        _child(element, "originalName", name)
    if one.location:
        content = _child(_child(element, "storage"), "contentLocation")
        _child(content, "contentLocationType", "URI" if "://" in one.location else "file path")
        _child(content, "contentLocationValue", xml_name(one.location)[0])
    for relation in one.relations:
        found = _child(element, "relationship")
        _term(found, "relationshipType", relation.kind, Vocabulary.RELATIONSHIP)
        _term(found, "relationshipSubType", relation.subtype, Vocabulary.RELATIONSHIP_SUBTYPE)
        _identifier(found, "relatedObject", relation.related)
        if relation.event:
            _identifier(found, "relatedEvent", relation.event)
    for event in one.events:
        _identifier(element, "linkingEvent", event)
    return element


def _characteristics(element: Any, one: PremisFile) -> None:
    found = _child(element, "objectCharacteristics")
    # Not compressed or encrypted as a file.
    _child(found, "compositionLevel", "0")
    if one.sha256:
        fixity = _child(found, "fixity")
        _child(fixity, "messageDigestAlgorithm", "SHA-256")
        _child(fixity, "messageDigest", one.sha256)
        _child(fixity, "messageDigestOriginator", "archive-restoration")
    if one.size is not None:
        _child(found, "size", str(one.size))
    form = _child(found, "format")
    designation = _child(form, "formatDesignation")
    _child(designation, "formatName", one.format.name)
    if one.format.version:
        _child(designation, "formatVersion", one.format.version)
    if one.format.puid:
        registry = _child(form, "formatRegistry")
        _child(registry, "formatRegistryName", "PRONOM")
        _child(registry, "formatRegistryKey", one.format.puid)
    if one.format.note:
        _child(form, "formatNote", one.format.note)
    if one.application:
        name, version, at = one.application
        made = _child(found, "creatingApplication")
        _child(made, "creatingApplicationName", name)
        if version:
            _child(made, "creatingApplicationVersion", version)
        _child(made, "dateCreatedByApplication", _moment(at))


def _event(one: PremisEvent) -> Any:
    element = etree.Element(f"{{{NAMESPACE}}}event", nsmap=_DECLARED)
    _identifier(element, "event", one.identifier)
    _term(element, "eventType", one.kind, Vocabulary.EVENT)
    _child(element, "eventDateTime", _moment(one.at))
    if one.detail or one.figures:
        detail = _child(element, "eventDetailInformation")
        if one.detail:
            _child(detail, "eventDetail", one.detail)
        if one.figures:
            figures = etree.SubElement(
                _child(detail, "eventDetailExtension"), f"{{{FIGURES}}}figures", nsmap={None: FIGURES}
            )
            for name, value in one.figures.items():
                figure = etree.SubElement(figures, f"{{{FIGURES}}}figure", {"name": xml_text(name)})
                figure.text = xml_text(str(value))
    if one.outcome or one.note:
        outcome = _child(element, "eventOutcomeInformation")
        if one.outcome:
            _term(outcome, "eventOutcome", one.outcome, Vocabulary.OUTCOME)
        if one.note:
            _child(_child(outcome, "eventOutcomeDetail"), "eventOutcomeDetailNote", one.note)
    for links, name, vocabulary in (
        (one.agents, "linkingAgent", Vocabulary.AGENT_ROLE),
        (one.objects, "linkingObject", Vocabulary.OBJECT_ROLE),
    ):
        for link in links:
            found = _identifier(element, name, link.identifier)
            for role in link.roles:
                _term(found, f"{name}Role", role, vocabulary)
    return element


def _agent(one: PremisAgent) -> Any:
    element = etree.Element(f"{{{NAMESPACE}}}agent", nsmap=_DECLARED)
    _identifier(element, "agent", one.identifier)
    if one.local:
        _identifier(element, "agent", one.local, "local")
    _child(element, "agentName", one.name)
    _term(element, "agentType", one.kind, Vocabulary.AGENT)
    if one.version:
        _child(element, "agentVersion", one.version)
    for note in one.notes:
        _child(element, "agentNote", note)
    return element


def _identifier(parent: Any, name: str, value: str, kind: str = "UUID") -> Any:
    found = _child(parent, f"{name}Identifier")
    _child(found, f"{name}IdentifierType", kind)
    _child(found, f"{name}IdentifierValue", value)
    return found


def _term(parent: Any, name: str, word: str, vocabulary: Vocabulary) -> None:
    """Add an element with a word, and its URI where the Library of Congress has the word."""
    found = _child(parent, name, word)
    if uri := term_uri(vocabulary, word):
        found.set("authority", str(vocabulary))
        found.set("authorityURI", uri.rpartition("/")[0])
        found.set("valueURI", uri)


def _child(parent: Any, name: str, text: str = "") -> Any:
    found = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    if text:
        found.text = xml_text(text)
    return found


def _serialised(element: Any) -> bytes:
    etree.indent(element, space="  ", level=1)
    data: bytes = etree.tostring(element, encoding="UTF-8", xml_declaration=False)
    # The root declares both namespaces already; the first declarations are those of this element.
    for prefix, uri in (("xmlns", NAMESPACE), ("xmlns:xsi", SCHEMA_INSTANCE)):
        data = data.replace(f' {prefix}="{uri}"'.encode(), b"", 1)
    return b"  " + data.rstrip() + b"\n"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
