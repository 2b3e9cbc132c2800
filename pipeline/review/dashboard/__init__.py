"""The dashboard: what is broken, and how each collection stands."""
