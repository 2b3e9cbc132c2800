"""Refuse a destination that would touch what is read."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.errors import ConfigurationError
from pipeline.storage.overlap import overlap
from pipeline.storage.uris import join, scheme


def refuse_overlap(target: str, *sources: str | None) -> None:
    """Return when results can be written without touching what is read.

    Args:
        target: folder, file or URI that is written.
        sources: what is read; None for what was not given.

    Raises:
        ConfigurationError: the target is a source, is inside one, or contains one; or one of them cannot be opened.
    """
    for source in sources:
        try:
            overlaps = source is not None and overlap(target, source)
        except ValueError as error:
            raise ConfigurationError(str(error)) from error
        if overlaps:
            raise ConfigurationError(
                f"{target} and {source} are the same place, or one is inside the other; masters and masks are never"
                " overwritten: choose another folder for the results, outside of what is read"
            )


def refuse_linked_folders(target: str, paths: Iterable[str], *sources: str | None) -> None:
    """Return when no link below a target leads results into what is read.

    Args:
        target: folder or URI that is written.
        paths: of the results, relative to the target.
        sources: what is read; None for what was not given.

    Raises:
        ConfigurationError: the folder of a result overlaps with a source.
    """
    if scheme(target) == "file":
        for folder in sorted({path.rpartition("/")[0] for path in paths} - {""}):
            refuse_overlap(join(target, folder), *sources)
