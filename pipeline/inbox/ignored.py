"""Tell what lies beside scans from scans, by name: systems' files, unfinished copies, sidecars of other programs."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from enum import StrEnum


class Ignored(StrEnum):
    """Why a file of an inbox is no scan, although it lies there."""

    SYSTEM = "system"
    """A file or folder that an operating system, a file server or an unfinished copy has left."""
    SIDECAR = "sidecar"
    """What belongs to scans or deliveries and is no image: metadata, checksums, texts, lists."""
    CHOSEN = "chosen"
    """The collection's `ignore` names it."""


# Folders of which nothing is a scan: thumbnails, recycle bins, snapshots, caches. Compared in lower case.
SYSTEM_FOLDERS = frozenset({
    "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@tmp", "$recycle.bin", "recycler", "recycled",
    "system volume information", "lost+found", "__macosx", "network trash folder", "temporary items", "captureone",
    "~snapshot", ".snapshot", "aspera-temp",
})  # fmt: skip
SYSTEM_FILES = re.compile(
    r"thumbs\.db(:encryptable)?|ehthumbs(_vista)?\.db|desktop\.ini|picasa\.ini|\.ds_store|\.directory|icon\r"
    r"|\._.*|~\$.*|\.?~lock\..*|.*~|.*_\$folder\$|\.?nfs[0-9a-f]{16,}|\.smbdelete.*"
    r"|synophoto_(thumb|film)_.*|synoindex_.*|photothumb\.db|.*\.sb-[0-9a-f]{8}-\w{4,8}"
    r"|.*\.(part|partial|filepart|crdownload|download|opdownload|tmp|temp|aria2|swp|lock|lnk|url|webloc|bridgesort)"
)
SIDECAR_SUFFIXES = frozenset({
    # metadata and settings of other programs
    "xmp", "xml", "pp3", "dop", "aae", "thm", "cos", "cot", "cop", "lrcat", "mets", "alto", "mods", "ead", "marc",
    "json", "jsonld", "yaml", "yml", "ini", "icc", "icm",
    # checksums
    "md5", "md5sum", "md5sums", "sha1", "sha1sum", "sha256", "sha256sum", "sha512", "sha512sum", "crc", "crc32", "sfv",
    "c2pa", "asc", "sig",
    # texts and lists
    "txt", "md", "rtf", "pdf", "csv", "tsv", "log", "htm", "html", "doc", "docx", "odt", "xls", "xlsx", "ods", "ppt",
    "pptx", "mdb", "accdb", "db", "sqlite", "eml", "msg",
})  # fmt: skip


def why_ignored(path: str, chosen: Sequence[str] = ()) -> Ignored | None:
    """Return why a file is no scan by its name; None for what may be one.

    Args:
        path: relative to the inbox.
        chosen: the collection's globs. `*` matches within a name, and `**/` any number of folders; one without a slash
            is compared with each name of the path, so that `proofs` leaves out a folder. Case does not matter.
    """
    parts = path.casefold().split("/")
    if any(part in SYSTEM_FOLDERS or part.startswith(".trash") for part in parts):
        return Ignored.SYSTEM
    if SYSTEM_FILES.fullmatch(parts[-1]):
        return Ignored.SYSTEM
    if any(_matches(parts, glob.casefold()) for glob in chosen):
        return Ignored.CHOSEN
    stem, dot, suffix = parts[-1].rpartition(".")
    return Ignored.SIDECAR if dot and stem and suffix in SIDECAR_SUFFIXES else None


def _matches(parts: Sequence[str], glob: str) -> bool:
    wanted = glob.strip("/").split("/")
    if len(wanted) == 1 and not glob.startswith("/"):
        return any(fnmatch.fnmatchcase(part, wanted[0]) for part in parts)
    return _matches_path(parts, wanted)


def _matches_path(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    """Return whether a path, or a folder that contains it, is what a glob with slashes names."""
    if not wanted:
        return True
    if wanted[0] == "**":
        return any(_matches_path(parts[skipped:], wanted[1:]) for skipped in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], wanted[0]) and _matches_path(parts[1:], wanted[1:])
