"""Train the damage detector."""
