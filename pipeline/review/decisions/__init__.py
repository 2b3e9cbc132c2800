"""Decisions: what a person decided, and what follows from it for files and runs."""
