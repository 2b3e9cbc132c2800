"""Read and replace the IPTC record in Photoshop image resources."""

from __future__ import annotations

IPTC = 0x0404


def resources(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """Return number, name and content of each resource; a damaged end is left out."""
    found = []
    at = 0
    while data[at : at + 4] == b"8BIM" and at + 12 <= len(data):
        number = int.from_bytes(data[at + 4 : at + 6], "big")
        name_end = at + 7 + data[at + 6]
        name = data[at + 7 : name_end]
        size_at = name_end + (name_end - at - 6) % 2
        size = int.from_bytes(data[size_at : size_at + 4], "big")
        content = data[size_at + 4 : size_at + 4 + size]
        if len(content) < size:
            break
        found.append((number, name, content))
        at = size_at + 4 + size + size % 2
    return found


def iptc_of(data: bytes) -> bytes | None:
    """Return the IPTC-IIM records among image resources."""
    for number, _, content in resources(data):
        if number == IPTC:
            return content
    return None


def with_iptc(data: bytes, iptc: bytes) -> bytes:
    """Return image resources with their IPTC-IIM records replaced."""
    kept = [resource for resource in resources(data) if resource[0] != IPTC]
    return b"".join(_packed(*resource) for resource in [(IPTC, b"", iptc), *kept])


def _packed(number: int, name: bytes, content: bytes) -> bytes:
    """Return one resource as bytes; name and content are padded to even lengths."""
    label = bytes([len(name)]) + name
    head = b"8BIM" + number.to_bytes(2, "big") + label + b"\0" * (len(label) % 2)
    return head + len(content).to_bytes(4, "big") + content + b"\0" * (len(content) % 2)
