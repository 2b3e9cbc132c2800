"""Uploads: files of people without access to the inbox, taken whole or not at all."""
