"""Decide what is masked on a scan, and why."""
