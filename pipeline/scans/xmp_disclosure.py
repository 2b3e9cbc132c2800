"""Say in a picture's XMP packet that software filled parts of it; everything else in the packet stays."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from pipeline.scans.xmp import DESCRIPTION, META, RDF, XML, parse, rdf_of, serialise

DC, MM, XAP = "http://purl.org/dc/elements/1.1/", "http://ns.adobe.com/xap/1.0/mm/", "http://ns.adobe.com/xap/1.0/"
EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
EVENT, REFERENCE = (f"http://ns.adobe.com/xap/1.0/sType/Resource{kind}#" for kind in ("Event", "Ref"))
PREFIXES = {"rdf": RDF, "dc": DC, "xmpMM": MM, "Iptc4xmpExt": EXT, "stEvt": EVENT, "stRef": REFERENCE}
ABOUT, PARSE_TYPE, LANG = f"{{{RDF}}}about", f"{{{RDF}}}parseType", f"{{{XML}}}lang"
ALT, SEQ, LI = f"{{{RDF}}}Alt", f"{{{RDF}}}Seq", f"{{{RDF}}}li"
DEFAULT = "x-default"
SOURCE_TYPE, SYSTEM, SYSTEM_VERSION = (
    f"{{{EXT}}}DigitalSourceType",
    f"{{{EXT}}}AISystemUsed",
    f"{{{EXT}}}AISystemVersionUsed",
)
INSTANCE, DOCUMENT = f"{{{MM}}}InstanceID", f"{{{MM}}}DocumentID"
DERIVED_FROM, HISTORY = f"{{{MM}}}DerivedFrom", f"{{{MM}}}History"
NOTE = f"{{{DC}}}description"
#: Small copies of the picture, which would show it before its restoration.
THUMBNAILS = f"{{{XAP}}}Thumbnails"


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What a packet says about a restoration.

    Attributes:
        note: sentences for the description, in `language`.
        source_type: URI of IPTC's digital source type.
        system, version: the AI system that filled the damage, and its version; empty where none did.
        software: name and version of this program.
        parameters: what was done, for the history.
        master_id: identifies the master's bytes; no name, so that the same bytes under two names give one result.
        instance: identifies the derivative: the same for the same master and recipe.
    """

    note: str
    language: str
    source_type: str
    system: str
    version: str
    software: str
    parameters: str
    master_id: str
    instance: str


def disclosed(packet: bytes | None, said: Disclosure) -> bytes:
    """Return a packet with a disclosure; a new one where there is none, or where it is no XMP.

    The note is appended to the description, an event to the history. Source type, AI system, instance and what the
    picture is derived from have one value each, which is replaced; the history names the earlier source type. The two
    properties of IPTC about prompts are left alone: there was no prompt.
    """
    root = parse(packet)
    if root is None:
        root = _empty()
    rdf = rdf_of(root)
    assert rdf is not None
    first = next(rdf.iterchildren(DESCRIPTION), None)
    about = first.get(ABOUT, "") if first is not None else ""
    document, instance = (_taken(rdf, name, remove=False) for name in (DOCUMENT, INSTANCE))
    earlier = _taken(rdf, SOURCE_TYPE)
    for name in (SYSTEM, SYSTEM_VERSION, DERIVED_FROM, INSTANCE, THUMBNAILS):
        _taken(rdf, name)
    own = etree.Element(DESCRIPTION, {ABOUT: about}, nsmap=PREFIXES)
    _describe(rdf, own, said)
    _text(own, SOURCE_TYPE, said.source_type)
    if said.system:
        _text(own, SYSTEM, said.system)
        _text(own, SYSTEM_VERSION, said.version)
    _text(own, INSTANCE, said.instance)
    source = etree.SubElement(own, DERIVED_FROM, {PARSE_TYPE: "Resource"})
    _text(source, f"{{{REFERENCE}}}documentID", document or said.master_id)
    _text(source, f"{{{REFERENCE}}}instanceID", instance or said.master_id)
    before = f"; digital source type before: {earlier}" if earlier and earlier != said.source_type else ""
    event = etree.SubElement(_history(rdf, own), LI, {PARSE_TYPE: "Resource"}, nsmap=PREFIXES)
    _text(event, f"{{{EVENT}}}action", "edited")
    _text(event, f"{{{EVENT}}}softwareAgent", said.software)
    _text(event, f"{{{EVENT}}}instanceID", said.instance)
    _text(event, f"{{{EVENT}}}changed", "/")
    _text(event, f"{{{EVENT}}}parameters", said.parameters + before)
    rdf.append(own)
    return serialise(root)


def _empty() -> etree._Element:
    """Return the root of a packet without properties."""
    root = etree.Element(f"{{{META}}}xmpmeta", nsmap={"x": META})
    etree.SubElement(root, f"{{{RDF}}}RDF", nsmap={"rdf": RDF})
    return root


def _text(parent: etree._Element, name: str, text: str) -> None:
    """Append an element with a text; characters that XML does not allow are replaced."""
    allowed = (
        c if c in "\t\n" or " " <= c < "\ud800" or "\ue000" <= c < "\ufffe" or c > "\uffff" else "�" for c in text
    )
    etree.SubElement(parent, name).text = "".join(allowed)


def _taken(rdf: etree._Element, name: str, *, remove: bool = True) -> str:
    """Return the text of a property, and remove it wherever it is."""
    found = ""
    for described in rdf.iterchildren(DESCRIPTION):
        found = found or described.get(name, "")
        if remove and name in described.attrib:
            del described.attrib[name]
        for child in list(described.iterchildren(name)):
            found = found or (child.text or "").strip() or child.get(f"{{{RDF}}}resource", "")
            if remove:
                described.remove(child)
    return found


def _container(rdf: etree._Element, own: etree._Element, name: str, kind: str) -> etree._Element:
    """Return the list of a property, made where there is none; a plain value becomes its first entry."""
    for described in rdf.iterchildren(DESCRIPTION):
        for child in described.iterchildren(name):
            known = next(child.iterchildren(kind), None)
            if known is not None:
                return known
    plain = _taken(rdf, name)
    made = etree.SubElement(etree.SubElement(own, name), kind)
    if plain:
        _text(made, LI, plain)
    return made


def _describe(rdf: etree._Element, own: etree._Element, said: Disclosure) -> None:
    """Append the note to the description: to the default text, and to the one in its language where there is one."""
    texts = _container(rdf, own, NOTE, ALT)
    entries = list(texts.iterchildren(LI))
    for entry in entries:
        entry.set(LANG, entry.get(LANG, DEFAULT))
    chosen = [entry for entry in entries if _speaks(entry.get(LANG, ""), said.language)]
    if not any(entry.get(LANG) == DEFAULT for entry in chosen):
        default = etree.Element(LI, {LANG: DEFAULT})
        if entries:
            default.text = entries[0].text
        texts.insert(0, default)
        chosen.append(default)
    for entry in chosen:
        old = (entry.text or "").rstrip()
        entry.text = f"{old}\n{said.note}" if old else said.note


def _speaks(tag: str, language: str) -> bool:
    """Return whether a text is the default, or in a language."""
    return tag == DEFAULT or tag.lower().partition("-")[0] == language


def _history(rdf: etree._Element, own: etree._Element) -> etree._Element:
    """Return the sequence of the picture's history."""
    return _container(rdf, own, HISTORY, SEQ)
