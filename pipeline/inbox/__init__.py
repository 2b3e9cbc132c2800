"""Find what is new in a collection's inbox, and read what was delivered with it."""
