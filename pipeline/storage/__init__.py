"""Read, list and atomically write files in local folders (paths, file://) and in buckets (s3://)."""

from pipeline.storage.api import (
    blocks,
    check_writable,
    copy,
    delete,
    delete_tree,
    digest,
    exists,
    list_files,
    open_new,
    open_read,
    open_write,
    read_bytes,
    sha256,
    stat,
    sweep,
    write_bytes,
    write_file,
)
from pipeline.storage.entry import Entry, EntryKind
from pipeline.storage.guard import refuse_linked_folders, refuse_overlap
from pipeline.storage.overlap import overlap
from pipeline.storage.uris import join, local_path, scheme

__all__ = [
    "Entry",
    "EntryKind",
    "blocks",
    "check_writable",
    "copy",
    "delete",
    "delete_tree",
    "digest",
    "exists",
    "join",
    "list_files",
    "local_path",
    "open_new",
    "open_read",
    "open_write",
    "overlap",
    "read_bytes",
    "refuse_linked_folders",
    "refuse_overlap",
    "scheme",
    "sha256",
    "stat",
    "sweep",
    "write_bytes",
    "write_file",
]
