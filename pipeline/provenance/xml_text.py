"""Make any text fit for XML 1.0, which has no place for control characters, not even as character references."""

from __future__ import annotations

import re

# Everything that the production Char of XML 1.0 leaves out, and the controls U+007F to U+009F, which it discourages.
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# In a name also tab and line ends, which parsers and people take for layout.
_IN_NAMES = re.compile(f"[\t\n\r]|{_FORBIDDEN.pattern}")


def xml_text(text: str) -> str:
    """Return text with the characters that XML cannot hold percent-encoded as UTF-8; all others stay as they are."""
    return _FORBIDDEN.sub(_encoded, text)


def xml_name(name: str) -> tuple[str, bool]:
    """Return the name of a file as XML can hold it, and whether it had to be percent-encoded.

    Percent signs are encoded only in a name that has to be, so that decoding such a name gives the original back.
    """
    if not _IN_NAMES.search(name):
        return name, False
    return _IN_NAMES.sub(_encoded, name.replace("%", "%25")), True


def _encoded(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))
