"""Read, join and write XMP packets (ISO 16684-1): RDF in XML, as strangers wrote it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
META, NOTE = "adobe:ns:meta/", "http://ns.adobe.com/xmp/note/"
XML = "http://www.w3.org/XML/1998/namespace"
DESCRIPTION = f"{{{RDF}}}Description"
HAS_EXTENDED = f"{{{NOTE}}}HasExtendedXMP"
BEGIN = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
END = b'\n<?xpacket end="w"?>'
GUID, EXTENDED_HEAD = 32, 40
UTF16 = (b"\xfe\xff", b"\xff\xfe")
BLOCK, DEEPEST = 1 << 16, 200


@dataclass(frozen=True)
class Property:
    """One property of a packet: its name with a prefix, its value as text (blank with structure), its digest."""

    name: str
    text: str
    digest: str


def parse(packet: bytes | None) -> etree._Element | None:
    """Return the root element of a packet; None where it is no XML or has no RDF. No entity or DTD is ever resolved."""
    if not packet:
        return None
    parser = etree.XMLPullParser(
        events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True
    )
    data = packet if packet[:2] in UTF16 else packet.strip(b"\0 \t\r\n")
    depth = 0
    try:
        # Texts may be large (a thumbnail is one), but depth is checked before anything walks the tree.
        for at in range(0, len(data), BLOCK):
            parser.feed(data[at : at + BLOCK])
            for event, _ in parser.read_events():
                depth += 1 if event == "start" else -1
                if depth > DEEPEST:
                    return None
        root: etree._Element = parser.close()
    except (etree.XMLSyntaxError, ValueError):
        return None
    return root if rdf_of(root) is not None and root.getroottree().docinfo.doctype == "" else None


def rdf_of(root: etree._Element) -> etree._Element | None:
    """Return the `rdf:RDF` element of a packet."""
    return root if root.tag == f"{{{RDF}}}RDF" else next(root.iter(f"{{{RDF}}}RDF"), None)


def serialise(root: etree._Element) -> bytes:
    """Return a packet as UTF-8 with its wrapper."""
    return BEGIN + bytes(etree.tostring(root, encoding="utf-8", xml_declaration=False, with_tail=False)) + END


def properties(packet: bytes | None) -> list[Property]:
    """Return the properties of a packet in their order; none where it cannot be read."""
    root = parse(packet)
    rdf = None if root is None else rdf_of(root)
    return [] if rdf is None else [found for described in rdf.iterchildren(DESCRIPTION) for found in _listed(described)]


def _listed(described: etree._Element) -> Iterator[Property]:
    """Yield the properties of one `rdf:Description`: its attributes and its elements."""
    prefixes = {uri: prefix for prefix, uri in described.nsmap.items()}
    for key, value in described.attrib.items():
        name = etree.QName(key)
        if name.namespace not in (RDF, XML, None) and key != HAS_EXTENDED:
            yield _property(prefixes.get(name.namespace), name.localname, str(value), b"")
    for child in described.iterchildren(etree.Element):
        name = etree.QName(child)
        if child.tag == HAS_EXTENDED:
            continue
        is_plain = not len(child) and not child.attrib
        yield _property(
            child.prefix, name.localname, child.text or "" if is_plain else "", b"" if is_plain else _canonical(child)
        )


def _canonical(element: etree._Element) -> bytes:
    """Return an element in a form that does not depend on where namespaces were declared."""
    try:
        return bytes(etree.tostring(element, method="c14n", exclusive=True, with_tail=False))
    except etree.C14NError:  # it has names that the canonical form does not allow
        return bytes(etree.tostring(element, with_tail=False))


def _property(prefix: str | None, name: str, text: str, whole: bytes) -> Property:
    digest = hashlib.sha256(whole or text.strip().encode(errors="surrogatepass")).hexdigest()
    return Property(f"{prefix or '?'}:{name}", text.strip(), digest)


def join_extended(packet: bytes | None, parts: Sequence[bytes]) -> bytes | None:
    """Return a JPEG's packet with the properties that did not fit into one segment; as it is where they are incomplete.

    Args:
        packet: the standard packet; it names the digest of the extended one.
        parts: the extended packet's segments in any order: digest, whole length, offset, bytes (XMP part 3, 1.1.3.1).
    """
    root = parse(packet)
    rdf = None if root is None else rdf_of(root)
    if root is None or rdf is None or not parts:
        return packet
    marks = [
        (described, child) for described in rdf.iter(DESCRIPTION) for child in described.iterchildren(HAS_EXTENDED)
    ]
    carriers = [described for described in rdf.iter(DESCRIPTION) if HAS_EXTENDED in described.attrib]
    named = [child.text or "" for _, child in marks] + [carrier.attrib[HAS_EXTENDED] for carrier in carriers]
    extension = parse(_assembled(str(named[0]).strip().encode(), parts)) if named else None
    extra = None if extension is None else rdf_of(extension)
    if extra is None:
        return packet
    for described, child in marks:
        described.remove(child)
    for carrier in carriers:
        del carrier.attrib[HAS_EXTENDED]
    rdf.extend(list(extra))
    return serialise(root)


def _assembled(guid: bytes, parts: Sequence[bytes]) -> bytes | None:
    """Return the extended packet with a digest, None where a part of it is missing."""
    own = [part for part in parts if part[:GUID] == guid and len(part) > EXTENDED_HEAD]
    whole = b""
    for part in sorted(own, key=lambda part: part[GUID + 4 : EXTENDED_HEAD]):
        if int.from_bytes(part[GUID + 4 : EXTENDED_HEAD], "big") != len(whole):
            return None
        whole += part[EXTENDED_HEAD:]
    complete = bool(own) and len(whole) == int.from_bytes(own[0][GUID : GUID + 4], "big")
    return whole if complete else None
