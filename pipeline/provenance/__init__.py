"""Provenance: what is written beside every result, so that it can be explained years later."""

from pipeline.provenance.events import Kind
from pipeline.provenance.version import code_version

__all__ = ["Kind", "code_version"]
