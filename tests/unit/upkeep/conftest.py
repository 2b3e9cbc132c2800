"""A small project with finished batches, for what operators do beside the runs."""

from __future__ import annotations

from small_project import finished, project

__all__ = ["finished", "project"]
