"""A small project whose ledger is told in PREMIS."""

from small_project import project

__all__ = ["project"]
