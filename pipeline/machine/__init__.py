"""What networks of all kinds share: where they run, and the cache of their exported graphs."""
