"""Pictures of a result: its files, its tiles, and the marks on it."""
