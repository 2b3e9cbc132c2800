"""Read Photoshop image resources, and the IPTC record among them."""

from __future__ import annotations

from collections.abc import Iterator

IPTC, IPTC_DIGEST = 0x0404, 0x0425
# Photoshop's own, and those of ImageReady and older products.
SIGNATURES = {b"8BIM", b"PHUT", b"DCSR", b"AgHg", b"MeSa"}


def _parse(data: bytes) -> Iterator[tuple[int, bytes, bytes, int, int]]:
    """Yield number, name, content, start and end of each resource; a damaged end is left out."""
    at = 0
    while data[at : at + 4] in SIGNATURES and at + 12 <= len(data):
        number = int.from_bytes(data[at + 4 : at + 6], "big")
        name_end = at + 7 + data[at + 6]
        name = data[at + 7 : name_end]
        size_at = name_end + (name_end - at - 6) % 2
        size = int.from_bytes(data[size_at : size_at + 4], "big")
        content = data[size_at + 4 : size_at + 4 + size]
        if len(content) < size:
            return
        end = min(size_at + 4 + size + size % 2, len(data))
        yield number, name, content, at, end
        at = end


def resources(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """Return number, name and content of each resource; a damaged end is left out."""
    return [(number, name, content) for number, name, content, _, _ in _parse(data)]


def spans(data: bytes) -> list[tuple[int, int, int]]:
    """Return number, start and end of each resource."""
    return [(number, start, end) for number, _, _, start, end in _parse(data)]


def has(data: bytes, number: int) -> bool:
    """Return whether there is a resource with that number."""
    return any(found == number for found, _, _ in spans(data))


def without(data: bytes, *numbers: int) -> bytes:
    """Return resources without those of some numbers; all other bytes stay as they are."""
    kept, at = bytearray(), 0
    for number, start, end in spans(data):
        if number in numbers:
            kept += data[at:start]
            at = end
    return bytes(kept + data[at:])


def iptc_of(data: bytes) -> bytes | None:
    """Return the IPTC-IIM records among image resources."""
    for number, _, content in resources(data):
        if number == IPTC:
            return content
    return None


def packed(number: int, name: bytes, content: bytes) -> bytes:
    """Return one resource as bytes; name and content are padded to even lengths."""
    label = bytes([len(name)]) + name
    head = b"8BIM" + number.to_bytes(2, "big") + label + b"\0" * (len(label) % 2)
    return head + len(content).to_bytes(4, "big") + content + b"\0" * (len(content) % 2)
