"""Say in words why an item of a master's metadata is not in its derivative; keys are those of `scans.metadata_item`."""

from __future__ import annotations

WHY: dict[str, str] = {
    "format": "the derivative's format has no place for it",
    "thumbnail": "a small copy of the picture, which shows it before its restoration",
    "layers": "layers of an image editor, which show the picture before its restoration",
    "storage": "it describes how the master stores its pixels",
    "picture": "another picture of the file, or a pointer to one",
    "pointer": "its values lie elsewhere in the master and cannot be found from a copy",
    "signature": "it signs the master's bytes and would be invalid in another file",
    "unsafe": "its program marks it as not to be copied once pixels have changed",
    "broken": "it is damaged or incomplete in the master",
    "trailer": "data behind the end of the picture, of no known meaning",
}
