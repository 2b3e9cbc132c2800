"""Provenance: the sidecar written with every result, which explains it years later."""

from pipeline.provenance.events import EventType
from pipeline.provenance.version import code_version

__all__ = ["EventType", "code_version"]
