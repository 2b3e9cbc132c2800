"""This machine: where networks run on it, the cache of their exported graphs, and files that appear whole."""
