"""Provenance: what is written beside every result, so that it can be explained years later."""

from pipeline.provenance.events import EventType
from pipeline.provenance.version import code_version

__all__ = ["EventType", "code_version"]
