"""A small project: an inbox of damaged pictures, a ledger, and the stages in a row."""

from small_project import detecting, picture, post, project

__all__ = ["detecting", "picture", "post", "project"]
