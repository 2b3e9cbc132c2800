"""A small project: an inbox of damaged pictures, a ledger, and all stages."""

from small_project import detecting, picture, post, project

__all__ = ["detecting", "picture", "post", "project"]
