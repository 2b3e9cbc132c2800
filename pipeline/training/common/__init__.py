"""Shared by the training of all networks."""
